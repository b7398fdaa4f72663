/* spread_hash.c - which flow a frame belongs to. */
#include "base/bytes.h"
#include "functions/spread/spread.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { TAGS_MAX = 2, TAG_LEN = 4, PORTS_LEN = 4 };

static uint32_t load32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Exclusive or makes both directions the same; the multiplication spreads what is left. */
static uint32_t mix(uint32_t addresses, uint16_t ports, uint8_t protocol)
{
	uint64_t h = (uint64_t)addresses << 32 | (uint32_t)ports << 8 | protocol;

	return (uint32_t)((h * 0x9e3779b97f4a7c15u) >> 32);
}

static uint16_t ports_of(struct slice l4, uint8_t protocol)
{
	if ((protocol != IP_TCP && protocol != IP_UDP) || l4.len < PORTS_LEN)
		return 0;
	return (uint16_t)((l4.at[0] ^ l4.at[2]) << 8 | (l4.at[1] ^ l4.at[3]));
}

static uint32_t hash_ip4(struct slice packet)
{
	const struct ip4_hdr *ip = (const struct ip4_hdr *)packet.at;
	uint16_t ports = 0;
	size_t len;

	if (packet.len < IP4_HDR_LEN)
		return 0;
	len = (ip->ver_ihl & 15u) * 4;
	if (!ip4_is_fragment(ip) && len <= packet.len)
		ports = ports_of(slice_from(packet, len), ip->protocol);
	return mix(host32(ip->src) ^ host32(ip->dst), ports, ip->protocol);
}

/* Behind extension headers nobody looks for ports: fragments have one there. */
static uint32_t hash_ip6(struct slice packet)
{
	const struct ip6_hdr *ip = (const struct ip6_hdr *)packet.at;
	uint32_t addresses = 0;

	if (packet.len < IP6_HDR_LEN)
		return 0;
	for (unsigned i = 0; i < IP6_ADDR_BYTES; i += 4)
		addresses = (addresses << 7 | addresses >> 25) ^
			    (load32(ip->src.b + i) ^ load32(ip->dst.b + i));
	return mix(addresses, ports_of(slice_from(packet, IP6_HDR_LEN), ip->next_header), 0);
}

uint32_t spread_hash(struct slice frame)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)frame.at;
	size_t at = ETHERNET_HDR_LEN;
	uint16_t type;

	if (frame.len < ETHERNET_HDR_LEN)
		return 0;
	type = host16(eth->type);
	for (unsigned tags = 0; tags < TAGS_MAX && (type == ETHERNET_VLAN || type == ETHERNET_QINQ);
	     tags++) {
		if (frame.len < at + TAG_LEN)
			return 0;
		type = (uint16_t)(frame.at[at + 2] << 8 | frame.at[at + 3]);
		at += TAG_LEN;
	}
	if (type == ETHERNET_IP4)
		return hash_ip4(slice_from(frame, at));
	if (type == ETHERNET_IP6)
		return hash_ip6(slice_from(frame, at));
	return mix(load32(eth->src.b + 2) ^ load32(eth->dst.b + 2), 0, 0);
}
