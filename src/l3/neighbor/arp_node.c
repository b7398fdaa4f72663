/*
 * arp-input: answers who asks for us, and tells main what it hears.
 *
 *   ethernet-input ──> arp-input ──┬──> interface-output   the answer, in the same buffer
 *                                  └──> drop               see reasons[]
 *
 * Only addresses of the interface that the request came by are answered for, and those that it is a
 * proxy of. What is heard is learnt from answers and from requests to us; what others say to each
 * other only corrects what is known already. A host may ask with an address that it has elsewhere
 * (Linux does, for packets from one on its loopback): it is answered, and not learnt.
 * RFC 826; RFC 5227 (probes without a sender).
 */
#include "l3/neighbor/proxy.h"
#include "l3/neighbor/worker.h"
#include "wire/arp.h"

enum { NEXT_DROP, NEXT_OUTPUT };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop", [NEXT_OUTPUT] = "interface-output"
};

enum {
	SHORT,
	FORMAT,
	SENDER,
	OWN,
	CONFLICT,
	OFF_LINK,
	NOT_OURS,
	BUSY,
	REPLY_TAKEN,
	ANSWERED,
	ELSEWHERE,
	PROXIED,
	N_REASONS
};
static const struct reason reasons[] = {
	[SHORT] = { "short", "shorter than an ARP message" },
	[FORMAT] = { "format", "not for IPv4 on Ethernet, or no request or reply" },
	[SENDER] = { "sender", "the sender's MAC address is a group address or zero" },
	[OWN] = { "own", "our own message came back: a loop" },
	[CONFLICT] = { "conflict", "somebody else claims an address of ours" },
	[OFF_LINK] = { "off-link", "the sender's IP address is not in a prefix of the link" },
	[NOT_OURS] = { "not-ours", "not about an address of ours" },
	[BUSY] = { "busy", "too much news on the way to main (not learnt)" },
	[REPLY_TAKEN] = { "reply", "replies to us" },
	[ANSWERED] = { "answered", "requests that were answered (not dropped)" },
	[ELSEWHERE] = { "elsewhere", "those answered to a sender off the link (not dropped)" },
	[PROXIED] = { "proxied", "those answered for somebody else (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static void tell_main(struct worker *w, struct node *node, const struct buf *b,
		      const struct arp_hdr *arp, bool may_create)
{
	struct neighbor_news news = { .if_index = b->rx_if,
				      .addr = ip6_mapped(host32(arp->sender_ip)),
				      .mac = arp->sender_mac,
				      .has_mac = true,
				      .proves = true,
				      .insists = true,
				      .may_create = may_create };

	if (!neighbor_tell(w, &news))
		node_count(node, BUSY, 1);
}

/*
 * What the FIB knows about the address on the link that the message came by: nothing if the VRF has
 * gone with the link in this turn.
 */
static const struct adjacency *look_up(const struct ip4_worker *iw, const struct buf *b, be32 addr)
{
	const struct vrf *v = fib_vrf_or_null(iw->fib, ip4_vrf_of(iw->stack, b->rx_if));

	return v ? fib_lookup(iw->fib, v, host32(addr), 0)
		 : adjacency_at(&iw->fib->adjacencies, ADJACENCY_NONE);
}

static bool is_known(const struct adjacency *a, const struct arp_hdr *arp)
{
	return a->kind == ADJACENCY_REWRITE && a->next_hop == host32(arp->sender_ip);
}

static bool is_known_with_mac(const struct adjacency *a, const struct arp_hdr *arp)
{
	return is_known(a, arp) && memcmp(a->rewrite, arp->sender_mac.b, MAC_BYTES) == 0;
}

/* On an unnumbered link nothing says who is there. */
static bool is_on_link(const struct ip4_worker *iw, const struct adjacency *a, const struct buf *b,
		       const struct arp_hdr *arp)
{
	if (ip4_lender(iw->stack, b->rx_if))
		return true;
	return a->if_index == b->rx_if && (a->kind == ADJACENCY_GLEAN || is_known(a, arp));
}

/* An address of the interface that the message came by, or of the one that lends it its own. */
static bool is_by(const struct ip4_worker *iw, const struct adjacency *a, const struct buf *b)
{
	uint32_t lender = ip4_lender(iw->stack, b->rx_if);

	return a->if_index == b->rx_if || (lender && a->if_index == lender);
}

static bool is_own(const struct worker *w, const struct buf *b, const struct arp_hdr *arp)
{
	const struct interface *i = interface_get_or_null(w->engine, b->rx_if);

	return i && memcmp(arp->sender_mac.b, i->mac, MAC_BYTES) == 0;
}

/* Turn the request around. */
static uint16_t answer(struct worker *w, struct node *node, struct buf *b, struct arp_hdr *arp,
		       uint16_t reason)
{
	const struct interface *i = interface_get_or_null(w->engine, b->rx_if);
	struct ethernet_hdr *eth;
	struct mac mine;

	if (!i)
		return drop(b, NOT_OURS);
	memcpy(mine.b, i->mac, MAC_BYTES);
	*arp = arp_of(ARP_REPLY, mine, arp->target_ip, arp->sender_mac, arp->sender_ip);
	if (b->total_len > ARP_LEN)
		buf_trim(&w->bufs, b, ARP_LEN);
	eth = buf_push(b, ETHERNET_HDR_LEN);
	*eth = (struct ethernet_hdr){ arp->target_mac, mine, be16_of(ETHERNET_ARP) };
	b->l2_at = b->at;
	b->flags = BUF_LOCAL;
	b->tx_if = b->rx_if;
	node_count(node, reason, 1);
	return NEXT_OUTPUT;
}

/* We speak for another, except to himself: he may be checking his address. */
static bool is_proxied(const struct worker *w, const struct buf *b, const struct arp_hdr *arp)
{
	struct ip6_addr target = ip6_mapped(host32(arp->target_ip));

	return host32(arp->sender_ip) != host32(arp->target_ip) &&
	       neighbor_is_proxy(w->engine, b->rx_if, &target);
}

static uint16_t take(struct worker *w, struct node *node, struct buf *b)
{
	const struct ip4_worker *iw = ip4_of(w);
	struct arp_hdr *arp = buf_l3(b);
	const struct adjacency *sender, *target;
	bool is_request, is_to_us, is_probe;

	if (b->len < ARP_LEN)
		return drop(b, SHORT);
	is_request = host16(arp->op) == ARP_REQUEST;
	if (!arp_is_ip4_on_ethernet(arp) || (!is_request && host16(arp->op) != ARP_REPLY))
		return drop(b, FORMAT);
	if (mac_is_group(&arp->sender_mac) || mac_is_zero(&arp->sender_mac))
		return drop(b, SENDER);
	is_probe = host32(arp->sender_ip) == 0;
	sender = look_up(iw, b, arp->sender_ip);
	target = look_up(iw, b, arp->target_ip);
	is_to_us = target->kind == ADJACENCY_LOCAL && is_by(iw, target, b);
	if (sender->kind == ADJACENCY_LOCAL)
		return drop(b, is_own(w, b, arp) ? OWN : CONFLICT);
	if (!is_probe && !is_on_link(iw, sender, b, arp))
		return is_to_us && is_request ? answer(w, node, b, arp, ELSEWHERE)
					      : drop(b, OFF_LINK);
	if (!is_probe && (is_to_us || is_known(sender, arp)) &&
	    (!is_request || !is_known_with_mac(sender, arp)))
		tell_main(w, node, b, arp, is_to_us && is_request);
	if (is_to_us)
		return is_request ? answer(w, node, b, arp, ANSWERED) : drop(b, REPLY_TAKEN);
	if (is_request && is_proxied(w, b, arp))
		return answer(w, node, b, arp, PROXIED);
	return drop(b, NOT_OURS);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++)
		next[i] = take(w, node, b[i]);
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type arp_input_node = {
	.name = "arp-input",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
