/* trie6_test.c - tries of IPv6, all kinds of nodes, against a list of prefixes searched in full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/random.h"
#include "l3/fib/rib.h"
#include "l3/fib/trie.h"
#include "l3/fib/trie_fixture.h"
#include "l3/fib/trie_space.h"

enum { SEED = 20 };

enum { MODEL6_MAX = 1000 };

struct model6_route {
	struct fib_key key;
	unsigned len;
	uint32_t leaf;
};

static struct model6_route model6[MODEL6_MAX];
static unsigned n_model6;

static uint32_t model6_lookup(struct fib_key key)
{
	uint32_t leaf = 0;
	int best = -1;

	for (unsigned i = 0; i < n_model6; i++) {
		if (fib_key_agrees(model6[i].key, key, model6[i].len) &&
		    (int)model6[i].len > best) {
			best = (int)model6[i].len;
			leaf = model6[i].leaf;
		}
	}
	return leaf;
}

static void add6(struct fib_key key, unsigned len, uint32_t leaf)
{
	struct rib_node *n = rib_add_or_null(&trie_rib, key, len);
	unsigned i;

	n->leaf = leaf;
	trie_follow(key, len);
	for (i = 0; i < n_model6; i++)
		if (model6[i].len == len && fib_key_agrees(model6[i].key, key, len))
			break;
	model6[i] = (struct model6_route){ key, len, leaf };
	n_model6 += i == n_model6;
}

static void remove6_at(unsigned i)
{
	struct model6_route gone = model6[i];

	rib_remove(&trie_rib, gone.key, gone.len);
	trie_follow(gone.key, gone.len);
	model6[i] = model6[--n_model6];
}

static void check6(struct fib_key key)
{
	uint32_t want = model6_lookup(key), got = trie_lookup6(&trie, key);
	struct rib_node *n = rib_match_or_null(&trie_rib, key, 128);

	if (want != got || want != (n ? n->leaf : 0))
		fail_msg("%016lx %016lx: want %u, trie %u, rib %u", key.hi, key.lo, want, got,
			 n ? n->leaf : 0);
}

/* The last key of a prefix, and its neighbours. */
static void check6_edges(const struct model6_route *m)
{
	struct fib_key mask = fib_key_mask(m->len);
	struct fib_key first = fib_key_and(m->key, mask);
	struct fib_key last = fib_key_or(first, fib_key_not(mask));

	check6(first);
	check6(last);
	check6((struct fib_key){ first.hi - (first.lo == 0), first.lo - 1 });
	check6((struct fib_key){ last.hi + (last.lo == UINT64_MAX), last.lo + 1 });
}

/* @mask keeps the prefixes close together, so that they nest at every depth. */
static void random_churn6(struct fib_key mask, unsigned n_steps)
{
	struct random r;

	random_seed(&r, SEED);
	n_model6 = 0;
	for (unsigned step = 0; step < n_steps; step++) {
		struct fib_key key = { random_u64(&r), random_u64(&r) };

		if (n_model6 > 0 && (n_model6 == MODEL6_MAX || random_below(&r, 3) == 0))
			remove6_at(random_below(&r, n_model6));
		else
			add6(fib_key_and(key, mask), random_below(&r, 129),
			     1 + random_below(&r, 1000));
		key = (struct fib_key){ random_u64(&r), random_u64(&r) };
		check6(fib_key_and(key, mask));
	}
	assert_int_equal(trie_rib.n_prefixes, n_model6);
	for (unsigned i = 0; i < n_model6; i++)
		check6_edges(&model6[i]);
	while (n_model6 > 0)
		remove6_at(n_model6 - 1);
	assert_null(trie_rib.root);
}

/* The slot 2001:d00::/24 of the tables, and what is inside it. */
static const struct fib_key slot = { 0x20010d0000000000, 0 };
static const struct fib_key in_slot = { 0x000000ffffffffff, UINT64_MAX };

/* @base, with other bits in the places of @mask. */
static struct fib_key random_near(struct random *r, struct fib_key base, struct fib_key mask)
{
	struct fib_key k = { random_u64(r), random_u64(r) };

	return fib_key_or(base, fib_key_and(k, mask));
}

/* Every way of looking up that this processor has, on keys near the prefixes. */
static void check6_many(struct fib_key base, struct fib_key mask, struct random *r)
{
	trie_lookup6_run *const chosen = trie_lookup6_choose();
	trie_lookup6_run *forms[] = { chosen, trie_lookup6_plain, NULL };
	struct fib_key key[TRIE_BATCH];
	uint32_t leaf[TRIE_BATCH];

	if (chosen == trie_lookup6_avx512)
		forms[2] = trie_lookup6_avx2;
	for (unsigned i = 0; i < TRIE_BATCH; i++) {
		const struct model6_route *m = &model6[random_below(r, n_model6)];
		struct fib_key host = { random_u64(r), random_u64(r) };

		host = fib_key_and(host, fib_key_not(fib_key_mask(m->len)));
		key[i] = i & 1 ? fib_key_or(fib_key_and(m->key, fib_key_mask(m->len)), host)
			       : random_near(r, base, mask);
	}
	for (unsigned f = 0; f < count_of(forms) && forms[f]; f++) {
		for (unsigned n = 1; n <= TRIE_BATCH; n += 85) {
			forms[f](&trie, key, leaf, n);
			for (unsigned i = 0; i < n; i++)
				assert_int_equal(leaf[i], model6_lookup(key[i]));
		}
	}
}

/* @n random prefixes of @least to @most bits that differ from @base in the bits of @mask. */
static void add6_many(struct random *r, struct fib_key base, struct fib_key mask, unsigned n,
		      unsigned least, unsigned most)
{
	for (unsigned wanted = n_model6 + n; n_model6 < wanted;) {
		add6(random_near(r, base, mask), least + random_below(r, most + 1 - least),
		     1 + random_below(r, 1000));
	}
}

static void remove6_all(void)
{
	while (n_model6 > 0)
		remove6_at(n_model6 / 2);
	assert_null(trie_rib.root);
}

static void test_many_long_keys_at_once(void **state unused_arg)
{
	struct fib_key none = { 0 }, mask = { 0x2001000f00000000, 0xf00000000000ffff };
	struct random r;

	random_seed(&r, SEED);
	n_model6 = 0;
	add6_many(&r, none, mask, 500, 0, 128);
	check6_many(none, mask, &r);
	remove6_all();
}

/* What one slot of the tables holds, from a prefix to too many for anything but radix nodes. */
static void test_sparse_and_dense_slots(void **state unused_arg)
{
	static const struct {
		uint64_t mask;
		unsigned n, least, most, top_kind;
	} cases[] = {
		{ 0xffffffffff, 1, 48, 48, TRIE_FEW },	  { 0xffffffffff, 8, 25, 48, TRIE_FEW },
		{ 0xffffffffff, 40, 25, 48, TRIE_CUT },	  { 0xffffffffff, 60, 28, 64, TRIE_CUT },
		{ 0xffffffffff, 117, 48, 48, TRIE_CUT }, /* all of its ranges */
		{ 0x000003ffff, 60, 44, 64, TRIE_CUT },	  { 0xffffffffff, 900, 25, 48, TRIE_RADIX },
		{ 0xfc00000000, 50, 27, 30, TRIE_RADIX },
	};
	struct random r;

	random_seed(&r, SEED);
	for (unsigned i = 0; i < count_of(cases); i++) {
		struct fib_key mask = { cases[i].mask, 0 };
		uint32_t word;

		n_model6 = 0;
		add6_many(&r, slot, mask, cases[i].n, cases[i].least, cases[i].most);
		for (unsigned k = 0; k < n_model6; k++)
			check6_edges(&model6[k]);
		check6_many(slot, in_slot, &r);
		word = trie_root6(&trie, slot);
		assert_true(word & TRIE_NODE);
		assert_int_equal(trie_kind_of(trie_node_at(&trie_space, trie_index(word))),
				 cases[i].top_kind);
		remove6_all();
	}
}

/* What is below a node stays as it is when the node becomes one of another kind. */
static void test_what_does_not_change_is_taken_over(void **state unused_arg)
{
	struct fib_key hosts = { 0x20010d0000010000, 0xffff };
	struct random r;
	uint32_t n_used;

	random_seed(&r, SEED);
	n_model6 = 0;
	for (unsigned i = 0; i < 400; i++)
		add6((struct fib_key){ hosts.hi, i }, 128, 1 + i);
	for (unsigned i = 0; i < 300; i++) {
		struct trie_garbage garbage = { 0 };
		struct fib_key k = { 0x20010d0000000000 | (uint64_t)(i + 2) << 16, 0 };
		struct rib_node *n = rib_add_or_null(&trie_rib, k, 48);

		n->leaf = 1 + i;
		n_used = trie_space.nodes.n_used;
		assert_int_equal(trie_update(&trie, &trie_rib, k, 48, &garbage), 0);
		for (uint32_t g = 0, n_blocks = 0; g < garbage.n; g++) {
			n_blocks += !garbage.block[g].is_leaves;
			assert_true(n_blocks < 10);
		}
		assert_true(trie_space.nodes.n_used < n_used + 150);
		trie_collect(&trie_space, &garbage);
		model6[n_model6++] = (struct model6_route){ k, 48, 1 + i };
	}
	for (unsigned i = 0; i < n_model6; i++)
		check6_edges(&model6[i]);
	check6_many(slot, in_slot, &r);
	remove6_all();
}

/* Short prefixes are words of their own: whatever is below them stays untouched. */
static void test_short_prefixes_build_nothing(void **state unused_arg)
{
	struct trie_garbage garbage = { 0 };
	struct random r;
	uint32_t n_used;

	random_seed(&r, SEED);
	n_model6 = 0;
	add6_many(&r, slot, in_slot, 200, 25, 64);
	n_used = trie_space.nodes.n_used;
	for (unsigned len = 1; len <= TRIE_TOP6_BITS + TRIE_WIDE_BITS; len++) {
		struct fib_key key = fib_key_and(slot, fib_key_mask(len));

		rib_add_or_null(&trie_rib, key, len)->leaf = 2000 + len;
		assert_int_equal(trie_update(&trie, &trie_rib, key, len, &garbage), 0);
		model6[n_model6++] = (struct model6_route){ key, len, 2000 + len };
		check6_edges(&model6[n_model6 - 1]);
	}
	assert_int_equal(garbage.n, 0);
	assert_int_equal(trie_space.nodes.n_used, n_used);
	check6_many((struct fib_key){ 0 }, (struct fib_key){ UINT64_MAX, 0 }, &r);
	remove6_all();
}

/* Every allocation of a change fails once. */
static void test_no_room_at_any_step_of_ip6(void **state unused_arg)
{
	struct fib_key mask = { 0x000000ffffff0003, 0 };
	uint32_t max = trie_space.nodes.max, n_used;
	struct random r;

	random_seed(&r, SEED);
	n_model6 = 0;
	add6_many(&r, slot, mask, 300, 25, 64);
	for (unsigned step = 0; step < 100; step++) {
		struct fib_key key = random_near(&r, slot, mask);
		struct rib_node *n = rib_add_or_null(&trie_rib, key, 64);
		struct trie_garbage garbage = { 0 };
		uint32_t was = n->leaf, room = 0;

		n->leaf = 5000 + step;
		n_used = trie_space.nodes.n_used;
		memset(trie_space.nodes.free_of_size, 0, sizeof(trie_space.nodes.free_of_size));
		for (;; room++) {
			trie_space.nodes.max = trie_space.nodes.end + room;
			if (trie_update(&trie, &trie_rib, key, 64, &garbage) == 0)
				break;
			memset(trie_space.nodes.free_of_size, 0,
			       sizeof(trie_space.nodes.free_of_size));
			assert_int_equal(garbage.n, 0);
			assert_int_equal(trie_space.nodes.n_used, n_used);
			assert_int_equal(trie_lookup6(&trie, key), was ? was : model6_lookup(key));
			assert_true(room < 200);
		}
		trie_space.nodes.max = max;
		trie_collect(&trie_space, &garbage);
		assert_int_equal(trie_lookup6(&trie, key), 5000 + step);
		n->leaf = was;
		if (!was)
			rib_remove(&trie_rib, key, 64);
		trie_follow(key, 64);
	}
	remove6_all();
}

static void test_long_keys(void **state unused_arg)
{
	random_churn6((struct fib_key){ UINT64_MAX, UINT64_MAX }, 1500);
	random_churn6((struct fib_key){ 0x000000000000010f, 0x8000000000000003 }, 1500);
	random_churn6((struct fib_key){ 0x2001000f00000000, 0x000000000000ffff }, 1500);
	random_churn6((struct fib_key){ 0x20010d0f0f0f0f00, 0xc000000f00000001 }, 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_long_keys_at_once, trie_set_up6,
						trie_tear_down),
		cmocka_unit_test_setup_teardown(test_long_keys, trie_set_up6, trie_tear_down),
		cmocka_unit_test_setup_teardown(test_sparse_and_dense_slots, trie_set_up6,
						trie_tear_down),
		cmocka_unit_test_setup_teardown(test_what_does_not_change_is_taken_over,
						trie_set_up6, trie_tear_down),
		cmocka_unit_test_setup_teardown(test_short_prefixes_build_nothing, trie_set_up6,
						trie_tear_down),
		cmocka_unit_test_setup_teardown(test_no_room_at_any_step_of_ip6, trie_set_up6,
						trie_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
