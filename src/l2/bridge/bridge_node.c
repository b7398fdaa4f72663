/*
 * bridge-input: a frame of a port. Learns where its source is and sends it where its destination
 * is.
 *
 *   device-input, [arc l2-input] ──┐           ┌──> [arcs l2-output, interface-output] ──> transmit
 *                       bvi-tx ────┴─> bridge-input ──> the BVI's input_node
 *                                              ├──> bridge-flood, bridge-answer   for all, or
 * unknown └──> drop
 *
 * Frames are looked at a few dozen at a time: first the addresses of all, so that the buckets of
 * the MAC table come from memory side by side, then each frame. What a port leads to is looked up
 * once for a run of frames. IEEE 802.1Q §8.6, §8.7.
 */
#include "l2/bridge/bridge_private.h"
#include "l2/l2_output.h"
#include "l2/l2_trace.h"

enum { NEXT_DROP, NEXT_FLOOD, NEXT_ANSWER };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_FLOOD] = "bridge-flood",
	[NEXT_ANSWER] = "bridge-answer",
};

enum {
	NO_BRIDGE,
	SHORT,
	SOURCE,
	LINK_LOCAL,
	FILTERED,
	FIXED_ELSEWHERE,
	SAME_PORT,
	SPLIT_HORIZON,
	DOWN,
	TOO_BIG,
	N_REASONS
};
static const struct reason reasons[] = {
	[NO_BRIDGE] = { "no-bridge", "the port is in no bridge any more" },
	[SHORT] = { "short", "shorter than an Ethernet header" },
	[SOURCE] = { "source", "the source MAC address is a group address" },
	[LINK_LOCAL] = { "link-local", "a link protocol's address: 01:80:c2:00:00:00 to 0f" },
	[FILTERED] = { "filtered", "from or to a MAC address that is to be dropped" },
	[FIXED_ELSEWHERE] = { "fixed-elsewhere",
			      "the source MAC address is fixed to another port" },
	[SAME_PORT] = { "same-port", "the destination is behind the port that it came by" },
	[SPLIT_HORIZON] = { "split-horizon", "both ports are in one split-horizon group" },
	[DOWN] = { "down", "the port to send by is down" },
	[TOO_BIG] = { "too-big", "longer than the MTU of the port to send by" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { CHUNK = 16 };

/* The port that frames of a run go to. */
struct out {
	uint32_t rx_if; /* as seen from this port */
	uint32_t if_index;
	uint16_t split_horizon;
	bool is_bvi;
	uint16_t next;			   /* of frames up to @plain_len */
	uint32_t plain_len;		   /* 0: none are plain */
	uint64_t gens;			   /* that a value for it must have, in place */
	const struct interface *interface; /* NULL: gone */
};

static const uint64_t port_mask = (1 << MAC_PORT_BITS) - 1;
static const uint64_t gens_and_flags = (uint64_t)((1 << (2 * MAC_GEN_BITS + MAC_FLAG_BITS)) - 1)
				       << MAC_PORT_GEN_AT;

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static no_inline struct bridge_run begin_run(const struct worker *w, const struct bridges *all,
					     uint32_t rx_if)
{
	struct bridge_run r = { .rx_if = rx_if, .stamp = mac_stamp_of(w->now_ns) };
	uint64_t port_macs, bridge_macs;
	struct mac_value v = { .port = rx_if, .stamp = r.stamp };

	r.port = rcu_load(all->port[rx_if]);
	if (!r.port)
		return r;
	r.bridge = r.port->bridge;
	r.split_horizon = __atomic_load_n(&r.port->split_horizon, __ATOMIC_RELAXED);
	port_macs = __atomic_load_n(&all->port_macs[rx_if], __ATOMIC_RELAXED);
	bridge_macs = __atomic_load_n(&all->bridge_macs[r.bridge->index], __ATOMIC_RELAXED);
	r.port_gen = macs_gen(port_macs);
	r.bridge_gen = macs_gen(bridge_macs);
	v.port_gen = macs_gen_bits(port_macs);
	v.bridge_gen = macs_gen_bits(bridge_macs);
	r.expected = mac_pack(&v);
	return r;
}

static no_inline struct out begin_out(const struct worker *w, const struct bridges *all,
				      const struct bridge_run *r, uint32_t if_index)
{
	const struct bridge_port *port = rcu_load(all->port[if_index]);
	struct mac_value v = { .bridge_gen = (uint16_t)(mac_unpack(r->expected).bridge_gen) };
	struct out o = { .rx_if = r->rx_if, .if_index = if_index };

	if (!port || port->bridge != r->bridge)
		return o;
	o.interface = interface_get_or_null(w->engine, if_index);
	o.split_horizon = __atomic_load_n(&port->split_horizon, __ATOMIC_RELAXED);
	o.is_bvi = port->is_bvi;
	v.port_gen = macs_gen_bits(__atomic_load_n(&all->port_macs[if_index], __ATOMIC_RELAXED));
	o.gens = mac_pack(&v);
	if (!o.interface || !__atomic_load_n(&o.interface->up, __ATOMIC_RELAXED) || o.is_bvi ||
	    if_index == r->rx_if || (o.split_horizon && o.split_horizon == r->split_horizon) ||
	    !l2_is_plain(w, o.interface))
		return o;
	o.plain_len = o.interface->mtu_bytes + ETHERNET_HDR_LEN;
	o.next = next_node(o.interface->tx_node);
	return o;
}

/* To a group: all of it, unless it is a link's own business. */
static no_inline uint16_t send_to_group(const struct bridge_run *r, struct buf *b,
					const struct ethernet_hdr *eth)
{
	static const struct mac link_local = { { 0x01, 0x80, 0xc2, 0, 0, 0 } };

	if (memcmp(eth->dst.b, link_local.b, 5) == 0 && eth->dst.b[5] < 0x10)
		return drop(b, LINK_LOCAL); /* IEEE 802.1Q §8.6.3 */
	if (__atomic_load_n(&r->bridge->flags, __ATOMIC_RELAXED) & BRIDGE_ANSWER)
		return NEXT_ANSWER;
	return NEXT_FLOOD;
}

/* A frame that is not plain, or a port that is not. */
static no_inline uint16_t forward_odd(struct worker *w, const struct bridge_run *r,
				      const struct out *o, struct buf *b, uint64_t value)
{
	struct mac_value v = mac_unpack(value);

	if (v.flags & MAC_FILTER)
		return drop(b, FILTERED);
	if (!o->interface || !bridge_is_current(bridges_of(w->engine), r->bridge->index, &v))
		return NEXT_FLOOD; /* flushed: as if not there */
	if (o->if_index == r->rx_if)
		return drop(b, SAME_PORT);
	if (o->split_horizon && o->split_horizon == r->split_horizon)
		return drop(b, SPLIT_HORIZON);
	if (!__atomic_load_n(&o->interface->up, __ATOMIC_RELAXED))
		return drop(b, DOWN);
	if (o->is_bvi)
		return bridge_deliver(w, b, o->interface);
	if (!l2_fits(o->interface, b))
		return drop(b, TOO_BIG);
	return l2_output(w, b, o->interface);
}

static inline uint16_t forward(struct worker *w, const struct bridges *all,
			       const struct bridge_run *r, struct out *o, struct buf *b,
			       uint64_t value)
{
	uint32_t if_index = (uint32_t)(value & port_mask);

	if (unlikely(if_index != o->if_index))
		*o = begin_out(w, all, r, if_index);
	if (unlikely((value & gens_and_flags) != o->gens || b->total_len > o->plain_len ||
		     b->gso_type != GSO_NONE))
		return forward_odd(w, r, o, b, value);
	b->tx_if = if_index;
	return o->next;
}

/* What is found out about a frame before its turn comes. */
struct look {
	uint64_t source, source_hash;
	uint64_t destination, destination_hash;
};

static inline void look_at(const struct bridges *all, const struct bridge_run *r, struct buf *b,
			   struct look *l)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(b);
	uint32_t bridge = r->bridge ? r->bridge->index : 0;

	l->source = mac_key(bridge, &eth->src);
	l->source_hash = mac_hash(&all->macs, l->source);
	prefetch_read(mac_bucket(&all->macs, l->source_hash, 0));
	l->destination = mac_key(bridge, &eth->dst);
	l->destination_hash = mac_hash(&all->macs, l->destination);
	prefetch_read(mac_bucket(&all->macs, l->destination_hash, 0));
}

static no_inline uint16_t refuse(struct buf *b, enum bridge_verdict verdict)
{
	return drop(b, verdict == BRIDGE_FILTERED ? FILTERED : FIXED_ELSEWHERE);
}

static inline uint16_t bridge(struct worker *w, const struct bridges *all,
			      const struct bridge_run *r, struct out *o, struct buf *b,
			      const struct look *l)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(b);
	struct mac_entry *entry;
	uint64_t value = 0;

	if (unlikely(!r->port))
		return drop(b, NO_BRIDGE);
	if (unlikely(b->len < ETHERNET_HDR_LEN))
		return drop(b, SHORT);
	if (unlikely(mac_is_group(&eth->src)))
		return drop(b, SOURCE);
	entry = mac_find_or_null(&all->macs, l->source_hash, l->source, &value);
	if (unlikely(!entry || value != r->expected)) {
		enum bridge_verdict verdict =
			bridge_learn(w, r, l->source, entry, entry ? value : 0);

		if (unlikely(b->trace))
			b->note = verdict;
		if (unlikely(verdict >= BRIDGE_FILTERED))
			return refuse(b, verdict);
	}
	if (unlikely(mac_is_group(&eth->dst)))
		return send_to_group(r, b, eth);
	if (unlikely(!mac_find_or_null(&all->macs, l->destination_hash, l->destination, &value)))
		return NEXT_FLOOD;
	return forward(w, all, r, o, b, value);
}

static void run_chunk(struct worker *w, const struct bridges *all, struct buf **b, unsigned n,
		      uint16_t *next, struct bridge_run *r, struct out *o)
{
	struct look look[CHUNK];

	for (unsigned i = 0; i < n; i++) {
		if (unlikely(b[i]->rx_if != r->rx_if))
			*r = begin_run(w, all, b[i]->rx_if);
		look_at(all, r, b[i], &look[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		if (unlikely(b[i]->rx_if != r->rx_if))
			*r = begin_run(w, all, b[i]->rx_if);
		if (unlikely(o->rx_if != r->rx_if))
			*o = (struct out){ .rx_if = r->rx_if, .if_index = UINT32_MAX };
		next[i] = bridge(w, all, r, o, b[i], &look[i]);
	}
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	const struct bridges *all = bridges_of(w->engine);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct bridge_run r = { 0 };
	struct out o = { 0 };
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n && i < CHUNK; i++) {
		buf_prefetch(b[i]);
		buf_prefetch_data(b[i]);
	}
	for (unsigned at = 0; at < f->n; at += CHUNK) {
		unsigned n = f->n - at < CHUNK ? f->n - at : CHUNK;

		for (unsigned i = at + CHUNK; i < f->n && i < at + 2 * CHUNK; i++) {
			buf_prefetch(b[i]);
			buf_prefetch_data(b[i]);
		}
		run_chunk(w, all, &b[at], n, &next[at], &r, &o);
	}
	node_send(w, node, f, next);
	return f->n;
}

void bridge_trace(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	const struct interface *i = interface_get_or_null(e, trace_buf(hop)->rx_if);
	const struct bridge *b = i ? bridge_of_port_or_null(i) : NULL;

	put_format(out, "bridge %s, port %s", b ? b->name : "gone", i ? i->name : "gone");
	l2_trace_macs(out, hop);
}

/* "…, source learned" */
static void trace(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	static const char *const said[] = {
		[BRIDGE_KNOWN] = "known",
		[BRIDGE_LEARNED] = "learned",
		[BRIDGE_MOVED] = "moved here",
		[BRIDGE_FLAPPED] = "moves too often",
		[BRIDGE_LIMITED] = "not learned: limit",
		[BRIDGE_FULL] = "not learned: table full",
		[BRIDGE_NOT_LEARNED] = "not learned",
		[BRIDGE_FILTERED] = "filtered",
		[BRIDGE_FIXED_ELSEWHERE] = "fixed behind another port",
	};

	bridge_trace(out, e, hop);
	if (hop->note < count_of(said))
		put_format(out, ", source %s", said[hop->note]);
}

const struct node_type bridge_input_node = {
	.name = "bridge-input",
	.run = run,
	.trace_print = trace,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
