/*
 * ip6.h - IPv6: the nodes between the link and the transports, who takes which protocol, and what
 * workers know about addresses.
 *
 *   ethernet-input ──> ip6-input ──> [ip6-unicast arc] ──> ip6-lookup ──┬──> ip6-rewrite ──> out
 *                          └──> ip6-hop-by-hop ────────────┘            ├──> ip6-hold   (resolve)
 *                                                                       ├──> ip6-local ──>
 * transports transports ──> ip6-lookup                                           └──> icmp6-error ·
 * drop
 *
 * Main keeps the addresses of each interface (address.h) and publishes an immutable view of them
 * for workers: a link without a view does not speak IPv6.
 */
#ifndef CONVOY_L3_IP6_H
#define CONVOY_L3_IP6_H

#include "engine/engine.h"
#include "l3/fib/fib.h"
#include "l3/ip4/ip4.h"
#include "l3/ip6/pmtu.h"

enum {
	IP6_ADDRESSES_MAX = 64, /* of one interface */
	IP6_ROUTERS_MAX = 4,	/* that one interface listens to */
	IP6_ON_LINK_MAX = 8,	/* prefixes of a host's link that no address is made of */
};
#define IP6_OFF 0xffffffffu /* in vrf_of: no IPv6 on this interface */

/* The life of an address. RFC 4862 §5.4, §5.5.4. */
enum ip6_address_state {
	IP6_TENTATIVE, /* being checked: not used, packets to it are not taken */
	IP6_PREFERRED,
	IP6_DEPRECATED, /* taken, but not chosen for what is new */
	IP6_DUPLICATED, /* somebody else has it: not used */
};

struct ip6_view_address {
	struct ip6_prefix prefix; /* with its host bits */
	enum ip6_address_state state;
	uint32_t n_routers;
	struct ip6_addr router[IP6_ROUTERS_MAX]; /* who advertise its prefix */
};

/* What workers know about one link. Published, never changed. */
struct ip6_view {
	struct rcu_later later;
	bool is_router;	   /* it advertises itself */
	bool is_host;	   /* it listens to advertisements */
	uint8_t hop_limit; /* of packets that we send there by ourselves */
	uint32_t n_addresses;
	struct ip6_view_address address[IP6_ADDRESSES_MAX];
	uint32_t n_on_link;
	struct ip6_prefix on_link[IP6_ON_LINK_MAX]; /* others that are on the link */
};

struct ip6_link; /* main's, address.h */

/* Shared by main and workers, which only read. */
struct ip6_stack {
	struct engine *engine;
	struct fib *fib;
	struct interface_listener listener;
	struct wheel wheel; /* main's: ip6_tick() */
	struct random random;
	uint8_t secret[16]; /* of stable addresses */
	struct ip6_link *link[INTERFACES_MAX];
	struct ip6_view *view[INTERFACES_MAX]; /* published; NULL: IPv6 is off */
	uint32_t vrf_of[INTERFACES_MAX];       /* atomic; IP6_OFF where IPv6 is off */
	uint16_t local_next[256];	       /* by protocol: next_node(), 0 for nobody */
	uint16_t error_next[256];	       /* the same for ICMPv6 errors */
	uint16_t reply_next;		       /* the same for echo replies */
	struct pmtu_table path_mtus;	       /* workers write: pmtu.h */
};

/* A worker's own. */
struct ip6_worker {
	struct ip6_stack *stack;
	struct fib *fib;
	uint64_t *sent;		   /* packets by adjacency: IPv4's, which main reads */
	uint32_t next_fragment_id; /* of packets that are cut here */
};

/* ip6_init - IPv6 on every worker of @e, after ip4_init(), before the workers start. ERR_NOMEM. */
must_check
int ip6_init(struct engine *e);

/* ip6_deinit - after the workers have stopped, before ip4_deinit(). */
void ip6_deinit(struct engine *e);

/*
 * ip6_farewell - before the workers stop: tell each link that we are no router any more, and listen
 * to no group. RFC 4861 §6.2.5, RFC 3810 §6.1.
 */
void ip6_farewell(struct engine *e);

/* ip6_tick - main, some times a second: fire what is due at @now_ns. */
void ip6_tick(struct engine *e, uint64_t now_ns);

static inline struct ip6_stack *ip6_stack_of(const struct engine *e)
{
	return e->module[MODULE_IP6];
}

static inline struct ip6_worker *ip6_worker_of(const struct worker *w)
{
	return w->module[MODULE_IP6];
}

/*
 * ip6_register_protocol - deliver packets whose upper layer is @protocol to the node @node_name.
 * Packets arrive whole (reassembled), extension headers checked, with l3_at and l4_at set, ip_proto
 * naming the upper layer, data from the IPv6 header on, checksum verified for ICMPv6, TCP and UDP.
 * ERR_NOENT without such a node, ERR_EXIST.
 */
must_check
int ip6_register_protocol(struct engine *e, uint8_t protocol, const char *node_name);

/* ip6_vrf_of - index of the VRF that an interface is in, IP6_OFF for none. Main or workers. */
static inline uint32_t ip6_vrf_of(const struct ip6_stack *s, uint32_t if_index)
{
	return __atomic_load_n(&s->vrf_of[if_index], __ATOMIC_RELAXED);
}

/* ip6_view_or_null - what a worker knows about a link, until the end of the turn. */
static inline const struct ip6_view *ip6_view_or_null(const struct ip6_stack *s, uint32_t if_index)
{
	return if_index < INTERFACES_MAX ? rcu_load(s->view[if_index]) : NULL;
}

/*
 * ip6_link_of - the link that a link-local address in @b is on: the one that it came by or, for
 * what this stack made, the one in tx_if, which its maker has set.
 */
static inline uint32_t ip6_link_of(const struct buf *b)
{
	return b->flags & BUF_LOCAL ? b->tx_if : b->rx_if;
}

/* ip6_is_local - true if @addr is a usable address of ours in VRF @vrf, on @if_index if link-local.
 */
static inline bool ip6_is_local(const struct ip6_worker *iw, uint32_t vrf,
				const struct ip6_addr *addr, uint32_t if_index)
{
	const struct vrf *v = fib_vrf_or_null(iw->fib, vrf);

	return v && fib6_lookup_on(iw->fib, v, addr, if_index, 0)->kind == ADJACENCY_LOCAL;
}

/* ip6_view_is_on_link - true if @addr is link-local, or a prefix of the link has it. RFC 4861 §2.1
 */
bool ip6_view_is_on_link(const struct ip6_view *view, const struct ip6_addr *addr);

/* ip6_is_joined - true if the link's @group is listened to. */
bool ip6_is_joined(const struct ip6_view *view, const struct ip6_addr *group);

/* ip6_l4_sum - checksum sum of all from the upper layer's header on, over the whole chain. */
static inline uint64_t ip6_l4_sum(struct buf *b)
{
	return ip4_l4_sum(b); /* knows positions only */
}

/* ip6_l4_len - bytes from the upper layer's header to the end of the packet. */
static inline uint32_t ip6_l4_len(const struct buf *b)
{
	return b->total_len - (uint32_t)(b->l4_at - b->at);
}

/*
 * ip6_source_on - the address of the interface to use towards @dst, by the rules of source.h;
 * unspecified if it has none. Main or workers.
 */
struct ip6_addr ip6_source_on(const struct ip6_stack *s, uint32_t if_index,
			      const struct ip6_addr *dst);

/*
 * ip6_source_for - the address to use towards @dst, which is on @link if it is link-local; of the
 * whole VRF, the interface that it leaves by first; unspecified if none reaches as far. Workers,
 * main.
 */
struct ip6_addr ip6_source_for(const struct ip6_stack *s, uint32_t vrf, uint32_t link,
			       const struct ip6_addr *dst);

/* ip6_hop_limit_on - of packets of ours that leave by @if_index: RFC 4861 §6.3.2, CurHopLimit. */
static inline uint8_t ip6_hop_limit_on(const struct ip6_stack *s, uint32_t if_index)
{
	const struct ip6_view *view = ip6_view_or_null(s, if_index);

	return view ? view->hop_limit : IP6_DEFAULT_HOP_LIMIT;
}

/* ip6_hop_limit_for - the same of packets to @dst; arguments as of ip6_source_for(). */
uint8_t ip6_hop_limit_for(const struct ip6_stack *s, uint32_t vrf, uint32_t link,
			  const struct ip6_addr *dst);

/* Nodes, for daemon/modules.c. */
extern const struct node_type ip6_input_node;
extern const struct node_type ip6_hop_by_hop_node;
extern const struct node_type ip6_lookup_node;
extern const struct node_type ip6_rewrite_node;
extern const struct node_type ip6_fragment_node;
extern const struct node_type ip6_local_node;
extern const struct node_type ip6_deliver_node;

#endif
