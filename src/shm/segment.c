/* segment.c - memfd segments. */
#include "shm/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/memfd.h"

enum { SIZE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW };

static size_t total_bytes(uint32_t n_slots, uint32_t n_pages)
{
	return segment_pages_offset(n_slots) + (size_t)n_pages * SHM_PAGE_BYTES;
}

static bool geometry_ok(uint32_t n_slots, uint32_t n_pages)
{
	return n_slots > 0 && n_slots <= SHM_MAX_SLOTS && n_pages >= 16 &&
	       n_pages <= SHM_MAX_PAGES && n_pages % 16 == 0;
}

int segment_create(const char *name, uint32_t n_slots, uint32_t n_pages)
{
	struct shm_side side = {
		.magic = SHM_MAGIC, .version = SHM_VERSION, .n_slots = n_slots, .n_pages = n_pages
	};
	int fd;

	if (!geometry_ok(n_slots, n_pages))
		return ERR_INVAL;
	fd = memfd_new(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return ERR_IO;
	if (ftruncate(fd, (off_t)total_bytes(n_slots, n_pages)) < 0 ||
	    pwrite(fd, &side, sizeof(side), 0) != (ssize_t)sizeof(side) ||
	    fcntl(fd, F_ADD_SEALS, SIZE_SEALS) < 0) {
		close(fd);
		return ERR_IO;
	}
	return fd;
}

/* The header was written by the stack, but a hostile owner may have changed it since. */
static int check_header(struct segment *s)
{
	const volatile struct shm_side *side = (const volatile struct shm_side *)s->base;
	uint32_t n_slots = side->n_slots;
	uint32_t n_pages = side->n_pages;

	if (side->magic != SHM_MAGIC)
		return ERR_FORMAT;
	if (side->version != SHM_VERSION)
		return ERR_VERSION;
	if (!geometry_ok(n_slots, n_pages) || total_bytes(n_slots, n_pages) != s->bytes)
		return ERR_FORMAT;
	s->n_slots = n_slots;
	s->n_pages = n_pages;
	return 0;
}

int segment_map(struct segment *s, int fd, bool writable)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	void *base;
	int err;

	*s = (struct segment){ 0 };
	if (seals < 0 || (seals & SIZE_SEALS) != SIZE_SEALS || fstat(fd, &st) < 0 ||
	    st.st_size < SHM_PAGE_BYTES)
		return ERR_FORMAT;
	base = mmap(NULL, (size_t)st.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return ERR_IO;
	*s = (struct segment){ .base = base, .bytes = (size_t)st.st_size, .writable = writable };
	err = check_header(s);
	if (err)
		segment_unmap(s);
	return err;
}

void segment_unmap(struct segment *s)
{
	if (s->base)
		munmap(s->base, s->bytes);
	*s = (struct segment){ 0 };
}

int segment_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0 ? ERR_IO : 0;
}
