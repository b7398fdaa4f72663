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
#include "base/memfd.h"
#include "drivers/memif/memif_private.h"
#include "drivers/vnet.h"

enum { RING_ALIGN = 64, LOG2_RING_MIN = 2, PAGE = 4096 };

/* No region needs more, a mapping of it cannot fail half-way, and offsets reach no further. */
#define REGION_MAX ((uint64_t)4 << 30)

struct memif_link *memif_link_new_or_null(struct memif *m)
{
	struct memif_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->memif = m;
	l->view.is_client = m->role == MEMIF_CLIENT;
	l->view.ringer = m->ringer;
	l->rx = calloc(m->n_queues, sizeof(*l->rx));
	l->tx = calloc(m->n_queues, sizeof(*l->tx));
	if (!l->rx || !l->tx) {
		free(l->rx);
		free(l->tx);
		free(l);
		return NULL;
	}
	for (uint32_t i = 0; i < m->n_queues; i++) {
		l->rx[i].link = l->tx[i].link = l;
		l->rx[i].queue.view = l->tx[i].queue.view = &l->view;
		l->rx[i].queue.bell_fd = l->tx[i].queue.bell_fd = -1;
	}
	return l;
}

static void close_queue(struct memif_queue *q)
{
	if (q->bell_fd >= 0)
		close(q->bell_fd);
	free(q->lent);
}

void memif_link_free(struct memif_link *l)
{
	struct memif_view *v = &l->view;

	for (uint32_t i = 0; i < v->n_regions; i++)
		munmap(v->region[i].base, v->region[i].size);
	for (uint32_t i = 0; i < l->memif->n_queues; i++) {
		close_queue(&l->rx[i].queue);
		close_queue(&l->tx[i].queue);
	}
	free(l->rx);
	free(l->tx);
	free(l->lingering);
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

/* --- client --- */

/* The lines from one buffer to the next are an odd number: they spread over all sets of a cache. */
static uint32_t stride_of(uint32_t buffer_bytes)
{
	return ((buffer_bytes + BUF_LINE - 1) / BUF_LINE | 1) * BUF_LINE;
}

/* Where everything is in the region: rings first, then the buffers of each. */
struct plan {
	uint32_t ring_bytes, n_rings;
	uint64_t buffers_at, buffers_bytes; /* of each ring */
	uint64_t size;
};

static struct plan plan_of(const struct memif *m, uint32_t n_rings, uint32_t log2_ring_size,
			   bool copies)
{
	uint32_t n = 1u << log2_ring_size;
	struct plan p = { .n_rings = n_rings };

	p.ring_bytes = (uint32_t)(sizeof(struct memif_ring) + n * sizeof(struct memif_descriptor));
	p.buffers_at = ((uint64_t)n_rings * p.ring_bytes + PAGE - 1) / PAGE * PAGE;
	p.buffers_bytes = copies ? (uint64_t)n * stride_of(m->buffer_bytes) : 0;
	p.size = p.buffers_at + n_rings * p.buffers_bytes;
	return p;
}

bool memif_memory_fits(const struct memif *m)
{
	return plan_of(m, 2 * m->n_queues, m->log2_ring_size, !m->zero_copy).size <= REGION_MAX;
}

/* Ring number @at of the region. */
static int make_queue(struct memif_link *l, struct memif_queue *q, const struct plan *p,
		      uint32_t at)
{
	q->size = 1u << l->log2_ring_size;
	q->ring =
		(struct memif_ring *)(void *)(l->view.region[0].base + (size_t)at * p->ring_bytes);
	q->buffers_at = (uint32_t)(p->buffers_at + at * p->buffers_bytes);
	memif_ring_prepare(q);
	q->bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->bell_fd < 0)
		return err_of_errno(errno);
	if (l->view.pool)
		q->lent = calloc(q->size, sizeof(*q->lent));
	return l->view.pool && !q->lent ? ERR_NOMEM : 0;
}

int memif_memory_create(struct memif_link *l)
{
	const struct memif *m = l->memif;
	struct plan p = plan_of(m, l->n_tx + l->n_rx, l->log2_ring_size, !l->view.pool);
	int fd = memfd_new("convoy-memif", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return err_of_errno(errno);
	if (ftruncate(fd, (off_t)p.size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		err = err_of_errno(errno);
	else
		err = map_region(l, fd, p.size);
	l->view.buffer_bytes = m->buffer_bytes;
	l->view.buffer_stride = stride_of(m->buffer_bytes);
	for (uint32_t i = 0; i < l->n_tx && !err; i++)
		err = make_queue(l, &l->tx[i].queue, &p, i);
	for (uint32_t i = 0; i < l->n_rx && !err; i++)
		err = make_queue(l, &l->rx[i].queue, &p, l->n_tx + i);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* --- server --- */

/* Mapped memory that its owner can take away turns a load into SIGBUS. */
static bool cannot_go(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;

	return seals >= 0 && (seals & F_SEAL_SHRINK) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type != HUGETLBFS_MAGIC;
}

static bool is_safe_to_map(const struct memif *m, int fd, uint64_t size)
{
	struct stat st;

	return (m->trusted || cannot_go(fd)) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       size > 0 && size <= REGION_MAX && (uint64_t)st.st_size >= size;
}

int memif_memory_map(struct memif_link *l, int fd, uint64_t size)
{
	int err = ERR_PROTOCOL;

	if (l->view.n_regions < MEMIF_REGIONS_MAX && is_safe_to_map(l->memif, fd, size))
		err = map_region(l, fd, size);
	close(fd);
	return err;
}

/* Only an eventfd will do, and one that does not block where it has to be written to. */
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
	bool vnet = r->private_header_size == sizeof(struct virtio_net_hdr);
	uint32_t *n = s2m ? &l->n_rx : &l->n_tx;
	struct memif_queue *q;
	uint64_t bytes;

	if (r->index >= l->memif->n_queues || r->log2_ring_size < LOG2_RING_MIN ||
	    r->log2_ring_size > MEMIF_LOG2_RING_MAX || r->region >= v->n_regions ||
	    r->offset % RING_ALIGN || (r->private_header_size && !vnet))
		return ERR_PROTOCOL;
	q = s2m ? &l->rx[r->index].queue : &l->tx[r->index].queue;
	bytes = sizeof(struct memif_ring) +
		((uint64_t)sizeof(struct memif_descriptor) << r->log2_ring_size);
	if (q->ring || (l->n_rx + l->n_tx && vnet != v->vnet) ||
	    r->offset > v->region[r->region].size ||
	    bytes > v->region[r->region].size - r->offset || !is_bell(fd))
		return ERR_PROTOCOL;
	q->ring = (struct memif_ring *)(void *)(v->region[r->region].base + r->offset);
	q->size = 1u << r->log2_ring_size;
	q->bell_fd = fd;
	v->vnet = vnet;
	++*n;
	return 0;
}

static bool is_whole(const struct memif_queue *q)
{
	return q->ring && __atomic_load_n(&q->ring->cookie, __ATOMIC_RELAXED) == MEMIF_COOKIE;
}

bool memif_memory_is_whole(const struct memif_link *l)
{
	bool whole = l->n_rx > 0 && l->n_tx > 0;

	for (uint32_t i = 0; i < l->n_rx && whole; i++)
		whole = is_whole(&l->rx[i].queue);
	for (uint32_t i = 0; i < l->n_tx && whole; i++)
		whole = is_whole(&l->tx[i].queue);
	return whole;
}
