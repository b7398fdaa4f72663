/*
 * buffer_memory.c - free lists of slices and blocks, one set per worker thread.
 *
 * The lists are last in, first out: the block that a small request used a moment ago, still warm in
 * the cache, serves the next one.
 */
#include <stdlib.h>

#include "proxy/net/buffer_memory.h"

enum { SLICES_PER_CHUNK = 255, KEEP_SMALL = 256, KEEP_LARGE = 64 };

struct buffer_chunk {
	struct buffer_chunk *next;
	struct buffer_slice slices[SLICES_PER_CHUNK];
};

static void *must_alloc(size_t bytes)
{
	void *p = malloc(bytes);

	invariant(p);
	return p;
}

void buffer_memory_init(struct buffer_memory *m)
{
	*m = (struct buffer_memory){ 0 };
}

static void add_slices(struct buffer_memory *m)
{
	struct buffer_chunk *chunk = must_alloc(sizeof(*chunk));

	chunk->next = m->chunks;
	m->chunks = chunk;
	for (unsigned i = SLICES_PER_CHUNK; i-- > 0;) {
		chunk->slices[i].next = m->free_slices;
		m->free_slices = &chunk->slices[i];
	}
}

static struct buffer_slice *take_bare(struct buffer_memory *m)
{
	struct buffer_slice *s;

	if (unlikely(!m->free_slices))
		add_slices(m);
	s = m->free_slices;
	m->free_slices = s->next;
	m->n_slices_used++;
	s->next = NULL;
	s->sharer = NULL;
	return s;
}

static struct buffer_block *take_small(struct buffer_memory *m)
{
	struct buffer_block *b = m->free_small;

	if (unlikely(!b)) {
		m->n_small++;
		return must_alloc(BUFFER_SMALL_BLOCK_BYTES);
	}
	m->free_small = b->next_free;
	if (--m->n_free_small < m->spare_small)
		m->spare_small = m->n_free_small;
	return b;
}

static struct buffer_block *take_large(struct buffer_memory *m)
{
	struct buffer_block *b = m->free_large;

	if (unlikely(!b)) {
		m->n_large++;
		return must_alloc(BUFFER_LARGE_BLOCK_BYTES);
	}
	m->free_large = b->next_free;
	if (--m->n_free_large < m->spare_large)
		m->spare_large = m->n_free_large;
	return b;
}

/* Make @s stand at the beginning of a block of ours with room for @len bytes. */
static void give_room(struct buffer_memory *m, struct buffer_slice *s, size_t len)
{
	struct buffer_block *b;

	if (len <= SMALL_ROOM) {
		b = take_small(m);
		b->kind = BLOCK_SMALL;
		s->room = SMALL_ROOM;
	} else if (len <= LARGE_ROOM) {
		b = take_large(m);
		b->kind = BLOCK_LARGE;
		s->room = LARGE_ROOM;
	} else {
		b = must_alloc(sizeof(struct owned_block) + len);
		b->kind = BLOCK_EXACT;
		s->room = (uint32_t)len;
	}
	b->refs = 1;
	s->block = b;
	s->at = container_of(b, struct owned_block, block)->data;
	s->len = 0;
}

struct buffer_slice *slice_take(struct buffer_memory *m, size_t len)
{
	struct buffer_slice *s = take_bare(m);

	give_room(m, s, len);
	return s;
}

struct buffer_slice *slice_lend(struct buffer_memory *m, const uint8_t *data, size_t len,
				buffer_release_fn release, void *context)
{
	struct buffer_block *b = m->free_lent;
	struct lent_block *lent;
	struct buffer_slice *s = take_bare(m);

	invariant(len <= UINT32_MAX);
	if (b)
		m->free_lent = b->next_free;
	else
		b = must_alloc(sizeof(*lent));
	lent = container_of(b, struct lent_block, block);
	*lent = (struct lent_block){ .block = { .refs = 1, .kind = BLOCK_LENT },
				     .sharers = s,
				     .release = release,
				     .context = context,
				     .data = data,
				     .len = len };
	m->bytes_borrowed += len;
	s->at = (uint8_t *)data;
	s->len = (uint32_t)len;
	s->room = 0;
	s->block = b;
	return s;
}

struct buffer_slice *slice_split(struct buffer_memory *m, struct buffer_slice *s, size_t len)
{
	struct buffer_slice *rest = take_bare(m);

	rest->at = s->at + len;
	rest->len = s->len - (uint32_t)len;
	rest->room = s->room;
	rest->block = s->block;
	rest->next = s->next;
	rest->sharer = s->sharer;
	s->len = (uint32_t)len;
	s->room = 0;
	s->next = rest;
	if (s->block->kind == BLOCK_LENT)
		s->sharer = rest;
	s->block->refs++;
	return rest;
}

static void end_loan(struct buffer_memory *m, struct lent_block *lent)
{
	m->bytes_borrowed -= lent->len;
	lent->release(lent->context, lent->data, lent->len);
	lent->block.next_free = m->free_lent;
	m->free_lent = &lent->block;
}

static void leave_sharers(struct lent_block *lent, struct buffer_slice *s)
{
	struct buffer_slice **at = &lent->sharers;

	while (*at != s)
		at = &(*at)->sharer;
	*at = s->sharer;
	s->sharer = NULL;
}

static void give_block(struct buffer_memory *m, struct buffer_block *b)
{
	switch (b->kind) {
	case BLOCK_SMALL:
		b->next_free = m->free_small;
		m->free_small = b;
		m->n_free_small++;
		break;
	case BLOCK_LARGE:
		b->next_free = m->free_large;
		m->free_large = b;
		m->n_free_large++;
		break;
	case BLOCK_EXACT:
		free(b);
		break;
	default:
		end_loan(m, container_of(b, struct lent_block, block));
	}
}

void slice_give(struct buffer_memory *m, struct buffer_slice *s)
{
	struct buffer_block *b = s->block;

	if (unlikely(b->kind == BLOCK_LENT))
		leave_sharers(container_of(b, struct lent_block, block), s);
	if (--b->refs == 0)
		give_block(m, b);
	s->next = m->free_slices;
	m->free_slices = s;
	m->n_slices_used--;
}

void buffer_fragment_recall(struct buffer_memory *m, struct buffer_block *fragment)
{
	struct lent_block *lent = container_of(fragment, struct lent_block, block);
	struct buffer_slice *s = lent->sharers;

	invariant(fragment->kind == BLOCK_LENT && s);
	while (s) {
		struct buffer_slice *next = s->sharer;
		const uint8_t *data = s->at;
		uint32_t len = s->len;

		give_room(m, s, len);
		memcpy(s->at, data, len);
		s->len = len;
		s->room -= len;
		s->sharer = NULL;
		s = next;
	}
	lent->sharers = NULL;
	end_loan(m, lent);
}

static void free_blocks(struct buffer_block **list, uint32_t n, uint32_t *n_free, uint64_t *n_all)
{
	*n_free -= n;
	*n_all -= n;
	while (n--) {
		struct buffer_block *b = *list;

		*list = b->next_free;
		free(b);
	}
}

static uint32_t beyond(uint32_t n, uint32_t keep)
{
	return n > keep ? n - keep : 0;
}

void buffer_memory_trim(struct buffer_memory *m)
{
	free_blocks(&m->free_small, beyond(m->spare_small, KEEP_SMALL), &m->n_free_small,
		    &m->n_small);
	free_blocks(&m->free_large, beyond(m->spare_large, KEEP_LARGE), &m->n_free_large,
		    &m->n_large);
	m->spare_small = m->n_free_small;
	m->spare_large = m->n_free_large;
}

void buffer_memory_deinit(struct buffer_memory *m)
{
	free_blocks(&m->free_small, m->n_free_small, &m->n_free_small, &m->n_small);
	free_blocks(&m->free_large, m->n_free_large, &m->n_free_large, &m->n_large);
	invariant(m->n_slices_used == 0 && m->n_small == 0 && m->n_large == 0);
	while (m->free_lent) {
		struct buffer_block *b = m->free_lent;

		m->free_lent = b->next_free;
		free(container_of(b, struct lent_block, block));
	}
	while (m->chunks) {
		struct buffer_chunk *chunk = m->chunks;

		m->chunks = chunk->next;
		free(chunk);
	}
}
