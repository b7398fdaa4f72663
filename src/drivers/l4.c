/* l4.c - transport headers where drivers meet them. RFC 768, RFC 9293 §3.1, RFC 8200 §8.1. */
#include <string.h>

#include "drivers/l4.h"
#include "wire/checksum.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/ip_protocol.h"
#include "wire/udp.h"

enum {
	MACS_LEN = 12,
	TYPE_LEN = 2,
	TAG_LEN = 4,
	TAGS_MAX = 2,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_8021Q = 0x8100,
	TYPE_8021AD = 0x88a8,
};

static uint16_t type_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool find_ip4(const uint8_t *frame, uint32_t len, struct l4 *out)
{
	const struct ip4_hdr *ip = (const void *)(frame + out->l3_off);
	uint32_t hdr_len, total;

	if (len < (uint32_t)out->l3_off + IP4_HDR_LEN)
		return false;
	hdr_len = ip4_hdr_len(ip);
	total = host16(ip->len);
	if (ip->ver_ihl >> 4 != 4 || hdr_len < IP4_HDR_LEN || total < hdr_len ||
	    ip4_is_fragment(ip))
		return false;
	out->family = 4;
	out->l4_off = (uint16_t)(out->l3_off + hdr_len);
	out->l4_len = total - hdr_len;
	out->protocol = ip->protocol;
	out->pseudo = checksum_pseudo4(ip->src, ip->dst, ip->protocol, (uint16_t)out->l4_len);
	return true;
}

static bool find_ip6(const uint8_t *frame, uint32_t len, struct l4 *out)
{
	const struct ip6_hdr *ip = (const void *)(frame + out->l3_off);

	if (len < (uint32_t)out->l3_off + IP6_HDR_LEN || ip6_version(ip) != 6)
		return false;
	out->family = 6;
	out->l4_off = (uint16_t)(out->l3_off + IP6_HDR_LEN);
	out->l4_len = host16(ip->payload_len);
	out->protocol = ip->next_header;
	out->pseudo = ip6_pseudo_sum(&ip->src, &ip->dst, ip->next_header, out->l4_len);
	return true;
}

bool l4_find(const uint8_t *frame, uint32_t len, struct l4 *out)
{
	uint32_t at = MACS_LEN;
	uint16_t type;
	bool found;

	if (len < MACS_LEN + TYPE_LEN + TAGS_MAX * TAG_LEN)
		return false;
	type = type_at(frame + at);
	for (unsigned n = 0; n < TAGS_MAX && (type == TYPE_8021Q || type == TYPE_8021AD); n++) {
		at += TAG_LEN;
		type = type_at(frame + at);
	}
	out->l3_off = (uint16_t)(at + TYPE_LEN);
	found = type == TYPE_IP4   ? find_ip4(frame, len, out)
		: type == TYPE_IP6 ? find_ip6(frame, len, out)
				   : false;
	if (!found || (out->protocol != IP_TCP && out->protocol != IP_UDP))
		return false;
	out->csum_off = out->protocol == IP_TCP ? CSUM_OFF_TCP : CSUM_OFF_UDP;
	return out->l4_off + out->csum_off + 2u <= len && out->l4_len >= out->csum_off + 2u;
}

void l4_mark_partial(struct buf *b)
{
	const uint8_t *frame = b->room + b->at;
	struct l4 l4;
	uint16_t field;

	if (!l4_find(frame, b->len, &l4))
		return;
	memcpy(&field, frame + l4.l4_off + l4.csum_off, sizeof(field));
	if (field != checksum_fold(l4.pseudo) || field == 0)
		return;
	b->flags |= BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK;
	b->l4_at = (uint16_t)(b->at + l4.l4_off);
	b->csum_off = l4.csum_off;
}

/* Make the copied headers those of datagram number @n, of @payload bytes. */
static void finish_datagram(struct buf *b, const struct l4 *l4, unsigned n, uint32_t payload)
{
	uint8_t *frame = buf_data(b);
	struct udp_hdr *udp = (void *)(frame + l4->l4_off);
	uint16_t l4_len = (uint16_t)(UDP_HDR_LEN + payload);
	uint64_t pseudo;

	if (l4->family == 4) {
		struct ip4_hdr *ip = (void *)(frame + l4->l3_off);
		unsigned hdr_len = (unsigned)(l4->l4_off - l4->l3_off);

		ip->len = be16_of((uint16_t)(hdr_len + l4_len));
		ip->id = be16_of((uint16_t)(host16(ip->id) + n));
		ip->checksum = be16_of(0);
		ip->checksum = checksum_field(checksum_sum(ip, hdr_len));
		pseudo = checksum_pseudo4(ip->src, ip->dst, IP_UDP, l4_len);
	} else {
		struct ip6_hdr *ip = (void *)(frame + l4->l3_off);

		ip->payload_len = be16_of(l4_len);
		pseudo = ip6_pseudo_sum(&ip->src, &ip->dst, IP_UDP, l4_len);
	}
	udp->len = be16_of(l4_len);
	udp->checksum = checksum_raw(pseudo);
	b->flags |= BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK;
	b->l2_at = b->at;
	b->l4_at = (uint16_t)(b->at + l4->l4_off);
	b->csum_off = CSUM_OFF_UDP;
}

int l4_split_udp(struct buf_cache *c, const uint8_t *frame, uint32_t len, uint16_t gso_size,
		 uint32_t *idx, unsigned max)
{
	struct l4 l4;
	uint32_t hdr_len, at, left, n_datagrams;
	unsigned n;

	if (!l4_find(frame, len, &l4) || l4.protocol != IP_UDP || gso_size == 0 ||
	    l4.l4_off + l4.l4_len > len || l4.l4_len <= UDP_HDR_LEN)
		return 0;
	at = hdr_len = l4.l4_off + (uint32_t)UDP_HDR_LEN;
	left = l4.l4_len - UDP_HDR_LEN;
	n_datagrams = (left + gso_size - 1) / gso_size;
	if (n_datagrams > max || hdr_len > BUF_DATA)
		return 0;
	n = buf_alloc(c, idx, n_datagrams);
	for (unsigned i = 0; i < n; i++) {
		struct buf *b = buf_at(c->pool->base, idx[i]);
		uint32_t payload = left < gso_size ? left : gso_size;

		memcpy(buf_append(b, hdr_len), frame, hdr_len);
		if (buf_append_bytes(c, b, frame + at, payload) < 0)
			break;
		finish_datagram(b, &l4, i, payload);
		at += payload;
		left -= payload;
	}
	if (left == 0)
		return (int)n;
	buf_free(c, idx, n);
	return ERR_NOMEM;
}
