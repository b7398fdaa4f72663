/* pool_test.c - whose turn it is among the hosts of a cluster, and limits that workers share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "control/config_tree.h"
#include "proxy/config/snapshot.h"
#include "proxy/net/memory_sockets.h"
#include "proxy/upstream/upstream_internal.h"

static struct dispatcher *d;
static struct socket_registry sockets;
static struct snapshot *snapshot;
static struct stats *stats;
static struct clusters *clusters;

#define ENDPOINT(last, weight)                                                                     \
	"{ load_balancing_weight: " weight                                                         \
	", endpoint: { address: { socket_address: { address: 10.0.0." last                         \
	", port_value: 80 } } } }, "
#define CLUSTER(name, weight)                                                                      \
	"{ name: " name ", load_assignment: { cluster_name: " name                                 \
	", endpoints: [ { lb_endpoints: [ " ENDPOINT("1", weight) ENDPOINT("2", "1")               \
		ENDPOINT("3", "1") "] } ] } }, "

static const char config[] =
	"static_resources: { clusters: [ " CLUSTER("even", "1") CLUSTER("uneven", "3") "] }\n";

static int set_up(void **state unused_arg)
{
	struct config_error error;

	snapshot =
		snapshot_load_or_null(&(struct snapshot_source){ .overlay_yaml = config }, &error);
	if (!snapshot)
		fail_msg("%s", error.text);
	d = dispatcher_new_or_null("test", &clock_monotonic);
	socket_registry_init(&sockets);
	assert_int_equal(socket_registry_add(&sockets, memory_sockets_new()), 0);
	stats = stats_new_or_null(1);
	clusters = clusters_new_or_null(snapshot_bootstrap(snapshot), stats, &sockets);
	assert_non_null(clusters);
	return clusters_worker_start(clusters, d, 0);
}

static int tear_down(void **state unused_arg)
{
	clusters_worker_stop(d);
	clusters_free(clusters);
	dispatcher_free(d);
	socket_registry_deinit(&sockets);
	stats_free(stats);
	snapshot_put(snapshot);
	return 0;
}

/* The last digits of the next @n hosts of a cluster. */
static void turns_are(uint32_t cluster_idx, const char *wanted)
{
	char got[32] = "";

	for (size_t i = 0; i < strlen(wanted); i++) {
		struct upstream_host *h = upstream_choose_host(cluster_of(d, cluster_idx));

		got[i] = (char)('0' + upstream_host_address(h)->ip[3]);
	}
	assert_string_equal(got, wanted);
}

static void takes_turns(void **state unused_arg)
{
	turns_are(0, "1231231");
}

/* Three of five for the first, and not in one go. */
static void takes_turns_by_weight(void **state unused_arg)
{
	turns_are(1, "1213112131");
}

static void reports_hosts(void **state unused_arg)
{
	struct host_report r[2];

	assert_int_equal(clusters_report(d, 0, r, 2), 3);
	assert_int_equal(r[1].address.ip[3], 2);
	assert_int_equal(r[1].endpoint->weight, 1);
	assert_int_equal(r[1].cx_total, 0);
}

static void limits_open_and_shut(void **state unused_arg)
{
	struct limit l = { .n = 0 };
	uint64_t open = 0;

	assert_true(limit_take(&l, 2, &open));
	assert_int_equal(open, 0);
	assert_true(limit_take(&l, 2, &open));
	assert_int_equal(open, 1);
	assert_false(limit_take(&l, 2, &open));
	limit_force(&l);
	limit_give(&l, &open);
	assert_false(limit_take(&l, 2, &open));
	limit_give(&l, &open);
	assert_int_equal(open, 0);
	assert_true(limit_take(&l, 2, &open));
	assert_false(limit_take(&l, 0, &open));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_turns),
		cmocka_unit_test(takes_turns_by_weight),
		cmocka_unit_test(reports_hosts),
		cmocka_unit_test(limits_open_and_shut),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
