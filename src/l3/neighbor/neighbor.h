/*
 * neighbor.h - who is on the link: IPv4 neighbours by ARP, IPv6 neighbours by Neighbor Discovery.
 *
 *   worker: ip4-hold, ip6-hold ── a packet waits ──> main: machine ── publish ──> FIB: host route,
 *           arp-input, nd-input ── somebody spoke ─────>     │                         adjacency
 *           ip4-hold, ip6-hold <── resolved, or not ─────────┘
 *
 * Main owns every neighbour; workers read adjacencies. Messages between them are embedded in
 * bounded tables of each worker, so that nothing is allocated for a packet: when a table is full
 * the packet is dropped and counted, or what was heard is not learnt.
 *
 * One table and one machine serve both families: addresses are IPv6 addresses here, IPv4 ones in
 * their mapped form (ip6_mapped()), which no wire carries.
 */
#ifndef CONVOY_L3_NEIGHBOR_H
#define CONVOY_L3_NEIGHBOR_H

#include "l3/ip4/ip4.h"
#include "l3/ip6/ip6.h"
#include "l3/neighbor/machine.h"
#include "wire/ethernet.h"

enum {
	NEIGHBORS_MAX = 16384, /* of both families */
	NEIGHBOR_BUCKETS = 4096,
	HOLD_ENTRIES = 256,	 /* neighbours that packets of one worker and family wait for */
	HOLD_PACKETS = 64,	 /* packets that wait for one */
	HOLD_BYTES = 128 * 1024, /* their bytes; a single packet may have more */
	HOLD_PACKETS_ALL = 2048, /* the same for all neighbours of one worker and family, … */
	HOLD_SHARE = 4,		 /* … who hold this part of all buffers at most, all together */
	HOLD_PACKETS_FEW = 4,	 /* packets that wait for one while half of all that is taken */
	HOLD_BUCKETS = 64,
	NEWS_ENTRIES = 64,  /* messages about what was heard, on their way from one worker */
	EVENT_ENTRIES = 16, /* the same about the link itself */
};

struct neighbor {
	struct list hash_link;
	struct list age_link; /* oldest confirmation first */
	struct list waiters;  /* hold_entry.waiter */
	struct timer timer;
	struct neighbor_machine machine;
	struct neighbors *table;
	uint32_t if_index;
	struct ip6_addr addr;
	uint32_t adjacency; /* ADJACENCY_NONE while nobody needs one */
	uint32_t n_pins;    /* routes that use it as next hop */
	uint64_t sent_seen; /* of adjacency, when last looked at */
	struct mac mac;
	bool has_route; /* its host route is in the FIB */
	bool is_router; /* it says so in its advertisements */
};

/* Main's table. */
struct neighbors {
	struct engine *engine;
	struct interface_listener listener;
	struct wheel wheel;
	uint64_t seed;
	uint32_t n;
	uint64_t n_probes_sent, n_failed, n_evicted, n_refused;
	struct list oldest;
	struct list bucket[NEIGHBOR_BUCKETS];
	struct neighbor_proxies *proxies[INTERFACES_MAX]; /* published; proxy.h */
};

/* neighbor_init - after ip4_init() and ip6_init(), before the workers start. ERR_NOMEM. */
must_check
int neighbor_init(struct engine *e);
void neighbor_deinit(struct engine *e);

/*
 * neighbor_tick - main, some times a second: fire what is due at @now_ns. One call in
 * NEIGHBOR_TICK_NS keeps every deadline within that time.
 */
void neighbor_tick(struct engine *e, uint64_t now_ns);
#define NEIGHBOR_TICK_NS ((uint64_t)100 * NS_PER_MS)

static inline bool neighbor_is_ip4(const struct neighbor *n)
{
	return ip6_is_mapped(&n->addr);
}

/*
 * neighbor_add_static - fix the address of a neighbour, which must be on the link of @if_index.
 * ERR_NOENT without such an interface, ERR_INVAL for a group or zero MAC address,
 * ERR_UNREACHABLE if the address is not in a prefix of the interface, ERR_FULL, ERR_NOMEM.
 */
must_check
int neighbor_add_static(struct engine *e, uint32_t if_index, const struct ip6_addr *addr,
			const struct mac *mac);

/* neighbor_del - forget a neighbour, fixed or learnt. ERR_NOENT. */
must_check
int neighbor_del(struct engine *e, uint32_t if_index, const struct ip6_addr *addr);

/*
 * neighbor6_pin - the adjacency of a next hop, which stays until it is unpinned; not resolved
 * before a packet needs it. ERR_FULL, ERR_NOMEM.
 */
must_check
int neighbor6_pin(struct engine *e, uint32_t if_index, const struct ip6_addr *addr,
		  uint32_t *adjacency);
void neighbor6_unpin(struct engine *e, uint32_t if_index, const struct ip6_addr *addr);

/* neighbor_pin, neighbor_unpin - the same for an IPv4 address, host order. */
must_check
static inline int neighbor_pin(struct engine *e, uint32_t if_index, uint32_t addr,
			       uint32_t *adjacency)
{
	struct ip6_addr mapped = ip6_mapped(addr);

	return neighbor6_pin(e, if_index, &mapped, adjacency);
}

static inline void neighbor_unpin(struct engine *e, uint32_t if_index, uint32_t addr)
{
	struct ip6_addr mapped = ip6_mapped(addr);

	neighbor6_unpin(e, if_index, &mapped);
}

/* neighbor_announce - tell the link that @addr is here, by a gratuitous ARP. RFC 5227 §2.3. */
void neighbor_announce(struct engine *e, uint32_t if_index, be32 addr);

/* neighbor6_forget_link - IPv6 ends on this link: forget who was there. */
void neighbor6_forget_link(struct engine *e, uint32_t if_index);

/*
 * neighbors_forget_off_link - a prefix of the link is gone: forget who was learnt in it, or packets
 * would still go to him by his own route.
 */
void neighbors_forget_off_link(struct engine *e, uint32_t if_index);

/*
 * Of l3/vrf: neighbors_leave takes the routes to the neighbours of a link out of its VRF,
 * neighbors_join puts them into the one that it is in then. The neighbours stay, and who sends to
 * them by a next hop.
 */
void neighbors_leave(struct engine *e, uint32_t if_index);
void neighbors_join(struct engine *e, uint32_t if_index);

/* What main's table has seen since the start. */
struct neighbor_counts {
	uint32_t n;	    /* neighbours now, of NEIGHBORS_MAX */
	uint64_t n_asked;   /* requests and solicitations sent */
	uint64_t n_failed;  /* neighbours that did not answer */
	uint64_t n_evicted; /* given up for newer ones: the table was full */
	uint64_t n_refused; /* not taken: it was full of those that routes or people hold on to */
};

struct neighbor_counts neighbor_counts(const struct engine *e);

/* Packets of a worker and family that wait for neighbours, and how many may. */
struct neighbor_held {
	uint32_t n, max;
};

struct neighbor_held neighbor_held(const struct worker *w, bool is_ip4);

/* neighbor_walk - call @visit for each neighbour, oldest first, until it returns false. */
void neighbor_walk(const struct engine *e, bool (*visit)(const struct neighbor *n, void *context),
		   void *context);

extern const struct node_type ip4_hold_node;
extern const struct node_type ip6_hold_node;
extern const struct node_type arp_input_node;
extern const struct node_type nd_input_node;

#endif
