/*
 * guard_page.h - for tests: memory that ends where an unreadable page begins, so that a parser
 * that reads one byte too far crashes the test.
 */
#ifndef CONVOY_BASE_GUARD_PAGE_H
#define CONVOY_BASE_GUARD_PAGE_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/slice.h"

struct guarded {
	uint8_t *pages; /* one usable page, then one without access */
	size_t page_bytes;
};

static inline void guarded_init(struct guarded *g)
{
	g->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	g->pages = mmap(NULL, 2 * g->page_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	invariant(g->pages != MAP_FAILED);
	invariant(mprotect(g->pages + g->page_bytes, g->page_bytes, PROT_NONE) == 0);
}

static inline void guarded_deinit(struct guarded *g)
{
	munmap(g->pages, 2 * g->page_bytes);
}

/* guarded_copy - @in against the end of the page; valid until the next call. */
static inline struct slice guarded_copy(struct guarded *g, struct slice in)
{
	uint8_t *at = g->pages + g->page_bytes - in.len;

	invariant(in.len <= g->page_bytes);
	if (in.len)
		memmove(at, in.at, in.len); /* @in may be a part of the page itself */
	return slice_of(at, in.len);
}

#endif
