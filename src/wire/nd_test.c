/* nd_test.c - ICMPv6 and Neighbor Discovery: bytes of others, round trips, malformed messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/guard_page.h"
#include "wire/nd.h"

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

static struct ip6_addr addr(const char *text)
{
	struct ip6_addr a;

	if (ip6_from_text(text, &a) != 0)
		fail_msg("%s", text);
	return a;
}

static const char *text_of(const struct nd *m)
{
	static char text[256];
	struct writer w = writer_of(text, sizeof(text) - 1);

	nd_print(&w, m);
	*w.at = '\0';
	return text;
}

/* Made by scapy: fe80::1 > ff02::1, with source address, MTU, prefix and DNS server. */
static const uint8_t router_advert[] = {
	0x86, 0x00, 0xc8, 0xee, 0x40, 0x48, 0x07, 0x08, 0x00, 0x00, 0x75, 0x30, 0x00, 0x00, 0x03,
	0xe8, 0x01, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x00, 0x00, 0x00, 0x00,
	0x05, 0x78, 0x03, 0x04, 0x40, 0xc0, 0x00, 0x00, 0x1c, 0x20, 0x00, 0x00, 0x0e, 0x10, 0x00,
	0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x19, 0x03, 0x00, 0x00, 0x00, 0x00, 0x02, 0x58, 0x20, 0x01, 0x0d,
	0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x53,
};

static void test_router_advert_of_others(void **state unused_arg)
{
	struct ip6_addr src = addr("fe80::1"), dst = ip6_all_nodes();
	uint8_t again[ND_MESSAGE_MAX];
	struct writer w = writer_of(again, sizeof(again));
	struct nd m;

	assert_int_equal(
		nd_parse(guarded_copy(&guard, slice_of(router_advert, sizeof(router_advert))), &m),
		0);
	assert_int_equal(m.hop_limit, 64);
	assert_int_equal(m.flags & (ND_MANAGED | ND_OTHER), ND_OTHER);
	assert_int_equal(m.lifetime_s, 1800);
	assert_int_equal(m.reachable_ms, 30000);
	assert_int_equal(m.retransmit_ms, 1000);
	assert_int_equal(m.mtu_bytes, 1400);
	assert_int_equal(m.n_prefixes, 1);
	assert_int_equal(m.prefix[0].flags, ND_ON_LINK | ND_AUTONOMOUS);
	assert_int_equal(m.prefix[0].valid_s, 7200);
	assert_int_equal(m.prefix[0].preferred_s, 3600);
	assert_int_equal(m.n_servers, 1);
	assert_int_equal(m.servers_s, 600);
	assert_string_equal(
		text_of(&m),
		"router lifetime 1800 high from 02:00:00:00:00:01 prefix 2001:db8::/64");
	nd_emit(&w, &m, &src, &dst);
	assert_int_equal(writer_len(&w), sizeof(router_advert));
	assert_memory_equal(again, router_advert, sizeof(router_advert));
}

static void test_neighbor_messages_round_trip(void **state unused_arg)
{
	struct mac mac = { { 2, 0, 0, 0, 0, 1 } };
	struct ip6_addr src = addr("2001:db8::1"), dst = addr("ff02::1:ff00:2");
	struct nd solicit = { .type = ICMP6_NEIGHBOR_SOLICIT,
			      .target = addr("2001:db8::2"),
			      .has_source_mac = true,
			      .source_mac = mac,
			      .nonce = 0x123456789abc };
	struct nd advert = { .type = ICMP6_NEIGHBOR_ADVERT,
			     .flags = ND_ROUTER | ND_SOLICITED | ND_OVERRIDE,
			     .target = addr("2001:db8::2"),
			     .has_target_mac = true,
			     .target_mac = mac };
	const struct {
		const struct nd *in;
		size_t len;
		const char *text;
	} cases[] = {
		{ &solicit, 40, "who-has 2001:db8::2 from 02:00:00:00:00:01" },
		{ &advert, 32, "2001:db8::2 is-at 02:00:00:00:00:01 router solicited override" },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		uint8_t wire[ND_MESSAGE_MAX];
		struct writer w = writer_of(wire, sizeof(wire));
		struct nd out;

		nd_emit(&w, cases[i].in, &src, &dst);
		assert_int_equal(writer_len(&w), cases[i].len);
		assert_true(checksum_is_good(
			ip6_pseudo_sum(&src, &dst, IP_ICMP6, (uint32_t)cases[i].len) +
			checksum_sum(wire, cases[i].len)));
		assert_int_equal(nd_parse(slice_of(wire, cases[i].len), &out), 0);
		assert_true(ip6_equal(&out.target, &cases[i].in->target));
		assert_int_equal(out.flags, cases[i].in->flags);
		assert_true(out.nonce == cases[i].in->nonce);
		assert_string_equal(text_of(&out), cases[i].text);
	}
}

/* RFC 4191 §2: each route with as many bytes of its prefix as it needs. */
static void test_preferences_and_routes_round_trip(void **state unused_arg)
{
	static const struct {
		const char *prefix;
		uint8_t len;
		enum nd_preference preference;
	} cases[] = { { "::", 0, ND_HIGH },
		      { "2001:db8:5::", 48, ND_LOW },
		      { "2001:db8:5:6::", 64, ND_MEDIUM },
		      { "2001:db8::9", 128, ND_HIGH } };
	struct ip6_addr src = addr("fe80::1"), dst = ip6_all_nodes();
	struct nd in = { .type = ICMP6_ROUTER_ADVERT, .flags = ND_OTHER, .lifetime_s = 9 }, out;
	uint8_t wire[ND_MESSAGE_MAX];
	struct writer w = writer_of(wire, sizeof(wire));

	in.preference = ND_LOW;
	for (unsigned i = 0; i < count_of(cases); i++)
		in.route[in.n_routes++] = (struct nd_route){
			{ addr(cases[i].prefix), cases[i].len }, cases[i].preference, 100 + i
		};
	nd_emit(&w, &in, &src, &dst);
	assert_int_equal(writer_len(&w), 16 + 8 + 16 + 16 + 24);
	assert_int_equal(nd_parse(guarded_copy(&guard, slice_of(wire, writer_len(&w))), &out), 0);
	assert_int_equal(out.flags, ND_OTHER);
	assert_int_equal(out.preference, ND_LOW);
	assert_int_equal(out.n_routes, count_of(cases));
	for (unsigned i = 0; i < count_of(cases); i++) {
		assert_true(ip6_equal(&out.route[i].prefix.addr, &in.route[i].prefix.addr));
		assert_int_equal(out.route[i].prefix.len, cases[i].len);
		assert_int_equal(out.route[i].preference, cases[i].preference);
		assert_int_equal(out.route[i].lifetime_s, 100 + i);
	}
	assert_string_equal(text_of(&out), "router lifetime 9 low route ::/0 route "
					   "2001:db8:5::/48 route 2001:db8:5:6::/64 route "
					   "2001:db8::9/128");
}

/* RFC 4191 §2.2, §2.3: what does not count, of bytes after type, code and checksum. */
static void test_preferences_and_routes_that_are_none(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint8_t bytes[36];
		enum nd_preference preference;
		unsigned n_routes;
	} cases[] = {
		{ "high", { 0, 0x08, 0, 1 }, ND_HIGH, 0 },
		{ "low", { 0, 0x18, 0, 1 }, ND_LOW, 0 },
		{ "reserved is medium", { 0, 0x10, 0, 1 }, ND_MEDIUM, 0 },
		{ "none without a lifetime", { 0, 0x08 }, ND_MEDIUM, 0 },
		{ "a route of two units", { [12] = 24, 2, 64 }, 0, 1 },
		{ "its preference is reserved", { [12] = 24, 2, 64, 0x10 }, 0, 0 },
		{ "its prefix is longer than it", { [12] = 24, 2, 65 }, 0, 0 },
		{ "one of three units", { [12] = 24, 3, 128 }, 0, 1 },
		{ "longer than an address", { [12] = 24, 3, 129 }, 0, 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		uint8_t wire[40] = { ICMP6_ROUTER_ADVERT };
		size_t len = 16 + 8u * cases[i].bytes[13];
		struct nd m;

		memcpy(wire + 4, cases[i].bytes, sizeof(cases[i].bytes));
		if (nd_parse(guarded_copy(&guard, slice_of(wire, len)), &m) != 0 ||
		    m.preference != cases[i].preference || m.n_routes != cases[i].n_routes)
			fail_msg("%s", cases[i].what);
	}
}

/* RFC 4861 §6.1, §7.1, §8.1: what is wrong with a message itself. */
static void test_faults(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint8_t bytes[40]; /* after type, code, checksum */
		uint8_t type, code;
		size_t len;
		int result;
	} cases[] = {
		{ "good", { 0 }, 135, 0, 24, 0 },
		{ "solicitation for routers", { 0 }, 133, 0, 8, 0 },
		{ "another type", { 0 }, 128, 0, 24, ERR_UNSUPPORTED },
		{ "type after the last", { 0 }, 138, 0, 24, ERR_UNSUPPORTED },
		{ "empty", { 0 }, 135, 0, 0, ERR_SHORT },
		{ "no checksum", { 0 }, 135, 0, 3, ERR_SHORT },
		{ "neighbor solicitation cut", { 0 }, 135, 0, 23, ERR_SHORT },
		{ "neighbor advertisement cut", { 0 }, 136, 0, 23, ERR_SHORT },
		{ "router solicitation cut", { 0 }, 133, 0, 7, ERR_SHORT },
		{ "router advertisement cut", { 0 }, 134, 0, 15, ERR_SHORT },
		{ "redirect cut", { 0 }, 137, 0, 39, ERR_SHORT },
		{ "code", { 0 }, 135, 1, 24, ERR_FORMAT },
		{ "multicast target", { 0, 0, 0, 0, 0xff, 2 }, 135, 0, 24, ERR_FORMAT },
		{ "option of length zero", { [20] = 14 }, 135, 0, 32, ERR_FORMAT },
		{ "option past the end", { [20] = 14, 2 }, 135, 0, 32, ERR_FORMAT },
		{ "half an option header", { [20] = 14 }, 135, 0, 25, ERR_FORMAT },
		{ "source address", { [20] = 1, 1, 2, 0, 0, 0, 0, 1 }, 135, 0, 32, 0 },
		{ "group as source address",
		  { [20] = 1, 1, 1, 0, 0, 0, 0, 1 },
		  135,
		  0,
		  32,
		  ERR_FORMAT },
		{ "no source address", { [20] = 1, 1 }, 135, 0, 32, ERR_FORMAT },
		{ "unknown option", { [20] = 200, 1 }, 135, 0, 32, 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		uint8_t wire[44] = { cases[i].type, cases[i].code };
		struct nd m;
		int result;

		memcpy(wire + 4, cases[i].bytes, sizeof(cases[i].bytes));
		result = nd_parse(guarded_copy(&guard, slice_of(wire, cases[i].len)), &m);
		if (result != cases[i].result)
			fail_msg("%s: %d", cases[i].what, result);
	}
}

static void test_options_are_bounded(void **state unused_arg)
{
	uint8_t wire[24 + 8 * (ND_OPTIONS_MAX + 1)] = { ICMP6_NEIGHBOR_SOLICIT };
	uint8_t many[16 + 32 * (ND_PREFIXES_MAX + 3)] = { ICMP6_ROUTER_ADVERT };
	struct nd m;

	for (unsigned i = 0; i <= ND_OPTIONS_MAX; i++) {
		wire[24 + 8 * i] = 200;
		wire[25 + 8 * i] = 1;
	}
	assert_int_equal(nd_parse(slice_of(wire, sizeof(wire)), &m), ERR_FULL);
	assert_int_equal(nd_parse(slice_of(wire, sizeof(wire) - 8), &m), 0);
	for (unsigned i = 0; i < ND_PREFIXES_MAX + 3; i++) {
		many[16 + 32 * i] = ND_OPT_PREFIX;
		many[17 + 32 * i] = 4;
	}
	assert_int_equal(nd_parse(slice_of(many, sizeof(many)), &m), 0);
	assert_int_equal(m.n_prefixes, ND_PREFIXES_MAX);
}

static void test_derived_addresses(void **state unused_arg)
{
	struct mac mac = { { 0x02, 0xfe, 0x01, 0x02, 0x03, 0x04 } };
	struct ip6_addr group = addr("ff02::1:ff12:3456");
	struct mac to = nd_group_mac(&group);

	assert_true(nd_eui64(&mac) == 0x00fe01fffe020304);
	assert_memory_equal(to.b, "\x33\x33\xff\x12\x34\x56", 6);
}

static void test_icmp6_round_trip(void **state unused_arg)
{
	struct icmp6 in = { ICMP6_ECHO_REQUEST, 0, 0, 0x00070009, slice_of_text("odd") };
	struct ip6_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	struct icmp6 out;
	uint8_t wire[16];
	char text[64] = "";
	struct writer w = writer_of(wire, sizeof(wire));
	struct writer t = writer_of(text, sizeof(text) - 1);
	struct slice sent;

	icmp6_emit(&w, &in, &src, &dst);
	sent = guarded_copy(&guard, slice_of(wire, writer_len(&w)));
	assert_true(checksum_is_good(ip6_pseudo_sum(&src, &dst, IP_ICMP6, 11) +
				     checksum_sum(sent.at, sent.len)));
	assert_int_equal(icmp6_parse(sent, &out), 0);
	assert_true(slice_equal(in.payload, out.payload));
	icmp6_print(&t, &out);
	assert_string_equal(text, "icmp6 echo-request id 7 seq 9 len 3");
	assert_int_equal(icmp6_parse(guarded_copy(&guard, slice_first(sent, 7)), &out), ERR_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_router_advert_of_others),
		cmocka_unit_test(test_neighbor_messages_round_trip),
		cmocka_unit_test(test_preferences_and_routes_round_trip),
		cmocka_unit_test(test_preferences_and_routes_that_are_none),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_options_are_bounded),
		cmocka_unit_test(test_derived_addresses),
		cmocka_unit_test(test_icmp6_round_trip),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
