/*
 * ethernet-input: takes the Ethernet header off and sends each frame on by its type.
 *
 *   device-input ──> ethernet-input ──┬──> ip4-input, ip6-input
 *                                     ├──> arp-input
 *                                     ├──> vlan-input   tagged: a priority tag?
 *                                     └──> drop         see reasons[]
 *
 * Frames for other stations, which a tap or a switch that floods delivers, stop here. IEEE 802.3.
 */
#include "l2/ethernet/ethernet.h"

#include "engine/interface.h"
#include "l2/l2_trace.h"
#include "wire/vlan.h"

enum { NEXT_DROP, NEXT_IP4, NEXT_IP6, NEXT_ARP, NEXT_VLAN };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",	  [NEXT_IP4] = "ip4-input",   [NEXT_IP6] = "ip6-input",
	[NEXT_ARP] = "arp-input", [NEXT_VLAN] = "vlan-input",
};

enum { SHORT, OTHER_STATION, BAD_SOURCE, LLC, UNKNOWN_TYPE, N_REASONS };
static const struct reason reasons[] = {
	[SHORT] = { "short", "shorter than an Ethernet header" },
	[OTHER_STATION] = { "other-station", "unicast to another MAC address" },
	[BAD_SOURCE] = { "source", "the source MAC address is a group address" },
	[LLC] = { "llc", "an IEEE 802.3 length in the place of a type" },
	[UNKNOWN_TYPE] = { "unknown-type", "no protocol here has this Ethernet type" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

/*
 * Frames of an interface that has subinterfaces have been to vlan-input before. Here a tag is there
 * for its priority only, or it is wrong.
 */
static uint16_t send_tagged(struct buf *b)
{
	b->flags &= ~(uint32_t)(BUF_LINK_BROADCAST | BUF_LINK_MULTICAST);
	buf_push(b, ETHERNET_HDR_LEN);
	return NEXT_VLAN;
}

static no_inline uint16_t send_rare_type(struct buf *b, uint16_t type)
{
	switch (type) {
	case ETHERNET_VLAN:
	case ETHERNET_QINQ:
		return send_tagged(b);
	default:
		return drop(b, type < ETHERNET_MIN_TYPE ? LLC : UNKNOWN_TYPE);
	}
}

/* Who receives: the station behind one interface. Neighbours in a frame mostly have the same. */
struct station {
	uint32_t if_index;
	uint64_t start; /* what a frame to it starts with, in the bits of START */
};

/* Of the first eight bytes: destination, and the bit that says that the source is a group. */
#define START 0x0001ffffffffffffu

static no_inline struct station station_of(const struct worker *w, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(w->engine, if_index);
	struct station s = { if_index, UINT64_MAX /* matches nothing */ };

	if (i) {
		s.start = 0;
		memcpy(&s.start, i->mac, sizeof(i->mac));
	}
	return s;
}

enum { TAKE_IT = 0xffff };

/*
 * The frame is not from one station to ours. Group addresses are for us too; what is inside
 * decides. Returns where it goes, or TAKE_IT.
 */
static no_inline uint16_t check_odd(struct buf *b, const struct station *s)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)buf_data(b);
	uint64_t dst = 0;

	memcpy(&dst, eth->dst.b, sizeof(eth->dst));
	if (mac_is_group(&eth->dst))
		b->flags |= mac_equal(&eth->dst, &mac_broadcast) ? BUF_LINK_BROADCAST
								 : BUF_LINK_MULTICAST;
	else if (dst != s->start)
		return drop(b, OTHER_STATION);
	return mac_is_group(&eth->src) ? drop(b, BAD_SOURCE) : (uint16_t)TAKE_IT;
}

static inline uint16_t choose(const struct station *s, struct buf *b)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)buf_data(b);
	uint64_t start;
	uint16_t type;

	if (unlikely(b->len < ETHERNET_HDR_LEN))
		return drop(b, SHORT);
	memcpy(&start, eth, sizeof(start));
	if (unlikely((start & START) != s->start)) {
		uint16_t next = check_odd(b, s);

		if (next != TAKE_IT)
			return next;
	}
	type = host16(eth->type);
	b->l2_at = b->at;
	buf_pull(b, ETHERNET_HDR_LEN);
	b->l3_at = b->at;
	if (likely(type == ETHERNET_IP4))
		return NEXT_IP4;
	if (likely(type == ETHERNET_IP6))
		return NEXT_IP6;
	if (type == ETHERNET_ARP)
		return NEXT_ARP;
	return send_rare_type(b, type);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct station s;

	frame_bufs(f, b);
	s = station_of(w, b[0]->rx_if);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		buf_prefetch_data(b[i + 4]);
		if (unlikely(b[i]->rx_if != s.if_index))
			s = station_of(w, b[i]->rx_if);
		next[i] = choose(&s, b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ethernet_input_node = {
	.name = "ethernet-input",
	.run = run,
	.trace_print = l2_trace_received,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
