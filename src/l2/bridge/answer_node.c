/*
 * bridge-answer: ARP and Neighbor Discovery that a bridge would flood. Hears who has which address,
 * and answers for those that it knows.
 *
 *   bridge-input (to a group) ──> bridge-answer ──┬──> [arcs l2-output, …] ──> the asker's port
 *                                                 ├──> the BVI's input_node, if it has asked
 *                                                 └──> bridge-flood
 *
 * Not answered: who asks for an address that he says he has himself (a duplicate may be there), and
 * who is behind the same port as the one he asks for. RFC 826; RFC 4861 §7.2.
 */
#include "l2/bridge/answer.h"
#include "l2/bridge/bridge_private.h"
#include "l2/l2_output.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/ip_protocol.h"
#include "wire/nd.h"

enum { HEADER_MAX = ETHERNET_HDR_LEN + VLAN_TAGS_MAX * VLAN_TAG_LEN };

enum { NEXT_DROP, NEXT_FLOOD };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_FLOOD] = "bridge-flood" };

enum { NO_BRIDGE, BUSY, ANSWERED, N_REASONS };
static const struct reason reasons[] = {
	[NO_BRIDGE] = { "no-bridge", "the port is in no bridge any more" },
	[BUSY] = { "busy", "too much news on the way to main (not learnt)" },
	[ANSWERED] = { "answered", "requests that were answered (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/* Who asks for whom. */
struct question {
	struct worker *w;
	struct node *node;
	struct buf *b;
	const struct bridge_port *port;
	struct vlan_tags tags;
};

static struct slice payload_of(const struct question *q)
{
	return slice_of(buf_data(q->b) + q->tags.l3_at, (size_t)q->b->len - q->tags.l3_at);
}

static struct answer_key key_of(const struct question *q, const struct ip6_addr *addr)
{
	return (struct answer_key){ *addr, q->port->bridge->index, answer_tags(&q->tags) };
}

/* The header of the answer: it has the tags of the question, priorities too. */
static void put_header(struct writer *w, const struct question *q, const struct mac *to,
		       const struct mac *from)
{
	put_bytes(w, to->b, MAC_BYTES);
	put_bytes(w, from->b, MAC_BYTES);
	vlan_emit(w, &q->tags);
}

static void hear(const struct question *q, const struct ip6_addr *addr, const struct mac *mac,
		 bool is_router)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(q->b);
	const struct answer_key key = key_of(q, addr);

	if (!mac_equal(mac, &eth->src) || mac_is_zero(mac) || ip6_is_multicast(addr) ||
	    ip6_is_unspecified(addr))
		return;
	if (!answer_hear(q->w, &key, mac, is_router))
		node_count(q->node, BUSY, 1);
}

/* Is the station behind the port that was asked by? Then it hears the question itself. */
static bool is_behind(const struct question *q, const struct mac *mac)
{
	const struct bridges *all = bridges_of(q->w->engine);
	uint64_t key = mac_key(q->port->bridge->index, mac), value;

	return mac_find_or_null(&all->macs, mac_hash(&all->macs, key), key, &value) &&
	       mac_unpack(value).port == q->port->if_index;
}

static const struct answer *answer_or_null(const struct question *q, const struct ip6_addr *addr)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(q->b);
	const struct answer_key key = key_of(q, addr);
	const struct answer *a = answer_find_or_null(answers_of(q->w->engine), &key);

	return a && !mac_equal(&a->mac, &eth->src) && !is_behind(q, &a->mac) ? a : NULL;
}

/* Put @frame in the place of the question and send it back. */
static uint16_t send_back(const struct question *q, struct slice frame)
{
	const struct interface *i = interface_get_or_null(q->w->engine, q->b->rx_if);
	struct buf *b = q->b;

	if (!i || !__atomic_load_n(&i->up, __ATOMIC_RELAXED)) {
		b->reason = NO_BRIDGE;
		return NEXT_DROP;
	}
	buf_trim(&q->w->bufs, b, 0);
	b->at = BUF_HEADROOM;
	memcpy(buf_append(b, (unsigned)frame.len), frame.at, frame.len);
	b->l2_at = b->at;
	b->flags = BUF_LOCAL;
	b->gso_type = GSO_NONE;
	b->note = ANSWERED;
	node_count(q->node, ANSWERED, 1);
	bridge_counters_of(q->w, q->port->bridge)->answered++;
	return q->port->is_bvi ? bridge_deliver(q->w, b, i) : l2_output(q->w, b, i);
}

/* --- ARP --- */

static uint16_t take_arp(const struct question *q)
{
	uint8_t frame[HEADER_MAX + ARP_LEN];
	struct writer w = writer_of(frame, sizeof(frame));
	struct arp_hdr arp, reply;
	struct ip6_addr sender, target;
	const struct answer *a;

	if (arp_parse(payload_of(q), &arp) != 0)
		return NEXT_FLOOD;
	sender = ip6_mapped(host32(arp.sender_ip));
	target = ip6_mapped(host32(arp.target_ip));
	if (host32(arp.sender_ip) != 0)
		hear(q, &sender, &arp.sender_mac, false);
	if (host16(arp.op) != ARP_REQUEST || ip6_equal(&sender, &target))
		return NEXT_FLOOD;
	a = answer_or_null(q, &target);
	if (!a)
		return NEXT_FLOOD;
	reply = arp_of(ARP_REPLY, a->mac, arp.target_ip, arp.sender_mac, arp.sender_ip);
	put_header(&w, q, &arp.sender_mac, &a->mac);
	put_bytes(&w, &reply, sizeof(reply));
	return send_back(q, slice_of(frame, writer_len(&w)));
}

/* --- Neighbor Discovery --- */

/* The message of a packet that no router has touched; false if it is none. RFC 4861 §7.1. */
static bool parse_nd(const struct question *q, struct ip6 *ip, struct nd *nd)
{
	if (ip6_parse(payload_of(q), ip) != 0 || ip->next_header != IP_ICMP6 ||
	    ip->hop_limit != ND_HOP_LIMIT || ip->payload.len > UINT16_MAX)
		return false;
	if (!(q->b->flags & (BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK)) &&
	    !checksum_is_good(
		    ip6_pseudo_sum(&ip->src, &ip->dst, IP_ICMP6, (uint32_t)ip->payload.len) +
		    checksum_sum(ip->payload.at, ip->payload.len)))
		return false;
	return nd_parse(ip->payload, nd) == 0;
}

static void hear_nd(const struct question *q, const struct ip6 *ip, const struct nd *nd)
{
	if (nd->type == ICMP6_NEIGHBOR_ADVERT && nd->has_target_mac)
		hear(q, &nd->target, &nd->target_mac, nd->flags & ND_ROUTER);
	else if (nd->type == ICMP6_ROUTER_ADVERT && nd->has_source_mac && nd->lifetime_s > 0)
		hear(q, &ip->src, &nd->source_mac, true);
	else if (nd->type == ICMP6_NEIGHBOR_SOLICIT && nd->has_source_mac)
		hear(q, &ip->src, &nd->source_mac, false);
}

/* To all nodes if the asker has no address yet: he looks for duplicates. RFC 4861 §7.2.4. */
static uint16_t advertise(const struct question *q, const struct ip6 *ip, const struct nd *nd,
			  const struct answer *a)
{
	static const struct ip6_addr all_nodes = { { 0xff, 2, [15] = 1 } };
	bool is_probe = ip6_is_unspecified(&ip->src);
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(q->b);
	const struct ip6_addr dst = is_probe ? all_nodes : ip->src;
	const struct mac to = is_probe ? nd_group_mac(&all_nodes) : eth->src;
	const struct nd advert = { .type = ICMP6_NEIGHBOR_ADVERT,
				   .flags = (uint8_t)(ND_OVERRIDE | (is_probe ? 0 : ND_SOLICITED) |
						      (a->is_router ? ND_ROUTER : 0)),
				   .target = nd->target,
				   .has_target_mac = true,
				   .target_mac = a->mac };
	uint8_t message[ND_MESSAGE_MAX], frame[HEADER_MAX + IP6_HDR_LEN + ND_MESSAGE_MAX];
	struct writer m = writer_of(message, sizeof(message));
	struct writer w = writer_of(frame, sizeof(frame));
	struct ip6 out = {
		.next_header = IP_ICMP6, .hop_limit = ND_HOP_LIMIT, .src = nd->target, .dst = dst
	};

	nd_emit(&m, &advert, &out.src, &out.dst);
	out.payload = slice_of(message, writer_len(&m));
	put_header(&w, q, &to, &a->mac);
	ip6_emit(&w, &out);
	return send_back(q, slice_of(frame, writer_len(&w)));
}

static uint16_t take_nd(const struct question *q)
{
	const struct answer *a;
	struct ip6 ip;
	struct nd nd;

	if (!parse_nd(q, &ip, &nd))
		return NEXT_FLOOD;
	hear_nd(q, &ip, &nd);
	if (nd.type != ICMP6_NEIGHBOR_SOLICIT)
		return NEXT_FLOOD;
	a = answer_or_null(q, &nd.target);
	return a ? advertise(q, &ip, &nd, a) : NEXT_FLOOD;
}

static uint16_t take(struct worker *w, struct node *node, struct buf *b)
{
	struct question q = { w, node, b, rcu_load(bridges_of(w->engine)->port[b->rx_if]), { 0 } };

	if (!q.port) {
		b->reason = NO_BRIDGE;
		return NEXT_DROP;
	}
	if (vlan_parse(slice_of(buf_data(b), b->len), &q.tags) != 0)
		return NEXT_FLOOD;
	if (q.tags.type == ETHERNET_ARP)
		return take_arp(&q);
	return q.tags.type == ETHERNET_IP6 ? take_nd(&q) : NEXT_FLOOD;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		buf_prefetch_data(b[i + 4]);
		next[i] = take(w, node, b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

static void trace(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	bridge_trace(out, e, hop);
	put_text(out, hop->note == ANSWERED ? ", answered" : ", not answered");
}

const struct node_type bridge_answer_node = {
	.name = "bridge-answer",
	.run = run,
	.trace_print = trace,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
