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

static void count_flows(unsigned counts[N_HOPS + 1])
{
	memset(counts, 0, (N_HOPS + 1) * sizeof(counts[0]));
	for (uint32_t hash = 0; hash < 64; hash++)
		counts[fib_lookup(fib, vrf, 0x0a000001, hash)->next_hop]++;
}

static void test_multipath_by_weight_and_around_failures(void **state unused_arg)
{
	struct fib_path paths[3] = { { hop[0], 1 }, { hop[1], 2 }, { hop[2], 1 } };
	struct adjacency dead = { .kind = ADJACENCY_UNREACHABLE };
	struct ip4_prefix prefix = { 0x0a000000, 8 };
	unsigned counts[N_HOPS + 1];

	assert_int_equal(fib_add_route(fib, vrf, prefix, FIB_STATIC, paths, 3), 0);
	count_flows(counts);
	assert_int_equal(counts[1], 16);
	assert_int_equal(counts[2], 32);
	assert_int_equal(counts[3], 16);
	assert_int_equal(adjacency_change(&fib->adjacencies, hop[1], &dead), 0);
	load_balance_refill(&fib->load_balances, hop[1]);
	count_flows(counts);
	assert_int_equal(counts[1], 32);
	assert_int_equal(counts[3], 32);
	assert_int_equal(fib_add_route(fib, vrf, prefix, FIB_STATIC, paths, 0), ERR_INVAL);
	assert_int_equal(fib_add_route(fib, vrf, prefix, FIB_STATIC, paths, 9), ERR_FULL);
	count_flows(counts);
	assert_int_equal(counts[1], 32);
	assert_int_equal(fib_del_route(fib, vrf, prefix, FIB_STATIC), 0);
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
	assert_int_equal(fib_del_route(fib, blue, prefix, FIB_STATIC), 0);
	fib->adjacencies.n_used -= 10; /* the specials of blue, for tear_down() */
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
		cmocka_unit_test_setup_teardown(test_handles_go_stale, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_version_moves_with_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ip6_routes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link_local_by_interface, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vrfs_are_apart, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
