/* rib.c - the path-compressed binary trie of prefixes. */
#include "l3/fib/rib.h"

#include <stdlib.h>

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

void rib_init(struct rib *r)
{
	*r = (struct rib){ 0 };
}

static void free_below(struct rib_node *n)
{
	if (!n)
		return;
	free_below(n->child[0]);
	free_below(n->child[1]);
	free(n);
}

void rib_deinit(struct rib *r)
{
	free_below(r->root); /* at most 129 deep */
	rib_init(r);
}

static struct rib_node *new_node_or_null(struct fib_key key, unsigned len)
{
	struct rib_node *n = calloc(1, sizeof(*n));

	if (n) {
		n->key = fib_key_and(key, fib_key_mask(len));
		n->len = (uint8_t)len;
	}
	return n;
}

/* The link at which @key/@len is, or would have to be put in. */
static struct rib_node **find_link(struct rib *r, struct fib_key key, unsigned len)
{
	struct rib_node **link = &r->root;

	while (*link && (*link)->len < len && fib_key_agrees((*link)->key, key, (*link)->len))
		link = &(*link)->child[fib_key_bit(key, (*link)->len)];
	return link;
}

/* Put @n in at @link, above the node that is there. */
static void put_above(struct rib_node **link, struct rib_node *n)
{
	if (*link)
		n->child[fib_key_bit((*link)->key, n->len)] = *link;
	*link = n;
}

struct rib_node *rib_add_or_null(struct rib *r, struct fib_key key, unsigned len)
{
	struct rib_node **link = find_link(r, key, len);
	struct rib_node *at = *link, *n, *join;
	unsigned common;

	if (at && at->len == len && fib_key_agrees(at->key, key, len)) {
		r->n_prefixes += !at->is_prefix;
		at->is_prefix = true;
		return at;
	}
	n = new_node_or_null(key, len);
	if (!n)
		return NULL;
	common = at ? smaller(fib_key_common(at->key, key), smaller(at->len, len)) : len;
	if (common < len) { /* @at goes another way: both below a node that joins them */
		join = new_node_or_null(key, common);
		if (!join) {
			free(n);
			return NULL;
		}
		put_above(link, join);
		join->child[fib_key_bit(key, common)] = n;
	} else {
		put_above(link, n);
	}
	n->is_prefix = true;
	r->n_prefixes++;
	return n;
}

struct rib_node *rib_find_or_null(const struct rib *r, struct fib_key key, unsigned len)
{
	struct rib_node *n = *find_link((struct rib *)r, key, len);

	return n && n->is_prefix && n->len == len && fib_key_agrees(n->key, key, len) ? n : NULL;
}

/* A node that is no prefix and has not two children has no reason to be. */
static void collapse(struct rib_node **link)
{
	struct rib_node *n = *link;

	if (!n || n->is_prefix || (n->child[0] && n->child[1]))
		return;
	*link = n->child[0] ? n->child[0] : n->child[1];
	free(n);
}

void rib_remove(struct rib *r, struct fib_key key, unsigned len)
{
	struct rib_node **link = &r->root, **parent = NULL;

	while (*link && (*link)->len < len) {
		parent = link;
		link = &(*link)->child[fib_key_bit(key, (*link)->len)];
	}
	invariant(*link && (*link)->len == len && fib_key_agrees((*link)->key, key, len) &&
		  (*link)->is_prefix);
	(*link)->is_prefix = false;
	(*link)->leaf = 0;
	(*link)->owner = NULL;
	r->n_prefixes--;
	collapse(link);
	if (parent)
		collapse(parent);
}

struct rib_node *rib_match_or_null(const struct rib *r, struct fib_key key, unsigned max_len)
{
	struct rib_node *n = r->root, *best = NULL;

	while (n && n->len <= max_len && fib_key_agrees(n->key, key, n->len)) {
		if (n->leaf)
			best = n;
		if (n->len == FIB_KEY_BITS)
			break;
		n = n->child[fib_key_bit(key, n->len)];
	}
	return best;
}

struct rib_node *rib_below_or_null(const struct rib *r, struct fib_key key, unsigned depth)
{
	struct rib_node *n = *find_link((struct rib *)r, key, depth);

	return n && n->len >= depth && fib_key_agrees(n->key, key, depth) ? n : NULL;
}

static bool is_before(const struct rib_node *n, struct fib_key key, unsigned len)
{
	return fib_key_before(n->key, key) || (fib_key_equal(n->key, key) && n->len < len);
}

static bool walk_below(const struct rib_node *n, struct fib_key from, unsigned from_len,
		       bool (*visit)(const struct rib_node *, void *), void *context)
{
	if (!n || fib_key_before(fib_key_or(n->key, fib_key_not(fib_key_mask(n->len))), from))
		return true; /* all of it lies before @from */
	if (n->is_prefix && !is_before(n, from, from_len) && !visit(n, context))
		return false;
	return walk_below(n->child[0], from, from_len, visit, context) &&
	       walk_below(n->child[1], from, from_len, visit, context);
}

void rib_walk(const struct rib *r, struct fib_key from, unsigned from_len,
	      bool (*visit)(const struct rib_node *n, void *context), void *context)
{
	walk_below(r->root, from, from_len, visit, context);
}
