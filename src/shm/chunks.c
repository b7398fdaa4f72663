/* chunks.c - blocks of 16 pages, whole or split. */
#include "shm/chunks.h"

#include <stdlib.h>

#include "base/err.h"
#include "shm/abi.h"

enum { NO_BLOCK = UINT32_MAX, ALL_USED = 0xffff };

int chunks_init(struct chunks *c, uint32_t n_pages)
{
	*c = (struct chunks){ .n_blocks = n_pages / CHUNK_BLOCK_PAGES,
			      .first_free = NO_BLOCK,
			      .first_partial = NO_BLOCK };
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
	c->blocks[b].used = 0;
	c->blocks[b].next = c->first_free;
	c->first_free = b;
}

static void link_partial(struct chunks *c, uint32_t b)
{
	struct chunk_block *block = &c->blocks[b];

	block->partial = true;
	block->prev = NO_BLOCK;
	block->next = c->first_partial;
	if (block->next != NO_BLOCK)
		c->blocks[block->next].prev = b;
	c->first_partial = b;
}

static void unlink_partial(struct chunks *c, uint32_t b)
{
	struct chunk_block *block = &c->blocks[b];

	block->partial = false;
	if (block->prev != NO_BLOCK)
		c->blocks[block->prev].next = block->next;
	else
		c->first_partial = block->next;
	if (block->next != NO_BLOCK)
		c->blocks[block->next].prev = block->prev;
}

static uint32_t take_large(struct chunks *c)
{
	uint32_t b = take_block(c);

	if (b == NO_BLOCK)
		return CHUNK_NONE;
	c->blocks[b].used = ALL_USED;
	c->n_pages_used += CHUNK_BLOCK_PAGES;
	return b * CHUNK_BLOCK_PAGES;
}

static uint32_t take_small(struct chunks *c)
{
	uint32_t b = c->first_partial;
	unsigned bit;

	if (b == NO_BLOCK) {
		b = take_block(c);
		if (b == NO_BLOCK)
			return CHUNK_NONE;
		link_partial(c, b);
	}
	bit = (unsigned)__builtin_ctz(~(unsigned)c->blocks[b].used);
	c->blocks[b].used = (uint16_t)(c->blocks[b].used | 1u << bit);
	if (c->blocks[b].used == ALL_USED)
		unlink_partial(c, b);
	c->n_pages_used++;
	return b * CHUNK_BLOCK_PAGES + bit;
}

uint32_t chunk_take(struct chunks *c, unsigned shift)
{
	return shift == SHM_SHIFT_LARGE ? take_large(c) : take_small(c);
}

void chunk_give(struct chunks *c, uint32_t page, unsigned shift)
{
	uint32_t b = page / CHUNK_BLOCK_PAGES;
	unsigned bit = page % CHUNK_BLOCK_PAGES;

	invariant(b < c->n_blocks && (c->blocks[b].used & 1u << bit));
	if (shift == SHM_SHIFT_LARGE) {
		invariant(bit == 0 && c->blocks[b].used == ALL_USED);
		c->n_pages_used -= CHUNK_BLOCK_PAGES;
		give_block(c, b);
		return;
	}
	c->n_pages_used--;
	if (!c->blocks[b].partial)
		link_partial(c, b);
	c->blocks[b].used = (uint16_t)(c->blocks[b].used & ~(1u << bit));
	if (c->blocks[b].used == 0) {
		unlink_partial(c, b);
		give_block(c, b);
	}
}
