/* ip6_test.c - IPv6: addresses as text, headers, the chain of extension headers, options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/guard_page.h"
#include "wire/ip6_ext.h"

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

static const char *text_of(const struct ip6_addr *a)
{
	static char text[IP6_ADDR_TEXT_MAX + 1];
	struct writer w = writer_of(text, IP6_ADDR_TEXT_MAX);

	ip6_print_addr(&w, a);
	assert_true(writer_ok(&w));
	*w.at = '\0';
	return text;
}

static struct ip6_addr addr(const char *text)
{
	struct ip6_addr a;

	if (ip6_from_text(text, &a) != 0)
		fail_msg("%s", text);
	return a;
}

/* RFC 5952 §4: each address has one form. */
static void test_canonical_text(void **state unused_arg)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "2001:0DB8::0001", "2001:db8::1" },
		{ "2001:db8:0:0:0:0:2:1", "2001:db8::2:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
		{ "::ffff:10.0.0.1", "::ffff:10.0.0.1" },
		{ "64:ff9b::10.0.0.1", "64:ff9b::a00:1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct ip6_addr a = addr(cases[i].in);

		assert_string_equal(text_of(&a), cases[i].out);
	}
}

static void test_prefixes_as_text(void **state unused_arg)
{
	static const struct {
		const char *text;
		int result;
		uint8_t len;
	} cases[] = {
		{ "2001:db8::1/64", 0, 64 },
		{ "2001:db8::1", 0, 128 },
		{ "::/0", 0, 0 },
		{ "", ERR_FORMAT, 0 },
		{ "/64", ERR_FORMAT, 0 },
		{ "2001:db8::1/", ERR_FORMAT, 0 },
		{ "2001:db8::1/129", ERR_FORMAT, 0 },
		{ "2001:db8::1/064", ERR_FORMAT, 0 },
		{ "2001:db8::1/64x", ERR_FORMAT, 0 },
		{ "2001:db8::1/-1", ERR_FORMAT, 0 },
		{ "2001:db8::1%eth0/64", ERR_FORMAT, 0 },
		{ "[::1]", ERR_FORMAT, 0 },
		{ "1:2:3:4:5:6:7", ERR_FORMAT, 0 },
		{ "1::2::3", ERR_FORMAT, 0 },
		{ "12345::", ERR_FORMAT, 0 },
		{ "10.0.0.1", ERR_FORMAT, 0 },
		{ "::ffff:10.0.0.1000000000000000000000000000000000000/64", ERR_FORMAT, 0 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct ip6_prefix p = { .len = 0 };

		if (ip6_prefix_from_text(cases[i].text, &p) != cases[i].result ||
		    p.len != cases[i].len)
			fail_msg("%s", cases[i].text);
	}
}

static void test_prefix_arithmetic(void **state unused_arg)
{
	struct ip6_addr a = addr("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	struct ip6_addr b = addr("2001:db8:ffff:ffff:8000::");
	struct ip6_prefix p = { b, 65 };
	static const struct {
		unsigned len;
		const char *masked;
	} cases[] = {
		{ 0, "::" },
		{ 33, "2001:db8:8000::" },
		{ 64, "2001:db8:ffff:ffff::" },
		{ 65, "2001:db8:ffff:ffff:8000::" },
		{ 127, "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe" },
		{ 128, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct ip6_addr m = ip6_masked(&a, cases[i].len);

		assert_string_equal(text_of(&m), cases[i].masked);
	}
	assert_int_equal(ip6_common_len(&a, &b), 65);
	assert_int_equal(ip6_common_len(&a, &a), 128);
	assert_true(ip6_prefix_has(&p, &a));
	p.len = 66;
	assert_false(ip6_prefix_has(&p, &a));
}

static void test_classes(void **state unused_arg)
{
	struct ip6_addr link = addr("fe80::1"), group = addr("ff02::1"), any = addr("::");
	struct ip6_addr loop = addr("::1"), global = addr("2001:db8::12:3456");
	struct ip6_addr asked = ip6_solicited_node(&global), nodes = ip6_all_nodes();

	assert_true(ip6_is_link_local(&link) && !ip6_is_link_local(&global));
	assert_true(ip6_is_multicast(&group) && !ip6_is_multicast(&link));
	assert_true(ip6_is_unspecified(&any) && !ip6_is_unspecified(&loop));
	assert_true(ip6_is_loopback(&loop) && !ip6_is_loopback(&any));
	assert_int_equal(ip6_scope_of(&group), IP6_SCOPE_LINK);
	assert_int_equal(ip6_scope_of(&link), IP6_SCOPE_LINK);
	assert_int_equal(ip6_scope_of(&global), IP6_SCOPE_GLOBAL);
	assert_string_equal(text_of(&asked), "ff02::1:ff12:3456");
	assert_true(ip6_equal(&group, &nodes));
}

static void test_header_round_trip(void **state unused_arg)
{
	struct ip6 in = { .traffic_class = 0xb8,
			  .flow_label = 0x12345,
			  .next_header = IP_UDP,
			  .hop_limit = 3,
			  .src = addr("2001:db8::1"),
			  .dst = addr("ff02::1"),
			  .payload = slice_of_text("payload") };
	struct ip6 out;
	uint8_t wire[64];
	char text[200] = "";
	struct writer w = writer_of(wire, sizeof(wire));
	struct writer t = writer_of(text, sizeof(text) - 1);
	const struct ip6_hdr *h = (const struct ip6_hdr *)wire;

	ip6_emit(&w, &in);
	assert_int_equal(ip6_version(h), 6);
	assert_int_equal(ip6_traffic_class(h), 0xb8);
	assert_int_equal(ip6_flow_label(h), 0x12345);
	assert_int_equal(ip6_parse(guarded_copy(&guard, slice_of(wire, writer_len(&w))), &out), 0);
	assert_true(slice_equal(in.payload, out.payload));
	assert_true(ip6_equal(&in.src, &out.src) && ip6_equal(&in.dst, &out.dst));
	ip6_print(&t, &out);
	assert_string_equal(text,
			    "2001:db8::1 > ff02::1 next 17 hops 3 len 47 class 184 flow 0x12345");
	assert_int_equal(ip6_parse(guarded_copy(&guard, slice_of(wire, 39)), &out), ERR_SHORT);
	assert_int_equal(ip6_parse(guarded_copy(&guard, slice_of(wire, 46)), &out), ERR_FORMAT);
	wire[0] = 0x45;
	assert_int_equal(ip6_parse(guarded_copy(&guard, slice_of(wire, 47)), &out), ERR_FORMAT);
}

/* The checksum of a UDP datagram that scapy made: IPv6(2001:db8::1 > 2001:db8::2)/UDP/"hello". */
static void test_pseudo_header(void **state unused_arg)
{
	static const uint8_t udp[] = { 0x03, 0xe8, 0x00, 0x35, 0x00, 0x0d, 0x5c,
				       0x70, 'h',  'e',	 'l',  'l',  'o' };
	struct ip6_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	uint64_t sum =
		ip6_pseudo_sum(&src, &dst, IP_UDP, sizeof(udp)) + checksum_sum(udp, sizeof(udp));

	assert_true(checksum_is_good(sum));
}

static void test_chains(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint8_t first; /* next header of the fixed header */
		uint8_t bytes[40];
		size_t len;
		int result;
		uint8_t protocol;
		uint16_t l4_at;
		uint8_t has;
		uint16_t fault_at;
	} cases[] = {
		{ "none", IP_TCP, { 0 }, 0, 0, IP_TCP, 40, 0, 0 },
		{ "nothing", IP_NO_NEXT, { 0 }, 0, 0, IP_NO_NEXT, 40, 0, 0 },
		{ "unknown", 253, { 0 }, 0, 0, 253, 40, 0, 0 },
		{ "hop-by-hop", 0, { 6 }, 8, 0, IP_TCP, 48, IP6_HAS_HOP_BY_HOP, 0 },
		{ "longer", 60, { 17, 1 }, 16, 0, IP_UDP, 56, IP6_HAS_DESTINATION, 0 },
		{ "routing", 43, { 58, 0, 0, 0 }, 8, 0, IP_ICMP6, 48, IP6_HAS_ROUTING, 0 },
		{ "route to go",
		  43,
		  { 58, 0, 0, 1 },
		  8,
		  0,
		  IP_ICMP6,
		  48,
		  IP6_HAS_ROUTING | IP6_HAS_ROUTE_TO_GO,
		  0 },
		{ "first fragment, options behind it",
		  44,
		  { 60, 9, 0, 1, 0, 0, 0, 7, 17 },
		  16,
		  0,
		  IP_UDP,
		  56,
		  IP6_HAS_FRAGMENT | IP6_HAS_DESTINATION,
		  0 },
		{ "later fragment: no header follows",
		  44,
		  { 60, 0, 0, 8, 0, 0, 0, 7, 0, 99 },
		  16,
		  0,
		  IP_DESTINATION_OPTIONS,
		  48,
		  IP6_HAS_FRAGMENT,
		  0 },
		{ "ESP ends it", 60, { 50 }, 8, 0, IP_ESP, 48, IP6_HAS_DESTINATION, 0 },
		{ "cut", 0, { 6 }, 7, ERR_SHORT, 0, 40, 0, 0 },
		{ "empty", 0, { 0 }, 0, ERR_SHORT, 0, 40, 0, 0 },
		{ "length past the end", 0, { 6, 1 }, 15, ERR_SHORT, 0, 40, 0, 0 },
		{ "hop-by-hop is second",
		  60,
		  { 0 },
		  16,
		  ERR_FORMAT,
		  0,
		  48,
		  IP6_HAS_DESTINATION | IP6_HAS_HOP_BY_HOP,
		  40 },
		{ "two fragment headers",
		  44,
		  { 44, 0, 0, 1, 0, 0, 0, 0, 6 },
		  16,
		  ERR_FORMAT,
		  IP_FRAGMENT,
		  48,
		  IP6_HAS_FRAGMENT,
		  40 },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		uint8_t wire[80] = { 0x60, [6] = cases[i].first };
		struct ip6_chain c;
		int result;

		memcpy(wire + IP6_HDR_LEN, cases[i].bytes, sizeof(cases[i].bytes));
		result = ip6_walk(guarded_copy(&guard, slice_of(wire, IP6_HDR_LEN + cases[i].len)),
				  &c);
		if (result != cases[i].result || c.protocol != cases[i].protocol ||
		    c.l4_at != cases[i].l4_at || c.has != cases[i].has ||
		    c.fault_at != cases[i].fault_at)
			fail_msg("%s: %d protocol %u at %u has %u fault at %u", cases[i].what,
				 result, c.protocol, c.l4_at, c.has, c.fault_at);
	}
}

static void test_chains_are_bounded(void **state unused_arg)
{
	uint8_t wire[IP6_HDR_LEN + 8 * (IP6_EXT_MAX + 1)] = { 0x60, [6] = IP_DESTINATION_OPTIONS };
	struct ip6_chain c;

	for (unsigned i = 0; i <= IP6_EXT_MAX; i++)
		wire[IP6_HDR_LEN + 8 * i] = IP_DESTINATION_OPTIONS;
	assert_int_equal(ip6_walk(slice_of(wire, sizeof(wire)), &c), ERR_FULL);
	wire[IP6_HDR_LEN + 8 * (IP6_EXT_MAX - 1)] = IP_TCP;
	assert_int_equal(ip6_walk(slice_of(wire, sizeof(wire)), &c), 0);
	assert_int_equal(c.l4_at, IP6_HDR_LEN + 8 * IP6_EXT_MAX);
}

static void test_options(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint8_t bytes[16]; /* next header, length, options */
		size_t len;
		int result;
		enum ip6_option_action action;
		uint16_t fault_at;
		bool alert;
	} cases[] = {
		{ "padding", { 6, 0, 1, 4, 0, 0, 0, 0 }, 8, 0, 0, 0, false },
		{ "single pads", { 6, 0, 0, 0, 0, 0, 0, 0 }, 8, 0, 0, 0, false },
		{ "router alert", { 6, 0, 5, 2, 0, 0, 1, 0 }, 8, 0, 0, 0, true },
		{ "unknown, skip", { 6, 0, 30, 4, 0, 0, 0, 0 }, 8, 0, 0, 0, false },
		{ "unknown, discard", { 6, 0, 0x40, 4 }, 8, 0, IP6_OPTION_DISCARD, 2, false },
		{ "unknown, report", { 6, 0, 0, 0x80, 3 }, 8, 0, IP6_OPTION_REPORT, 3, false },
		{ "jumbo", { 6, 0, 0xc2, 4 }, 8, 0, IP6_OPTION_REPORT_UNICAST, 2, false },
		{ "past the end", { 6, 0, 1, 5 }, 8, ERR_FORMAT, 0, 2, false },
		{ "no length", { 6, 0, 0, 0, 0, 0, 0, 1 }, 8, ERR_FORMAT, 0, 7, false },
		{ "seven options",
		  { 6, 1, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30 },
		  16,
		  0,
		  0,
		  0,
		  false },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct ip6_options o;
		int result = ip6_options_scan(
			guarded_copy(&guard, slice_of(cases[i].bytes, cases[i].len)), &o);

		if (result != cases[i].result || o.action != cases[i].action ||
		    o.fault_at != cases[i].fault_at || o.has_router_alert != cases[i].alert)
			fail_msg("%s: %d action %u fault at %u", cases[i].what, result, o.action,
				 o.fault_at);
	}
}

static void test_options_are_bounded(void **state unused_arg)
{
	uint8_t header[24] = { 6, 2 };
	struct ip6_options o;

	for (unsigned i = 2; i < sizeof(header); i += 2)
		header[i] = 30;
	assert_int_equal(ip6_options_scan(slice_of(header, sizeof(header)), &o), ERR_FULL);
	assert_int_equal(o.fault_at, 2 + 2 * IP6_OPTIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text),
		cmocka_unit_test(test_prefixes_as_text),
		cmocka_unit_test(test_prefix_arithmetic),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_header_round_trip),
		cmocka_unit_test(test_pseudo_header),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_chains_are_bounded),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_options_are_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
