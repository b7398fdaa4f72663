/* memif_memory.c - the shared memory of a memif: made by the client, mapped with care by the
 * server. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/memif/memif_private.h"
#include "drivers/vnet.h"

enum { RING_ALIGN = 64, LOG2_RING_MIN = 2, PAGE = 4096 };

/* No region needs more, and a mapping of it cannot fail half-way. */
#define REGION_MAX ((uint64_t)4 << 30)

struct memif_link *memif_link_new_or_null(struct memif *m)
{
	struct memif_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->memif = m;
	l->view.is_client = m->role == MEMIF_CLIENT;
	l->view.rx.bell_fd = l->view.tx.bell_fd = -1;
	return l;
}

void memif_link_free(struct memif_link *l)
{
	struct memif_view *v = &l->view;

	for (uint32_t i = 0; i < v->n_regions; i++)
		munmap(v->region[i].base, v->region[i].size);
	if (v->rx.bell_fd >= 0)
		close(v->rx.bell_fd);
	if (v->tx.bell_fd >= 0)
		close(v->tx.bell_fd);
	free(l);
}

static int map_region(struct memif_link *l, int fd, uint64_t size)
{
	struct memif_view *v = &l->view;
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return ERR_NOMEM;
	v->region[v->n_regions++] = (struct memif_region){ base, size };
	return 0;
}

static int make_bells(struct memif_view *v)
{
	v->rx.bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	v->tx.bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return v->rx.bell_fd < 0 || v->tx.bell_fd < 0 ? err_of_errno(errno) : 0;
}

int memif_memory_create(struct memif_link *l)
{
	const struct memif *m = l->memif;
	struct memif_view *v = &l->view;
	uint32_t n = 1u << m->log2_ring_size;
	uint64_t ring_bytes = sizeof(struct memif_ring) + n * sizeof(struct memif_descriptor);
	uint64_t rings_bytes = (2 * ring_bytes + PAGE - 1) / PAGE * PAGE;
	uint64_t buffers_bytes = (uint64_t)n * m->buffer_bytes;
	uint64_t size = rings_bytes + 2 * buffers_bytes;
	int fd = memfd_create("convoy-memif", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return err_of_errno(errno);
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		err = err_of_errno(errno);
	else
		err = map_region(l, fd, size);
	if (!err)
		err = make_bells(v);
	if (err) {
		close(fd);
		return err;
	}
	v->buffer_bytes = m->buffer_bytes;
	v->tx.ring = (struct memif_ring *)(void *)v->region[0].base;
	v->rx.ring = (struct memif_ring *)(void *)(v->region[0].base + ring_bytes);
	v->tx.size = v->rx.size = n;
	v->tx.buffers_at = (uint32_t)rings_bytes;
	v->rx.buffers_at = (uint32_t)(rings_bytes + buffers_bytes);
	memif_ring_prepare(v);
	return fd;
}

/* Mapped memory that its owner can take away turns a load into SIGBUS. */
static bool is_safe_to_map(int fd, uint64_t size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;
	struct stat st;

	return seals >= 0 && (seals & F_SEAL_SHRINK) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type != HUGETLBFS_MAGIC && fstat(fd, &st) == 0 && size > 0 &&
	       size <= REGION_MAX && (uint64_t)st.st_size >= size;
}

int memif_memory_map(struct memif_link *l, int fd, uint64_t size)
{
	int err = ERR_PROTOCOL;

	if (l->view.n_regions < MEMIF_REGIONS_MAX && is_safe_to_map(fd, size))
		err = map_region(l, fd, size);
	close(fd);
	return err;
}

/* A bell is written to by a worker: only an eventfd that never blocks will do. */
static bool is_bell(int fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strcmp(target, "anon_inode:[eventfd]") == 0 &&
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

int memif_memory_add_ring(struct memif_link *l, const struct memif_add_ring *r, int fd)
{
	struct memif_view *v = &l->view;
	bool s2m = r->flags & MEMIF_ADD_RING_S2M;
	struct memif_queue *q = s2m ? &v->rx : &v->tx;
	bool vnet = r->private_header_size == sizeof(struct virtio_net_hdr);
	uint64_t bytes;

	if (q->ring || r->index != 0 || r->log2_ring_size < LOG2_RING_MIN ||
	    r->log2_ring_size > MEMIF_LOG2_RING_MAX || r->region >= v->n_regions ||
	    r->offset % RING_ALIGN || (r->private_header_size && !vnet) || !is_bell(fd))
		return ERR_PROTOCOL;
	if ((v->rx.ring || v->tx.ring) && vnet != v->vnet)
		return ERR_PROTOCOL;
	bytes = sizeof(struct memif_ring) +
		((uint64_t)sizeof(struct memif_descriptor) << r->log2_ring_size);
	if (r->offset > v->region[r->region].size || bytes > v->region[r->region].size - r->offset)
		return ERR_PROTOCOL;
	q->ring = (struct memif_ring *)(void *)(v->region[r->region].base + r->offset);
	q->size = 1u << r->log2_ring_size;
	q->bell_fd = fd;
	v->vnet = vnet;
	return 0;
}
