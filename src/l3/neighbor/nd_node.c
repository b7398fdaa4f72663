/*
 * nd-input: Neighbor Discovery. Answers who asks for us, tells main what it hears.
 *
 *   icmp6-input ──> nd-input ──┬──> interface-output   the answer, in the same buffer
 *                              └──> drop               see reasons[]
 *
 * A hop limit of 255 proves that a message comes from the link. What somebody says of himself when
 * he asks for us is learnt; advertisements only answer our questions or correct what is known.
 * RFC 4861 §6.1, §6.2.6, §7.1, §7.2, §8.1; redirects are for hosts (§8.2). RFC 4862 §5.4.3, §5.4.4:
 * who shows up with an address that we are checking. RFC 6980: fragments are not believed.
 */
#include "l3/ip6/address.h"
#include "l3/neighbor/proxy.h"
#include "l3/neighbor/worker.h"
#include "wire/nd.h"

enum { NEXT_DROP, NEXT_OUTPUT };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop", [NEXT_OUTPUT] = "interface-output"
};

enum {
	HOP_LIMIT,
	FORMAT,
	FRAGMENTED,
	SOURCE,
	DESTINATION,
	OPTION,
	OWN,
	DUPLICATE,
	CONFLICT,
	NOT_OURS,
	OFF_LINK,
	REDIRECT,
	NO_ROUTER,
	NO_HOST,
	BUSY,
	TAKEN,
	ANSWERED,
	PROXIED,
	N_REASONS,
};
static const struct reason reasons[] = {
	[HOP_LIMIT] = { "hop-limit", "not from the link: the hop limit is under 255" },
	[FORMAT] = { "format", "too short, wrong code, or a malformed option" },
	[FRAGMENTED] = { "fragmented", "came in fragments" },
	[SOURCE] = { "source", "a source that this kind of message cannot have" },
	[DESTINATION] = { "destination", "a destination that it cannot have" },
	[OPTION] = { "option", "a link address where there must be none, or the reverse" },
	[OWN] = { "own", "our own message came back: a loop" },
	[DUPLICATE] = { "duplicate", "somebody has, or wants, an address that we are checking" },
	[CONFLICT] = { "conflict", "somebody else claims an address of ours" },
	[NOT_OURS] = { "not-ours", "about an address that is not ours" },
	[OFF_LINK] = { "off-link", "the sender's address is not on the link" },
	[REDIRECT] = { "redirect", "a router does not follow redirects" },
	[NO_ROUTER] = { "no-router", "a solicitation where nobody advertises" },
	[NO_HOST] = { "no-host", "an advertisement where nobody listens to them" },
	[BUSY] = { "busy", "too much news on the way to main (not learnt)" },
	[TAKEN] = { "taken", "messages that main has been told of" },
	[ANSWERED] = { "answered", "solicitations that were answered (not dropped)" },
	[PROXIED] = { "proxied", "those answered for somebody else (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/* One message and what is known about it. */
struct message {
	struct worker *w;
	struct node *node;
	struct buf *b;
	const struct ip6_hdr *ip;
	const struct ip6_view *view;
	struct nd nd;
};

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static bool is_mine(const struct message *m, const struct mac *mac)
{
	const struct interface *i = interface_get_or_null(m->w->engine, m->b->rx_if);

	return i && memcmp(i->mac, mac->b, MAC_BYTES) == 0;
}

static const struct ip6_view_address *find_or_null(const struct ip6_view *v,
						   const struct ip6_addr *addr)
{
	for (unsigned i = 0; i < v->n_addresses; i++)
		if (ip6_equal(&v->address[i].prefix.addr, addr))
			return &v->address[i];
	return NULL;
}

static void tell(struct message *m, const struct neighbor_news *news)
{
	if (!neighbor_tell(m->w, news))
		node_count(m->node, BUSY, 1);
}

/* Something that concerns the link itself: routers, addresses of ours. */
static uint16_t report(struct message *m, uint16_t reason)
{
	if (!nd_report(m->w, m->b->rx_if, &m->ip->src, &m->nd))
		reason = BUSY;
	return drop(m->b, reason);
}

/* The sender of a solicitation, or a router, has said its address unasked. §7.2.3, §6.2.6 */
static void learn_source(struct message *m, bool says_role, bool is_router)
{
	struct neighbor_news news = { .if_index = m->b->rx_if,
				      .addr = m->ip->src,
				      .mac = m->nd.source_mac,
				      .insists = true,
				      .has_mac = true,
				      .may_create = true,
				      .says_role = says_role,
				      .is_router = is_router };

	if (m->nd.has_source_mac && !ip6_is_unspecified(&m->ip->src))
		tell(m, &news);
}

/* Replace all behind the room for an IPv6 header by @reply. */
static void put_packet(struct message *m, const struct nd *reply, const struct ip6_addr *src,
		       const struct ip6_addr *dst)
{
	struct buf *b = m->b;
	struct writer body;

	buf_trim(&m->w->bufs, b, IP6_HDR_LEN);
	body = writer_of(buf_end(b), buf_tailroom(b));
	nd_emit(&body, reply, src, dst);
	buf_append(b, (unsigned)writer_len(&body));
	*(struct ip6_hdr *)buf_l3(b) =
		(struct ip6_hdr){ .ver_class_flow = ip6_first_word(0, 0),
				  .payload_len = be16_of((uint16_t)writer_len(&body)),
				  .next_header = IP_ICMP6,
				  .hop_limit = ND_HOP_LIMIT,
				  .src = *src,
				  .dst = *dst };
}

/* Turn the solicitation into the advertisement that answers it. §7.2.4, §7.2.8 */
static uint16_t answer(struct message *m, bool is_proxy)
{
	const struct interface *i = interface_get_or_null(m->w->engine, m->b->rx_if);
	struct ip6_addr src = m->nd.target, dst = m->ip->src;
	struct ethernet_hdr eth = { .dst = ((struct ethernet_hdr *)buf_l2(m->b))->src,
				    .type = be16_of(ETHERNET_IP6) };
	struct nd reply = { .type = ICMP6_NEIGHBOR_ADVERT,
			    .flags = m->view->is_router ? ND_ROUTER : 0,
			    .target = m->nd.target,
			    .has_target_mac = true };

	if (!i)
		return drop(m->b, NOT_OURS);
	memcpy(eth.src.b, i->mac, MAC_BYTES);
	reply.target_mac = eth.src;
	reply.flags |= is_proxy ? 0 : ND_OVERRIDE;
	if (is_proxy)
		src = ip6_link_local_of(ip6_worker_of(m->w)->stack, m->b->rx_if);
	if (ip6_is_unspecified(&dst)) { /* it is checking an address */
		dst = ip6_all_nodes();
		eth.dst = nd_group_mac(&dst);
	} else {
		reply.flags |= ND_SOLICITED;
		eth.dst = m->nd.has_source_mac ? m->nd.source_mac : eth.dst;
	}
	put_packet(m, &reply, &src, &dst);
	*(struct ethernet_hdr *)buf_push(m->b, ETHERNET_HDR_LEN) = eth;
	m->b->l2_at = m->b->at;
	m->b->flags = BUF_LOCAL;
	m->b->tx_if = m->b->rx_if;
	node_count(m->node, is_proxy ? PROXIED : ANSWERED, 1);
	return NEXT_OUTPUT;
}

static bool is_usable(const struct ip6_view_address *a)
{
	return a->state == IP6_PREFERRED || a->state == IP6_DEPRECATED;
}

/* §7.1.1, §7.2.3; RFC 4862 §5.4.3 */
static uint16_t take_neighbor_solicit(struct message *m)
{
	const struct ip6_view_address *a = find_or_null(m->view, &m->nd.target);
	struct ip6_addr asked = ip6_solicited_node(&m->nd.target);
	bool is_check = ip6_is_unspecified(&m->ip->src);

	if (is_check && !ip6_equal(&m->ip->dst, &asked))
		return drop(m->b, DESTINATION);
	if (is_check && m->nd.has_source_mac)
		return drop(m->b, OPTION);
	if (a && a->state == IP6_TENTATIVE && is_check)
		return report(m, DUPLICATE);
	if (a && !is_usable(a))
		return drop(m->b, NOT_OURS);
	if (!a && !neighbor_is_proxy(m->w->engine, m->b->rx_if, &m->nd.target))
		return drop(m->b, NOT_OURS);
	if (!is_check && !ip6_view_is_on_link(m->view, &m->ip->src))
		return drop(m->b, OFF_LINK);
	if (m->nd.has_source_mac && is_mine(m, &m->nd.source_mac))
		return drop(m->b, OWN);
	learn_source(m, false, false);
	return answer(m, !a);
}

/* §7.1.2, §7.2.5; RFC 4862 §5.4.4 */
static uint16_t take_neighbor_advert(struct message *m)
{
	const struct ip6_view_address *a = find_or_null(m->view, &m->nd.target);
	struct neighbor_news news = { .if_index = m->b->rx_if,
				      .addr = m->nd.target,
				      .mac = m->nd.target_mac,
				      .has_mac = m->nd.has_target_mac,
				      .proves = m->nd.flags & ND_SOLICITED,
				      .insists = m->nd.flags & ND_OVERRIDE,
				      .says_role = true,
				      .is_router = m->nd.flags & ND_ROUTER };

	if (ip6_is_multicast(&m->ip->dst) && m->nd.flags & ND_SOLICITED)
		return drop(m->b, DESTINATION);
	if (m->nd.has_target_mac && is_mine(m, &m->nd.target_mac))
		return drop(m->b, OWN);
	if (a && a->state == IP6_TENTATIVE)
		return report(m, DUPLICATE);
	if (a)
		return drop(m->b, CONFLICT);
	if (!ip6_view_is_on_link(m->view, &m->nd.target))
		return drop(m->b, OFF_LINK);
	tell(m, &news);
	return drop(m->b, TAKEN);
}

/* §6.1.1, §6.2.6 */
static uint16_t take_router_solicit(struct message *m)
{
	if (ip6_is_unspecified(&m->ip->src) && m->nd.has_source_mac)
		return drop(m->b, OPTION);
	if (!m->view->is_router)
		return drop(m->b, NO_ROUTER);
	if (!ip6_is_unspecified(&m->ip->src) && !ip6_view_is_on_link(m->view, &m->ip->src))
		return drop(m->b, OFF_LINK);
	learn_source(m, true, false);
	return report(m, TAKEN);
}

/* §6.1.2, §6.3.4 */
static uint16_t take_router_advert(struct message *m)
{
	if (!ip6_is_link_local(&m->ip->src))
		return drop(m->b, SOURCE);
	if (!m->view->is_host)
		return drop(m->b, NO_HOST);
	learn_source(m, true, true);
	return report(m, TAKEN);
}

static uint16_t take(struct worker *w, struct node *node, struct buf *b)
{
	struct message m = { .w = w, .node = node, .b = b, .ip = buf_l3(b) };
	uint32_t readable = (uint32_t)b->at + b->len - b->l4_at;

	m.view = ip6_view_or_null(ip6_worker_of(w)->stack, b->rx_if);
	if (!m.view || b->flags & BUF_LOCAL)
		return drop(b, OWN);
	if (b->flags & BUF_REASSEMBLED)
		return drop(b, FRAGMENTED);
	if (m.ip->hop_limit != ND_HOP_LIMIT)
		return drop(b, HOP_LIMIT);
	if (b->next || nd_parse(slice_of(buf_l4(b), readable), &m.nd) != 0)
		return drop(b, FORMAT);
	switch (m.nd.type) {
	case ICMP6_NEIGHBOR_SOLICIT:
		return take_neighbor_solicit(&m);
	case ICMP6_NEIGHBOR_ADVERT:
		return take_neighbor_advert(&m);
	case ICMP6_ROUTER_SOLICIT:
		return take_router_solicit(&m);
	case ICMP6_ROUTER_ADVERT:
		return take_router_advert(&m);
	default:
		return drop(b, REDIRECT);
	}
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

const struct node_type nd_input_node = {
	.name = "nd-input",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
