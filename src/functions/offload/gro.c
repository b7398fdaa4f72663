/* gro.c - receive coalescing within a burst: a pure state machine over buffers. */
#include <string.h>

#include "functions/offload/gro.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

enum { L3_OFF = ETHERNET_HDR_LEN, L4_OFF = L3_OFF + IP4_HDR_LEN };

static struct ip4_hdr *ip_of(struct buf *b)
{
	return (struct ip4_hdr *)(void *)(buf_data(b) + L3_OFF);
}

static struct tcp_hdr *tcp_of(struct buf *b)
{
	return (struct tcp_hdr *)(void *)(buf_data(b) + L4_OFF);
}

/* An Ethernet frame with TCP over plain IPv4 that is all in one buffer. */
static bool is_tcp(struct buf *b)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(b);
	const struct ip4_hdr *ip;

	if (b->next || b->len < L4_OFF + TCP_HDR_LEN || b->gso_type != GSO_NONE)
		return false;
	ip = ip_of(b);
	return host16(eth->type) == ETHERNET_IP4 && ip->ver_ihl == IP4_VER_IHL &&
	       ip->protocol == IP_TCP && !ip4_is_fragment(ip) &&
	       host16(ip->len) + (unsigned)L3_OFF <= b->len &&
	       host16(ip->len) >= IP4_HDR_LEN + TCP_HDR_LEN &&
	       tcp_hdr_len(tcp_of(b)) >= TCP_HDR_LEN &&
	       tcp_hdr_len(tcp_of(b)) + IP4_HDR_LEN <= host16(ip->len);
}

static bool checksums_are_good(struct buf *b)
{
	const struct ip4_hdr *ip = ip_of(b);
	uint16_t l4_len = (uint16_t)(host16(ip->len) - IP4_HDR_LEN);

	if (!checksum_is_good(checksum_ip4_header(ip)))
		return false;
	if (b->flags & BUF_L4_CSUM_OK)
		return true;
	if (!checksum_is_good(checksum_sum(tcp_of(b), l4_len) +
			      checksum_pseudo4(ip->src, ip->dst, IP_TCP, l4_len)))
		return false;
	b->flags |= BUF_L4_CSUM_OK;
	return true;
}

static bool same_flow(struct buf *a, struct buf *b)
{
	/* Both addresses and both ports stand side by side. */
	return memcmp(&ip_of(a)->src, &ip_of(b)->src, 12) == 0;
}

/* All that a segment of one super-segment shares with the others. */
static bool same_headers(struct buf *a, struct buf *b, unsigned hdr_len)
{
	const struct ip4_hdr *x = ip_of(a), *y = ip_of(b);
	const struct tcp_hdr *s = tcp_of(a), *t = tcp_of(b);

	return memcmp(buf_data(a), buf_data(b), ETHERNET_HDR_LEN) == 0 && x->tos == y->tos &&
	       x->ttl == y->ttl && memcmp(x->frag.b, y->frag.b, 2) == 0 &&
	       memcmp(s->ack.b, t->ack.b, 4) == 0 && memcmp(s->window.b, t->window.b, 2) == 0 &&
	       s->offset_reserved == t->offset_reserved &&
	       memcmp(s + 1, t + 1, hdr_len - L4_OFF - TCP_HDR_LEN) == 0;
}

static struct gro_flow *find(struct gro *g, struct buf *b)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->flow[i].first && same_flow(g->flow[i].first, b))
			return &g->flow[i];
	return NULL;
}

/* Length, checksum and lanes of the whole. */
static void close_flow(struct gro_flow *f)
{
	struct buf *b = f->first;
	struct ip4_hdr *ip;
	uint16_t l4_len;

	f->first = NULL;
	if (f->n_segments == 1)
		return;
	ip = ip_of(b);
	ip->len = be16_of((uint16_t)(b->total_len - L3_OFF));
	ip->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_ip4_header(ip));
	l4_len = (uint16_t)(host16(ip->len) - IP4_HDR_LEN);
	tcp_of(b)->checksum = checksum_raw(checksum_pseudo4(ip->src, ip->dst, IP_TCP, l4_len));
	b->flags |= BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK;
	b->l4_at = (uint16_t)(b->at + L4_OFF);
	b->csum_off = CSUM_OFF_TCP;
	b->gso_type = GSO_TCP4;
	b->gso_size = f->size;
}

static void open_flow(struct gro *g, struct buf *b, uint32_t payload)
{
	struct gro_flow *f = NULL;

	for (unsigned i = 0; i < g->n && !f; i++)
		if (!g->flow[i].first)
			f = &g->flow[i];
	if (!f && g->n < GRO_FLOWS)
		f = &g->flow[g->n++];
	if (!f)
		return;
	f->first = f->last = b;
	f->size = (uint16_t)payload;
	f->hdr_len = (uint16_t)(L4_OFF + tcp_hdr_len(tcp_of(b)));
	f->n_segments = 1;
	f->next_seq = host32(tcp_of(b)->seq) + payload;
}

static bool append(struct gro_flow *f, struct buf *b, uint32_t payload)
{
	struct tcp_hdr *tcp = tcp_of(b);
	bool push = tcp->flags & TCP_PSH;

	if (payload > f->size || host32(tcp->seq) != f->next_seq ||
	    f->first->total_len - L3_OFF + payload > IP4_MAX_LEN ||
	    !same_headers(f->first, b, f->hdr_len))
		return false;
	tcp_of(f->first)->flags |= tcp->flags & TCP_PSH;
	buf_pull(b, f->hdr_len);
	f->last->next = b->self;
	f->last = b;
	f->first->total_len += payload;
	f->next_seq += payload;
	f->n_segments++;
	if (payload < f->size || push)
		close_flow(f);
	return true;
}

bool gro_add(struct gro *g, struct buf *b)
{
	struct gro_flow *f;
	uint32_t payload;
	uint8_t flags;
	bool plain;

	if (!is_tcp(b))
		return false;
	f = find(g, b);
	flags = tcp_of(b)->flags;
	payload = host16(ip_of(b)->len) - IP4_HDR_LEN - tcp_hdr_len(tcp_of(b));
	plain = payload > 0 && (flags & ~TCP_PSH) == TCP_ACK && checksums_are_good(b);
	if (plain) {
		/* Link-layer padding would end up inside the stream. */
		b->len = (uint16_t)(L3_OFF + host16(ip_of(b)->len));
		b->total_len = b->len;
		if (f && append(f, b, payload))
			return true;
	}
	if (f)
		close_flow(f);
	if (plain && !(flags & TCP_PSH))
		open_flow(g, b, payload);
	return false;
}

void gro_finish(struct gro *g)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->flow[i].first)
			close_flow(&g->flow[i]);
	g->n = 0;
}
