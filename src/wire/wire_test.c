/* wire_test.c - Ethernet, ARP, IPv4, ICMP and UDP: tables of good and bad bytes, round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/guard_page.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/udp.h"
#include "wire/vlan.h"

static struct guarded guard;

static int set_up(void **state unused_arg)
{
	guarded_init(&guard);
	return 0;
}

static int tear_down(void **state unused_arg)
{
	guarded_deinit(&guard);
	return 0;
}

static void test_addresses_as_text(void **state unused_arg)
{
	static const struct {
		const char *text;
		int result;
		uint32_t addr;
		uint8_t len;
	} cases[] = {
		{ "10.0.0.1", 0, 0x0a000001, 32 },
		{ "10.0.0.1/24", 0, 0x0a000001, 24 },
		{ "0.0.0.0/0", 0, 0, 0 },
		{ "255.255.255.255/32", 0, 0xffffffff, 32 },
		{ "", ERR_FORMAT, 0, 0 },
		{ "10", ERR_FORMAT, 0, 0 },
		{ "10.0.0", ERR_FORMAT, 0, 0 },
		{ "10.0.0.", ERR_FORMAT, 0, 0 },
		{ "10.0.0.256", ERR_FORMAT, 0, 0 },
		{ "10.0.0.01", ERR_FORMAT, 0, 0 },
		{ "10.0.0.1/33", ERR_FORMAT, 0, 0 },
		{ "10.0.0.1/", ERR_FORMAT, 0, 0 },
		{ "10.0.0.1/24x", ERR_FORMAT, 0, 0 },
		{ "10.0.0.1.2", ERR_FORMAT, 0, 0 },
		{ " 10.0.0.1", ERR_FORMAT, 0, 0 },
		{ "10.0.0.-1", ERR_FORMAT, 0, 0 },
		{ "99999999999.0.0.1", ERR_FORMAT, 0, 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct ip4_prefix p = { 0, 0 };

		if (ip4_prefix_from_text(cases[i].text, &p) != cases[i].result ||
		    p.addr != cases[i].addr || p.len != cases[i].len)
			fail_msg("%s", cases[i].text);
	}
}

static void test_mac_as_text(void **state unused_arg)
{
	struct mac m;
	char text[MAC_TEXT_LEN + 1] = "";
	struct writer w = writer_of(text, MAC_TEXT_LEN);

	assert_int_equal(mac_from_text("02:Fe:00:0a:b0:01", &m), 0);
	mac_print(&w, &m);
	assert_string_equal(text, "02:fe:00:0a:b0:01");
	assert_int_equal(mac_from_text("02:fe:00:0a:b0", &m), ERR_FORMAT);
	assert_int_equal(mac_from_text("02:fe:00:0a:b0:0g", &m), ERR_FORMAT);
	assert_int_equal(mac_from_text("02-fe-00-0a-b0-01", &m), ERR_FORMAT);
	assert_true(mac_is_group(&mac_broadcast));
	assert_false(mac_is_group(&m));
}

static void test_ip4_faults(void **state unused_arg)
{
	static const struct {
		const char *what;
		size_t cut; /* bytes of the packet that are there */
		unsigned at;
		uint8_t value;
		int result;
	} cases[] = {
		{ "good", 28, 0, 0x45, 0 },
		{ "padding", 40, 0, 0x45, 0 },
		{ "empty", 0, 0, 0x45, ERR_SHORT },
		{ "cut in the header", 19, 0, 0x45, ERR_SHORT },
		{ "version 6", 28, 0, 0x65, ERR_FORMAT },
		{ "header of 16", 28, 0, 0x44, ERR_FORMAT },
		{ "header past total length", 28, 0, 0x48, ERR_FORMAT },
		{ "total length under header", 28, 3, 19, ERR_FORMAT },
		{ "total length past the end", 28, 3, 29, ERR_FORMAT },
		{ "cut in the payload", 27, 0, 0x45, ERR_FORMAT },
	};
	uint8_t wire[40] = { 0 };

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct ip4 in = {
			.protocol = IP_UDP, .src = 1, .dst = 2, .payload = slice_of("12345678", 8)
		};
		struct writer w = writer_of(wire, sizeof(wire));
		struct ip4 out;

		ip4_emit(&w, &in);
		wire[cases[i].at] = cases[i].value;
		if (ip4_parse(guarded_copy(&guard, slice_of(wire, cases[i].cut)), &out) !=
		    cases[i].result)
			fail_msg("%s", cases[i].what);
	}
}

static void test_ip4_round_trip(void **state unused_arg)
{
	struct ip4 in = { .tos = 0xb8,
			  .id = 0x1234,
			  .frag = IP4_DF,
			  .ttl = 3,
			  .protocol = 200,
			  .src = 0x0a000001,
			  .dst = 0xe0000001,
			  .options = slice_of("\x94\x04\0\0", 4),
			  .payload = slice_of_text("payload") };
	struct ip4 out;
	uint8_t wire[64];
	char text[200] = "";
	struct writer w = writer_of(wire, sizeof(wire));
	struct writer t = writer_of(text, sizeof(text) - 1);

	ip4_emit(&w, &in);
	assert_true(checksum_is_good(checksum_sum(wire, 24)));
	assert_int_equal(ip4_parse(guarded_copy(&guard, slice_of(wire, writer_len(&w))), &out), 0);
	assert_true(slice_equal(in.options, out.options));
	assert_true(slice_equal(in.payload, out.payload));
	assert_int_equal(out.tos, in.tos);
	assert_int_equal(out.id, in.id);
	assert_int_equal(out.frag, in.frag);
	assert_int_equal(out.src, in.src);
	assert_int_equal(out.dst, in.dst);
	ip4_print(&t, &out);
	assert_string_equal(text, "10.0.0.1 > 224.0.0.1 proto 200 ttl 3 id 4660 len 31 [DF]");
}

static void test_ip4_options(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint8_t bytes[8];
		size_t len;
		int result;
		uint8_t has, fault_at;
	} cases[] = {
		{ "router alert", { 148, 4, 0, 0 }, 4, 0, IP4_HAS_ROUTER_ALERT, 0 },
		{ "nops and end", { 1, 1, 0, 131 }, 4, 0, 0, 0 },
		{ "loose route", { 131, 7, 4, 1, 2, 3, 4, 0 }, 8, 0, IP4_HAS_SOURCE_ROUTE, 0 },
		{ "strict route", { 1, 137, 7, 4, 1, 2, 3, 4 }, 8, 0, IP4_HAS_SOURCE_ROUTE, 0 },
		{ "unknown", { 30, 2, 7, 3 }, 4, ERR_FORMAT, IP4_HAS_UNKNOWN, 23 },
		{ "zero length", { 1, 7, 0, 0 }, 4, ERR_FORMAT, 0, 22 },
		{ "past the end", { 7, 5, 4, 0 }, 4, ERR_FORMAT, 0, 21 },
		{ "route without pointer", { 131, 2, 0, 0 }, 4, ERR_FORMAT, 0, 21 },
		{ "no length byte", { 1, 1, 1, 7 }, 4, ERR_FORMAT, 0, 24 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct ip4_options o;
		int result = ip4_options_scan(
			guarded_copy(&guard, slice_of(cases[i].bytes, cases[i].len)), &o);

		if (result != cases[i].result || o.has != cases[i].has ||
		    (cases[i].fault_at && o.fault_at != cases[i].fault_at))
			fail_msg("%s: %d has %u fault at %u", cases[i].what, result, o.has,
				 o.fault_at);
	}
}

static void test_udp_faults(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint8_t len_field;
		size_t cut;
		int result;
		size_t payload;
	} cases[] = {
		{ "good", 12, 12, 0, 4 },
		{ "padding", 9, 12, 0, 1 },
		{ "no payload", 8, 8, 0, 0 },
		{ "short header", 8, 7, ERR_SHORT, 0 },
		{ "empty", 8, 0, ERR_SHORT, 0 },
		{ "length under 8", 7, 12, ERR_FORMAT, 0 },
		{ "length zero", 0, 12, ERR_FORMAT, 0 },
		{ "past the end", 13, 12, ERR_FORMAT, 0 },
	};
	uint8_t wire[12] = { 0, 7, 0, 9 };

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct udp out = { 0 };
		int result;

		wire[5] = cases[i].len_field;
		result = udp_parse(guarded_copy(&guard, slice_of(wire, cases[i].cut)), &out);
		if (result != cases[i].result || out.payload.len != cases[i].payload)
			fail_msg("%s", cases[i].what);
	}
}

static void test_icmp4_round_trip(void **state unused_arg)
{
	struct icmp4 in = { ICMP4_ECHO_REQUEST, 0, 0, 0x00070009, slice_of_text("odd") };
	struct icmp4 out;
	uint8_t wire[16];
	char text[64] = "";
	struct writer w = writer_of(wire, sizeof(wire));
	struct writer t = writer_of(text, sizeof(text) - 1);
	struct slice sent;

	icmp4_emit(&w, &in);
	sent = guarded_copy(&guard, slice_of(wire, writer_len(&w)));
	assert_true(checksum_is_good(checksum_sum(sent.at, sent.len)));
	assert_int_equal(icmp4_parse(sent, &out), 0);
	assert_true(slice_equal(in.payload, out.payload));
	icmp4_print(&t, &out);
	assert_string_equal(text, "icmp echo-request id 7 seq 9 len 3");
	assert_int_equal(icmp4_parse(guarded_copy(&guard, slice_first(sent, 7)), &out), ERR_SHORT);
}

static void test_arp(void **state unused_arg)
{
	struct mac me = { { 2, 0, 0, 0, 0, 1 } };
	struct arp_hdr a = arp_of(ARP_REQUEST, me, be32_of(0x0a000001), (struct mac){ { 0 } },
				  be32_of(0x0a000002));
	struct arp_hdr out;
	char text[64] = "";
	struct writer t = writer_of(text, sizeof(text) - 1);

	assert_int_equal(arp_parse(guarded_copy(&guard, slice_of(&a, ARP_LEN)), &out), 0);
	arp_print(&t, &out);
	assert_string_equal(text, "who-has 10.0.0.2 tell 10.0.0.1");
	assert_int_equal(arp_parse(guarded_copy(&guard, slice_of(&a, ARP_LEN - 1)), &out),
			 ERR_SHORT);
	a.hardware_len = 8;
	assert_int_equal(arp_parse(slice_of(&a, ARP_LEN), &out), ERR_UNSUPPORTED);
}

static void test_ethernet(void **state unused_arg)
{
	struct ethernet in = {
		mac_broadcast, { { 2, 0, 0, 0, 0, 1 } }, ETHERNET_ARP, slice_of_text("x")
	};
	struct ethernet out;
	uint8_t wire[20];
	char text[80] = "";
	struct writer w = writer_of(wire, sizeof(wire));
	struct writer t = writer_of(text, sizeof(text) - 1);

	ethernet_emit(&w, &in);
	assert_int_equal(ethernet_parse(guarded_copy(&guard, slice_of(wire, 15)), &out), 0);
	assert_true(mac_equal(&out.src, &in.src));
	assert_true(slice_is(out.payload, "x"));
	ethernet_print(&t, &out);
	assert_string_equal(text, "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff type 0x0806 len 1");
	assert_int_equal(ethernet_parse(guarded_copy(&guard, slice_of(wire, 13)), &out), ERR_SHORT);
}

static void test_vlan_tags(void **state unused_arg)
{
	static const struct {
		const char *hex; /* behind the addresses */
		int result;
		const char *printed;
		unsigned n, type, l3_at;
	} cases[] = {
		{ "0800", 0, "", 0, 0x0800, 14 },
		{ "810000640800", 0, "vlan 100", 1, 0x0800, 18 },
		{ "8100a0640800", 0, "vlan 100 prio 5", 1, 0x0800, 18 },
		{ "8100006481000fff0806", 0, "vlan 100.4095", 2, 0x0806, 22 },
		{ "88a80064810000c886dd", 0, "vlan 802.1ad 100.200", 2, 0x86dd, 22 },
		{ "8100006488a800c80800", 0, "vlan 100", 1, 0x88a8, 18 }, /* no customer tag */
		{ "810000018100000281000003", 0, "vlan 1.2", 2, 0x8100, 22 },
		{ "", ERR_SHORT, "", 0, 0, 0 },
		{ "08", ERR_SHORT, "", 0, 0, 0 },
		{ "8100", ERR_SHORT, "", 0, 0, 0 },
		{ "81000064", ERR_SHORT, "", 0, 0, 0 },
		{ "810000648100", ERR_SHORT, "", 0, 0, 0 },
		{ "81000064810000c8", ERR_SHORT, "", 0, 0, 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		uint8_t frame[40] = { 0 }, again[16];
		char text[40] = "";
		struct writer t = writer_of(text, sizeof(text) - 1);
		struct writer w = writer_of(again, sizeof(again));
		struct vlan_tags tags = { 0 };
		size_t len = VLAN_TAGS_AT;

		for (const char *at = cases[i].hex; *at; at += 2) {
			unsigned byte;

			assert_int_equal(sscanf(at, "%2x", &byte), 1);
			frame[len++] = (uint8_t)byte;
		}
		assert_int_equal(vlan_parse(guarded_copy(&guard, slice_of(frame, len)), &tags),
				 cases[i].result);
		assert_int_equal(tags.n, cases[i].n);
		assert_int_equal(tags.type, cases[i].type);
		assert_int_equal(tags.l3_at, cases[i].l3_at);
		vlan_print(&t, &tags);
		assert_string_equal(text, cases[i].printed);
		if (cases[i].result != 0)
			continue;
		vlan_emit(&w, &tags);
		assert_memory_equal(again, frame + VLAN_TAGS_AT, writer_len(&w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_as_text), cmocka_unit_test(test_mac_as_text),
		cmocka_unit_test(test_ip4_faults),	  cmocka_unit_test(test_ip4_round_trip),
		cmocka_unit_test(test_ip4_options),	  cmocka_unit_test(test_udp_faults),
		cmocka_unit_test(test_icmp4_round_trip),  cmocka_unit_test(test_arp),
		cmocka_unit_test(test_ethernet),	  cmocka_unit_test(test_vlan_tags),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
