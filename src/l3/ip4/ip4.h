/*
 * ip4.h - IPv4: the nodes between the link and the transports, addresses, who takes which protocol.
 *
 *   ethernet-input ──> ip4-input ──> [ip4-unicast arc] ──> ip4-lookup ──┬──> ip4-rewrite ──> out
 *                          └──> ip4-options ─────────────────┘          ├──> ip4-hold   (resolve)
 *                                                                       ├──> ip4-local ──>
 * transports transports ──> ip4-lookup                                           └──> icmp4-error ·
 * drop
 */
#ifndef CONVOY_L3_IP4_H
#define CONVOY_L3_IP4_H

#include "engine/engine.h"
#include "l3/fib/fib.h"

/* One address of an interface. */
struct ip4_address {
	struct list link;
	struct ip4_prefix prefix; /* with its host bits */
	struct ip4_stack *stack;
	uint32_t if_index;
	bool is_up; /* its routes are there */
};

/* Shared by main and workers, which only read. */
struct ip4_stack {
	struct engine *engine;
	struct fib *fib;
	struct interface_listener listener;
	struct list addresses[INTERFACES_MAX]; /* main's */
	uint32_t vrf_of[INTERFACES_MAX];       /* atomic: the VRF may be gone before its packets */
	uint32_t primary[INTERFACES_MAX];      /* atomic: first address, host order; 0 for none */
	uint32_t lender[INTERFACES_MAX]; /* atomic: whose addresses it uses; 0: unless its own */
	uint16_t local_next[256];	 /* by protocol: next_node(), 0 for nobody */
	uint16_t error_next[256];	 /* the same for ICMP errors */
	uint16_t reply_next;		 /* the same for echo replies */
	uint64_t *sent_by_shortcut;	 /* main's: packets by adjacency, l3/shortcut */
};

/* A worker's own. */
struct ip4_worker {
	struct ip4_stack *stack;
	struct fib *fib;
	uint64_t *sent;		   /* packets by adjacency; read by main */
	uint16_t next_id, id_step; /* ip4_next_id() */
};

/*
 * ip4_init - the FIB and IPv4 on every worker of @e, before the workers start. It also becomes
 * engine->module[MODULE_FIB]. ERR_NOMEM.
 */
must_check
int ip4_init(struct engine *e);

/* ip4_deinit - after the workers have stopped. */
void ip4_deinit(struct engine *e);

static inline struct ip4_stack *ip4_stack_of(const struct engine *e)
{
	return e->module[MODULE_IP4];
}

static inline struct ip4_worker *ip4_of(const struct worker *w)
{
	return w->module[MODULE_IP4];
}

/*
 * ip4_next_id - the identification of a packet that may be cut on its way (RFC 6864 §4.3): workers
 * take turns, so that two of them never use the same one at the same time.
 */
static inline be16 ip4_next_id(const struct worker *w)
{
	struct ip4_worker *iw = ip4_of(w);
	uint16_t id = iw->next_id;

	iw->next_id = (uint16_t)(id > UINT16_MAX - iw->id_step ? w->index : id + iw->id_step);
	return be16_of(id);
}

/*
 * ip4_register_protocol - deliver packets of IP protocol @protocol to the node @node_name.
 * Packets arrive whole (reassembled), with l3_at and l4_at set, data from the IP header on, header
 * and L4 checksum verified for ICMP, TCP and UDP. ERR_NOENT without such a node, ERR_EXIST.
 */
must_check
int ip4_register_protocol(struct engine *e, uint8_t protocol, const char *node_name);

/* ip4_is_local - true if @addr is an address of ours in VRF @vrf. Main or workers. */
static inline bool ip4_is_local(const struct fib *f, uint32_t vrf, be32 addr)
{
	const struct vrf *v = fib_vrf_or_null(f, vrf);

	return v && fib_lookup(f, v, host32(addr), 0)->kind == ADJACENCY_LOCAL;
}

/* ip4_primary - the first address of an interface, 0.0.0.0 if it has none. Main or workers. */
static inline be32 ip4_primary(const struct ip4_stack *s, uint32_t if_index)
{
	return be32_of(__atomic_load_n(&s->primary[if_index], __ATOMIC_RELAXED));
}

/* ip4_vrf_of - index of the VRF that an interface is in. Main or workers. */
static inline uint32_t ip4_vrf_of(const struct ip4_stack *s, uint32_t if_index)
{
	return __atomic_load_n(&s->vrf_of[if_index], __ATOMIC_RELAXED);
}

/* ip4_lender - the interface whose addresses @if_index uses, 0 if it is not unnumbered. */
static inline uint32_t ip4_lender(const struct ip4_stack *s, uint32_t if_index)
{
	return __atomic_load_n(&s->lender[if_index], __ATOMIC_RELAXED);
}

/* ip4_l4_len - bytes from the transport header to the end of the packet. */
static inline uint32_t ip4_l4_len(const struct buf *b)
{
	return b->total_len - (uint32_t)(b->l4_at - b->at);
}

/* ip4_l4_sum - checksum sum of those bytes, over the whole chain. */
uint64_t ip4_l4_sum(struct buf *b);

/* Nodes, for daemon/modules.c. */
extern const struct node_type ip4_input_node;
extern const struct node_type ip4_options_node;
extern const struct node_type ip4_lookup_node;
extern const struct node_type ip4_rewrite_node;
extern const struct node_type ip4_fragment_node;
extern const struct node_type ip4_local_node;
extern const struct node_type ip4_deliver_node;

#endif
