/*
 * fib.h - where packets go: VRFs, routes, load-balances, adjacencies.
 *
 *   prefix ──trie──> load-balance ──bucket by flow──> adjacency ──> a neighbour's rewrite string
 *                                                               ──> local · glean · unreachable …
 *
 * Prefixes that leave by the same paths share one load-balance, so that a next hop that fails or
 * moves is one store, whatever the number of prefixes. Main owns all of it and is the only writer;
 * workers read by fib_lookup() and never wait. Indices (of load-balances, adjacencies, trie
 * blocks) are used again only when every worker has passed a quiescent state, so that an index
 * read from the table is good until the end of the turn. What outlives a turn is a handle:
 * adjacency.h.
 */
#ifndef CONVOY_L3_FIB_FIB_H
#define CONVOY_L3_FIB_FIB_H

#include "engine/rcu.h"
#include "engine/shortcut.h"
#include "l3/fib/adjacency.h"
#include "l3/fib/fib_yard.h"
#include "l3/fib/load_balance.h"
#include "l3/fib/rib.h"
#include "l3/fib/trie.h"

enum {
	VRFS_MAX = 1024,
	VRF_NAME_MAX = 32,
	VRF_DEFAULT = 0,
	FIB_ROUTES_MAX = 1 << 21, /* prefixes of all tables */
	FIB_FOLLOW_MAX = 4,	  /* adjacencies that point on, one after the other */
};
#define FIB6_LINK_LOCAL 0xfe80000000000000u /* upper half of fe80::/64 */

/* Who wants a route. Of several sources of one prefix the first here forwards. */
enum fib_source {
	FIB_SPECIAL,	/* addresses with a meaning of their own: multicast, loopback … */
	FIB_INTERFACE,	/* from the addresses of interfaces: local and connected */
	FIB_STATIC,	/* the operator's */
	FIB_DYNAMIC,	/* a routing protocol's: loaded */
	FIB_ADVERTISED, /* of routers heard of on a link: anybody there can say so */
	FIB_NEIGHBOR,	/* the /32 of a resolved neighbour */
	N_FIB_SOURCES,
};

struct fib_route {
	struct fib_route *next; /* of the same prefix, by source */
	enum fib_source source;
	uint32_t load_balance;
};

/* The prefixes of one family: as main knows them, and as workers look them up. */
struct fib_table {
	struct trie trie;
	struct rib rib;
};

/* One routing domain, for both families. */
struct vrf {
	uint32_t index;
	char name[VRF_NAME_MAX];
	struct fib_table ip4, ip6;
	struct fib *fib;
	struct fib_grave grave;
};

/* Trie blocks that are given back when every worker has passed by; one heap at a time. */
struct fib_sweep {
	struct fib_grave grave;
	struct trie_garbage waiting; /* for the workers */
	struct trie_garbage fresh;   /* since then */
	bool is_waiting;
};

/* Who wants to know that the forwarding of a prefix has changed; main. */
struct fib_watcher {
	void (*changed)(struct fib_watcher *w, struct vrf *v, struct fib_table *t,
			struct fib_key key, unsigned len);
	struct list link; /* in fib.watchers */
};

struct fib {
	struct fib_yard yard;
	struct vrf *vrf[VRFS_MAX]; /* published */
	struct adjacency_table adjacencies;
	struct load_balance_table load_balances;
	struct trie_space space;
	struct fib_sweep sweep;
	struct list watchers;
	uint32_t n_prefixes;
	struct engine *engine; /* whose shortcuts follow the routes; NULL: nobody's */
	uint32_t version; /* atomic: changes whenever an answer of any lookup may have changed */
};

/* Where the packets of a route go. */
struct fib_paths {
	const struct fib_path *path;
	unsigned n;
	bool resilient; /* load_balance.h */
};

/*
 * fib_new - with the default VRF, whose special prefixes are set. @main is the mailbox of the
 * thread that owns the result. ERR_NOMEM.
 */
must_check
int fib_new(struct mailbox *main, struct fib **out);

/* fib_free - when no worker reads it any more, and nothing waits in its yard: fib_yard.h. */
void fib_free(struct fib *f);

/*
 * fib_add_vrf - one more routing domain. ERR_EXIST (name), ERR_FULL, ERR_INVAL (the name:
 * base/name.h), ERR_NOMEM.
 */
must_check
int fib_add_vrf(struct fib *f, const char *name, struct vrf **out);

/* fib_vrf_by_name_or_null - main. */
struct vrf *fib_vrf_by_name_or_null(const struct fib *f, const char *name);

/*
 * fib_del_vrf - forget @v with the prefixes that it was made with. ERR_BUSY if others are left, or
 * if it is the default one; ERR_NOMEM.
 */
must_check
int fib_del_vrf(struct fib *f, struct vrf *v);

static inline struct vrf *fib_vrf_or_null(const struct fib *f, uint32_t index)
{
	return index < VRFS_MAX ? rcu_load(f->vrf[index]) : NULL;
}

static inline struct fib_table *fib_table_of(struct vrf *v, unsigned family)
{
	return family == 4 ? &v->ip4 : &v->ip6;
}

/*
 * fib_put, fib_take - fib_add_route() and fib_del_route() for a table of either family, with all
 * that paths can have. Further errors: those of load_balance_get().
 */
must_check
int fib_put(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
	    enum fib_source source, struct fib_paths paths);
must_check
int fib_take(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
	     enum fib_source source);

/*
 * fib_add_route - @source's route for the prefix, replacing an earlier one of the same source.
 * Host bits of the prefix are ignored. References to the adjacencies are taken, not moved.
 * ERR_INVAL without a path, ERR_FULL for more than LOAD_BALANCE_PATHS or too many prefixes,
 * ERR_NOMEM; then nothing has changed.
 */
must_check
int fib_add_route(struct fib *f, struct vrf *v, struct ip4_prefix prefix, enum fib_source source,
		  const struct fib_path *paths, unsigned n_paths);

/* fib_del_route - ERR_NOENT if @source has no route for exactly this prefix; ERR_NOMEM. */
must_check
int fib_del_route(struct fib *f, struct vrf *v, struct ip4_prefix prefix, enum fib_source source);

/* fib_find_or_null - the route that forwards for exactly this prefix. */
const struct fib_route *fib_find_or_null(const struct vrf *v, struct ip4_prefix prefix);

/*
 * fib_walk - every prefix in order, from @from on; see rib_walk(). node->owner is a fib_route,
 * fib_prefix_of() and fib6_prefix_of() tell what the node stands for.
 */
void fib_walk(const struct vrf *v, struct ip4_prefix from,
	      bool (*visit)(const struct rib_node *n, void *context), void *context);

static inline struct ip4_prefix fib_prefix_of(const struct rib_node *n)
{
	return (struct ip4_prefix){ fib_key_ip4(n->key), n->len };
}

/* The same for IPv6. */
must_check
int fib6_add_route(struct fib *f, struct vrf *v, struct ip6_prefix prefix, enum fib_source source,
		   const struct fib_path *paths, unsigned n_paths);
must_check
int fib6_del_route(struct fib *f, struct vrf *v, struct ip6_prefix prefix, enum fib_source source);
const struct fib_route *fib6_find_or_null(const struct vrf *v, struct ip6_prefix prefix);
void fib6_walk(const struct vrf *v, struct ip6_prefix from,
	       bool (*visit)(const struct rib_node *n, void *context), void *context);

/*
 * Link-local addresses mean something else on each interface. RFC 4291 §2.5.6 wants zeros in their
 * bits 10 to 63; in the table, and nowhere else, bits 16 to 47 hold the interface's index instead,
 * so that each link has an fe80::/64 of its own and a lookup stays one lookup. An address of no
 * interface, or with other bits, finds fe80::/10, which is a blackhole.
 *
 * fib6_scoped - the address as the table has it; others than fe80::/64 as they are.
 */
static inline struct ip6_addr fib6_scoped(const struct ip6_addr *addr, uint32_t if_index)
{
	uint64_t hi = ip6_high(addr);

	return ip6_of(hi == FIB6_LINK_LOCAL ? hi | (uint64_t)if_index << 16 : hi, ip6_low(addr));
}

/* fib6_is_link_local - true for what is inside fe80::/10, on whatever link. */
static inline bool fib6_is_link_local(const struct fib_key *k)
{
	return k->hi >> 54 == FIB6_LINK_LOCAL >> 54;
}

/* fib6_key_on - what to look up for a packet to @dst that came by, or is to leave by, @if_index. */
static inline struct fib_key fib6_key_on(const struct ip6_addr *dst, uint32_t if_index)
{
	struct fib_key k = fib_key_of_ip6(dst);

	if (unlikely(fib6_is_link_local(&k)))
		k.hi = k.hi == FIB6_LINK_LOCAL ? k.hi | (uint64_t)if_index << 16 : FIB6_LINK_LOCAL;
	return k;
}

/* fib6_prefix_of - the prefix that @n stands for. @if_index: whose, if link-local, else 0. */
static inline struct ip6_prefix fib6_prefix_of(const struct rib_node *n, uint32_t *if_index)
{
	struct fib_key k = n->key;

	*if_index = 0;
	if (k.hi >> 48 == FIB6_LINK_LOCAL >> 48) {
		*if_index = (uint32_t)(k.hi >> 16);
		k.hi = FIB6_LINK_LOCAL;
	}
	return (struct ip6_prefix){ fib_key_ip6(k), n->len };
}

/* fib_touch - something behind the routes changed: cached answers are to be looked up again. */
static inline void fib_touch(struct fib *f)
{
	__atomic_fetch_add(&f->version, 1, __ATOMIC_RELEASE);
	shortcuts_doubt(f->engine);
}

/* fib_version - a cached answer is current while this number stays the same. */
static inline uint32_t fib_version(const struct fib *f)
{
	return __atomic_load_n(&f->version, __ATOMIC_ACQUIRE);
}

/*
 * fib_follow - where @a leads that points on: to a next hop that is not on a link, to another VRF.
 * Each step spreads flows by other bits of the hash. What takes more than FIB_FOLLOW_MAX steps
 * leads nowhere.
 */
const struct adjacency *fib_follow(const struct fib *f, const struct adjacency *a,
				   struct fib_key dst, unsigned family, uint32_t flow_hash);

/*
 * fib_lookup - where packets to @dst (host order) go; never NULL, never one that points on. Valid
 * until the end of the turn. @flow_hash chooses among several paths.
 */
static inline const struct adjacency *fib_lookup(const struct fib *f, const struct vrf *v,
						 uint32_t dst, uint32_t flow_hash)
{
	uint32_t leaf = trie_lookup4(&v->ip4.trie, dst);
	const struct adjacency *a = adjacency_at(
		&f->adjacencies, load_balance_pick(&f->load_balances, leaf, flow_hash));

	return likely(!adjacency_points_on(a))
		       ? a
		       : fib_follow(f, a, fib_key_of_ip4(dst), 4, flow_hash);
}

/* fib6_lookup_on - the same for IPv6; @if_index: the link that a link-local @dst is on. */
static inline const struct adjacency *fib6_lookup_on(const struct fib *f, const struct vrf *v,
						     const struct ip6_addr *dst, uint32_t if_index,
						     uint32_t flow_hash)
{
	struct fib_key key = fib6_key_on(dst, if_index);
	uint32_t leaf = trie_lookup6(&v->ip6.trie, key);
	const struct adjacency *a = adjacency_at(
		&f->adjacencies, load_balance_pick(&f->load_balances, leaf, flow_hash));

	return likely(!adjacency_points_on(a)) ? a : fib_follow(f, a, key, 6, flow_hash);
}

/* fib6_lookup - the same where no link is meant: link-local addresses lead nowhere. */
static inline const struct adjacency *fib6_lookup(const struct fib *f, const struct vrf *v,
						  const struct ip6_addr *dst, uint32_t flow_hash)
{
	return fib6_lookup_on(f, v, dst, 0, flow_hash);
}

#endif
