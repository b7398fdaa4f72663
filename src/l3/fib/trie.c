/* trie.c - changing a trie: build beside the old, share all the rest, store one word a slot. */
#include "l3/fib/trie.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "l3/fib/rib.h"
#include "l3/fib/trie_build.h"
#include "l3/fib/trie_space.h"

/* Top table and covers. */
static size_t top_bytes(const struct trie *t)
{
	return (sizeof(uint32_t) << t->top_bits) + (sizeof(uint32_t) << t->cover_bits);
}

int trie_init(struct trie *t, struct trie_space *space, unsigned family)
{
	void *top;

	*t = (struct trie){ .space = space,
			    .top_bits = family == 4 ? TRIE_TOP4_BITS : TRIE_TOP6_BITS,
			    .cover_bits = family == 4 ? TRIE_COVER4_BITS : TRIE_TOP6_BITS,
			    .root_bits = family == 4 ? TRIE_TOP4_BITS
						     : TRIE_TOP6_BITS + TRIE_WIDE_BITS };
	/*
	 * Shared, though with nobody: a private page that a worker has read before it is written
	 * is the kernel's page of zeros, and writing it interrupts every worker, that it may forget
	 * that one. (It was 217 interrupts for 1,000,000 routes.)
	 */
	top = mmap(NULL, top_bytes(t), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (top == MAP_FAILED)
		return ERR_NOMEM;
	t->top = top;
	t->cover = t->top + ((size_t)1 << t->top_bits);
	return 0;
}

static struct trie_wide *wide_of(const struct trie *t, uint32_t top)
{
	return (struct trie_wide *)(void *)t->space->wide.base + (t->top[top] & ~TRIE_WIDE);
}

static void free_wide(struct trie *t, uint32_t top)
{
	struct trie_wide *wide = wide_of(t, top);

	for (uint32_t i = 0; i < TRIE_WIDE_SLOTS; i++)
		trie_free_word(t->space, wide->slot[i]);
	trie_give(&t->space->wide, t->top[top] & ~TRIE_WIDE, 1);
}

void trie_deinit(struct trie *t)
{
	if (!t->top)
		return;
	for (uint32_t i = 0; i < 1u << t->top_bits; i++) {
		if (trie_has_wide(t) && t->top[i])
			free_wide(t, i);
		else
			trie_free_word(t->space, t->top[i]);
	}
	munmap(t->top, top_bytes(t));
	t->top = NULL;
}

/* A wide table, empty, where none is. */
static int widen(struct trie *t, uint32_t top)
{
	uint32_t at;

	if (t->top[top])
		return 0;
	at = trie_take_or_zero(&t->space->wide, 1);
	if (at == 0)
		return ERR_NOMEM;
	memset((struct trie_wide *)(void *)t->space->wide.base + at, 0, sizeof(struct trie_wide));
	__atomic_store_n(&t->top[top], TRIE_WIDE | at, __ATOMIC_RELEASE); /* trie_root6() */
	return 0;
}

/* Bits @from to @to of @k as a number. */
static uint32_t bits_of(struct fib_key k, unsigned from, unsigned to)
{
	return (uint32_t)(k.hi << from >> (64 - (to - from)));
}

/* --- covers --- */

/* Lay prefixes of more than @from and at most @to bits, from @r down, over the covers by number. */
static void lay_out(const struct rib_node *r, unsigned from, unsigned to, uint32_t *leaf)
{
	uint32_t first;

	if (!r || r->len > to)
		return;
	if (r->len > from && r->leaf) {
		first = bits_of(r->key, from, to);
		for (uint32_t i = 0; i < 1u << (to - r->len); i++)
			leaf[first + i] = r->leaf;
	}
	lay_out(r->child[0], from, to, leaf);
	lay_out(r->child[1], from, to, leaf);
}

/* Store what holds for @key/@len in its covers, @place, each for @to bits of which @from are fix.
 */
static void cover(const struct rib *rib, struct fib_key key, unsigned len, unsigned from,
		  unsigned to, uint32_t *place)
{
	const struct rib_node *above = rib_match_or_null(rib, key, len);
	uint32_t inherited = above && above->len > from ? above->leaf : 0;
	uint32_t first = bits_of(key, from, to), n = 1u << (to - len);
	uint32_t leaf[TRIE_WIDE_SLOTS];

	for (uint32_t i = 0; i < n; i++)
		leaf[first + i] = inherited;
	lay_out(rib_below_or_null(rib, key, len), from, to, leaf);
	for (uint32_t i = first; i < first + n; i++)
		if (place[i] != leaf[i]) /* pairs with trie_cover4(), trie_cover6() */
			__atomic_store_n(&place[i], leaf[i], __ATOMIC_RELEASE);
}

/* --- slots --- */

/* Append the store of what the slot at @place has to say. */
static int plan_slot(const struct trie *t, struct trie_change *c, const struct rib *rib,
		     uint32_t *place, uint64_t start)
{
	struct trie_space *s = c->space;

	if (s->n_stores == s->room_stores) {
		uint32_t room = s->room_stores ? 2 * s->room_stores : 64;
		struct trie_store *grown = realloc(s->store, room * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		s->store = grown;
		s->room_stores = room;
	}
	s->store[s->n_stores].place = place;
	return trie_build_slot(c, rib, (struct fib_key){ start, 0 }, t->root_bits,
			       trie_has_wide(t) ? t->root_bits : t->cover_bits, *place,
			       &s->store[s->n_stores++].word);
}

/* Every slot that the change covers; in IPv6 it is one. */
static int plan(struct trie *t, struct trie_change *c, const struct rib *rib)
{
	uint32_t at = bits_of(c->first, 0, t->root_bits), last = bits_of(c->last, 0, t->root_bits);
	int err = 0;

	if (trie_has_wide(t)) {
		uint32_t top = at >> TRIE_WIDE_BITS;

		err = widen(t, top);
		if (err != 0)
			return err;
		return plan_slot(t, c, rib, &wide_of(t, top)->slot[at & (TRIE_WIDE_SLOTS - 1)],
				 (uint64_t)at << (64 - t->root_bits));
	}
	for (; at <= last && err == 0; at++)
		err = plan_slot(t, c, rib, &t->top[at], (uint64_t)at << (64 - t->root_bits));
	return err;
}

/* Blocks that the change retires move to the caller's list; all or nothing. */
static int hand_over(struct trie_space *s, struct trie_garbage *garbage)
{
	uint32_t n_before = garbage->n;

	for (uint32_t i = 0; i < s->old.n; i++) {
		if (trie_note(garbage, s->old.block[i]) != 0) {
			garbage->n = n_before;
			return ERR_NOMEM;
		}
	}
	return 0;
}

/* Build the slots of @key/@len anew where the change of @key/@changed may have touched them. */
static int update(struct trie *t, const struct rib *r, struct fib_key key, unsigned changed,
		  struct trie_garbage *garbage)
{
	struct trie_space *s = t->space;
	struct trie_change c = { .space = s, .radix_only = !trie_has_wide(t) };
	int err;

	s->made.n = s->old.n = s->n_stores = 0;
	c.first = fib_key_and(key, fib_key_mask(changed));
	c.last = fib_key_or(c.first, fib_key_not(fib_key_mask(changed)));
	err = plan(t, &c, r);
	if (err == 0)
		err = hand_over(s, garbage);
	if (err != 0) {
		for (uint32_t i = 0; i < s->made.n; i++)
			trie_give_block(s, s->made.block[i]);
		return err;
	}
	for (uint32_t i = 0; i < s->n_stores; i++) /* pairs with trie_root4(), trie_root6() */
		__atomic_store_n(s->store[i].place, s->store[i].word, __ATOMIC_RELEASE);
	return 0;
}

int trie_update(struct trie *t, const struct rib *r, struct fib_key key, unsigned len,
		struct trie_garbage *garbage)
{
	uint32_t top = bits_of(key, 0, t->top_bits);
	int err;

	if (len == 0) {
		struct rib_node *n = rib_find_or_null(r, key, 0);

		__atomic_store_n(&t->default_leaf, n ? n->leaf : 0, __ATOMIC_RELEASE);
		return 0;
	}
	key = fib_key_and(key, fib_key_mask(len));
	if (len <= t->cover_bits) {
		cover(r, key, len, 0, t->cover_bits, t->cover);
		return 0;
	}
	if (!trie_is_cover(t, len))
		return update(t, r, key, len, garbage);
	err = widen(t, top);
	if (err == 0)
		cover(r, key, len, t->top_bits, t->root_bits, wide_of(t, top)->cover);
	return err;
}

int trie_update_slot(struct trie *t, const struct rib *r, struct fib_key key,
		     struct trie_garbage *garbage)
{
	return update(t, r, key, t->root_bits, garbage);
}
