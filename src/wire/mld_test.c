/* mld_test.c - queries as routers send them, what is wrong with others, reports as on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/guard_page.h"
#include "wire/mld.h"

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

static const struct ip6_addr group = { { 0xff, 2, [11] = 1, 0xff, 0, 0, 1 } };

/* A query with @len bytes in all; @delay, @flags, @interval as codes. */
static int parse(struct mld_query *out, size_t len, uint16_t delay, uint8_t flags, uint8_t interval,
		 unsigned n, const struct ip6_addr *about)
{
	uint8_t bytes[MLD_QUERY_LEN + 16 * IP6_ADDR_BYTES] = { ICMP6_MLD_QUERY };

	bytes[4] = (uint8_t)(delay >> 8);
	bytes[5] = (uint8_t)delay;
	if (about)
		memcpy(bytes + 8, about->b, IP6_ADDR_BYTES);
	bytes[24] = flags;
	bytes[25] = interval;
	bytes[27] = (uint8_t)n;
	return mld_parse_query(guarded_copy(&guard, slice_of(bytes, len)), out);
}

/* RFC 3810 §5.1.3, §5.1.8, §5.1.9 */
static void test_numbers(void **state unused_arg)
{
	static const struct {
		uint16_t delay;
		uint8_t flags, interval;
		uint32_t delay_ms, interval_s;
		uint8_t robustness;
	} cases[] = {
		{ 0, 0, 0, 0, 0, 0 },
		{ 10000, 2, 125, 10000, 125, 2 },
		{ 32767, 0x0f, 127, 32767, 127, 7 }, /* with the S flag */
		{ 0x8000, 1, 0x80, 0x1000 << 3, 0x10 << 3, 1 },
		{ 0x8001, 1, 0x9f, 0x1001 << 3, 0x1f << 4, 1 },
		{ 0xffff, 0, 0xff, 0x1fffu << 10, 0x1f << 10, 0 },
	};
	struct mld_query q;

	for (unsigned i = 0; i < count_of(cases); i++) {
		assert_int_equal(parse(&q, MLD_QUERY_LEN, cases[i].delay, cases[i].flags,
				       cases[i].interval, 0, NULL),
				 0);
		assert_int_equal(q.version, 2);
		assert_int_equal(q.max_delay_ms, cases[i].delay_ms);
		assert_int_equal(q.interval_s, cases[i].interval_s);
		assert_int_equal(q.robustness, cases[i].robustness);
	}
}

static void test_version_1_is_told_by_its_length(void **state unused_arg)
{
	struct mld_query q;

	assert_int_equal(parse(&q, MLD_V1_LEN, 0xffff, 0, 0, 0, &group), 0);
	assert_int_equal(q.version, 1);
	assert_int_equal(q.max_delay_ms, 0xffff); /* plain milliseconds */
	assert_int_equal(q.interval_s, 125);
	assert_true(ip6_equal(&q.group, &group));
}

static void test_sources(void **state unused_arg)
{
	struct mld_query q;

	assert_int_equal(parse(&q, MLD_QUERY_LEN + 32, 1, 0, 0, 2, &group), 0);
	assert_int_equal(q.n_sources, 2);
	assert_int_equal(parse(&q, MLD_QUERY_LEN + 16 * 8, 1, 0, 0, 8, &group), 0);
	assert_int_equal(q.n_sources, MLD_SOURCES_MAX);
	assert_int_equal(parse(&q, MLD_QUERY_LEN + 16 * 9, 1, 0, 0, 9, &group), 0);
	assert_int_equal(q.n_sources, 0);
}

static void test_faults(void **state unused_arg)
{
	struct ip6_addr host = ip6_of(0xfe80000000000000, 1), got;
	uint8_t report[MLD_V1_LEN] = { ICMP6_MLD_REPORT };
	struct mld_query q;

	for (size_t len = 0; len < MLD_V1_LEN; len++)
		assert_int_equal(parse(&q, len, 0, 0, 0, 0, NULL), ERR_SHORT);
	for (size_t len = MLD_V1_LEN + 1; len < MLD_QUERY_LEN; len++)
		assert_int_equal(parse(&q, len, 0, 0, 0, 0, NULL), ERR_FORMAT);
	for (size_t len = MLD_QUERY_LEN; len < MLD_QUERY_LEN + 32; len++)
		assert_int_equal(parse(&q, len, 0, 0, 0, 2, &group), ERR_SHORT);
	assert_int_equal(parse(&q, MLD_QUERY_LEN + 16, 0, 0, 0, 1, NULL), ERR_FORMAT);
	assert_int_equal(parse(&q, MLD_QUERY_LEN, 0, 0, 0, 0, &host), ERR_FORMAT);
	assert_int_equal(mld_parse_query(slice_of(report, sizeof(report)), &q), ERR_UNSUPPORTED);
	assert_int_equal(mld_parse_v1(slice_of(report, sizeof(report)), &got), ERR_FORMAT);
	memcpy(report + 8, group.b, IP6_ADDR_BYTES);
	assert_int_equal(mld_parse_v1(slice_of(report, sizeof(report)), &got), 0);
	assert_true(ip6_equal(&got, &group));
	for (size_t len = 0; len < MLD_V1_LEN; len++)
		assert_int_equal(mld_parse_v1(guarded_copy(&guard, slice_of(report, len)), &got),
				 ERR_SHORT);
	report[0] = ICMP6_MLD2_REPORT;
	assert_int_equal(mld_parse_v1(slice_of(report, sizeof(report)), &got), ERR_UNSUPPORTED);
}

/* RFC 3810 §5.2: two records, one with a source. */
static void test_report(void **state unused_arg)
{
	struct ip6_addr src = ip6_of(0xfe80000000000000, 1), dst = mld_all_routers();
	const struct mld_record records[] = {
		{ .type = MLD_TO_EXCLUDE, .group = group },
		{ .type = MLD_IS_INCLUDE, .group = group, .n_sources = 1, .source = &src },
	};
	uint8_t bytes[256];
	struct writer w = writer_of(bytes, sizeof(bytes));
	size_t len = MLD_REPORT_LEN + 2 * MLD_RECORD_LEN + IP6_ADDR_BYTES;

	mld_emit_report(&w, records, 2, &src, &dst);
	assert_int_equal(writer_len(&w), len);
	assert_true(checksum_is_good(ip6_pseudo_sum(&src, &dst, IP_ICMP6, (uint32_t)len) +
				     checksum_sum(bytes, len)));
	assert_int_equal(bytes[0], 143);
	assert_int_equal(bytes[7], 2);
	assert_int_equal(bytes[8], MLD_TO_EXCLUDE);
	assert_memory_equal(bytes + 12, group.b, IP6_ADDR_BYTES);
	assert_int_equal(bytes[28], MLD_IS_INCLUDE);
	assert_int_equal(bytes[31], 1);
	assert_memory_equal(bytes + 48, src.b, IP6_ADDR_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_version_1_is_told_by_its_length),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
