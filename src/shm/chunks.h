/*
 * chunks.h - hands out the pages of one's own segment: chunks of 4, 16 or 64 KiB.
 * A block of 16 pages holds chunks of one size.
 * All of its state is private memory. Last freed is first reused, so that few pages stay hot.
 */
#ifndef CONVOY_SHM_CHUNKS_H
#define CONVOY_SHM_CHUNKS_H

#include "base/compiler.h"

enum { CHUNK_NONE = UINT32_MAX, CHUNK_BLOCK_PAGES = 16 };

struct chunk_block {
	uint16_t used; /* one bit a page */
	bool partial;  /* in the list of blocks that have free and used chunks */
	uint32_t next, prev;
};

struct chunks {
	struct chunk_block *blocks;
	uint32_t n_blocks;
	uint32_t fresh; /* blocks from here on have never been used */
	uint32_t first_free;
	uint32_t first_partial[3]; /* by chunk size */
	uint32_t n_pages_used;
};

/* chunks_init - manage @n_pages pages, a multiple of 16. Returns 0 or ERR_NOMEM. */
must_check
int chunks_init(struct chunks *c, uint32_t n_pages);
void chunks_deinit(struct chunks *c);

/*
 * chunk_take - first page of a chunk of 2^@shift bytes (12, 14 or 16), CHUNK_NONE when all is in
 * use.
 */
uint32_t chunk_take(struct chunks *c, unsigned shift);

/* chunk_give - take back what chunk_take() gave for the same @shift; asserts that it is in use. */
void chunk_give(struct chunks *c, uint32_t page, unsigned shift);

#endif
