/*
 * rib.h - the prefixes of one table of either family, for the control plane: a path-compressed
 * binary trie.
 *
 * It knows which prefix covers which, so the forwarding trie can be told what to show when a
 * prefix comes or goes. Nodes that stand for no prefix join two branches. One thread.
 */
#ifndef CONVOY_L3_FIB_RIB_H
#define CONVOY_L3_FIB_RIB_H

#include "l3/fib/key.h"

struct rib_node {
	struct rib_node *child[2]; /* by the first bit after the prefix */
	struct fib_key key;	   /* bits after @len are zero */
	uint8_t len;
	bool is_prefix; /* false: only joins its two children */
	uint32_t leaf;	/* what the forwarding trie answers below it; 0: not forwarding */
	void *owner;	/* the caller's, for a prefix */
};

struct rib {
	struct rib_node *root;
	uint32_t n_prefixes;
};

void rib_init(struct rib *r);

/* rib_deinit - free every node; owners are the caller's business. */
void rib_deinit(struct rib *r);

/* rib_add_or_null - the node of @key/@len, new if need be; NULL without memory. @len up to 128. */
struct rib_node *rib_add_or_null(struct rib *r, struct fib_key key, unsigned len);

/* rib_find_or_null - the node of exactly this prefix. */
struct rib_node *rib_find_or_null(const struct rib *r, struct fib_key key, unsigned len);

/* rib_remove - forget the prefix; asserts that it is there. */
void rib_remove(struct rib *r, struct fib_key key, unsigned len);

/* rib_match_or_null - the longest forwarding prefix that holds @key and is at most @max_len. */
struct rib_node *rib_match_or_null(const struct rib *r, struct fib_key key, unsigned max_len);

/*
 * rib_below_or_null - the top node of all that is inside @key/@depth, which may be a node of that
 * very length; NULL when nothing is.
 */
struct rib_node *rib_below_or_null(const struct rib *r, struct fib_key key, unsigned depth);

/*
 * rib_walk - call @visit for every prefix in ascending order, shorter ones first, from the first
 * that is not before @from/@from_len, until it returns false. It must not add or remove.
 */
void rib_walk(const struct rib *r, struct fib_key from, unsigned from_len,
	      bool (*visit)(const struct rib_node *n, void *context), void *context);

#endif
