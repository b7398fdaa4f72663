/* rib.c - the path-compressed binary trie of prefixes. */
#include "l3/fib/rib.h"

#include <stdlib.h>

#include "wire/ip4.h"

static unsigned bit_of(uint32_t addr, unsigned at)
{
	return addr >> (31 - at) & 1;
}

/* True if @n and @addr agree in the first @len bits. */
static bool agrees(const struct rib_node *n, uint32_t addr, unsigned len)
{
	return ((n->addr ^ addr) & ip4_mask_of(len)) == 0;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned common_bits(uint32_t a, uint32_t b)
{
	return a == b ? 32 : (unsigned)__builtin_clz(a ^ b);
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
	free_below(r->root); /* at most 33 deep */
	rib_init(r);
}

static struct rib_node *new_node_or_null(uint32_t addr, unsigned len)
{
	struct rib_node *n = calloc(1, sizeof(*n));

	if (n) {
		n->addr = addr & ip4_mask_of(len);
		n->len = (uint8_t)len;
	}
	return n;
}

/* The link at which @addr/@len is, or would have to be put in. */
static struct rib_node **find_link(struct rib *r, uint32_t addr, unsigned len)
{
	struct rib_node **link = &r->root;

	while (*link && (*link)->len < len && agrees(*link, addr, (*link)->len))
		link = &(*link)->child[bit_of(addr, (*link)->len)];
	return link;
}

/* Put @n in at @link, above the node that is there. */
static void put_above(struct rib_node **link, struct rib_node *n)
{
	if (*link)
		n->child[bit_of((*link)->addr, n->len)] = *link;
	*link = n;
}

struct rib_node *rib_add_or_null(struct rib *r, uint32_t addr, unsigned len)
{
	struct rib_node **link = find_link(r, addr & ip4_mask_of(len), len);
	struct rib_node *at = *link, *n, *join;
	unsigned common;

	addr &= ip4_mask_of(len);
	if (at && at->len == len && at->addr == addr) {
		r->n_prefixes += !at->is_prefix;
		at->is_prefix = true;
		return at;
	}
	n = new_node_or_null(addr, len);
	if (!n)
		return NULL;
	common = at ? smaller(common_bits(at->addr, addr), smaller(at->len, len)) : len;
	if (common < len) { /* @at goes another way: both below a node that joins them */
		join = new_node_or_null(addr, common);
		if (!join) {
			free(n);
			return NULL;
		}
		put_above(link, join);
		join->child[bit_of(addr, common)] = n;
	} else {
		put_above(link, n);
	}
	n->is_prefix = true;
	r->n_prefixes++;
	return n;
}

struct rib_node *rib_find_or_null(const struct rib *r, uint32_t addr, unsigned len)
{
	struct rib_node *n = *find_link((struct rib *)r, addr, len);

	return n && n->is_prefix && n->len == len && agrees(n, addr, len) ? n : NULL;
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

void rib_remove(struct rib *r, uint32_t addr, unsigned len)
{
	struct rib_node **link = &r->root, **parent = NULL;

	while (*link && (*link)->len < len) {
		parent = link;
		link = &(*link)->child[bit_of(addr, (*link)->len)];
	}
	invariant(*link && (*link)->len == len && agrees(*link, addr, len) && (*link)->is_prefix);
	(*link)->is_prefix = false;
	(*link)->leaf = 0;
	(*link)->owner = NULL;
	r->n_prefixes--;
	collapse(link);
	if (parent)
		collapse(parent);
}

struct rib_node *rib_match_or_null(const struct rib *r, uint32_t addr, unsigned max_len)
{
	struct rib_node *n = r->root, *best = NULL;

	while (n && n->len <= max_len && agrees(n, addr, n->len)) {
		if (n->leaf)
			best = n;
		if (n->len == 32)
			break;
		n = n->child[bit_of(addr, n->len)];
	}
	return best;
}

struct rib_node *rib_below_or_null(const struct rib *r, uint32_t addr, unsigned depth)
{
	struct rib_node *n = *find_link((struct rib *)r, addr, depth);

	return n && n->len >= depth && agrees(n, addr, depth) ? n : NULL;
}

static bool is_before(const struct rib_node *n, uint32_t addr, unsigned len)
{
	return n->addr < addr || (n->addr == addr && n->len < len);
}

static bool walk_below(const struct rib_node *n, uint32_t from, unsigned from_len,
		       bool (*visit)(const struct rib_node *, void *), void *context)
{
	if (!n || (n->addr | ~ip4_mask_of(n->len)) < from)
		return true; /* all of it lies before @from */
	if (n->is_prefix && !is_before(n, from, from_len) && !visit(n, context))
		return false;
	return walk_below(n->child[0], from, from_len, visit, context) &&
	       walk_below(n->child[1], from, from_len, visit, context);
}

void rib_walk(const struct rib *r, uint32_t from, unsigned from_len,
	      bool (*visit)(const struct rib_node *n, void *context), void *context)
{
	walk_below(r->root, from, from_len, visit, context);
}
