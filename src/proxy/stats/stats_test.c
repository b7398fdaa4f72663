/* stats_test.c - sums over workers, and the three forms of output, as tables of lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/stats/stats.h"

struct example {
	uint64_t upstream_rq_total;
	uint64_t upstream_cx_active;
	uint64_t upstream_rq_2xx;
	struct histogram upstream_rq_time;
	struct status_codes codes;
};

static const struct stat_field fields[] = {
	{ "upstream_rq_total", STAT_COUNTER, offsetof(struct example, upstream_rq_total) },
	{ "upstream_cx_active", STAT_GAUGE, offsetof(struct example, upstream_cx_active) },
	{ "upstream_rq_2xx", STAT_COUNTER, offsetof(struct example, upstream_rq_2xx) },
	{ "upstream_rq_time", STAT_TIME, offsetof(struct example, upstream_rq_time) },
	{ "upstream_rq", STAT_STATUS_CODES, offsetof(struct example, codes) },
};
static const struct stat_layout layout = { sizeof(struct example), fields, count_of(fields) };

struct plain {
	uint64_t live;
};
static const struct stat_field plain_fields[] = { { "live", STAT_GAUGE, 0 } };
static const struct stat_layout plain_layout = { sizeof(struct plain), plain_fields, 1 };

typedef void (*printer)(struct stats *s, const struct stats_query *q, FILE *out);

static char *print(struct stats *s, printer p, struct stats_query q)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	p(s, &q, out);
	fclose(out);
	return text;
}

static struct stats *two_workers(void)
{
	struct stats *s = stats_new_or_null(2);
	struct stat_group *g = stats_group_or_null(s, stat_scope_cluster("a:b\"c"), &layout);
	struct example *w0 = stat_group_block(g, 0), *w1 = stat_group_block(g, 1);
	struct plain *main_block;

	stat_inc(&w0->upstream_rq_total);
	stat_add(&w1->upstream_rq_total, 4);
	stat_dec(&w0->upstream_cx_active); /* closed here, opened over there */
	stat_add(&w1->upstream_cx_active, 3);
	stat_inc(&w1->upstream_rq_2xx);
	stat_status(&w0->codes, 404);
	stat_status(&w1->codes, 404);
	stat_status(&w1->codes, 99);
	histogram_record(&w0->upstream_rq_time, 1000);
	g = stats_group_or_null(s, stat_scope_plain("server"), &plain_layout);
	main_block = stat_group_block(g, STATS_MAIN);
	stat_set(&main_block->live, 1);
	return s;
}

static void sums_workers(void **state unused_arg)
{
	struct stats *s = two_workers();
	uint64_t v;

	assert_true(stats_value(s, "cluster.a_b\"c.upstream_rq_total", &v));
	assert_int_equal(v, 5);
	assert_true(stats_value(s, "cluster.a_b\"c.upstream_cx_active", &v));
	assert_int_equal(v, 2);
	assert_true(stats_value(s, "cluster.a_b\"c.upstream_rq_404", &v));
	assert_int_equal(v, 2);
	assert_false(stats_value(s, "cluster.a_b\"c.upstream_rq_99", &v));
	assert_ptr_equal(stats_group_or_null(s, stat_scope_cluster("a:b\"c"), &layout),
			 stats_group_or_null(s, stat_scope_cluster("a_b\"c"), &layout));
	stats_reset_counters(s);
	assert_true(stats_value(s, "cluster.a_b\"c.upstream_rq_total", &v));
	assert_int_equal(v, 0);
	assert_true(stats_value(s, "cluster.a_b\"c.upstream_cx_active", &v));
	assert_int_equal(v, 2);
	stats_free(s);
}

static void prints_text(void **state unused_arg)
{
	struct stats *s = two_workers();
	char *text = print(s, stats_print_text, (struct stats_query){ .used_only = true });
	static const char want[] =
		"cluster.a_b\"c.upstream_cx_active: 2\n"
		"cluster.a_b\"c.upstream_rq_2xx: 1\n"
		"cluster.a_b\"c.upstream_rq_404: 2\n"
		"cluster.a_b\"c.upstream_rq_total: 5\n"
		"server.live: 1\n"
		"cluster.a_b\"c.upstream_rq_time: P0(nan,0.96) P25(nan,0.976) P50(nan,0.992) "
		"P75(nan,1.008) P90(nan,1.0176) P95(nan,1.0208) P99(nan,1.02336) "
		"P99.5(nan,1.02368) P99.9(nan,1.02394) P100(nan,1.024)\n";

	assert_string_equal(text, want);
	free(text);
	stats_flush(s);
	text = print(s, stats_print_text, (struct stats_query){ 0 });
	assert_non_null(strstr(text, "P50(0.992,0.992)"));
	free(text);
	stats_flush(s);
	stats_reset_counters(s);
	text = print(s, stats_print_text, (struct stats_query){ 0 });
	assert_non_null(strstr(text, "upstream_rq_time: No recorded values\n"));
	assert_non_null(strstr(text, "upstream_rq_total: 0\n"));
	free(text);
	stats_free(s);
}

static void prints_prometheus(void **state unused_arg)
{
	static const char *const want[] = {
		"# TYPE envoy_cluster_upstream_rq_total counter\n"
		"envoy_cluster_upstream_rq_total{envoy_cluster_name=\"a_b\\\"c\"} 5\n",
		"# TYPE envoy_cluster_upstream_cx_active gauge\n",
		"envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\","
		"envoy_cluster_name=\"a_b\\\"c\"} 1\n",
		"envoy_cluster_upstream_rq{envoy_response_code=\"404\","
		"envoy_cluster_name=\"a_b\\\"c\"} 2\n",
		"# TYPE envoy_cluster_upstream_rq_time histogram\n"
		"envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"a_b\\\"c\",le=\"0.5\"} "
		"0\n",
		"envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"a_b\\\"c\",le=\"5\"} "
		"1\n",
		"le=\"3.6e+06\"} 1\n",
		"le=\"+Inf\"} 1\n"
		"envoy_cluster_upstream_rq_time_sum{envoy_cluster_name=\"a_b\\\"c\"} 1\n"
		"envoy_cluster_upstream_rq_time_count{envoy_cluster_name=\"a_b\\\"c\"} 1\n",
		"# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n",
	};
	struct stats *s = two_workers();
	char *text = print(s, stats_print_prometheus, (struct stats_query){ 0 });

	for (unsigned i = 0; i < count_of(want); i++)
		if (!strstr(text, want[i]))
			fail_msg("missing: %s\nin: %s", want[i], text);
	free(text);
	stats_free(s);
}

static bool only_live(void *context unused_arg, const char *name)
{
	return strstr(name, "live") || strstr(name, "time");
}

static void prints_json(void **state unused_arg)
{
	struct stats *s = two_workers();
	struct stats_query q = { .wanted = only_live };
	char *text = print(s, stats_print_json, q);

	assert_memory_equal(text,
			    "{\"stats\":[{\"name\":\"server.live\",\"value\":1},"
			    "{\"histograms\":{\"supported_quantiles\":[0,25,",
			    73);
	assert_non_null(strstr(text, "{\"name\":\"cluster.a_b\\\"c.upstream_rq_time\",\"values\":"
				     "[{\"interval\":null,\"cumulative\":0.96},"));
	assert_string_equal(text + strlen(text) - 7, "}]}}]}\n");
	free(text);
	stats_free(s);
}

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	assert_int_equal(fscanf(f, "%*u %lu", &pages), 1);
	fclose(f);
	return pages * 4096;
}

static void unused_statistics_cost_no_memory(void **state unused_arg)
{
	enum { N_CLUSTERS = 1000 };
	struct stats *s = stats_new_or_null(4);
	size_t before = resident_bytes();

	for (unsigned i = 0; i < N_CLUSTERS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%u", i);
		assert_non_null(stats_group_or_null(s, stat_scope_cluster(name), &layout));
	}
	stats_flush(s);
	free(print(s, stats_print_text, (struct stats_query){ .used_only = true }));
	stats_flush(s);
	if (!SANITIZED) /* whose shadow memory is resident as well */
		assert_in_range(resident_bytes() - before, 0, N_CLUSTERS * sizeof(struct example));
	stats_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unused_statistics_cost_no_memory),
		cmocka_unit_test(sums_workers),
		cmocka_unit_test(prints_text),
		cmocka_unit_test(prints_prometheus),
		cmocka_unit_test(prints_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
