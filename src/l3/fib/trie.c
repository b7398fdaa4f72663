/* trie.c - changing the Poptrie: rebuild along one path, share all the rest, store one word. */
#include "l3/fib/trie.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "l3/fib/rib.h"
#include "l3/fib/trie_space.h"

/* One change in the making. */
struct change {
	struct trie_space *space;
	struct fib_key first, last; /* keys that are affected */
	struct trie_garbage made;   /* blocks to give back if it fails */
	struct trie_garbage old;    /* blocks that it replaces */
};

/* What the control plane says about the 64 slots of one node. */
struct slots {
	uint32_t leaf[TRIE_FANOUT];
	const struct rib_node *below[TRIE_FANOUT]; /* not NULL: needs a child */
};

int trie_init(struct trie *t, struct trie_space *space)
{
	void *direct = mmap(NULL, TRIE_DIRECT_SLOTS * sizeof(uint32_t), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (direct == MAP_FAILED)
		return ERR_NOMEM;
	*t = (struct trie){ .space = space, .direct = direct };
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

static unsigned bits_in(uint64_t v)
{
	return (unsigned)__builtin_popcountll(v);
}

static void free_below(struct trie_space *s, const struct trie_node *n)
{
	for (unsigned i = 0; i < bits_in(n->children); i++)
		free_below(s, node_at(s, n->first_child + i)); /* at most 19 deep */
	if (n->children)
		trie_give(&s->nodes, n->first_child, bits_in(n->children));
	if (n->runs)
		trie_give(&s->leaves, n->first_leaf, bits_in(n->runs));
}

void trie_deinit(struct trie *t)
{
	for (uint32_t i = 0; i < TRIE_DIRECT_SLOTS; i++) {
		if (t->direct[i] & TRIE_NODE) {
			uint32_t at = t->direct[i] & ~TRIE_NODE;

			free_below(t->space, node_at(t->space, at));
			trie_give(&t->space->nodes, at, 1);
		}
	}
	munmap(t->direct, TRIE_DIRECT_SLOTS * sizeof(uint32_t));
	t->direct = NULL;
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
	if (trie_note(&c->made, (struct trie_block){ *at, (uint16_t)n, leaves }) != 0) {
		trie_give(region, *at, n);
		return ERR_NOMEM;
	}
	return 0;
}

/* The blocks of @n, not of its children, will be garbage. */
static int retire_blocks(struct change *c, const struct trie_node *n)
{
	struct trie_block children = { n->first_child, (uint16_t)bits_in(n->children), 0 };
	struct trie_block leaves = { n->first_leaf, (uint16_t)bits_in(n->runs), 1 };

	if (children.n && trie_note(&c->old, children) != 0)
		return ERR_NOMEM;
	return leaves.n ? trie_note(&c->old, leaves) : 0;
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
	if (take_block(c, true, n, &out->first_leaf) != 0)
		return ERR_NOMEM;
	if (n)
		memcpy(leaf_at(c->space, out->first_leaf), run, n * sizeof(run[0]));
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

/* The new word for the direct slot that starts at @start, whose word is @was. */
static int build_slot(struct change *c, const struct rib *rib, struct fib_key start, uint32_t was,
		      uint32_t *out)
{
	const struct rib_node *cover = rib_match_or_null(rib, start, TRIE_DIRECT_BITS);
	const struct rib_node *below = rib_below_or_null(rib, start, TRIE_DIRECT_BITS);
	uint32_t inherited = cover && cover->len > 0 ? cover->leaf : 0;
	const struct trie_node *old = NULL;
	uint32_t at;

	if (was & TRIE_NODE) {
		at = was & ~TRIE_NODE;
		old = node_at(c->space, at);
		if (trie_note(&c->old, (struct trie_block){ at, 1, 0 }) != 0)
			return ERR_NOMEM;
	}
	if (!below || (below->len == TRIE_DIRECT_BITS && !below->child[0] && !below->child[1])) {
		*out = inherited;
		return old ? retire_all(c, old) : 0;
	}
	if (take_block(c, false, 1, &at) != 0)
		return ERR_NOMEM;
	*out = TRIE_NODE | at;
	return build(c, below, start, TRIE_DIRECT_BITS, inherited, old, node_at(c->space, at));
}

/* Blocks retired by this change move to the caller's list; all or nothing. */
static int hand_over(struct change *c, struct trie_garbage *garbage)
{
	uint32_t n_before = garbage->n;

	for (uint32_t i = 0; i < c->old.n; i++) {
		if (trie_note(garbage, c->old.block[i]) != 0) {
			garbage->n = n_before;
			return ERR_NOMEM;
		}
	}
	return 0;
}

int trie_update(struct trie *t, const struct rib *r, struct fib_key key, unsigned len,
		struct trie_garbage *garbage)
{
	uint32_t n_slots = len < TRIE_DIRECT_BITS ? 1u << (TRIE_DIRECT_BITS - len) : 1;
	struct change c = { .space = t->space };
	uint32_t first, *built;
	int err = 0;

	if (len == 0) {
		struct rib_node *n = rib_find_or_null(r, key, 0);

		__atomic_store_n(&t->default_leaf, n ? n->leaf : 0, __ATOMIC_RELEASE);
		return 0;
	}
	built = malloc(n_slots * sizeof(*built));
	if (!built)
		return ERR_NOMEM;
	c.first = fib_key_and(key, fib_key_mask(len));
	c.last = fib_key_or(c.first, fib_key_not(fib_key_mask(len)));
	first = (uint32_t)(c.first.hi >> (64 - TRIE_DIRECT_BITS));
	for (uint32_t i = 0; i < n_slots && err == 0; i++)
		err = build_slot(
			&c, r,
			(struct fib_key){ (uint64_t)(first + i) << (64 - TRIE_DIRECT_BITS), 0 },
			t->direct[first + i], &built[i]);
	if (err == 0)
		err = hand_over(&c, garbage);
	if (err == 0) {
		for (uint32_t i = 0; i < n_slots;
		     i++) /* pairs with trie_lookup4(), trie_lookup6() */
			__atomic_store_n(&t->direct[first + i], built[i], __ATOMIC_RELEASE);
		free(c.made.block);
	} else {
		trie_collect(t->space, &c.made);
	}
	free(c.old.block);
	free(built);
	return err;
}
