/* trie.c - changing the Poptrie: rebuild along one path, share all the rest, store one word. */
#include "l3/fib/trie.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "l3/fib/rib.h"
#include "l3/fib/trie_space.h"

/* One change in the making. Its lists are the space's. */
struct change {
	struct trie_space *space;
	struct fib_key first, last; /* keys that are affected */
};

/* What the control plane says about the 64 slots of one node. */
struct slots {
	uint32_t leaf[TRIE_FANOUT];
	const struct rib_node *below[TRIE_FANOUT]; /* not NULL: needs a child */
};

static size_t top_bytes(const struct trie *t)
{
	return sizeof(uint32_t) << t->top_bits;
}

int trie_init(struct trie *t, struct trie_space *space, unsigned family)
{
	void *top;

	*t = (struct trie){ .space = space,
			    .top_bits = family == 4 ? TRIE_TOP4_BITS : TRIE_TOP6_BITS,
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
	return 0;
}

static struct trie_node *node_at(const struct trie_space *s, uint32_t at)
{
	return (struct trie_node *)(void *)s->nodes.base + at;
}

static uint32_t *leaf_at(const struct trie_space *s, uint32_t at)
{
	return (uint32_t *)(void *)s->leaves.base + at;
}

static uint32_t *wide_at(const struct trie_space *s, uint32_t at)
{
	return (uint32_t *)(void *)s->wide.base + ((size_t)at << TRIE_WIDE_BITS);
}

static unsigned bits_in(uint64_t v)
{
	return (unsigned)__builtin_popcountll(v);
}

/* Leaves of @n that stand outside it. */
static unsigned n_more_leaves(const struct trie_node *n)
{
	unsigned n_leaves = bits_in(n->runs);

	return n_leaves > TRIE_NODE_LEAVES ? n_leaves - TRIE_NODE_LEAVES : 0;
}

static void free_below(struct trie_space *s, const struct trie_node *n)
{
	for (unsigned i = 0; i < bits_in(n->children); i++)
		free_below(s, node_at(s, n->first_child + i)); /* at most 19 deep */
	if (n->children)
		trie_give(&s->nodes, n->first_child, bits_in(n->children));
	if (n_more_leaves(n))
		trie_give(&s->leaves, n->more_leaves, n_more_leaves(n));
}

static void free_words(struct trie_space *s, const uint32_t *word, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = word[i] & ~TRIE_NODE;

		if (!(word[i] & TRIE_NODE))
			continue;
		free_below(s, node_at(s, at));
		trie_give(&s->nodes, at, 1);
	}
}

void trie_deinit(struct trie *t)
{
	struct trie_space *s = t->space;

	free_words(s, t->top, 1u << t->top_bits);
	for (uint32_t i = 0; i < 1u << t->top_bits; i++) {
		uint32_t at = t->top[i] & ~TRIE_WIDE;

		if (t->top[i] & TRIE_NODE || !(t->top[i] & TRIE_WIDE))
			continue;
		free_words(s, wide_at(s, at), TRIE_WIDE_SLOTS);
		trie_give(&s->wide, at, 1);
	}
	munmap(t->top, top_bytes(t));
	t->top = NULL;
}

static int take_block(struct change *c, bool leaves, unsigned n, uint32_t *at)
{
	struct trie_region *region = leaves ? &c->space->leaves : &c->space->nodes;

	*at = 0;
	if (n == 0)
		return 0;
	*at = trie_take_or_zero(region, n);
	if (*at == 0)
		return ERR_NOMEM;
	if (trie_note(&c->space->made, (struct trie_block){ *at, (uint16_t)n, leaves }) != 0) {
		trie_give(region, *at, n);
		return ERR_NOMEM;
	}
	return 0;
}

/* The blocks of @n, not of its children, will be garbage. */
static int retire_blocks(struct change *c, const struct trie_node *n)
{
	struct trie_block children = { n->first_child, (uint16_t)bits_in(n->children), 0 };
	struct trie_block leaves = { n->more_leaves, (uint16_t)n_more_leaves(n), 1 };

	if (children.n && trie_note(&c->space->old, children) != 0)
		return ERR_NOMEM;
	return leaves.n ? trie_note(&c->space->old, leaves) : 0;
}

static int retire_all(struct change *c, const struct trie_node *n)
{
	for (unsigned i = 0; i < bits_in(n->children); i++)
		if (retire_all(c, node_at(c->space, n->first_child + i)) != 0)
			return ERR_NOMEM;
	return retire_blocks(c, n);
}

/* Lay the prefixes from @r down, those longer than @depth, over the slots of a node at @depth. */
static void lay_out(const struct rib_node *r, unsigned depth, struct slots *s)
{
	unsigned end = depth + TRIE_STRIDE;
	unsigned slot;

	if (!r)
		return;
	slot = (unsigned)(fib_key_shift_left(r->key, depth).hi >> (64 - TRIE_STRIDE));
	if (r->len > depth && r->len <= end && r->leaf)
		for (unsigned i = 0; i < 1u << (end - r->len); i++)
			s->leaf[slot + i] = r->leaf;
	if (r->len < end) {
		lay_out(r->child[0], depth, s);
		lay_out(r->child[1], depth, s);
	} else if (r->len > end || r->child[0] || r->child[1]) {
		s->below[slot] = r;
	}
}

/* True if keys that change lie in the slot of @bits bits that starts at @start. */
static bool overlaps(const struct change *c, struct fib_key start, unsigned bits)
{
	struct fib_key end = fib_key_or(start, fib_key_not(fib_key_mask(bits)));

	return !fib_key_before(c->last, start) && !fib_key_before(end, c->first);
}

static int build(struct change *c, const struct rib_node *r, struct fib_key start, unsigned depth,
		 uint32_t inherited, const struct trie_node *old, struct trie_node *out);

/* The child in slot @i: the old one if nothing changes inside it. */
static int build_child(struct change *c, const struct slots *s, unsigned i, struct fib_key start,
		       unsigned depth, const struct trie_node *old, struct trie_node *out)
{
	unsigned bits = depth + TRIE_STRIDE;
	struct fib_key slot = { (uint64_t)i << (64 - TRIE_STRIDE), 0 };
	struct fib_key child_start = fib_key_or(start, fib_key_shift_right(slot, depth));
	const struct trie_node *was = NULL;

	if (old && old->children >> i & 1)
		was = node_at(c->space,
			      old->first_child + bits_in(old->children & (((uint64_t)1 << i) - 1)));
	if (was && !overlaps(c, child_start, bits)) {
		*out = *was;
		return 0;
	}
	return build(c, s->below[i], child_start, bits, s->leaf[i], was, out);
}

/* Old children in slots that need none any more go with all that is below them. */
static int retire_lost_children(struct change *c, const struct trie_node *old, uint64_t children)
{
	unsigned at = 0;

	if (!old)
		return 0;
	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		if (!(old->children >> i & 1))
			continue;
		if (!(children >> i & 1) &&
		    retire_all(c, node_at(c->space, old->first_child + at)) != 0)
			return ERR_NOMEM;
		at++;
	}
	return retire_blocks(c, old);
}

/* The other way round than trie_near_leaf(). */
static void put_near_leaves(struct trie_node *out, const uint32_t *run, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *at = out->leaf + i * 5 / 2;

		if (i & 1) {
			at[0] = (uint8_t)(at[0] | run[i] << 4);
			at[1] = (uint8_t)(run[i] >> 4);
			at[2] = (uint8_t)(run[i] >> 12);
		} else {
			at[0] = (uint8_t)run[i];
			at[1] = (uint8_t)(run[i] >> 8);
			at[2] = (uint8_t)(run[i] >> 16);
		}
	}
}

static int put_leaves(struct change *c, const struct slots *s, struct trie_node *out)
{
	uint32_t run[TRIE_FANOUT];
	unsigned n = 0;

	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		if (s->below[i] || (n > 0 && run[n - 1] == s->leaf[i]))
			continue;
		run[n++] = s->leaf[i];
		out->runs |= (uint64_t)1 << i;
	}
	if (take_block(c, true, n_more_leaves(out), &out->more_leaves) != 0)
		return ERR_NOMEM;
	put_near_leaves(out, run, n < TRIE_NODE_LEAVES ? n : TRIE_NODE_LEAVES);
	if (n > TRIE_NODE_LEAVES)
		memcpy(leaf_at(c->space, out->more_leaves), run + TRIE_NODE_LEAVES,
		       (n - TRIE_NODE_LEAVES) * sizeof(run[0]));
	return 0;
}

/* Make the node for the @depth bits of @start, where @inherited holds unless @r says more. */
static int build(struct change *c, const struct rib_node *r, struct fib_key start, unsigned depth,
		 uint32_t inherited, const struct trie_node *old, struct trie_node *out)
{
	struct slots s = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < TRIE_FANOUT; i++)
		s.leaf[i] = inherited;
	lay_out(r, depth, &s);
	*out = (struct trie_node){ 0 };
	for (unsigned i = 0; i < TRIE_FANOUT; i++)
		out->children |= (uint64_t)(s.below[i] != NULL) << i;
	if (put_leaves(c, &s, out) != 0 ||
	    take_block(c, false, bits_in(out->children), &out->first_child) != 0)
		return ERR_NOMEM;
	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		if (s.below[i] && build_child(c, &s, i, start, depth, old,
					      node_at(c->space, out->first_child + n++)) != 0)
			return ERR_NOMEM;
	}
	return retire_lost_children(c, old, out->children);
}

/*
 * The new word for the slot of @bits bits at @start whose word is @was. @may_be_node: false in a
 * top table whose wide tables come only with longer prefixes.
 */
static int build_slot(struct change *c, const struct rib *rib, struct fib_key start, unsigned bits,
		      bool may_be_node, uint32_t was, uint32_t *out)
{
	const struct rib_node *cover = rib_match_or_null(rib, start, bits);
	const struct rib_node *below = may_be_node ? rib_below_or_null(rib, start, bits) : NULL;
	uint32_t inherited = cover && cover->len > 0 ? cover->leaf : 0;
	const struct trie_node *old = NULL;
	uint32_t at;

	if (was & TRIE_NODE) {
		at = was & ~TRIE_NODE;
		old = node_at(c->space, at);
		if (trie_note(&c->space->old, (struct trie_block){ at, 1, 0 }) != 0)
			return ERR_NOMEM;
	}
	if (!below || (below->len == bits && !below->child[0] && !below->child[1])) {
		*out = inherited;
		return old ? retire_all(c, old) : 0;
	}
	if (take_block(c, false, 1, &at) != 0)
		return ERR_NOMEM;
	*out = TRIE_NODE | at;
	return build(c, below, start, bits, inherited, old, node_at(c->space, at));
}

/* Append the store of what the slot at @place has to say. */
static int plan_slot(struct change *c, const struct rib *rib, uint32_t *place, struct fib_key start,
		     unsigned bits, bool may_be_node)
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
	return build_slot(c, rib, start, bits, may_be_node, *place, &s->store[s->n_stores++].word);
}

/* A wide table in place of a leaf, which it says in every slot. */
static int widen(struct trie *t, uint32_t top)
{
	uint32_t at = trie_take_or_zero(&t->space->wide, 1);
	uint32_t *wide = wide_at(t->space, at);

	if (at == 0)
		return ERR_NOMEM;
	for (unsigned i = 0; i < TRIE_WIDE_SLOTS; i++)
		wide[i] = t->top[top];
	__atomic_store_n(&t->top[top], TRIE_WIDE | at, __ATOMIC_RELEASE); /* trie_root6() */
	return 0;
}

/* Bits @from to @to of @k as a number. */
static uint32_t bits_of(struct fib_key k, unsigned from, unsigned to)
{
	return (uint32_t)(k.hi << from >> (64 - (to - from)));
}

static struct fib_key slot_start(uint32_t top, unsigned top_bits, uint32_t slot, unsigned bits)
{
	uint64_t hi = (uint64_t)top << (64 - top_bits);

	return (struct fib_key){ bits > top_bits ? hi | (uint64_t)slot << (64 - bits) : hi, 0 };
}

/* Every slot of the wide table under @top that the change covers. */
static int plan_wide(struct trie *t, struct change *c, const struct rib *rib, uint32_t top)
{
	uint32_t *wide = wide_at(t->space, t->top[top] & ~TRIE_WIDE);
	bool is_first = bits_of(c->first, 0, t->top_bits) == top;
	bool is_last = bits_of(c->last, 0, t->top_bits) == top;
	uint32_t slot = is_first ? bits_of(c->first, t->top_bits, t->root_bits) : 0;
	uint32_t last = is_last ? bits_of(c->last, t->top_bits, t->root_bits) : TRIE_WIDE_SLOTS - 1;
	int err = 0;

	for (; slot <= last && err == 0; slot++)
		err = plan_slot(c, rib, &wide[slot],
				slot_start(top, t->top_bits, slot, t->root_bits), t->root_bits,
				true);
	return err;
}

static int plan(struct trie *t, struct change *c, const struct rib *rib, unsigned len)
{
	uint32_t top = bits_of(c->first, 0, t->top_bits);
	uint32_t last = bits_of(c->last, 0, t->top_bits);
	bool has_wide = t->top_bits < t->root_bits;
	int err = 0;

	if (has_wide && len > t->top_bits && !(t->top[top] & TRIE_WIDE))
		err = widen(t, top);
	for (; top <= last && err == 0; top++) {
		if (has_wide && t->top[top] & TRIE_WIDE)
			err = plan_wide(t, c, rib, top);
		else
			err = plan_slot(c, rib, &t->top[top], slot_start(top, t->top_bits, 0, 0),
					t->top_bits, !has_wide);
	}
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

int trie_update(struct trie *t, const struct rib *r, struct fib_key key, unsigned len,
		struct trie_garbage *garbage)
{
	struct trie_space *s = t->space;
	struct change c = { .space = s };
	int err;

	if (len == 0) {
		struct rib_node *n = rib_find_or_null(r, key, 0);

		__atomic_store_n(&t->default_leaf, n ? n->leaf : 0, __ATOMIC_RELEASE);
		return 0;
	}
	s->made.n = s->old.n = s->n_stores = 0;
	c.first = fib_key_and(key, fib_key_mask(len));
	c.last = fib_key_or(c.first, fib_key_not(fib_key_mask(len)));
	err = plan(t, &c, r, len);
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
