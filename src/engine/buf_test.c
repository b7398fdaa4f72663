/* buf_test.c - buffers and chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
