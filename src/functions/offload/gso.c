/* gso.c - segmentation of TCP and checksums in software. RFC 9293 §3.1, RFC 6864 §4 for the ids. */
#include <string.h>

#include "functions/offload/gso.h"
#include "wire/checksum.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

bool gso_begin(struct gso *g, const struct buf *b, bool partial_csum)
{
	const uint8_t *frame = b->room + b->at;
	unsigned ip_len = b->gso_type == GSO_TCP4 ? IP4_HDR_LEN : IP6_HDR_LEN;
	unsigned tcp_len;

	if (b->l3_at < b->at || b->l4_at < b->l3_at + ip_len ||
	    b->l4_at + TCP_HDR_LEN > b->at + b->len || b->gso_size == 0)
		return false;
	*g = (struct gso){ .from = b, .part = b, .partial_csum = partial_csum };
	g->l3_off = (uint16_t)(b->l3_at - b->at);
	g->l4_off = (uint16_t)(b->l4_at - b->at);
	tcp_len = tcp_hdr_len((const void *)(frame + g->l4_off));
	g->hdr_len = (uint16_t)(g->l4_off + tcp_len);
	if (tcp_len < TCP_HDR_LEN || g->hdr_len > b->len || g->hdr_len >= b->total_len ||
	    g->hdr_len > BUF_DATA)
		return false;
	g->part_skip = g->hdr_len;
	g->left = b->total_len - g->hdr_len;
	g->seq = host32(((const struct tcp_hdr *)(const void *)(frame + g->l4_off))->seq);
	if (b->gso_type == GSO_TCP4)
		g->ip_id = host16(((const struct ip4_hdr *)(const void *)(frame + g->l3_off))->id);
	return true;
}

/* Copy the next @n payload bytes to @to and return their sum, as if they began at an even place. */
static uint64_t copy_payload(struct gso *g, uint8_t *to, uint32_t n)
{
	uint64_t sum = 0;
	uint32_t copied = 0;

	while (copied < n) {
		uint32_t step = g->part->len - g->part_skip;
		uint64_t piece;

		step = step < n - copied ? step : n - copied;
		piece = checksum_copy(to + copied, g->part->room + g->part->at + g->part_skip,
				      step);
		sum += copied & 1 ? checksum_odd(piece) : piece;
		copied += step;
		g->part_skip += step;
		if (g->part_skip == g->part->len) {
			g->part = buf_next_or_null(g->part);
			g->part_skip = 0;
		}
	}
	return sum;
}

/* Give the segment its payload, in more buffers if one is too small. False: pool empty. */
static bool add_payload(struct gso *g, struct buf_cache *c, struct buf *segment, uint32_t n,
			uint64_t *sum)
{
	struct buf *last = segment;
	uint32_t added = 0;

	*sum = 0;
	while (added < n) {
		uint32_t step = buf_tailroom(last);
		uint64_t piece;

		if (step == 0) {
			last->next = buf_alloc_one_or_zero(c);
			if (!last->next)
				return false;
			last = buf_next_or_null(last);
			last->at = 0;
			continue;
		}
		step = step < n - added ? step : n - added;
		piece = copy_payload(g, buf_end(last), step);
		*sum += added & 1 ? checksum_odd(piece) : piece;
		last->len = (uint16_t)(last->len + step);
		added += step;
	}
	segment->total_len += n;
	return true;
}

/* Set the IP lengths of a segment; returns the pseudo-header's sum. */
static uint64_t finish_ip(struct gso *g, struct buf *segment, uint32_t l4_len)
{
	uint8_t *l3 = buf_l3(segment);

	if (segment->gso_type == GSO_TCP4) {
		struct ip4_hdr *ip = (struct ip4_hdr *)(void *)l3;
		be16 zero = be16_of(0);

		ip->len = be16_of((uint16_t)(g->l4_off - g->l3_off + l4_len));
		ip->id = be16_of(g->ip_id++);
		ip->checksum = zero;
		ip->checksum = checksum_field(checksum_sum(ip, ip4_hdr_len(ip)));
		return checksum_pseudo4(ip->src, ip->dst, IP_TCP, (uint16_t)l4_len);
	}
	struct ip6_hdr *ip6 = (struct ip6_hdr *)(void *)l3;

	ip6->payload_len = be16_of((uint16_t)(g->l4_off - g->l3_off - IP6_HDR_LEN + l4_len));
	return ip6_pseudo_sum(&ip6->src, &ip6->dst, IP_TCP, l4_len);
}

static void finish_tcp(struct gso *g, struct buf *segment, uint64_t pseudo, uint64_t payload_sum)
{
	struct tcp_hdr *tcp = buf_l4(segment);
	unsigned tcp_len = g->hdr_len - g->l4_off;

	tcp->seq = be32_of(g->seq + g->done);
	if (g->done)
		tcp->flags &= (uint8_t)~TCP_CWR;
	if (gso_more(g))
		tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (g->partial_csum) {
		tcp->checksum = checksum_raw(pseudo);
		return;
	}
	tcp->checksum = be16_of(0);
	tcp->checksum = checksum_field(pseudo + checksum_sum(tcp, tcp_len) + payload_sum);
	segment->flags &= ~(uint32_t)BUF_NEED_L4_CSUM;
}

uint32_t gso_next_or_zero(struct gso *g, struct buf_cache *c)
{
	uint32_t n = g->left < g->from->gso_size ? g->left : g->from->gso_size;
	uint32_t idx = buf_alloc_one_or_zero(c);
	uint64_t pseudo, payload_sum;
	struct buf *segment;

	if (!idx)
		return 0;
	segment = buf_at(c->pool->base, idx);
	memcpy(segment, g->from, offsetof(struct buf, room));
	segment->self = idx;
	segment->next = 0;
	segment->at = BUF_HEADROOM;
	segment->len = g->hdr_len;
	segment->total_len = g->hdr_len;
	segment->l2_at = (uint16_t)(BUF_HEADROOM + g->from->l2_at - g->from->at);
	segment->l3_at = (uint16_t)(BUF_HEADROOM + g->l3_off);
	segment->l4_at = (uint16_t)(BUF_HEADROOM + g->l4_off);
	memcpy(buf_data(segment), g->from->room + g->from->at, g->hdr_len);
	if (!add_payload(g, c, segment, n, &payload_sum)) {
		buf_free_one(c, idx);
		return 0;
	}
	g->left -= n;
	pseudo = finish_ip(g, segment, g->hdr_len - g->l4_off + n);
	finish_tcp(g, segment, pseudo, payload_sum);
	segment->gso_type = GSO_NONE;
	segment->gso_size = 0;
	g->done += n;
	return idx;
}

bool csum_fill(struct buf *b)
{
	uint32_t skip = (uint32_t)(b->l4_at - b->at), at = 0;
	uint64_t sum = 0;
	uint8_t *field;
	be16 value;

	if (b->l4_at < b->at || b->l4_at + b->csum_off + 2u > (uint32_t)b->at + b->len)
		return false;
	for (const struct buf *part = b; part; part = buf_next_or_null(part)) {
		uint64_t piece = checksum_sum(part->room + part->at + skip, part->len - skip);

		sum += at & 1 ? checksum_odd(piece) : piece;
		at += part->len - skip;
		skip = 0;
	}
	field = b->room + b->l4_at + b->csum_off;
	value = checksum_field(sum); /* the field held the pseudo-header's sum */
	if (b->csum_off == CSUM_OFF_UDP && host16(value) == 0)
		value = be16_of(0xffff);
	memcpy(field, value.b, sizeof(value));
	b->flags &= ~(uint32_t)BUF_NEED_L4_CSUM;
	return true;
}
