/* gro.c - receive coalescing within a burst: a pure state machine over buffers. */
#include <string.h>

#include "functions/offload/gro.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

enum { L3_OFF = ETHERNET_HDR_LEN };

/* An Ethernet frame with TCP over plain IPv4 or IPv6 that is all in one buffer. */
struct segment {
	struct buf *b;
	bool ip6;
	unsigned l4_off; /* of the TCP header, from the frame's first byte */
	unsigned l4_len; /* of TCP header and payload; padding may follow */
};

static struct ip4_hdr *ip4_of(struct buf *b)
{
	return (struct ip4_hdr *)(void *)(buf_data(b) + L3_OFF);
}

static struct ip6_hdr *ip6_of_buf(struct buf *b)
{
	return (struct ip6_hdr *)(void *)(buf_data(b) + L3_OFF);
}

static struct tcp_hdr *tcp_of(struct buf *b, unsigned l4_off)
{
	return (struct tcp_hdr *)(void *)(buf_data(b) + l4_off);
}

static bool take_ip4(struct segment *s)
{
	const struct ip4_hdr *ip = ip4_of(s->b);

	s->l4_off = L3_OFF + IP4_HDR_LEN;
	if (s->b->len < s->l4_off + TCP_HDR_LEN || ip->ver_ihl != IP4_VER_IHL ||
	    ip->protocol != IP_TCP || ip4_is_fragment(ip) || host16(ip->len) < IP4_HDR_LEN)
		return false;
	s->l4_len = host16(ip->len) - (unsigned)IP4_HDR_LEN;
	return true;
}

static bool take_ip6(struct segment *s)
{
	const struct ip6_hdr *ip = ip6_of_buf(s->b);

	s->ip6 = true;
	s->l4_off = L3_OFF + IP6_HDR_LEN;
	if (s->b->len < s->l4_off + TCP_HDR_LEN || ip6_version(ip) != 6 ||
	    ip->next_header != IP_TCP)
		return false;
	s->l4_len = host16(ip->payload_len);
	return true;
}

static bool take_segment(struct buf *b, struct segment *out)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(b);
	unsigned tcp_len;
	uint16_t type;

	*out = (struct segment){ .b = b };
	if (b->next || b->len < ETHERNET_HDR_LEN || b->gso_type != GSO_NONE)
		return false;
	type = host16(eth->type);
	if (type != ETHERNET_IP4 && type != ETHERNET_IP6)
		return false;
	if (!(type == ETHERNET_IP4 ? take_ip4(out) : take_ip6(out)))
		return false;
	tcp_len = tcp_hdr_len(tcp_of(b, out->l4_off));
	return tcp_len >= TCP_HDR_LEN && tcp_len <= out->l4_len &&
	       out->l4_off + out->l4_len <= b->len;
}

static uint64_t pseudo_sum(struct buf *b, bool ip6, unsigned l4_len)
{
	const struct ip6_hdr *ip = ip6_of_buf(b);

	if (ip6)
		return ip6_pseudo_sum(&ip->src, &ip->dst, IP_TCP, l4_len);
	return checksum_pseudo4(ip4_of(b)->src, ip4_of(b)->dst, IP_TCP, (uint16_t)l4_len);
}

static bool checksums_are_good(const struct segment *s)
{
	struct buf *b = s->b;

	if (!s->ip6 && !checksum_is_good(checksum_ip4_header(ip4_of(b))))
		return false;
	if (b->flags & BUF_L4_CSUM_OK)
		return true;
	if (!checksum_is_good(checksum_sum(tcp_of(b, s->l4_off), s->l4_len) +
			      pseudo_sum(b, s->ip6, s->l4_len)))
		return false;
	b->flags |= BUF_L4_CSUM_OK;
	return true;
}

/* Both addresses and both ports stand side by side, in either family. */
static bool is_of_flow(const struct gro_flow *f, const struct segment *s)
{
	unsigned len = s->ip6 ? 2 * IP6_ADDR_BYTES + 4 : 12;
	unsigned from = s->l4_off + 4 - len;

	return f->first && f->ip6 == s->ip6 &&
	       memcmp(buf_data(f->first) + from, buf_data(s->b) + from, len) == 0;
}

static bool same_ip(struct buf *a, struct buf *b, bool ip6)
{
	const struct ip4_hdr *x = ip4_of(a), *y = ip4_of(b);
	const struct ip6_hdr *p = ip6_of_buf(a), *q = ip6_of_buf(b);

	if (ip6)
		return memcmp(p->ver_class_flow.b, q->ver_class_flow.b, 4) == 0 &&
		       p->hop_limit == q->hop_limit;
	return x->tos == y->tos && x->ttl == y->ttl && memcmp(x->frag.b, y->frag.b, 2) == 0;
}

/* All that a segment of one super-segment shares with the others. */
static bool same_headers(const struct gro_flow *f, const struct segment *s)
{
	const struct tcp_hdr *x = tcp_of(f->first, s->l4_off), *y = tcp_of(s->b, s->l4_off);

	return memcmp(buf_data(f->first), buf_data(s->b), ETHERNET_HDR_LEN) == 0 &&
	       same_ip(f->first, s->b, s->ip6) && memcmp(x->ack.b, y->ack.b, 4) == 0 &&
	       memcmp(x->window.b, y->window.b, 2) == 0 &&
	       x->offset_reserved == y->offset_reserved &&
	       memcmp(x + 1, y + 1, f->hdr_len - s->l4_off - TCP_HDR_LEN) == 0;
}

static struct gro_flow *find(struct gro *g, const struct segment *s)
{
	for (unsigned i = 0; i < g->n; i++)
		if (is_of_flow(&g->flow[i], s))
			return &g->flow[i];
	return NULL;
}

static void finish_ip4(struct buf *b)
{
	struct ip4_hdr *ip = ip4_of(b);

	ip->len = be16_of((uint16_t)(b->total_len - L3_OFF));
	ip->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_ip4_header(ip));
}

/* Length, checksum and lanes of the whole. */
static void close_flow(struct gro_flow *f)
{
	unsigned l4_off = L3_OFF + (f->ip6 ? IP6_HDR_LEN : IP4_HDR_LEN);
	struct buf *b = f->first;

	f->first = NULL;
	if (f->n_segments == 1)
		return;
	if (f->ip6)
		ip6_of_buf(b)->payload_len = be16_of((uint16_t)(b->total_len - l4_off));
	else
		finish_ip4(b);
	tcp_of(b, l4_off)->checksum = checksum_raw(pseudo_sum(b, f->ip6, b->total_len - l4_off));
	b->flags |= BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK;
	b->l4_at = (uint16_t)(b->at + l4_off);
	b->csum_off = CSUM_OFF_TCP;
	b->gso_type = f->ip6 ? GSO_TCP6 : GSO_TCP4;
	b->gso_size = f->size;
}

static void open_flow(struct gro *g, const struct segment *s, uint32_t payload)
{
	const struct tcp_hdr *tcp = tcp_of(s->b, s->l4_off);
	struct gro_flow *f = NULL;

	for (unsigned i = 0; i < g->n && !f; i++)
		if (!g->flow[i].first)
			f = &g->flow[i];
	if (!f && g->n < GRO_FLOWS)
		f = &g->flow[g->n++];
	if (!f)
		return;
	f->first = f->last = s->b;
	f->ip6 = s->ip6;
	f->size = (uint16_t)payload;
	f->hdr_len = (uint16_t)(s->l4_off + tcp_hdr_len(tcp));
	f->n_segments = 1;
	f->next_seq = host32(tcp->seq) + payload;
}

static bool append(struct gro_flow *f, const struct segment *s, uint32_t payload)
{
	struct tcp_hdr *tcp = tcp_of(s->b, s->l4_off);
	bool push = tcp->flags & TCP_PSH;

	if (payload > f->size || host32(tcp->seq) != f->next_seq ||
	    f->first->total_len - L3_OFF + payload > IP4_MAX_LEN || !same_headers(f, s))
		return false;
	tcp_of(f->first, s->l4_off)->flags |= tcp->flags & TCP_PSH;
	buf_pull(s->b, f->hdr_len);
	f->last->next = s->b->self;
	f->last = s->b;
	f->first->total_len += payload;
	f->next_seq += payload;
	f->n_segments++;
	if (payload < f->size || push)
		close_flow(f);
	return true;
}

bool gro_add(struct gro *g, struct buf *b)
{
	struct segment s;
	struct gro_flow *f;
	uint32_t payload;
	uint8_t flags;
	bool plain;

	if (!take_segment(b, &s))
		return false;
	f = find(g, &s);
	flags = tcp_of(b, s.l4_off)->flags;
	payload = s.l4_len - tcp_hdr_len(tcp_of(b, s.l4_off));
	plain = payload > 0 && (flags & ~TCP_PSH) == TCP_ACK && checksums_are_good(&s);
	if (plain) {
		/* Link-layer padding would end up inside the stream. */
		b->len = (uint16_t)(s.l4_off + s.l4_len);
		b->total_len = b->len;
		if (f && append(f, &s, payload))
			return true;
	}
	if (f)
		close_flow(f);
	if (plain && !(flags & TCP_PSH))
		open_flow(g, &s, payload);
	return false;
}

void gro_finish(struct gro *g)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->flow[i].first)
			close_flow(&g->flow[i]);
	g->n = 0;
}
