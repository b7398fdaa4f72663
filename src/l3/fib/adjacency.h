/*
 * adjacency.h - the last step of a lookup: what to do with the packet, and the bytes to put before
 * it. Published objects never change; a change publishes another one under the same index.
 */
#ifndef CONVOY_L3_FIB_ADJACENCY_H
#define CONVOY_L3_FIB_ADJACENCY_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/pool.h"
#include "engine/rcu.h"
#include "wire/ip6.h"

enum {
	ADJACENCIES_MAX = 1 << 20,
	ADJACENCY_REWRITE_MAX = 64,
	ADJACENCY_NONE = 0, /* index of the one that says: no route */
};

enum adjacency_kind {
	ADJACENCY_UNREACHABLE, /* no route: answered with ICMP */
	ADJACENCY_BLACKHOLE,   /* dropped in silence */
	ADJACENCY_PROHIBIT,    /* forbidden: answered with ICMP */
	ADJACENCY_LOCAL,       /* an address of ours */
	ADJACENCY_BROADCAST,   /* a broadcast address of an interface: received, not forwarded */
	ADJACENCY_GLEAN,       /* on the link, neighbour not known: resolve the destination */
	ADJACENCY_INCOMPLETE,  /* a next hop, address not known yet: resolve the next hop */
	ADJACENCY_REWRITE,     /* send: @rewrite is complete */
	ADJACENCY_GROUP,       /* IPv6 multicast: the interfaces say who listens */
	ADJACENCY_VIA,	       /* as the load-balance @to says: a next hop that is not on a link */
	ADJACENCY_LOOKUP,      /* look the destination up in the VRF @to */
	N_ADJACENCY_KINDS,
};

/* @family says which pair of source and next hop means something; kinds that go nowhere have none.
 */
struct adjacency {
	uint8_t kind;	     /* enum adjacency_kind */
	uint8_t rewrite_len; /* bytes of @rewrite, 0 unless ADJACENCY_REWRITE */
	uint8_t family;	     /* 4, 6, or 0 for either */
	uint8_t spare;
	uint32_t index;
	uint32_t if_index;   /* interface that it leaves by or belongs to; 0 for none */
	uint32_t mtu_bytes;  /* of the interface, without link header; 0 for none */
	uint32_t generation; /* of the index */
	uint32_t to;	     /* ADJACENCY_VIA: load-balance; ADJACENCY_LOOKUP: VRF */
	uint8_t rewrite[ADJACENCY_REWRITE_MAX];
	be32 source;		   /* IPv4: our address for packets that start here; 0 for none */
	uint32_t next_hop;	   /* IPv4, host order; 0: the destination itself */
	struct ip6_addr source6;   /* IPv6: the same; unspecified for none */
	struct ip6_addr next_hop6; /* IPv6: unspecified: the destination itself */
	struct rcu_later later;
};

/* Main's record of one index. */
struct adjacency_entry;
struct fib_yard;

struct adjacency_table {
	struct adjacency **at;	       /* [ADJACENCIES_MAX], published, never NULL below n */
	struct adjacency_entry *entry; /* [ADJACENCIES_MAX], main's */
	uint32_t n;		       /* indices ever used */
	uint32_t n_used;
	uint32_t first_free;
	struct fib_yard *yard;
};

/* adjacency_table_init - with ADJACENCY_NONE in it; ERR_NOMEM. */
must_check
int adjacency_table_init(struct adjacency_table *t, struct fib_yard *yard);
void adjacency_table_deinit(struct adjacency_table *t);

/*
 * adjacency_new - publish a copy of @value under an index of its own, with one reference.
 * Returns the index in @out, or ERR_NOMEM, ERR_FULL.
 */
must_check
int adjacency_new(struct adjacency_table *t, const struct adjacency *value, uint32_t *out);

/* adjacency_change - publish a copy of @value under @index; ERR_NOMEM and no change. */
must_check
int adjacency_change(struct adjacency_table *t, uint32_t index, const struct adjacency *value);

/*
 * adjacency_set_mtu - those of @family by interface @if_index have another MTU now. ERR_NOMEM: some
 * have not.
 */
must_check
int adjacency_set_mtu(struct adjacency_table *t, uint32_t if_index, unsigned family,
		      uint32_t mtu_bytes);

/* adjacency_get, adjacency_put - count a reference; the last one gone frees the index later. */
void adjacency_get(struct adjacency_table *t, uint32_t index);
void adjacency_put(struct adjacency_table *t, uint32_t index);

/* adjacency_is_shared - true while there is more than one reference. */
bool adjacency_is_shared(const struct adjacency_table *t, uint32_t index);

/* adjacency_users - main's list of those that have a path over @index: load_balance.c. */
struct list *adjacency_users(const struct adjacency_table *t, uint32_t index);

/* adjacency_at - what @index, read in this turn, stands for. */
static inline const struct adjacency *adjacency_at(const struct adjacency_table *t, uint32_t index)
{
	return rcu_load(t->at[index]);
}

/* adjacency_points_on - true for what fib_follow() follows; no packet stays with it. */
static inline bool adjacency_points_on(const struct adjacency *a)
{
	return a->kind >= ADJACENCY_VIA;
}

/* adjacency_handle - a name for @a that may be kept beyond the turn. */
static inline handle adjacency_handle(const struct adjacency *a)
{
	return handle_of(a->index, a->generation);
}

/* adjacency_of_or_null - what @h names now; NULL if it is gone. Good until the end of the turn. */
static inline const struct adjacency *adjacency_of_or_null(const struct adjacency_table *t,
							   handle h)
{
	const struct adjacency *a = rcu_load(t->at[handle_index(h)]);

	return a && a->generation == handle_generation(h) ? a : NULL;
}

const char *adjacency_kind_name(enum adjacency_kind kind);

#endif
