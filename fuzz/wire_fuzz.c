/* wire_fuzz.c - every wire format: no crash on any input, and parse(emit(parse(x))) = parse(x). */
#include <stdlib.h>

#include "base/compiler.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/ip6_ext.h"
#include "wire/mld.h"
#include "wire/nd.h"
#include "wire/tcp.h"
#include "wire/udp.h"
#include "wire/vlan.h"

enum { WIRE_MAX = 70000 };

static uint8_t wire[WIRE_MAX];
static char text[4096];

static void fuzz_tcp(struct slice in)
{
	struct writer w = writer_of(wire, sizeof(wire)), t = writer_of(text, sizeof(text));
	struct tcp a, b;

	if (tcp_parse(in, &a) != 0)
		return;
	tcp_print(&t, &a);
	tcp_emit(&w, &a);
	invariant(writer_ok(&w));
	invariant(tcp_parse(slice_of(wire, writer_len(&w)), &b) == 0);
	invariant(a.options.has == b.options.has && a.options.mss == b.options.mss);
	invariant(a.options.ts_echo == b.options.ts_echo && a.flags == b.flags);
	invariant(b.options.n_sacks <= a.options.n_sacks);
	invariant(slice_equal(a.payload, b.payload));
}

static void fuzz_udp(struct slice in)
{
	struct writer w = writer_of(wire, sizeof(wire)), t = writer_of(text, sizeof(text));
	struct udp a, b;

	if (udp_parse(in, &a) != 0)
		return;
	udp_print(&t, &a);
	udp_emit(&w, &a);
	invariant(udp_parse(slice_of(wire, writer_len(&w)), &b) == 0);
	invariant(a.dport == b.dport && slice_equal(a.payload, b.payload));
}

static void fuzz_icmp(struct slice in)
{
	struct writer w = writer_of(wire, sizeof(wire)), t = writer_of(text, sizeof(text));
	struct icmp4 a, b;

	if (icmp4_parse(in, &a) != 0)
		return;
	icmp4_print(&t, &a);
	icmp4_emit(&w, &a);
	invariant(checksum_is_good(checksum_sum(wire, writer_len(&w))));
	invariant(icmp4_parse(slice_of(wire, writer_len(&w)), &b) == 0);
	invariant(a.rest == b.rest && slice_equal(a.payload, b.payload));
}

static void fuzz_ip4(struct slice in)
{
	struct writer w = writer_of(wire, sizeof(wire)), t = writer_of(text, sizeof(text));
	struct ip4_options options;
	struct ip4 a, b;

	if (ip4_parse(in, &a) != 0)
		return;
	ip4_print(&t, &a);
	if (ip4_options_scan(a.options, &options) != 0)
		invariant(options.fault_at > IP4_HDR_LEN && options.fault_at <= IP4_HDR_MAX_LEN);
	ip4_emit(&w, &a);
	invariant(ip4_parse(slice_of(wire, writer_len(&w)), &b) == 0);
	invariant(a.dst == b.dst && a.frag == b.frag && slice_equal(a.options, b.options));
	invariant(slice_equal(a.payload, b.payload));
	fuzz_tcp(a.payload);
	fuzz_udp(a.payload);
	fuzz_icmp(a.payload);
}

static void fuzz_ip6_addresses(const struct ip6 *p)
{
	char prefix[IP6_PREFIX_TEXT_MAX + 1] = "";
	struct writer w = writer_of(prefix, IP6_PREFIX_TEXT_MAX);
	struct ip6_prefix in = { p->src, p->hop_limit % 129 }, out;

	ip6_print_prefix(&w, &in);
	invariant(writer_ok(&w) && ip6_prefix_from_text(prefix, &out) == 0);
	invariant(ip6_equal(&in.addr, &out.addr) && in.len == out.len);
}

static void fuzz_mld(struct slice in)
{
	struct mld_query q;
	struct ip6_addr group;

	if (mld_parse_query(in, &q) == 0)
		invariant(q.n_sources <= MLD_SOURCES_MAX && q.version >= 1 && q.version <= 2);
	if (mld_parse_v1(in, &group) == 0)
		invariant(ip6_is_multicast(&group));
}

static void fuzz_icmp6(struct slice in, const struct ip6 *p)
{
	struct writer w = writer_of(wire, sizeof(wire)), t = writer_of(text, sizeof(text));
	struct icmp6 icmp;
	struct nd a, b;

	if (icmp6_parse(in, &icmp) == 0)
		icmp6_print(&t, &icmp);
	fuzz_mld(in);
	if (nd_parse(in, &a) != 0)
		return;
	nd_print(&t, &a);
	if (a.type == ICMP6_REDIRECT)
		return;
	nd_emit(&w, &a, &p->src, &p->dst);
	invariant(nd_parse(slice_of(wire, writer_len(&w)), &b) == 0);
	invariant(ip6_equal(&a.target, &b.target) && a.flags == b.flags && a.nonce == b.nonce);
	invariant(a.n_prefixes == b.n_prefixes && a.mtu_bytes == b.mtu_bytes);
}

static void fuzz_ip6(struct slice in)
{
	struct writer w = writer_of(wire, sizeof(wire)), t = writer_of(text, sizeof(text));
	struct ip6_options options;
	struct ip6_chain chain;
	struct ip6 a, b;

	if (ip6_parse(in, &a) != 0)
		return;
	ip6_print(&t, &a);
	fuzz_ip6_addresses(&a);
	ip6_emit(&w, &a);
	invariant(ip6_parse(slice_of(wire, writer_len(&w)), &b) == 0);
	invariant(ip6_equal(&a.dst, &b.dst) && a.flow_label == b.flow_label);
	invariant(slice_equal(a.payload, b.payload));
	if (ip6_options_scan(slice_first(a.payload, 2048), &options) != 0)
		invariant(options.fault_at >= 2 && options.fault_at < a.payload.len);
	if (ip6_walk(slice_first(in, IP6_HDR_LEN + a.payload.len), &chain) != 0)
		return;
	invariant(chain.l4_at <= IP6_HDR_LEN + a.payload.len);
	fuzz_tcp(slice_from(in, chain.l4_at));
	fuzz_icmp6(slice_from(in, chain.l4_at), &a);
}

static void fuzz_vlan(struct slice in)
{
	struct writer w = writer_of(wire, sizeof(wire)), t = writer_of(text, sizeof(text));
	struct vlan_tags tags;

	if (vlan_parse(in, &tags) != 0)
		return;
	invariant(tags.l3_at <= in.len && tags.n <= VLAN_TAGS_MAX);
	vlan_print(&t, &tags);
	vlan_emit(&w, &tags);
	invariant(writer_len(&w) + VLAN_TAGS_AT == tags.l3_at);
	invariant(memcmp(wire, in.at + VLAN_TAGS_AT, writer_len(&w)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct ethernet frame;
	struct arp_hdr arp;
	struct writer t = writer_of(text, sizeof(text));

	fuzz_vlan(in);
	if (size > 65536 || ethernet_parse(in, &frame) != 0)
		return 0;
	ethernet_print(&t, &frame);
	if (frame.type == ETHERNET_ARP && arp_parse(frame.payload, &arp) == 0)
		arp_print(&t, &arp);
	else if (frame.type == ETHERNET_IP6)
		fuzz_ip6(frame.payload);
	else
		fuzz_ip4(frame.payload);
	return 0;
}
