/* pmtu_test.c - path MTUs are learnt, shrink, age and give way. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/ip6/pmtu.h"

#define NOW (1000 * (uint64_t)NS_PER_S)

static struct pmtu_table table;

static int set_up(void **state unused_arg)
{
	table = (struct pmtu_table){ .seed = 5 };
	return 0;
}

static struct ip6_addr host(uint64_t n)
{
	return ip6_of(0x20010db800000000, n);
}

static bool learn(uint64_t n, uint32_t mtu_bytes, uint64_t now_ns)
{
	struct ip6_addr dst = host(n);

	return pmtu_learn(&table, 0, &dst, mtu_bytes, now_ns);
}

static uint32_t of(uint64_t n, uint64_t now_ns)
{
	struct ip6_addr dst = host(n);

	return pmtu_of(&table, 0, &dst, 1500, now_ns);
}

static void test_rfc8201_4_only_lower_values_and_none_under_1280(void **state unused_arg)
{
	struct ip6_addr dst = host(1);

	assert_int_equal(of(1, NOW), 1500);
	assert_false(learn(1, 1279, NOW));
	assert_true(learn(1, 1400, NOW));
	assert_false(learn(1, 1400, NOW));
	assert_false(learn(1, 1450, NOW));
	assert_int_equal(of(1, NOW), 1400);
	assert_true(learn(1, 1280, NOW));
	assert_int_equal(of(1, NOW), 1280);
	assert_int_equal(of(2, NOW), 1500);
	assert_int_equal(pmtu_of(&table, 1, &dst, 1500, NOW), 1500); /* another VRF */
	assert_int_equal(pmtu_of(&table, 0, &dst, 1200, NOW), 1200);
}

static void test_rfc8201_4_values_age(void **state unused_arg)
{
	assert_true(learn(1, 1300, NOW));
	assert_int_equal(of(1, NOW + PMTU_LIFE_NS - 1), 1300);
	assert_int_equal(of(1, NOW + PMTU_LIFE_NS), 1500);
	assert_true(learn(1, 1400, NOW + PMTU_LIFE_NS));
	assert_int_equal(of(1, NOW + PMTU_LIFE_NS), 1400);
}

/* Far more hosts than there is room for: those heard of last are there. */
static void test_the_table_is_bounded(void **state unused_arg)
{
	unsigned n = 0;
	struct pmtu p;

	for (uint64_t i = 0; i < 100000; i++)
		assert_true(learn(i, 1300, NOW + i));
	for (unsigned i = 0; i < PMTU_ENTRIES; i++)
		n += pmtu_read(&table, i, NOW, &p) && ip6_low(&p.dst) >= 90000;
	assert_int_equal(n, PMTU_ENTRIES);
	assert_int_equal(of(99999, NOW), 1300);
	assert_int_equal(of(0, NOW), 1500);
}

/*
 * Hosts of one set, four times as many as it has room for: all workers write over what the others
 * read. Each host has a value of its own, so that what is read shows whose it is.
 */
enum { WORKERS = 4, HOSTS = 4 * PMTU_WAYS, ROUNDS = 100000 };
static uint64_t in_one_set[HOSTS];

struct worker {
	pthread_t thread;
	unsigned first, n_learnt, n_wrong;
};

static bool is_in_set_0(uint64_t n)
{
	struct pmtu p;
	bool is = false;

	table = (struct pmtu_table){ .seed = 5 };
	assert_true(learn(n, 1300, NOW));
	for (unsigned i = 0; i < PMTU_WAYS; i++)
		is |= pmtu_read(&table, i, NOW, &p);
	return is;
}

static void *learn_and_look(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned mine = (w->first + i) % HOSTS, other = (w->first + 7 * i) % HOSTS;
		uint32_t got = of(in_one_set[other], NOW + i);

		w->n_learnt += learn(in_one_set[mine], IP6_MIN_MTU + mine, NOW + i);
		w->n_wrong += got != 1500 && got != IP6_MIN_MTU + other;
	}
	return NULL;
}

static void test_workers_never_see_the_value_of_another_host(void **state unused_arg)
{
	struct worker w[WORKERS] = { 0 };
	unsigned n = 0;

	for (uint64_t i = 0; n < HOSTS; i++)
		if (is_in_set_0(i))
			in_one_set[n++] = i;
	table = (struct pmtu_table){ .seed = 5 };
	for (unsigned i = 0; i < WORKERS; i++) {
		w[i].first = i * HOSTS / WORKERS;
		assert_int_equal(pthread_create(&w[i].thread, NULL, learn_and_look, &w[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_int_equal(w[i].n_wrong, 0);
		assert_true(w[i].n_learnt > 0);
	}
}

/*
 * Two workers learn of the same new host in the same instant, each another value: whoever comes
 * last, the lesser stands.
 */
enum { DUELS = 200000, SPINS = 1000 };
static unsigned n_arrived, n_larger;

/* Both have come @n times. Spins, so that they go on together. */
static void meet(unsigned n)
{
	__atomic_fetch_add(&n_arrived, 1, __ATOMIC_ACQ_REL);
	for (unsigned i = 0; __atomic_load_n(&n_arrived, __ATOMIC_ACQUIRE) < 2 * n; i++)
		if (i % SPINS == SPINS - 1)
			sched_yield();
}

static void *duel(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < DUELS; i++) {
		uint64_t now = NOW + i * PMTU_LIFE_NS, n = in_one_set[i % HOSTS];

		meet(2 * i + 1);
		(void)learn(n, 1300 + (w->first + i) % 2, now);
		meet(2 * i + 2);
		if (w->first == 0)
			n_larger += of(n, now) != 1300;
	}
	return NULL;
}

static void test_the_lesser_stands_of_what_is_learnt_at_once(void **state unused_arg)
{
	struct worker w[2] = { 0 };

	for (unsigned i = 0; i < 2; i++) {
		w[i].first = i;
		assert_int_equal(pthread_create(&w[i].thread, NULL, duel, &w[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
	assert_int_equal(n_larger, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rfc8201_4_only_lower_values_and_none_under_1280,
				       set_up),
		cmocka_unit_test_setup(test_rfc8201_4_values_age, set_up),
		cmocka_unit_test_setup(test_the_table_is_bounded, set_up),
		cmocka_unit_test_setup(test_workers_never_see_the_value_of_another_host, set_up),
		cmocka_unit_test_setup(test_the_lesser_stands_of_what_is_learnt_at_once, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
