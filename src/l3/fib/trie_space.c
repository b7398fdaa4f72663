/* trie_space.c - blocks of nodes and leaves out of reserved address space. */
#include "l3/fib/trie_space.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int region_init(struct trie_region *r, uint32_t item_bytes, uint32_t max)
{
	void *base = mmap(NULL, (size_t)max * item_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return ERR_NOMEM;
	/* Fewer TLB misses where the system has huge pages to give; no harm where it has none. */
	madvise(base, (size_t)max * item_bytes, MADV_HUGEPAGE);
	*r = (struct trie_region){ .base = base, .item_bytes = item_bytes, .end = 1, .max = max };
	return 0;
}

static void region_deinit(struct trie_region *r)
{
	if (r->base)
		munmap(r->base, (size_t)r->max * r->item_bytes);
	r->base = NULL;
}

int trie_space_init(struct trie_space *s)
{
	*s = (struct trie_space){ 0 };
	if (region_init(&s->nodes, sizeof(struct trie_node), TRIE_MAX_NODES) == 0 &&
	    region_init(&s->leaves, sizeof(uint32_t), TRIE_MAX_LEAVES) == 0 &&
	    region_init(&s->wide, sizeof(struct trie_wide), TRIE_MAX_WIDE) == 0) {
		s->look_up6 = trie_lookup6_choose();
		return 0;
	}
	trie_space_deinit(s);
	return ERR_NOMEM;
}

void trie_space_deinit(struct trie_space *s)
{
	region_deinit(&s->nodes);
	region_deinit(&s->leaves);
	region_deinit(&s->wide);
	free(s->made.block);
	free(s->old.block);
	free(s->store);
	free(s->kept);
	*s = (struct trie_space){ 0 };
}

static uint32_t *first_word(const struct trie_region *r, uint32_t at)
{
	return (uint32_t *)(void *)(r->base + (size_t)at * r->item_bytes);
}

uint32_t trie_take_or_zero(struct trie_region *r, unsigned n)
{
	uint32_t at = r->free_of_size[n];

	if (at) {
		r->free_of_size[n] = *first_word(r, at);
	} else {
		if (n > r->max - r->end)
			return 0;
		at = r->end;
		r->end += n;
	}
	r->n_used += n;
	return at;
}

void trie_give(struct trie_region *r, uint32_t at, unsigned n)
{
	*first_word(r, at) = r->free_of_size[n];
	r->free_of_size[n] = at;
	r->n_used -= n;
}

int trie_note(struct trie_garbage *g, struct trie_block block)
{
	if (g->n == g->room) {
		uint32_t room = g->room ? 2 * g->room : 16;
		struct trie_block *grown = realloc(g->block, room * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		g->block = grown;
		g->room = room;
	}
	g->block[g->n++] = block;
	return 0;
}

void trie_give_block(struct trie_space *s, struct trie_block b)
{
	trie_give(b.is_leaves ? &s->leaves : &s->nodes, b.at, b.n);
}

bool trie_collect_some(struct trie_space *s, struct trie_garbage *garbage, uint32_t n)
{
	for (; n > 0 && garbage->n > 0; n--)
		trie_give_block(s, garbage->block[--garbage->n]);
	if (garbage->n > 0)
		return false;
	free(garbage->block);
	*garbage = (struct trie_garbage){ 0 };
	return true;
}

void trie_collect(struct trie_space *s, struct trie_garbage *garbage)
{
	trie_collect_some(s, garbage, UINT32_MAX);
}
