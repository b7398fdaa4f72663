/* bulk_test.c - what is loaded in bulk is found as if it had been added one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/random.h"
#include "l3/fib/bulk.h"

enum { N_ROUTES = 1000, N_HOPS = 8, SEED = 7 };

static struct mailbox mailbox;
static struct fib *fib;
static struct vrf *vrf;
static uint32_t lb[N_HOPS];
static struct random seed;

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
	random_seed(&seed, SEED);
	for (uint32_t i = 0; i < N_HOPS; i++) {
		struct adjacency value = { .kind = ADJACENCY_REWRITE, .next_hop = i + 1 };
		struct fib_path path = { .weight = 1 };

		assert_int_equal(adjacency_new(&fib->adjacencies, &value, &path.adjacency), 0);
		assert_int_equal(load_balance_get(&fib->load_balances, &path, 1, false, &lb[i]), 0);
		adjacency_put(&fib->adjacencies, path.adjacency);
	}
	return 0;
}

static int tear_down(void **state unused_arg)
{
	settle();
	fib_free(fib);
	mailbox_deinit(&mailbox);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct fib_bulk_prefix *x = a, *y = b;

	if (!fib_key_equal(x->key, y->key))
		return fib_key_before(x->key, y->key) ? -1 : 1;
	return (int)x->len - (int)y->len;
}

static struct fib_key random_key(struct fib_key mask)
{
	return fib_key_and((struct fib_key){ random_u64(&seed), random_u64(&seed) }, mask);
}

/* Random prefixes near each other, in order, of lengths up to @bits. */
static void make_prefixes(struct fib_bulk_prefix *p, struct fib_key near, unsigned bits)
{
	for (unsigned i = 0; i < N_ROUTES; i++) {
		unsigned least = random_below(&seed, 100) ? 20 : 0; /* short ones take long */

		p[i].len = (uint8_t)(least + random_below(&seed, bits + 1 - least));
		p[i].key = fib_key_and(random_key(near), fib_key_mask(p[i].len));
	}
	qsort(p, N_ROUTES, sizeof(*p), compare);
}

static void load(struct fib_bulk *b, struct fib_table *t, const struct fib_bulk_prefix *p,
		 unsigned step)
{
	int err = ERR_AGAIN;

	fib_bulk_init(b, vrf, t);
	for (unsigned i = 0; i < N_ROUTES; i++)
		assert_int_equal(fib_bulk_put(b, p[i].key, p[i].len, FIB_DYNAMIC,
					      lb[random_below(&seed, N_HOPS)]),
				 0);
	while (err == ERR_AGAIN)
		err = fib_bulk_show(b, step);
	assert_int_equal(err, 0);
	fib_bulk_deinit(b);
}

/* The rib knows what is right. */
static void check(struct fib_table *t, unsigned family, struct fib_key near)
{
	for (unsigned i = 0; i < 5000; i++) {
		struct fib_key key = random_key(near);
		const struct rib_node *n = rib_match_or_null(&t->rib, key, 128);
		uint32_t got = family == 4 ? trie_lookup4(&t->trie, fib_key_ip4(key))
					   : trie_lookup6(&t->trie, key);

		assert_int_equal(got, n ? n->leaf : 0);
	}
}

static void test_bulk(struct fib_table *t, unsigned family, struct fib_key near, unsigned bits)
{
	static struct fib_bulk_prefix prefixes[N_ROUTES];
	struct fib_bulk bulk;
	uint32_t n_prefixes;

	make_prefixes(prefixes, near, bits);
	load(&bulk, t, prefixes, 7);
	check(t, family, near);
	n_prefixes = fib->n_prefixes;
	load(&bulk, t, prefixes, 100000); /* once more: replaced */
	check(t, family, near);
	assert_int_equal(fib->n_prefixes, n_prefixes);
	for (unsigned i = 0; i < N_ROUTES; i++) {
		int err = fib_take(vrf, t, prefixes[i].key, prefixes[i].len, FIB_DYNAMIC);

		assert_true(err == 0 || err == ERR_NOENT); /* some were there twice */
	}
	check(t, family, near);
}

static void test_ip4(void **state unused_arg)
{
	test_bulk(&vrf->ip4, 4, (struct fib_key){ 0x0fffffff00000000, 0 }, 32);
	test_bulk(&vrf->ip4, 4, (struct fib_key){ 0x0003ffff00000000, 0 }, 32);
	for (unsigned i = 0; i < N_HOPS; i++)
		load_balance_put(&fib->load_balances, lb[i]);
	settle();
	assert_int_equal(fib->n_prefixes, 10);
	assert_int_equal(fib->load_balances.n_used, 11); /* NONE and the specials */
}

static void test_ip6(void **state unused_arg)
{
	test_bulk(&vrf->ip6, 6, (struct fib_key){ 0x2001ffffffffffff, UINT64_MAX }, 128);
	test_bulk(&vrf->ip6, 6, (struct fib_key){ 0x2001000f0000ffff, 0xff }, 128);
	test_bulk(&vrf->ip6, 6, (struct fib_key){ 0x200f0f0000000000, 0 }, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ip4, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ip6, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
