/* trie_race_test.c - a reader looks up while main changes what is around: no answer is half-made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "base/random.h"
#include "l3/fib/rib.h"
#include "l3/fib/trie.h"

enum { SEED = 6, N_CHANGES = 4000, N_LIVE = 200, STEADY = 1, CHANGING = 2 };

/* 2001:d00::/26 answers STEADY or, where something longer is, CHANGING; nothing else. */
static const struct fib_key base = { 0x20010d0000000000, 0 };
static const struct fib_key inside = { 0x0000003fffff0003, 0x3 };

static struct trie_space space;
static struct trie trie;
static struct rib rib;
static uint64_t n_rounds; /* of the reader; what it saw in one it has forgotten in the next */
static bool stop;

static struct fib_key random_key(struct random *r)
{
	struct fib_key k = { random_u64(r), random_u64(r) };

	return fib_key_or(base, fib_key_and(k, inside));
}

static void *read_on(void *wrong)
{
	struct fib_key key[TRIE_BATCH];
	uint32_t leaf[TRIE_BATCH];
	struct random r;

	random_seed(&r, SEED + 1);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		for (unsigned i = 0; i < TRIE_BATCH; i++)
			key[i] = random_key(&r);
		trie_lookup6_many(&trie, key, leaf, TRIE_BATCH);
		for (unsigned i = 0; i < TRIE_BATCH; i++) {
			*(unsigned *)wrong += leaf[i] != STEADY && leaf[i] != CHANGING;
			leaf[i] = trie_lookup6(&trie, key[i]);
			*(unsigned *)wrong += leaf[i] != STEADY && leaf[i] != CHANGING;
		}
		__atomic_add_fetch(&n_rounds, 1,
				   __ATOMIC_ACQ_REL); /* pairs with wait_for_reader() */
	}
	return NULL;
}

/* A grace period. */
static void wait_for_reader(void)
{
	uint64_t now = __atomic_load_n(&n_rounds, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&n_rounds, __ATOMIC_ACQUIRE) < now + 2)
		cpu_relax();
}

static void show(struct fib_key key, unsigned len, struct trie_garbage *garbage)
{
	assert_int_equal(trie_update(&trie, &rib, key, len, garbage), 0);
}

static void change(struct random *r, struct fib_key *live, uint8_t *len, unsigned i,
		   struct trie_garbage *garbage)
{
	if (len[i]) {
		rib_remove(&rib, live[i], len[i]);
		show(live[i], len[i], garbage);
	}
	live[i] = random_key(r);
	len[i] = (uint8_t)(random_below(r, 4) ? 32 + random_below(r, 33) : 128);
	live[i] = fib_key_and(live[i], fib_key_mask(len[i]));
	if (rib_find_or_null(&rib, live[i], len[i])) {
		len[i] = 0;
		return;
	}
	rib_add_or_null(&rib, live[i], len[i])->leaf = CHANGING;
	show(live[i], len[i], garbage);
}

static void test_answers_are_whole(void **state unused_arg)
{
	static struct fib_key live[N_LIVE];
	static uint8_t len[N_LIVE];
	struct trie_garbage garbage = { 0 };
	unsigned wrong = 0;
	pthread_t reader;
	struct random r;

	random_seed(&r, SEED);
	rib_init(&rib);
	assert_int_equal(trie_space_init(&space) || trie_init(&trie, &space, 6), 0);
	rib_add_or_null(&rib, base, 26)->leaf = STEADY;
	show(base, 26, &garbage);
	assert_int_equal(pthread_create(&reader, NULL, read_on, &wrong), 0);
	for (unsigned i = 0; i < N_CHANGES; i++) {
		/* All over, then some places again and again. */
		change(&r, live, len, random_below(&r, i / 400 & 1 ? 12 : N_LIVE), &garbage);
		if (i % 64 == 0) {
			wait_for_reader();
			trie_collect(&space, &garbage);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
	assert_int_equal(wrong, 0);
	trie_collect(&space, &garbage);
	trie_deinit(&trie);
	assert_int_equal(space.nodes.n_used, 0);
	trie_space_deinit(&space);
	rib_deinit(&rib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
