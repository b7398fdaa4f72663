/*
 * trie_build.c - new nodes for what changes, beside the old ones; all the rest is taken over.
 *
 * The kind of a node follows from the prefixes below it alone: a few if they are few, a radix if it
 * answers for all of them by itself, a cut if that does, else a radix. Windows end at the same
 * depths whatever is above them, so that most of what is below a node which changes its kind stays.
 */
#include "l3/fib/trie_build.h"

#include <stdlib.h>
#include <string.h>

#include "l3/fib/trie_pack.h"
#include "l3/fib/trie_space.h"

/* What the control plane says about the 64 slots of one node. */
struct slots {
	uint32_t leaf[TRIE_FANOUT];
	const struct rib_node *below[TRIE_FANOUT]; /* not NULL: needs a child */
};

/* A node to be built: for the @depth bits of @start. */
struct place {
	const struct rib_node *r; /* all that is inside */
	struct fib_key start;
	unsigned depth;
	uint32_t inherited;	     /* holds unless @r says more */
	const struct trie_node *old; /* an old node that led here, or NULL */
};

static int build(struct trie_change *c, const struct place *p, struct trie_node *out);

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

/* --- what a node leads to --- */

static unsigned n_children(const struct trie_node *n)
{
	unsigned count = 0;

	switch (trie_kind_of(n)) {
	case TRIE_FEW:
		for (unsigned i = 0; i <= TRIE_FEW_MAX; i++)
			count += (trie_value(n, i) & TRIE_CHILD) != 0;
		return count;
	case TRIE_CUT:
		while (count < TRIE_CUTS_MAX && n->cut.before[count] != TRIE_NEVER_CUT)
			count++;
		return count + 1;
	default:
		return bits_in(n->radix.children);
	}
}

/* Leaves of @n that stand outside it. */
static unsigned n_more_leaves(const struct trie_node *n)
{
	unsigned n_leaves = trie_kind_of(n) == TRIE_RADIX ? bits_in(n->radix.runs) : 0;

	return n_leaves > TRIE_NODE_LEAVES ? n_leaves - TRIE_NODE_LEAVES : 0;
}

static void free_below(struct trie_space *s, const struct trie_node *n)
{
	unsigned count = n_children(n), more = n_more_leaves(n);

	for (unsigned i = 0; i < count; i++)
		free_below(s, node_at(s, trie_first_child(n) + i)); /* at most 22 deep */
	if (count)
		trie_give(&s->nodes, trie_first_child(n), count);
	if (more)
		trie_give(&s->leaves, n->radix.more_leaves, more);
}

void trie_free_word(struct trie_space *s, uint32_t word)
{
	if (!(word & TRIE_NODE))
		return;
	free_below(s, node_at(s, trie_index(word)));
	trie_give(&s->nodes, trie_index(word), 1);
}

static int take_block(struct trie_change *c, bool leaves, unsigned n, uint32_t *at)
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

/*
 * All blocks that @n leads to will be garbage, but for what is below nodes that were taken over:
 * those come in the same order, by their keys, as they were met. @n_met: how many have been
 */
static int retire(struct trie_change *c, const struct trie_node *n, uint32_t *n_met)
{
	struct trie_space *s = c->space;
	struct trie_block children = { trie_first_child(n), (uint16_t)n_children(n), 0 };
	struct trie_block leaves = { n->radix.more_leaves, (uint16_t)n_more_leaves(n), 1 };

	for (uint32_t at = children.at; at < children.at + children.n; at++) {
		if (*n_met < s->n_kept && s->kept[*n_met] == at)
			++*n_met;
		else if (retire(c, node_at(s, at), n_met) != 0)
			return ERR_NOMEM;
	}
	if (children.n && trie_note(&s->old, children) != 0)
		return ERR_NOMEM;
	return leaves.n ? trie_note(&s->old, leaves) : 0;
}

/* --- taking over --- */

/* True if keys that change lie in the @bits bits of @start. */
static bool overlaps(const struct trie_change *c, struct fib_key start, unsigned bits)
{
	struct fib_key end = fib_key_or(start, fib_key_not(fib_key_mask(bits)));

	return !fib_key_before(c->last, start) && !fib_key_before(end, c->first);
}

/* The old node of the @depth bits of @start that @n, not below it, leads to. */
static const struct trie_node *find_old_or_null(const struct trie_space *s,
						const struct trie_node *n, struct fib_key start,
						unsigned depth)
{
	uint32_t leaf;

	while (n && trie_depth(n) < depth)
		n = trie_step6_or_null(s, n, &start, &leaf);
	return n && trie_depth(n) == depth ? n : NULL;
}

static int keep(struct trie_space *s, const struct trie_node *n)
{
	if (s->n_kept == s->room_kept) {
		uint32_t room = s->room_kept ? 2 * s->room_kept : 64;
		uint32_t *grown = realloc(s->kept, room * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		s->kept = grown;
		s->room_kept = room;
	}
	s->kept[s->n_kept++] = (uint32_t)(n - node_at(s, 0));
	return 0;
}

/* Make a child: a copy of the old one if nothing changes inside it. */
static int build_child(struct trie_change *c, struct place *p, struct trie_node *out)
{
	const struct trie_node *was = find_old_or_null(c->space, p->old, p->start, p->depth);

	if (was && !overlaps(c, p->start, p->depth)) {
		*out = *was;
		return keep(c->space, was);
	}
	if (was)
		p->old = was;
	return build(c, p, out);
}

/* --- radix --- */

/* Lay the prefixes from @r down, those longer than @depth, over the slots of a node at @depth. */
static void lay_out(const struct rib_node *r, unsigned depth, struct slots *s)
{
	unsigned end = depth + TRIE_STRIDE;
	unsigned slot;

	if (!r)
		return;
	slot = trie_slot(r->key, depth);
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

/* The other way round than trie_near_leaf(). */
static void put_near_leaves(struct trie_node *out, const uint32_t *run, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *at = out->radix.leaf + i * 5 / 2;

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

static int put_leaves(struct trie_change *c, const struct slots *s, struct trie_node *out)
{
	uint32_t run[TRIE_FANOUT];
	unsigned n = 0;

	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		if (s->below[i] || (n > 0 && run[n - 1] == s->leaf[i]))
			continue;
		run[n++] = s->leaf[i];
		out->radix.runs |= (uint64_t)1 << i;
	}
	if (take_block(c, true, n > TRIE_NODE_LEAVES ? n - TRIE_NODE_LEAVES : 0,
		       &out->radix.more_leaves) != 0)
		return ERR_NOMEM;
	put_near_leaves(out, run, n < TRIE_NODE_LEAVES ? n : TRIE_NODE_LEAVES);
	if (n > TRIE_NODE_LEAVES)
		memcpy(leaf_at(c->space, out->radix.more_leaves), run + TRIE_NODE_LEAVES,
		       (n - TRIE_NODE_LEAVES) * sizeof(run[0]));
	return 0;
}

static int build_radix(struct trie_change *c, const struct place *p, struct trie_node *out)
{
	struct slots s = { 0 };
	uint32_t at;

	for (unsigned i = 0; i < TRIE_FANOUT; i++)
		s.leaf[i] = p->inherited;
	lay_out(p->r, p->depth, &s);
	*out = (struct trie_node){ 0 };
	for (unsigned i = 0; i < TRIE_FANOUT; i++)
		out->radix.children |= (uint64_t)(s.below[i] != NULL) << i;
	if (put_leaves(c, &s, out) != 0 ||
	    take_block(c, false, bits_in(out->radix.children), &at) != 0)
		return ERR_NOMEM;
	out->radix.head = trie_head(TRIE_RADIX, p->depth, at);
	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		struct fib_key slot = { (uint64_t)i << (64 - TRIE_STRIDE), 0 };
		struct place child = { .r = s.below[i],
				       .start = fib_key_or(p->start,
							   fib_key_shift_right(slot, p->depth)),
				       .depth = p->depth + TRIE_STRIDE,
				       .inherited = s.leaf[i],
				       .old = p->old };

		if (s.below[i] && build_child(c, &child, node_at(c->space, at++)) != 0)
			return ERR_NOMEM;
	}
	return 0;
}

/* --- few and cut --- */

/* Longest first; those of one length stay in the order of their keys. */
static void sort(const struct trie_entries *e, const struct trie_range *r,
		 const struct trie_entry *sorted[TRIE_FEW_MAX])
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct trie_entry *x = &e->at[r->entry[i]];
		unsigned at = i;

		for (; at > 0 && sorted[at - 1]->len < x->len; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = x;
	}
}

static void put_value(struct trie_node *n, unsigned i, uint32_t value)
{
	n->few.value[3 * i] = (uint8_t)value;
	n->few.value[3 * i + 1] = (uint8_t)(value >> 8);
	n->few.value[3 * i + 2] = (uint8_t)(value >> 16);
}

static int build_few(struct trie_change *c, const struct place *p, const struct trie_entries *e,
		     const struct trie_range *r, struct trie_node *out)
{
	const struct trie_entry *x[TRIE_FEW_MAX + 1];
	unsigned n_below = 0, n = r->n;
	uint32_t at;

	sort(e, r, x);
	if (r->whole)
		x[n++] = r->whole;
	for (unsigned i = 0; i < n; i++)
		n_below += x[i]->below != NULL;
	if (take_block(c, false, n_below, &at) != 0)
		return ERR_NOMEM;
	*out = (struct trie_node){ .few.head = trie_head(TRIE_FEW, p->depth, at) };
	put_value(out, r->n, p->inherited);
	n_below = 0;
	for (unsigned i = 0; i < n; i++) {
		struct place child = {
			.r = x[i]->below, .depth = e->end, .inherited = x[i]->leaf, .old = p->old
		};

		if (i < r->n)
			out->few.prefix[i] = trie_prefix_word(x[i]->first, x[i]->len);
		put_value(out, i, x[i]->below ? TRIE_CHILD | n_below : x[i]->leaf);
		if (!x[i]->below)
			continue;
		child.start = fib_key_and(x[i]->below->key, fib_key_mask(e->end));
		if (build_child(c, &child, node_at(c->space, at + n_below++)) != 0)
			return ERR_NOMEM;
	}
	return 0;
}

static int build_cut(struct trie_change *c, const struct place *p, const struct trie_entries *e,
		     const struct trie_range *range, unsigned n, struct trie_node *out)
{
	uint32_t at;

	if (take_block(c, false, n, &at) != 0)
		return ERR_NOMEM;
	*out = (struct trie_node){ .cut.head = trie_head(TRIE_CUT, p->depth, at) };
	for (unsigned i = 0; i < TRIE_CUTS_MAX; i++)
		out->cut.before[i] =
			i + 1 < n ? (int32_t)(range[i + 1].first / 2 - 1) : TRIE_NEVER_CUT;
	for (unsigned i = 0; i < n; i++)
		if (build_few(c, p, e, &range[i], node_at(c->space, at + i)) != 0)
			return ERR_NOMEM;
	return 0;
}

/* Apart from build(), whose frames are on top of each other. */
static no_inline int build_sparse(struct trie_change *c, const struct place *p,
				  struct trie_node *out, bool *is_done)
{
	struct trie_range range[TRIE_RANGES_MAX];
	struct trie_entries e;
	unsigned n;

	*is_done = false;
	if (!trie_collect_entries(&e, p->r, p->depth, p->inherited))
		return 0;
	n = trie_pack(&e, range);
	if (n == 0 || (n > 1 && !e.has_below && e.max_len <= TRIE_STRIDE))
		return 0;
	*is_done = true;
	return n == 1 ? build_few(c, p, &e, range, out) : build_cut(c, p, &e, range, n, out);
}

static int build(struct trie_change *c, const struct place *p, struct trie_node *out)
{
	bool is_done = false;

	if (!c->radix_only) {
		int err = build_sparse(c, p, out, &is_done);

		if (err != 0 || is_done)
			return err;
	}
	return build_radix(c, p, out);
}

/* --- a slot of the tables --- */

static int retire_word(struct trie_change *c, uint32_t was)
{
	uint32_t n_met = 0, at = trie_index(was);

	if (!(was & TRIE_NODE))
		return 0;
	if (trie_note(&c->space->old, (struct trie_block){ at, 1, 0 }) != 0 ||
	    retire(c, node_at(c->space, at), &n_met) != 0)
		return ERR_NOMEM;
	invariant(n_met == c->space->n_kept);
	return 0;
}

int trie_build_slot(struct trie_change *c, const struct rib *rib, struct fib_key start,
		    unsigned bits, unsigned least, uint32_t was, uint32_t *out)
{
	const struct rib_node *cover = rib_match_or_null(rib, start, bits);
	struct place p = { .r = rib_below_or_null(rib, start, bits),
			   .start = start,
			   .depth = bits,
			   .inherited = cover && cover->len > least ? cover->leaf : 0,
			   .old = was & TRIE_NODE ? node_at(c->space, trie_index(was)) : NULL };
	uint32_t at;

	c->space->n_kept = 0;
	if (!p.r || (p.r->len == bits && !p.r->child[0] && !p.r->child[1])) {
		*out = p.inherited;
		return retire_word(c, was);
	}
	if (take_block(c, false, 1, &at) != 0 || build(c, &p, node_at(c->space, at)) != 0)
		return ERR_NOMEM;
	*out = TRIE_NODE | (uint32_t)trie_kind_of(node_at(c->space, at)) << TRIE_INDEX_BITS | at;
	return retire_word(c, was);
}
