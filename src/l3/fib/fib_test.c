/* fib_test.c - routes by source, shared load-balances, multipath, deferred reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "l3/fib/fib.h"

enum { N_HOPS = 8 };

static struct mailbox mailbox;
static struct fib *fib;
static struct vrf *vrf;
static uint32_t hop[N_HOPS]; /* adjacencies; hop[i] has next hop i + 1 */

static void settle(void)
{
	while (fib->yard.n_waiting > 0) {
		rcu_drain();
		mailbox_run(&mailbox, NULL);
	}
}

static int set_up(void **state unused_arg)
{
	assert_int_equal(mailbox_init(&mailbox), 0);
	assert_int_equal(fib_new(&mailbox, &fib), 0);
	vrf = fib_vrf_or_null(fib, VRF_DEFAULT);
	for (uint32_t i = 0; i < N_HOPS; i++) {
		struct adjacency value = { .kind = ADJACENCY_REWRITE, .next_hop = i + 1 };

		assert_int_equal(adjacency_new(&fib->adjacencies, &value, &hop[i]), 0);
	}
	return 0;
}

static int tear_down(void **state unused_arg)
{
	for (unsigned i = 0; i < N_HOPS; i++)
		adjacency_put(&fib->adjacencies, hop[i]);
	settle();
	assert_int_equal(fib->adjacencies.n_used, 11); /* NONE and the specials */
	fib_free(fib);
	mailbox_deinit(&mailbox);
	return 0;
}

static void add(const char *text, enum fib_source source, unsigned at)
{
	struct fib_path path = { hop[at], 1 };
	struct ip4_prefix prefix;

	assert_int_equal(ip4_prefix_from_text(text, &prefix), 0);
	assert_int_equal(fib_add_route(fib, vrf, prefix, source, &path, 1), 0);
}

static int del(const char *text, enum fib_source source)
{
	struct ip4_prefix prefix;

	assert_int_equal(ip4_prefix_from_text(text, &prefix), 0);
	return fib_del_route(fib, vrf, prefix, source);
}

static uint32_t next_hop(const char *text)
{
	be32 dst;

	assert_int_equal(ip4_from_text(text, &dst), 0);
	return fib_lookup(fib, vrf, host32(dst), 0)->next_hop;
}

static void test_sources_take_turns(void **state unused_arg)
{
	assert_int_equal(next_hop("10.1.2.3"), 0);
	add("10.1.0.0/16", FIB_DYNAMIC, 0);
	assert_int_equal(next_hop("10.1.2.3"), 1);
	add("10.1.0.0/16", FIB_STATIC, 1);
	assert_int_equal(next_hop("10.1.2.3"), 2);
	add("10.1.0.0/16", FIB_DYNAMIC, 2);
	assert_int_equal(next_hop("10.1.2.3"), 2);
	assert_int_equal(del("10.1.0.0/16", FIB_STATIC), 0);
	assert_int_equal(next_hop("10.1.2.3"), 3);
	assert_int_equal(del("10.1.0.0/16", FIB_STATIC), ERR_NOENT);
	assert_int_equal(del("10.1.0.0/17", FIB_DYNAMIC), ERR_NOENT);
	assert_int_equal(del("10.1.0.0/16", FIB_DYNAMIC), 0);
	assert_int_equal(next_hop("10.1.2.3"), 0);
	assert_int_equal(fib->n_prefixes, 10);
}

static void test_specials(void **state unused_arg)
{
	static const struct {
		uint32_t addr;
		enum adjacency_kind kind;
	} cases[] = {
		{ 0x00000000, ADJACENCY_BLACKHOLE }, { 0x7f000001, ADJACENCY_BLACKHOLE },
		{ 0xe0000001, ADJACENCY_BLACKHOLE }, { 0xf0000001, ADJACENCY_BLACKHOLE },
		{ 0xffffffff, ADJACENCY_BROADCAST }, { 0x01000000, ADJACENCY_REWRITE },
		{ 0xdfffffff, ADJACENCY_REWRITE },
	};

	assert_int_equal(fib_lookup(fib, vrf, 0x01000000, 0)->kind, ADJACENCY_UNREACHABLE);
	add("0.0.0.0/0", FIB_STATIC, 0);
	for (unsigned i = 0; i < count_of(cases); i++)
		assert_int_equal(fib_lookup(fib, vrf, cases[i].addr, 0)->kind, cases[i].kind);
	assert_int_equal(del("0.0.0.0/0", FIB_STATIC), 0);
}

static void test_many_prefixes_move_by_one_store(void **state unused_arg)
{
	uint32_t before = fib->load_balances.n_used;
	struct adjacency value = { .kind = ADJACENCY_REWRITE, .next_hop = 77 };
	struct random r;

	random_seed(&r, 5);
	for (unsigned i = 0; i < 1000; i++) {
		struct ip4_prefix prefix = { 0x0a000000 | (i << 8), 24 };
		struct fib_path path = { hop[0], 1 };

		assert_int_equal(fib_add_route(fib, vrf, prefix, FIB_DYNAMIC, &path, 1), 0);
	}
	assert_int_equal(fib->load_balances.n_used, before + 1);
	assert_int_equal(adjacency_change(&fib->adjacencies, hop[0], &value), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(
			fib_lookup(fib, vrf, 0x0a000000 + random_below(&r, 256000), 0)->next_hop,
			77);
	for (unsigned i = 0; i < 1000; i++) {
		struct ip4_prefix prefix = { 0x0a000000 | (i << 8), 24 };

		assert_int_equal(fib_del_route(fib, vrf, prefix, FIB_DYNAMIC), 0);
	}
	settle();
	assert_int_equal(fib->load_balances.n_used, before);
}

enum { N_FLOWS = LOAD_BALANCE_MAX_BUCKETS };

static const struct ip4_prefix ten = { 0x0a000000, 8 };

/* Where each flow goes. */
static void see_flows(uint32_t to[N_FLOWS], unsigned counts[N_HOPS + 1])
{
	memset(counts, 0, (N_HOPS + 1) * sizeof(counts[0]));
	for (uint32_t hash = 0; hash < N_FLOWS; hash++) {
		to[hash] = fib_lookup(fib, vrf, 0x0a000001, hash)->next_hop;
		counts[to[hash]]++;
	}
}

static void set_kind(unsigned at, enum adjacency_kind kind)
{
	struct adjacency value = { .kind = (uint8_t)kind, .next_hop = at + 1 };

	assert_int_equal(adjacency_change(&fib->adjacencies, hop[at], &value), 0);
	load_balance_refill(&fib->load_balances, hop[at]);
}

static int put(const struct fib_path *paths, unsigned n, bool resilient)
{
	return fib_put(vrf, &vrf->ip4, fib_key_of_ip4(ten.addr), ten.len, FIB_STATIC,
		       (struct fib_paths){ paths, n, resilient });
}

static void test_multipath_by_weight_and_around_failures(void **state unused_arg)
{
	struct fib_path paths[3] = { { hop[0], 1 }, { hop[1], 2 }, { hop[2], 1 } };
	struct fib_path many[LOAD_BALANCE_PATHS + 1] = { 0 }, heavy = { hop[0], 256 };
	static uint32_t before[N_FLOWS], after[N_FLOWS];
	unsigned counts[N_HOPS + 1];
	uint64_t n_stores;

	assert_int_equal(put(paths, 3, false), 0);
	see_flows(before, counts);
	assert_int_equal(counts[1], N_FLOWS / 4);
	assert_int_equal(counts[2], N_FLOWS / 2);
	assert_int_equal(counts[3], N_FLOWS / 4);
	n_stores = fib->load_balances.n_stores;
	set_kind(1, ADJACENCY_UNREACHABLE);
	assert_int_equal(fib->load_balances.n_stores - n_stores, LOAD_BALANCE_MIN_BUCKETS / 2);
	see_flows(after, counts);
	assert_int_equal(counts[1], N_FLOWS / 2);
	assert_int_equal(counts[3], N_FLOWS / 2);
	for (unsigned i = 0; i < N_FLOWS; i++)
		assert_true(before[i] == 2 || after[i] == before[i]); /* others stay */
	set_kind(1, ADJACENCY_REWRITE);
	see_flows(after, counts);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(put(paths, 0, false), ERR_INVAL);
	assert_int_equal(put(many, LOAD_BALANCE_PATHS + 1, false), ERR_FULL);
	assert_int_equal(put(&heavy, 1, false), ERR_RANGE);
	see_flows(after, counts);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(fib_del_route(fib, vrf, ten, FIB_STATIC), 0);
}

static void test_many_paths(void **state unused_arg)
{
	struct fib_path paths[LOAD_BALANCE_PATHS];
	static uint32_t to[N_FLOWS];
	unsigned counts[N_HOPS + 1];

	for (unsigned i = 0; i < LOAD_BALANCE_PATHS; i++)
		paths[i] = (struct fib_path){ hop[i % N_HOPS], 1 };
	assert_int_equal(put(paths, LOAD_BALANCE_PATHS, false), 0);
	see_flows(to, counts);
	for (unsigned i = 1; i <= N_HOPS; i++)
		assert_int_equal(counts[i], N_FLOWS / N_HOPS);
	for (unsigned i = 0; i < N_HOPS;
	     i++) /* the last one standing takes all, then nobody does */
		set_kind(i, ADJACENCY_UNREACHABLE);
	assert_int_equal(fib_lookup(fib, vrf, 0x0a000001, 7)->kind, ADJACENCY_UNREACHABLE);
	set_kind(5, ADJACENCY_REWRITE);
	see_flows(to, counts);
	assert_int_equal(counts[6], N_FLOWS);
	assert_int_equal(fib_del_route(fib, vrf, ten, FIB_STATIC), 0);
}

/* The operator takes a path away: only its flows move. Shares are about right. */
static void test_resilient(void **state unused_arg)
{
	struct fib_path paths[4] = { { hop[0], 1 }, { hop[1], 1 }, { hop[2], 2 }, { hop[3], 4 } };
	static uint32_t before[N_FLOWS], after[N_FLOWS];
	unsigned counts[N_HOPS + 1], n_moved = 0;

	assert_int_equal(put(paths, 4, true), 0);
	see_flows(before, counts);
	assert_in_range(counts[1], N_FLOWS / 8 * 8 / 10, N_FLOWS / 8 * 12 / 10);
	assert_in_range(counts[2], N_FLOWS / 8 * 8 / 10, N_FLOWS / 8 * 12 / 10);
	assert_in_range(counts[3], N_FLOWS / 4 * 8 / 10, N_FLOWS / 4 * 12 / 10);
	assert_in_range(counts[4], N_FLOWS / 2 * 8 / 10, N_FLOWS / 2 * 12 / 10);
	assert_int_equal(put(paths + 1, 3, true), 0);
	see_flows(after, counts);
	for (unsigned i = 0; i < N_FLOWS; i++) {
		assert_true(before[i] == 1 || after[i] == before[i]);
		n_moved += after[i] != before[i];
	}
	assert_in_range(n_moved, 1, N_FLOWS / 8 * 12 / 10);
	assert_int_equal(put(paths, 4, false), 0); /* another object than the resilient one */
	see_flows(after, counts);
	assert_int_equal(counts[4], N_FLOWS / 2);
	assert_int_equal(fib_del_route(fib, vrf, ten, FIB_STATIC), 0);
}

/* A next hop that is not on a link, and a way through another VRF. */
static void test_lookups_lead_on(void **state unused_arg)
{
	struct fib_path paths[2] = { { hop[0], 1 }, { hop[1], 1 } }, on = { .weight = 1 };
	struct adjacency via = { .kind = ADJACENCY_VIA };
	struct adjacency loop = { .kind = ADJACENCY_LOOKUP, .to = VRF_DEFAULT };
	static uint32_t to[N_FLOWS];
	unsigned counts[N_HOPS + 1];

	assert_int_equal(load_balance_get(&fib->load_balances, paths, 2, false, &via.to), 0);
	assert_int_equal(adjacency_new(&fib->adjacencies, &via, &on.adjacency), 0);
	assert_int_equal(put(&on, 1, false), 0);
	see_flows(to, counts);
	assert_int_equal(counts[1] + counts[2], N_FLOWS);
	assert_in_range(counts[1], N_FLOWS * 4 / 10, N_FLOWS * 6 / 10);
	assert_int_equal(adjacency_change(&fib->adjacencies, on.adjacency, &loop), 0);
	assert_int_equal(fib_lookup(fib, vrf, 0x0a000001, 0)->kind, ADJACENCY_UNREACHABLE);
	assert_int_equal(fib_del_route(fib, vrf, ten, FIB_STATIC), 0);
	adjacency_put(&fib->adjacencies, on.adjacency);
	load_balance_put(&fib->load_balances, via.to);
}

static void test_handles_go_stale(void **state unused_arg)
{
	struct adjacency value = { .kind = ADJACENCY_REWRITE, .next_hop = 9 };
	const struct adjacency_table *t = &fib->adjacencies;
	uint32_t first, second;
	handle h;

	assert_int_equal(adjacency_new(&fib->adjacencies, &value, &first), 0);
	h = adjacency_handle(adjacency_at(t, first));
	assert_int_equal(adjacency_of_or_null(t, h)->next_hop, 9);
	adjacency_put(&fib->adjacencies, first);
	assert_int_equal(adjacency_new(&fib->adjacencies, &value, &second), 0);
	assert_int_not_equal(first, second); /* somebody may still hold the index */
	adjacency_put(&fib->adjacencies, second);
	settle();
	assert_null(adjacency_of_or_null(t, h));
	assert_int_equal(adjacency_new(&fib->adjacencies, &value, &second), 0);
	assert_null(adjacency_of_or_null(t, h));
	adjacency_put(&fib->adjacencies, second);
}

static void test_version_moves_with_answers(void **state unused_arg)
{
	uint32_t version = fib_version(fib);

	add("10.0.0.0/8", FIB_STATIC, 0);
	assert_int_not_equal(fib_version(fib), version);
	version = fib_version(fib);
	add("10.0.0.0/8", FIB_DYNAMIC, 1); /* not the best: nothing changes */
	assert_int_equal(fib_version(fib), version);
	assert_int_equal(del("10.0.0.0/8", FIB_STATIC), 0);
	assert_int_not_equal(fib_version(fib), version);
	assert_int_equal(del("10.0.0.0/8", FIB_DYNAMIC), 0);
}

static struct ip6_addr addr6(const char *text)
{
	struct ip6_addr addr;

	assert_int_equal(ip6_from_text(text, &addr), 0);
	return addr;
}

static void add6(const char *text, uint32_t if_index, unsigned at)
{
	struct fib_path path = { hop[at], 1 };
	struct ip6_prefix prefix;

	assert_int_equal(ip6_prefix_from_text(text, &prefix), 0);
	prefix.addr = fib6_scoped(&prefix.addr, if_index);
	assert_int_equal(fib6_add_route(fib, vrf, prefix, FIB_STATIC, &path, 1), 0);
}

static int del6(const char *text, uint32_t if_index)
{
	struct ip6_prefix prefix;

	assert_int_equal(ip6_prefix_from_text(text, &prefix), 0);
	prefix.addr = fib6_scoped(&prefix.addr, if_index);
	return fib6_del_route(fib, vrf, prefix, FIB_STATIC);
}

static const struct adjacency *look_up6(const char *text, uint32_t if_index)
{
	struct ip6_addr dst = addr6(text);

	return fib6_lookup_on(fib, vrf, &dst, if_index, 0);
}

static void test_ip6_routes(void **state unused_arg)
{
	assert_int_equal(look_up6("2001:db8::1", 0)->kind, ADJACENCY_UNREACHABLE);
	add6("::/0", 0, 0);
	add6("2001:db8::/32", 0, 1);
	add6("2001:db8::1/128", 0, 2);
	assert_int_equal(look_up6("2001:db9::1", 0)->next_hop, 1);
	assert_int_equal(look_up6("2001:db8::2", 0)->next_hop, 2);
	assert_int_equal(look_up6("2001:db8::1", 0)->next_hop, 3);
	assert_int_equal(look_up6("::", 0)->kind, ADJACENCY_BLACKHOLE);
	assert_int_equal(look_up6("::1", 0)->kind, ADJACENCY_BLACKHOLE);
	assert_int_equal(look_up6("::ffff:10.0.0.1", 0)->kind, ADJACENCY_BLACKHOLE);
	assert_int_equal(look_up6("ff02::1", 0)->kind, ADJACENCY_GROUP);
	assert_int_equal(next_hop("10.0.0.1"), 0); /* the other family is apart */
	assert_int_equal(del6("2001:db8::1/128", 0), 0);
	assert_int_equal(del6("2001:db8::/32", 0), 0);
	assert_int_equal(del6("::/0", 0), 0);
	assert_int_equal(del6("::/0", 0), ERR_NOENT);
}

static void test_link_local_by_interface(void **state unused_arg)
{
	const struct rib_node *n;
	uint32_t if_index;

	add6("::/0", 0, 0);
	add6("fe80::/64", 1, 1);
	add6("fe80::/64", 1023, 2);
	add6("fe80::7/128", 1023, 3);
	assert_int_equal(look_up6("fe80::7", 1)->next_hop, 2);
	assert_int_equal(look_up6("fe80::7", 1023)->next_hop, 4);
	assert_int_equal(look_up6("fe80::8", 1023)->next_hop, 3);
	assert_int_equal(look_up6("fe80::7", 2)->kind, ADJACENCY_BLACKHOLE);
	assert_int_equal(look_up6("fe80::7", 0)->kind, ADJACENCY_BLACKHOLE);
	/* What only looks like the table's form. */
	assert_int_equal(look_up6("fe80:0:1::7", 0)->kind, ADJACENCY_BLACKHOLE);
	assert_int_equal(look_up6("fe80:0:1::7", 1)->kind, ADJACENCY_BLACKHOLE);
	assert_int_equal(look_up6("febf::7", 1)->kind, ADJACENCY_BLACKHOLE);
	assert_int_equal(look_up6("fec0::7", 1)->next_hop, 1);
	n = rib_match_or_null(&vrf->ip6.rib,
			      fib6_key_on(&(struct ip6_addr){ { 0xfe, 0x80 } }, 1023), 128);
	assert_int_equal(fib6_prefix_of(n, &if_index).addr.b[5], 0);
	assert_int_equal(if_index, 1023);
	assert_int_equal(del6("fe80::/64", 1), 0);
	assert_int_equal(del6("fe80::/64", 1023), 0);
	assert_int_equal(del6("fe80::7/128", 1023), 0);
	assert_int_equal(del6("::/0", 0), 0);
}

static void test_vrfs_are_apart(void **state unused_arg)
{
	struct fib_path path = { hop[3], 1 };
	struct ip4_prefix prefix = { 0x0a000000, 8 };
	struct vrf *blue, *again;

	assert_int_equal(fib_add_vrf(fib, "blue", &blue), 0);
	assert_int_equal(fib_add_vrf(fib, "blue", &again), ERR_EXIST);
	assert_int_equal(fib_add_vrf(fib, "", &again), ERR_INVAL);
	assert_int_equal(fib_add_route(fib, blue, prefix, FIB_STATIC, &path, 1), 0);
	assert_int_equal(fib_lookup(fib, blue, 0x0a000001, 0)->next_hop, 4);
	assert_int_equal(next_hop("10.0.0.1"), 0);
	assert_ptr_equal(fib_vrf_by_name_or_null(fib, "blue"), blue);
	assert_int_equal(fib_del_vrf(fib, blue), ERR_BUSY);
	assert_int_equal(fib_del_vrf(fib, vrf), ERR_BUSY);
	assert_int_equal(fib_del_route(fib, blue, prefix, FIB_STATIC), 0);
	assert_int_equal(fib_del_vrf(fib, blue), 0);
	assert_null(fib_vrf_by_name_or_null(fib, "blue"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sources_take_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_specials, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_prefixes_move_by_one_store, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_multipath_by_weight_and_around_failures,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resilient, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lookups_lead_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_handles_go_stale, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_version_moves_with_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ip6_routes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link_local_by_interface, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vrfs_are_apart, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
