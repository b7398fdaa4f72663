/* chunks.c - blocks of 16 pages, cut into chunks of one size. */
#include "shm/chunks.h"

#include <stdlib.h>

#include "base/err.h"
#include "shm/abi.h"

enum { NO_BLOCK = UINT32_MAX, ALL_USED = 0xffff };

/* 0, 1, 2 for chunks of 4, 16 and 64 KiB. */
static unsigned size_of_shift(unsigned shift)
{
	return (shift - SHM_SHIFT_SMALL) / SHM_SHIFT_STEP;
}

/* The bits of a chunk's pages, if it is the first of its block. */
static unsigned first_pages(unsigned shift)
{
	return (1u << (1u << (shift - SHM_SHIFT_SMALL))) - 1;
}

int chunks_init(struct chunks *c, uint32_t n_pages)
{
	*c = (struct chunks){ .n_blocks = n_pages / CHUNK_BLOCK_PAGES,
			      .first_free = NO_BLOCK,
			      .first_partial = { NO_BLOCK, NO_BLOCK, NO_BLOCK } };
	c->blocks = calloc(c->n_blocks, sizeof(*c->blocks));
	return c->blocks ? 0 : ERR_NOMEM;
}

void chunks_deinit(struct chunks *c)
{
	free(c->blocks);
	*c = (struct chunks){ 0 };
}

static uint32_t take_block(struct chunks *c)
{
	uint32_t b = c->first_free;

	if (b != NO_BLOCK)
		c->first_free = c->blocks[b].next;
	else if (c->fresh < c->n_blocks)
		b = c->fresh++;
	return b;
}

static void give_block(struct chunks *c, uint32_t b)
{
	c->blocks[b].next = c->first_free;
	c->first_free = b;
}

static void link_partial(struct chunks *c, uint32_t b, unsigned size)
{
	struct chunk_block *block = &c->blocks[b];

	block->partial = true;
	block->prev = NO_BLOCK;
	block->next = c->first_partial[size];
	if (block->next != NO_BLOCK)
		c->blocks[block->next].prev = b;
	c->first_partial[size] = b;
}

static void unlink_partial(struct chunks *c, uint32_t b, unsigned size)
{
	struct chunk_block *block = &c->blocks[b];

	block->partial = false;
	if (block->prev != NO_BLOCK)
		c->blocks[block->prev].next = block->next;
	else
		c->first_partial[size] = block->next;
	if (block->next != NO_BLOCK)
		c->blocks[block->next].prev = block->prev;
}

uint32_t chunk_take(struct chunks *c, unsigned shift)
{
	unsigned size = size_of_shift(shift);
	uint32_t b = c->first_partial[size];
	unsigned bit;

	if (b == NO_BLOCK) {
		b = take_block(c);
		if (b == NO_BLOCK)
			return CHUNK_NONE;
		link_partial(c, b, size);
	}
	/* All chunks of a block have one size, so the first free page starts a free chunk. */
	bit = (unsigned)__builtin_ctz(~(unsigned)c->blocks[b].used);
	c->blocks[b].used = (uint16_t)(c->blocks[b].used | first_pages(shift) << bit);
	if (c->blocks[b].used == ALL_USED)
		unlink_partial(c, b, size);
	c->n_pages_used += 1u << (shift - SHM_SHIFT_SMALL);
	return b * CHUNK_BLOCK_PAGES + bit;
}

void chunk_give(struct chunks *c, uint32_t page, unsigned shift)
{
	unsigned size = size_of_shift(shift);
	uint32_t b = page / CHUNK_BLOCK_PAGES;
	unsigned pages = first_pages(shift) << page % CHUNK_BLOCK_PAGES;

	invariant(b < c->n_blocks && (c->blocks[b].used & pages) == pages && pages <= ALL_USED);
	c->n_pages_used -= 1u << (shift - SHM_SHIFT_SMALL);
	if (!c->blocks[b].partial)
		link_partial(c, b, size);
	c->blocks[b].used = (uint16_t)(c->blocks[b].used & ~pages);
	if (c->blocks[b].used == 0) {
		unlink_partial(c, b, size);
		give_block(c, b);
	}
}
