/* stream.c - from a description to a plan. */
#include "drivers/generator/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/checksum.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

enum { LINE = 64, VLAN_TAG_LEN = 4, IP6_HDR_LEN = 40 };

const struct stream_config stream_defaults = {
	.size_min = 60,
	.size_max = 60,
	.burst = STREAM_BURST_MAX,
	.source_mac = { { 0x02, 0, 0, 0x67, 0x65, 0x6e } },
	.n_source_macs = 1,
	.n_destination_macs = 1,
	.ttl = IP4_DEFAULT_TTL,
	.source_port = { 1024, 1024 },
	.destination_port = { 9, 9 }, /* discard */
};

static int refuse(char *why, size_t why_bytes, const char *what)
{
	snprintf(why, why_bytes, "%s", what);
	return ERR_INVAL;
}

static void add_field(struct stream_plan *p, struct stream_field field)
{
	if (field.count != 1)
		p->field[p->n_fields++] = field;
}

static uint32_t load32(const uint8_t *at)
{
	be32 v;

	memcpy(&v, at, sizeof(v));
	return host32(v);
}

static unsigned put_link(struct stream_plan *p, const struct stream_config *c,
			 const uint8_t *own_mac)
{
	struct ethernet_hdr *eth = (struct ethernet_hdr *)p->bytes;
	be16 type = be16_of(c->destination.family == 6 ? ETHERNET_IP6 : ETHERNET_IP4);
	unsigned at = offsetof(struct ethernet_hdr, type);

	eth->src = c->has_source_mac ? c->source_mac : stream_defaults.source_mac;
	eth->dst = c->destination_mac;
	if (!c->has_destination_mac)
		memcpy(&eth->dst, own_mac, sizeof(eth->dst));
	for (unsigned i = 0; i < c->n_vlans; i++, at += VLAN_TAG_LEN) {
		be16 tpid = be16_of(i + 1 < c->n_vlans ? ETHERNET_QINQ : ETHERNET_VLAN);
		be16 vid = be16_of(c->vlans[i]);

		memcpy(p->bytes + at, &tpid, 2);
		memcpy(p->bytes + at + 2, &vid, 2);
	}
	memcpy(p->bytes + at, &type, 2);
	/* The last four bytes of a MAC address count up. */
	add_field(p, (struct stream_field){ .at = 2,
					    .width = 4,
					    .base = load32(p->bytes + 2),
					    .count = c->n_destination_macs });
	add_field(p, (struct stream_field){ .at = 8,
					    .width = 4,
					    .base = load32(p->bytes + 8),
					    .count = c->n_source_macs });
	return at + 2;
}

static void put_address(struct stream_plan *p, const struct stream_addresses *a, unsigned at,
			const uint64_t *values)
{
	memcpy(p->bytes + at, a->bytes, a->family == 4 ? 4 : 16);
	add_field(p, (struct stream_field){ .at = (uint16_t)(at + a->vary_at),
					    .width = a->vary_width,
					    .in_ip_sum = a->family == 4,
					    .in_l4_sum = true,
					    .base = stream_addresses_part(a),
					    .count = a->count,
					    .value = values });
}

static void put_ip(struct stream_plan *p, const struct stream_config *c)
{
	uint8_t protocol = c->protocol == STREAM_TCP ? IP_TCP : IP_UDP;

	if (p->family == 4) {
		struct ip4_hdr *ip = (struct ip4_hdr *)(p->bytes + p->l3_at);

		ip->ver_ihl = IP4_VER_IHL;
		ip->tos = c->tos;
		ip->ttl = c->ttl;
		ip->protocol = protocol;
		put_address(p, &c->source, p->l3_at + offsetof(struct ip4_hdr, src), NULL);
		put_address(p, &c->destination, p->l3_at + offsetof(struct ip4_hdr, dst),
			    p->destinations);
	} else {
		uint8_t *ip = p->bytes + p->l3_at; /* RFC 8200 §3 */

		ip[0] = (uint8_t)(0x60 | c->tos >> 4);
		ip[1] = (uint8_t)(c->tos << 4);
		ip[6] = protocol;
		ip[7] = c->ttl;
		put_address(p, &c->source, p->l3_at + 8u, NULL);
		put_address(p, &c->destination, p->l3_at + 24u, p->destinations);
	}
}

static void put_port(struct stream_plan *p, const struct stream_ports *ports, unsigned at)
{
	be16 first = be16_of(ports->first);

	memcpy(p->bytes + at, &first, 2);
	add_field(p, (struct stream_field){ .at = (uint16_t)at,
					    .width = 2,
					    .in_l4_sum = true,
					    .base = ports->first,
					    .count = ports->last - ports->first + 1u });
}

static void put_l4(struct stream_plan *p, const struct stream_config *c)
{
	put_port(p, &c->source_port, p->l4_at);
	put_port(p, &c->destination_port, p->l4_at + 2u);
	if (c->protocol == STREAM_TCP) {
		struct tcp_hdr *tcp = (struct tcp_hdr *)(p->bytes + p->l4_at);

		tcp->offset_reserved = tcp_offset_of(TCP_HDR_LEN);
		tcp->flags = TCP_ACK;
		tcp->window = be16_of(0xffff);
		p->l4_sum_at = p->l4_at + CSUM_OFF_TCP;
	} else {
		p->l4_sum_at = p->l4_at + CSUM_OFF_UDP;
	}
}

/* The words of varying fields are taken out: each packet adds its own. */
static uint64_t sum_without_fields(const struct stream_plan *p, unsigned at, unsigned len)
{
	uint8_t bytes[STREAM_SIZE_MAX];

	memcpy(bytes, p->bytes, sizeof(bytes));
	for (unsigned i = 0; i < p->n_fields; i++)
		memset(bytes + p->field[i].at, 0, p->field[i].width);
	return checksum_sum(bytes + at, len);
}

static void put_sums(struct stream_plan *p)
{
	unsigned addresses = p->family == 4 ? 8 : 32;

	p->ip_sum = p->family == 4 ? sum_without_fields(p, p->l3_at, IP4_HDR_LEN) : 0;
	/* Addresses and transport header; what is behind is zeros. */
	p->l4_sum = sum_without_fields(p, p->l4_at - addresses, addresses + TCP_HDR_LEN) +
		    checksum_word16(be16_of(p->protocol));
	if (p->n_sizes > 1)
		return;
	stream_put_lengths(p, p->bytes, p->size_min, &p->ip_sum, &p->l4_sum);
	p->constant = p->n_fields == 0;
	if (p->constant)
		stream_put_checksums(p, p->bytes, p->ip_sum, p->l4_sum);
}

static int check(const struct stream_config *c, unsigned headers, char *why, size_t why_bytes)
{
	if (c->source.family != c->destination.family)
		return refuse(why, why_bytes,
			      "source and destination are not both IPv4 or both IPv6 addresses");
	if (c->destination.family == 0)
		return refuse(why, why_bytes, "a stream needs source and destination, or pcap");
	if (c->size_max < c->size_min || c->source_port.last < c->source_port.first ||
	    c->destination_port.last < c->destination_port.first)
		return refuse(why, why_bytes, "a range ends before it begins");
	if (c->size_min < headers || c->size_max > STREAM_SIZE_MAX) {
		snprintf(why, why_bytes, "sizes of this stream's frames go from %u to %d bytes",
			 headers, STREAM_SIZE_MAX);
		return ERR_INVAL;
	}
	return 0;
}

static unsigned headers_of(const struct stream_config *c)
{
	return ETHERNET_HDR_LEN + c->n_vlans * VLAN_TAG_LEN +
	       (c->destination.family == 6 ? IP6_HDR_LEN : IP4_HDR_LEN) +
	       (c->protocol == STREAM_TCP ? TCP_HDR_LEN : UDP_HDR_LEN);
}

static int fill_plan(struct stream_plan *p, const struct stream_config *config,
		     const uint8_t *own_mac, char *why, size_t why_bytes)
{
	struct stream_config c = *config;
	int err;

	if (c.pcap)
		return stream_read_file(c.pcap, &p->file, why, why_bytes);
	if (c.destinations) {
		err = stream_read_addresses(c.destinations, &c.destination, &p->destinations, why,
					    why_bytes);
		if (err)
			return err;
	}
	err = check(&c, headers_of(&c), why, why_bytes);
	if (err)
		return err;
	p->size_min = c.size_min;
	p->n_sizes = c.size_max - c.size_min + 1;
	p->sequential = c.sequential;
	p->family = c.destination.family;
	p->protocol = c.protocol == STREAM_TCP ? IP_TCP : IP_UDP;
	p->l3_at = (uint16_t)put_link(p, &c, own_mac);
	p->l4_at = (uint16_t)(p->l3_at + (p->family == 6 ? IP6_HDR_LEN : IP4_HDR_LEN));
	put_ip(p, &c);
	put_l4(p, &c);
	put_sums(p);
	return 0;
}

int stream_compile(const struct stream_config *config, const uint8_t *own_mac,
		   struct stream_plan **out, char *why, size_t why_bytes)
{
	struct stream_plan *p = aligned_alloc(LINE, sizeof(*p));
	int err;

	if (!p)
		return ERR_NOMEM;
	memset(p, 0, sizeof(*p));
	err = fill_plan(p, config, own_mac, why, why_bytes);
	if (err < 0) {
		stream_plan_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void stream_plan_free(struct stream_plan *plan)
{
	if (!plan)
		return;
	stream_file_free(plan->file);
	free(plan->destinations);
	free(plan);
}

void stream_begin(struct stream *s, const struct stream_plan *plan, uint64_t seed)
{
	s->plan = plan;
	s->random = seed;
	memset(s->next, 0, sizeof(s->next));
	s->next_size = s->next_packet = 0;
	s->credit = 0;
}
