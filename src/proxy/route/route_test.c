/* route_test.c - virtual hosts and routes, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/route/route.h"

static const char *const exact_domains[] = { "www.example.com", "example.com:8080", "[::1]:80" };
static const char *const suffix_domains[] = { "*.example.com" };
static const char *const long_suffix_domains[] = { "*-x.example.com" };
static const char *const prefix_domains[] = { "www.*", "api.e*" };
static const char *const any_domains[] = { "*" };
static const struct virtual_host_config hosts[] = {
	{ .name = "any", .domains = any_domains, .n_domains = 1 },
	{ .name = "suffix", .domains = suffix_domains, .n_domains = 1 },
	{ .name = "long", .domains = long_suffix_domains, .n_domains = 1 },
	{ .name = "prefix", .domains = prefix_domains, .n_domains = 2 },
	{ .name = "exact", .domains = exact_domains, .n_domains = 3 },
};

struct host_case {
	const char *authority, *host;
};

static void run_hosts(const struct route_table_config *config, const struct host_case *cases,
		      size_t n)
{
	struct route_table *t = route_table_new_or_null(config);

	assert_non_null(t);
	for (size_t i = 0; i < n; i++) {
		const struct virtual_host_config *v =
			route_find_host_or_null(t, slice_of_text(cases[i].authority));

		assert_string_equal(v ? v->name : "none", cases[i].host);
	}
	route_table_free(t);
}

static void picks_the_most_exact_host(void **state unused_arg)
{
	static const struct host_case cases[] = {
		{ "www.example.com", "exact" },
		{ "WWW.Example.COM", "exact" },
		{ "www.example.com:80", "prefix" },
		{ "example.com:8080", "exact" },
		{ "example.com", "any" },
		{ "a.example.com", "suffix" },
		{ ".example.com", "any" },
		{ "a-x.example.com", "long" },
		{ "-x.example.com", "suffix" },
		{ "www.other.org", "prefix" },
		{ "www.", "any" },
		{ "api.ex", "prefix" },
		{ "api.e", "any" },
		{ "", "any" },
		{ "[::1]:80", "exact" },
	};
	struct route_table_config config = { .virtual_hosts = hosts, .n_virtual_hosts = 5 };

	run_hosts(&config, cases, count_of(cases));
}

static void ignores_ports_where_told(void **state unused_arg)
{
	static const struct host_case cases[] = {
		{ "www.example.com:80", "exact" },
		{ "www.example.com", "exact" },
		{ "a.example.com:9", "suffix" },
		{ "example.com:8080", "none" },
	};
	struct route_table_config config = { .virtual_hosts = hosts + 1,
					     .n_virtual_hosts = 4,
					     .ignore_port_in_host_matching = true };

	run_hosts(&config, cases, count_of(cases));
}

static void without_any_a_host_may_be_missing(void **state unused_arg)
{
	static const struct host_case cases[] = { { "other.org", "none" } };
	struct route_table_config config = { .virtual_hosts = hosts + 1, .n_virtual_hosts = 4 };

	run_hosts(&config, cases, count_of(cases));
}

static void takes_the_first_route_that_matches(void **state unused_arg)
{
	static const struct route_config routes[] = {
		{ .name = "path", .match = { ROUTE_MATCH_PATH, "/exact", true } },
		{ .name = "loose", .match = { ROUTE_MATCH_PATH, "/Loose", false } },
		{ .name = "prefix", .match = { ROUTE_MATCH_PREFIX, "/service/1", true } },
		{ .name = "nocase", .match = { ROUTE_MATCH_PREFIX, "/ABC", false } },
	};
	static const struct virtual_host_config host = { .routes = routes, .n_routes = 4 };
	static const struct {
		const char *path, *route;
	} cases[] = {
		{ "/exact", "path" },
		{ "/exact?q=1", "path" },
		{ "/exact/", "none" },
		{ "/Exact", "none" },
		{ "/exac", "none" },
		{ "/lOOSE?x", "loose" },
		{ "/service/1", "prefix" },
		{ "/service/11?x", "prefix" },
		{ "/service/2", "none" },
		{ "/Service/1", "none" },
		{ "/aBcd", "nocase" },
		{ "/", "none" },
		{ "*", "none" },
	};

	for (size_t i = 0; i < count_of(cases); i++) {
		const struct route_config *r =
			route_find_or_null(&host, slice_of_text(cases[i].path));

		assert_string_equal(r ? r->name : "none", cases[i].route);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks_the_most_exact_host),
		cmocka_unit_test(ignores_ports_where_told),
		cmocka_unit_test(without_any_a_host_may_be_missing),
		cmocka_unit_test(takes_the_first_route_that_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
