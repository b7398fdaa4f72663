/* source_test.c - which address to send from: a line a choice, named by the rules of RFC 6724 §5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/ip6/source.h"

enum { OUT = 1, ELSEWHERE = 2, D = 1 /* deprecated */, R = 2 /* of the next hop */ };

struct address {
	const char *prefix;
	uint32_t if_index;
	unsigned is; /* D, R */
};

struct line {
	const char *dst;
	struct address better, worse;
};

static struct ip6_addr addr_of(const char *text)
{
	struct ip6_addr a;

	if (ip6_from_text(text, &a) != 0)
		fail_msg("%s", text);
	return a;
}

static struct ip6_view_address view_of(const struct address *a, const struct ip6_addr *next_hop)
{
	struct ip6_view_address v = { .state = a->is & D ? IP6_DEPRECATED : IP6_PREFERRED };

	if (ip6_prefix_from_text(a->prefix, &v.prefix) != 0)
		fail_msg("%s", a->prefix);
	if (a->is & R) {
		v.n_routers = 2;
		v.router[1] = *next_hop;
	}
	return v;
}

static void check(const struct line *lines, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct ip6_towards to = { addr_of(lines[i].dst), OUT, addr_of("fe80::1") };
		struct ip6_view_address x = view_of(&lines[i].better, &to.next_hop);
		struct ip6_view_address y = view_of(&lines[i].worse, &to.next_hop);
		struct ip6_candidate a = { &x, lines[i].better.if_index };
		struct ip6_candidate b = { &y, lines[i].worse.if_index };

		if (!ip6_is_better_source(&a, &b, &to) || ip6_is_better_source(&b, &a, &to))
			fail_msg("to %s: %s, not %s", lines[i].dst, lines[i].better.prefix,
				 lines[i].worse.prefix);
	}
}

static void test_rfc6724_5_rule_1_same_address(void **state unused_arg)
{
	static const struct line lines[] = {
		{ "2001:db8::1", { "2001:db8::1/64", ELSEWHERE, D }, { "2001:db8::2/64", OUT, R } },
	};

	check(lines, count_of(lines));
}

static void test_rfc6724_5_rule_2_appropriate_scope(void **state unused_arg)
{
	static const struct line lines[] = {
		{ "2001:db8:1::1", { "2001:db8:3::1/64", OUT, D }, { "fe80::1/64", OUT, 0 } },
		{ "ff05::1", { "2001:db8:3::1/64", OUT, 0 }, { "fe80::1/64", OUT, 0 } },
		{ "fe80::2", { "fe80::1/64", OUT, D }, { "2001:db8:3::1/64", OUT, 0 } },
		{ "ff02::1", { "fe80::1/64", OUT, 0 }, { "2001:db8:3::1/64", OUT, 0 } },
	};

	check(lines, count_of(lines));
}

static void test_rfc6724_5_rule_3_no_deprecated_address(void **state unused_arg)
{
	static const struct line lines[] = {
		{ "2001:db8:1::1",
		  { "2001:db8:3::2/64", ELSEWHERE, 0 },
		  { "2001:db8:1::2/64", OUT, D } },
	};

	check(lines, count_of(lines));
}

static void test_rfc6724_5_rule_5_outgoing_interface(void **state unused_arg)
{
	static const struct line lines[] = {
		{ "2001:db8:1::1",
		  { "2002:c633:6401::d5e3/64", OUT, 0 },
		  { "2001:db8:1::2/64", ELSEWHERE, R } },
	};

	check(lines, count_of(lines));
}

static void test_rfc6724_5_rule_5_5_prefix_of_the_next_hop(void **state unused_arg)
{
	static const struct line lines[] = {
		{ "2001:db8:1::1", { "fd00:3::2/64", OUT, R }, { "2001:db8:1::2/64", OUT, 0 } },
	};

	check(lines, count_of(lines));
}

static void test_rfc6724_5_rule_6_matching_label(void **state unused_arg)
{
	static const struct line lines[] = {
		{ "2002:c633:6401::1",
		  { "2002:c633:6401::d5e3/64", OUT, 0 },
		  { "2001:db8:1::2/64", OUT, 0 } },
		{ "2001:db8::1", { "2001:db8:1::2/64", OUT, 0 }, { "fd00::1/64", OUT, 0 } },
		{ "fd00:1::1", { "fd01::1/64", OUT, 0 }, { "2001:db8:1::2/64", OUT, 0 } },
		{ "2001:0:1::1", { "2001:0:8::2/64", OUT, 0 }, { "2001:1::2/64", OUT, 0 } },
	};

	check(lines, count_of(lines));
}

static void test_rfc6724_5_rule_8_longest_matching_prefix(void **state unused_arg)
{
	static const struct line lines[] = {
		{ "2001:db8:1::1", { "2001:db8:1::2/64", OUT, 0 }, { "2001:db8:3::2/64", OUT, 0 } },
		{ "2001:db8:1::1",
		  { "2001:db8:1:8::2/52", OUT, 0 },
		  { "2001:db8:3::2/64", OUT, 0 } },
	};

	check(lines, count_of(lines));
}

/* Bits behind the prefix do not count: neither is better. */
static void test_rfc6724_2_2_bits_of_the_host_do_not_count(void **state unused_arg)
{
	struct ip6_towards to = { addr_of("2001:db8:1::ff"), OUT, addr_of("::") };
	const struct address texts[] = { { "2001:db8:1::fe/64", OUT, 0 },
					 { "2001:db8:1::1/64", OUT, 0 } };
	struct ip6_view_address x = view_of(&texts[0], NULL), y = view_of(&texts[1], NULL);
	struct ip6_candidate a = { &x, OUT }, b = { &y, OUT };

	assert_false(ip6_is_better_source(&a, &b, &to));
	assert_false(ip6_is_better_source(&b, &a, &to));
}

static void test_rfc6724_2_1_labels(void **state unused_arg)
{
	static const struct {
		const char *addr;
		unsigned label;
	} lines[] = {
		{ "::1", 0 },	   { "::2", 3 },      { "::", 3 },	 { "::ffff:10.0.0.1", 4 },
		{ "2001::1", 5 },  { "2001:1::", 1 }, { "2002:1::", 2 }, { "2003::", 1 },
		{ "3ffe::1", 12 }, { "3fff::", 1 },   { "fc00::1", 13 }, { "fdff::", 13 },
		{ "fec0::1", 11 }, { "feff::1", 11 }, { "fe80::1", 1 },	 { "ff02::1", 1 },
	};

	for (unsigned i = 0; i < count_of(lines); i++) {
		struct ip6_addr a = addr_of(lines[i].addr);

		if (ip6_label_of(&a) != lines[i].label)
			fail_msg("%s: %u", lines[i].addr, ip6_label_of(&a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc6724_5_rule_1_same_address),
		cmocka_unit_test(test_rfc6724_5_rule_2_appropriate_scope),
		cmocka_unit_test(test_rfc6724_5_rule_3_no_deprecated_address),
		cmocka_unit_test(test_rfc6724_5_rule_5_outgoing_interface),
		cmocka_unit_test(test_rfc6724_5_rule_5_5_prefix_of_the_next_hop),
		cmocka_unit_test(test_rfc6724_5_rule_6_matching_label),
		cmocka_unit_test(test_rfc6724_5_rule_8_longest_matching_prefix),
		cmocka_unit_test(test_rfc6724_2_2_bits_of_the_host_do_not_count),
		cmocka_unit_test(test_rfc6724_2_1_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
