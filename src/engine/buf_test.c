/* buf_test.c - buffers and chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <pthread.h>
#include <cmocka.h>

#include "engine/buf.h"

static struct buf_pool pool;
static struct buf_cache cache;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(buf_pool_init(&pool, 1000), 0);
	buf_cache_init(&cache, &pool);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_cache_deinit(&cache);
	assert_int_equal(buf_pool_free_count(&pool), 1000);
	buf_pool_deinit(&pool);
	return 0;
}

static struct buf *take(void)
{
	uint32_t idx = buf_alloc_one_or_zero(&cache);

	assert_int_not_equal(idx, 0);
	return buf_at(pool.base, idx);
}

static void fill(uint8_t *at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		at[i] = (uint8_t)(i * 7 + i / 256);
}

static void every_buffer_once_and_no_more(void **state)
{
	uint32_t idx[1001];
	static uint8_t seen[1002];

	(void)state;
	assert_int_equal(buf_alloc(&cache, idx, 1001), 1000);
	assert_int_equal(cache.n_failed, 1);
	assert_int_equal(buf_alloc_one_or_zero(&cache), 0);
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < 1000; i++) {
		struct buf *b = buf_at(pool.base, idx[i]);

		assert_int_equal(b->self, idx[i]);
		assert_ptr_equal(buf_base(b), pool.base);
		assert_int_equal(idx[i] % BUF_STRIDE_LINES, 0);
		assert_int_equal(seen[idx[i] / BUF_STRIDE_LINES]++, 0);
	}
	buf_free(&cache, idx, 1000);
	assert_int_equal(buf_alloc(&cache, idx, 1001), 1000);
	buf_free(&cache, idx, 1000);
}

static void two_caches_share_the_pool(void **state)
{
	struct buf_cache other;
	uint32_t idx[1000];
	unsigned n;

	(void)state;
	buf_cache_init(&other, &pool);
	assert_int_equal(buf_alloc(&cache, idx, 1000), 1000);
	buf_free(&other, idx, 1000); /* another worker frees them */
	assert_true(other.n <= BUF_CACHE);
	n = buf_alloc(&cache, idx, 1000);
	assert_true(n >= 1000 - BUF_CACHE);
	buf_free(&cache, idx, n);
	buf_cache_deinit(&other);
}

static void push_pull_and_positions(void **state)
{
	struct buf *b = take();
	uint8_t *l4;

	(void)state;
	l4 = buf_append(b, 8);
	b->l4_at = b->at;
	memcpy(l4, "payload", 8);
	b->l3_at = (uint16_t)(b->at - 20);
	buf_push(b, 20);
	assert_int_equal(b->total_len, 28);
	assert_ptr_equal(buf_l3(b), buf_data(b));
	assert_ptr_equal(buf_l4(b), l4);
	assert_ptr_equal(buf_pull(b, 20), buf_l3(b));
	assert_string_equal((char *)buf_data(b), "payload");
	assert_null(buf_pull_or_null(b, 9));
	assert_int_equal(b->len, 8);
	buf_free_one(&cache, b->self);
}

static void chains_grow_trim_copy_and_clone(void **state)
{
	static uint8_t in[70000], out[70000];
	struct buf *b = take(), *copy;

	(void)state;
	fill(in, sizeof(in));
	assert_int_equal(buf_append_bytes(&cache, b, in, 65000), 0);
	assert_int_equal(buf_append_bytes(&cache, b, in + 65000, 5000), 0);
	assert_int_equal(b->total_len, 70000);
	assert_int_equal(buf_copy_out(b, 0, out, 70000), 70000);
	assert_memory_equal(in, out, 70000);
	assert_int_equal(buf_copy_out(b, 69990, out, 100), 10);
	assert_memory_equal(in + 69990, out, 10);

	copy = buf_at(pool.base, buf_clone_or_zero(&cache, b));
	buf_trim(&cache, b, 3000);
	assert_int_equal(buf_chain_count(b), 2);
	assert_int_equal(b->total_len, 3000);
	buf_trim(&cache, b, 0);
	assert_int_equal(buf_chain_count(b), 1);
	buf_free_one(&cache, b->self);

	memset(out, 0, sizeof(out));
	assert_int_equal(buf_copy_out(copy, 0, out, 70000), 70000);
	assert_memory_equal(in, out, 70000);
	buf_free_one(&cache, copy->self);
}

static void append_that_does_not_fit_changes_nothing(void **state)
{
	static uint8_t in[3000000];
	struct buf *b = take();
	uint32_t copy;

	(void)state;
	assert_int_equal(buf_append_bytes(&cache, b, in, 100), 0);
	assert_int_equal(buf_append_bytes(&cache, b, in, sizeof(in)), ERR_NOMEM);
	assert_int_equal(b->total_len, 100);
	assert_int_equal(buf_chain_count(b), 1);
	copy = buf_clone_or_zero(&cache, b); /* nothing was lost on the way */
	assert_int_not_equal(copy, 0);
	buf_free(&cache, (uint32_t[]){ b->self, copy }, 2);
}

static void linear_moves_bytes_forward(void **state)
{
	static uint8_t in[4000], out[4000];
	struct buf *b = take();

	(void)state;
	fill(in, sizeof(in));
	b->at = BUF_ROOM - 10; /* ten bytes here, the rest behind */
	assert_int_equal(buf_append_bytes(&cache, b, in, 4000), 0);
	assert_int_equal(b->len, 10);
	assert_int_equal(buf_linear(&cache, b, 60), ERR_RANGE);
	buf_free_one(&cache, b->self);

	b = take();
	assert_int_equal(buf_append_bytes(&cache, b, in, 4000), 0);
	b->len = 10;
	buf_next_or_null(b)->len = 30; /* 10 + 30 bytes, chained */
	b->total_len = 40;
	assert_int_equal(buf_linear(&cache, b, 41), ERR_SHORT);
	assert_int_equal(buf_linear(&cache, b, 20), 0);
	assert_int_equal(buf_chain_count(b), 2);
	assert_int_equal(buf_linear(&cache, b, 40), 0);
	assert_int_equal(buf_chain_count(b), 1);
	assert_int_equal(buf_copy_out(b, 0, out, 40), 40);
	assert_memory_equal(out, in, 10);
	assert_memory_equal(out + 10, in + BUF_DATA, 30);
	buf_free_one(&cache, b->self);
}

/* --- shared tails --- */

static struct buf *share(struct buf *b, unsigned n_head)
{
	uint32_t idx = buf_share_or_zero(&cache, b, n_head);

	assert_int_not_equal(idx, 0);
	return buf_at(pool.base, idx);
}

static struct buf *clone_head(const struct buf *b)
{
	uint32_t idx = buf_clone_head_or_zero(&cache, b);

	assert_int_not_equal(idx, 0);
	return buf_at(pool.base, idx);
}

static void expect_bytes(const struct buf *b, const uint8_t *in, uint32_t n)
{
	static uint8_t out[70000];

	memset(out, 0, n);
	assert_int_equal(b->total_len, n);
	assert_int_equal(buf_copy_out(b, 0, out, n), n);
	assert_memory_equal(in, out, n);
}

static void a_shared_tail_goes_with_its_last_chain(void **state)
{
	static uint8_t in[5000];
	struct buf *b = take(), *first, *second, *third;
	uint32_t tail = b->self;
	uint64_t given;

	(void)state;
	fill(in, sizeof(in));
	assert_int_equal(buf_append_bytes(&cache, b, in, sizeof(in)), 0);
	b->rx_if = 7;
	b->trace = 5;
	first = share(b, 128);
	assert_int_equal(first->next, tail);
	assert_int_equal(first->trace, 5);
	second = clone_head(first);
	third = clone_head(first);
	assert_int_equal(second->trace, 0);
	assert_int_equal(third->rx_if, 7);
	assert_int_equal(buf_chain_count(third), 4);
	/* What one does with its head is nothing to the others. */
	memset(buf_push(second, 4), 0xee, 100);
	expect_bytes(first, in, sizeof(in));
	expect_bytes(third, in, sizeof(in));
	assert_int_equal(first->at, BUF_HEADROOM);
	given = cache.n_given;
	buf_free_one(&cache, first->self);
	buf_free(&cache, &second->self, 1);
	assert_int_equal(cache.n_given, given + 2);
	expect_bytes(third, in, sizeof(in));
	buf_free_one(&cache, third->self);
	assert_int_equal(cache.n_given, given + 6);
	assert_int_equal(cache.n_given, cache.n_taken);
}

static void an_unshared_chain_is_like_any_other(void **state)
{
	static uint8_t in[5000];
	struct buf *b = take(), *first, *second, *copy;
	uint32_t idx;

	(void)state;
	fill(in, sizeof(in));
	assert_int_equal(buf_append_bytes(&cache, b, in, sizeof(in)), 0);
	first = share(b, 100);
	second = clone_head(first);
	idx = buf_clone_or_zero(&cache, second);
	assert_int_not_equal(idx, 0);
	copy = buf_at(pool.base, idx);
	assert_false(buf_next_or_null(copy)->flags & BUF_SHARED);
	assert_int_equal(buf_unshare(&cache, second), 0);
	for (struct buf *part = second; part; part = buf_next_or_null(part))
		memset(buf_data(part), 0, part->len);
	buf_trim(&cache, second, 1500);
	expect_bytes(first, in, sizeof(in));
	expect_bytes(copy, in, sizeof(in));
	/* Alone with its tail, and no longer shared with anybody: nothing to copy but that. */
	buf_free_one(&cache, second->self);
	assert_int_equal(buf_unshare(&cache, first), 0);
	assert_int_equal(buf_unshare(&cache, first), 0);
	expect_bytes(first, in, sizeof(in));
	buf_free(&cache, (uint32_t[]){ first->self, copy->self }, 2);
	assert_int_equal(cache.n_given, cache.n_taken);
}

static void sharing_without_buffers_changes_nothing(void **state)
{
	static uint32_t idx[1000];
	static uint8_t in[1500];
	struct buf *b = take(), *first;
	unsigned n;

	(void)state;
	fill(in, sizeof(in));
	assert_int_equal(buf_append_bytes(&cache, b, in, sizeof(in)), 0);
	n = buf_alloc(&cache, idx, 999);
	assert_int_equal(buf_share_or_zero(&cache, b, 128), 0);
	expect_bytes(b, in, sizeof(in));
	buf_free_one(&cache, idx[--n]);
	first = share(b, 128);
	assert_int_equal(buf_clone_head_or_zero(&cache, first), 0);
	assert_int_equal(buf_unshare(&cache, first), ERR_NOMEM);
	expect_bytes(first, in, sizeof(in));
	buf_free_one(&cache, first->self);
	buf_free(&cache, idx, n);
	assert_int_equal(cache.n_given, cache.n_taken);
}

enum { SHARERS = 4, SHARED_CHAINS = 200 };

/* One worker's chains; all of them have their tails in common with those of the others. */
struct sharer {
	pthread_t thread;
	uint32_t idx[SHARED_CHAINS];
	const uint8_t *bytes;
	bool differed;
};

static void *read_and_free(void *arg)
{
	struct sharer *s = arg;
	struct buf_cache own;
	uint8_t out[1500];

	buf_cache_init(&own, &pool);
	for (unsigned i = 0; i < SHARED_CHAINS; i++) {
		buf_copy_out(buf_at(pool.base, s->idx[i]), 0, out, sizeof(out));
		s->differed |= memcmp(out, s->bytes, sizeof(out)) != 0;
		buf_free_one(&own, s->idx[i]);
		/* What is free is written over by the next. */
		s->idx[i] = buf_alloc_one_or_zero(&own);
		memset(buf_at(pool.base, s->idx[i])->room, (int)i, BUF_ROOM);
		buf_free_one(&own, s->idx[i]);
	}
	buf_cache_deinit(&own);
	return NULL;
}

static void chains_with_one_tail_end_on_many_workers(void **state)
{
	static struct sharer sharer[SHARERS];
	static uint8_t in[1500];

	(void)state;
	fill(in, sizeof(in));
	for (unsigned i = 0; i < SHARED_CHAINS; i++) {
		struct buf *b = take(), *first;

		assert_int_equal(buf_append_bytes(&cache, b, in, sizeof(in)), 0);
		first = share(b, 128);
		for (unsigned n = 1; n < SHARERS; n++)
			sharer[n].idx[i] = clone_head(first)->self;
		sharer[0].idx[i] = first->self;
	}
	for (unsigned n = 0; n < SHARERS; n++) {
		sharer[n].bytes = in;
		assert_int_equal(pthread_create(&sharer[n].thread, NULL, read_and_free, &sharer[n]),
				 0);
	}
	for (unsigned n = 0; n < SHARERS; n++) {
		assert_int_equal(pthread_join(sharer[n].thread, NULL), 0);
		assert_false(sharer[n].differed);
	}
	/* teardown() sees that every buffer has come back. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_buffer_once_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(two_caches_share_the_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(push_pull_and_positions, setup, teardown),
		cmocka_unit_test_setup_teardown(chains_grow_trim_copy_and_clone, setup, teardown),
		cmocka_unit_test_setup_teardown(append_that_does_not_fit_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(linear_moves_bytes_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shared_tail_goes_with_its_last_chain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_unshared_chain_is_like_any_other, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sharing_without_buffers_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(chains_with_one_tail_end_on_many_workers, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
