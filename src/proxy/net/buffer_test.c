/* buffer_test.c - buffers against a plain array of bytes, and their loans and marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "proxy/net/buffer.h"

static struct buffer_memory memory;

static int set_up(void **state unused_arg)
{
	buffer_memory_init(&memory);
	return 0;
}

static int tear_down(void **state unused_arg)
{
	buffer_memory_deinit(&memory);
	return 0;
}

static void assert_holds(const struct buffer *b, const void *bytes, size_t len)
{
	uint8_t *out = malloc(len + 1);

	assert_non_null(out);
	assert_int_equal(buffer_len(b), len);
	assert_int_equal(buffer_copy_out(b, 0, out, len + 1), len);
	assert_memory_equal(out, bytes, len);
	free(out);
}

static void test_append_drain(void **state unused_arg)
{
	struct buffer b;

	buffer_init(&b, &memory);
	assert_int_equal(buffer_front(&b).len, 0);
	buffer_append_text(&b, "hello ");
	buffer_append_text(&b, "world");
	assert_holds(&b, "hello world", 11);
	assert_int_equal(buffer_front(&b).len, 11);
	buffer_drain(&b, 6);
	assert_holds(&b, "world", 5);
	buffer_drain(&b, 5);
	assert_null(b.first);
	assert_int_equal(memory.n_slices_used, 0);
}

static void test_nothing_is_allocated_twice(void **state unused_arg)
{
	struct buffer b;
	static const uint8_t big[100000];

	buffer_init(&b, &memory);
	for (unsigned i = 0; i < 100; i++) {
		buffer_append(&b, big, sizeof(big));
		buffer_append(&b, big, 10);
		buffer_drain_all(&b);
		buffer_append(&b, big, 10);
		buffer_drain_all(&b);
	}
	assert_int_equal(memory.n_small, 1);
	assert_int_equal(memory.n_large, 6);
}

/* Blocks that a burst needed go back when a whole period did without them. */
static void test_trim_follows_the_load(void **state unused_arg)
{
	static const uint8_t big[4 << 20];
	struct buffer b;

	buffer_init(&b, &memory);
	buffer_append(&b, big, sizeof(big));
	buffer_drain_all(&b);
	assert_true(memory.n_large > 250);
	buffer_memory_trim(&memory); /* the burst was in this period */
	assert_true(memory.n_large > 250);
	buffer_append(&b, big, sizeof(big) / 2);
	buffer_drain_all(&b);
	buffer_memory_trim(&memory);
	assert_in_range(memory.n_large, 128, 200);
	buffer_memory_trim(&memory);
	assert_int_equal(memory.n_large, 64);
	assert_int_equal(memory.n_free_large, 64);
}

static void test_reserve(void **state unused_arg)
{
	struct buffer b;

	buffer_init(&b, &memory);
	memcpy(buffer_reserve(&b, 3), "abc", 3);
	buffer_commit(&b, 3);
	memcpy(buffer_reserve(&b, 10000), "def", 3);
	buffer_commit(&b, 3);
	assert_holds(&b, "abcdef", 6);
	buffer_deinit(&b);
}

static void test_reserve_blocks(void **state unused_arg)
{
	struct buffer_reservation r;
	struct iovec iov[4];
	struct buffer b;
	unsigned n;

	buffer_init(&b, &memory);
	n = buffer_reserve_blocks(&b, &r, iov, 4, 40000);
	assert_int_equal(n, 3);
	memset(iov[0].iov_base, 'x', iov[0].iov_len);
	memset(iov[1].iov_base, 'y', 10);
	buffer_commit_blocks(&b, &r, iov[0].iov_len + 10);
	assert_int_equal(buffer_len(&b), iov[0].iov_len + 10);
	assert_int_equal(memory.n_slices_used, 2);

	/* The rest of the last block comes first. */
	n = buffer_reserve_blocks(&b, &r, iov, 1, 5000);
	assert_int_equal(n, 1);
	assert_int_equal(iov[0].iov_len, 5000);
	memset(iov[0].iov_base, 'z', 5);
	buffer_commit_blocks(&b, &r, 5);
	assert_int_equal(memory.n_slices_used, 2);
	assert_int_equal(buffer_find(&b, 'z', 0), buffer_len(&b) - 5);

	n = buffer_reserve_blocks(&b, &r, iov, 4, 100);
	assert_int_equal(n, 1);
	buffer_commit_blocks(&b, &r, 0);
	buffer_deinit(&b);
	assert_int_equal(memory.n_slices_used, 0);
}

static unsigned n_released;

static void count_release(void *context unused_arg, const uint8_t *data unused_arg,
			  size_t len unused_arg)
{
	n_released++;
}

static void test_fragment_is_released_once(void **state unused_arg)
{
	static const uint8_t bytes[] = "0123456789";
	struct buffer a, b;

	n_released = 0;
	buffer_init(&a, &memory);
	buffer_init(&b, &memory);
	buffer_append_fragment(&a, bytes, 10, count_release, NULL);
	assert_int_equal(memory.bytes_borrowed, 10);
	assert_ptr_equal(buffer_front(&a).at, bytes);
	buffer_move_first(&b, &a, 4);
	assert_ptr_equal(buffer_front(&a).at, bytes + 4);
	buffer_drain(&a, 6);
	assert_int_equal(n_released, 0);
	assert_holds(&b, "0123", 4);
	buffer_drain(&b, 4);
	assert_int_equal(n_released, 1);
	assert_int_equal(memory.bytes_borrowed, 0);
}

static void test_fragment_recall(void **state unused_arg)
{
	uint8_t bytes[] = "0123456789";
	struct buffer a, b;
	struct buffer_block *fragment;

	n_released = 0;
	buffer_init(&a, &memory);
	buffer_init(&b, &memory);
	fragment = buffer_append_fragment(&a, bytes, 10, count_release, NULL);
	buffer_move_first(&b, &a, 4);
	buffer_drain(&a, 1);
	buffer_fragment_recall(&memory, fragment);
	assert_int_equal(n_released, 1);
	memset(bytes, 'x', sizeof(bytes));
	assert_holds(&b, "0123", 4);
	assert_holds(&a, "56789", 5);
	buffer_append_text(&a, "!");
	assert_holds(&a, "56789!", 6);
	buffer_deinit(&a);
	buffer_deinit(&b);
	assert_int_equal(n_released, 1);
}

/* What a parser reads cannot be changed by whoever lent it. */
static void test_linearize_copies_what_is_lent(void **state unused_arg)
{
	uint8_t bytes[] = "GET /";
	struct slice s;
	struct buffer b;

	n_released = 0;
	buffer_init(&b, &memory);
	buffer_append_fragment(&b, bytes, 5, count_release, NULL);
	buffer_append_text(&b, " HTTP/1.1");
	s = buffer_linearize(&b, 8);
	assert_true(s.len >= 8);
	bytes[0] = 'X';
	assert_memory_equal(s.at, "GET / HT", 8);
	assert_int_equal(n_released, 1);
	assert_holds(&b, "GET / HTTP/1.1", 14);
	assert_ptr_equal(buffer_linearize(&b, 4).at, s.at); /* again: no copy */
	buffer_deinit(&b);
}

struct marks {
	struct buffer *b;
	unsigned n_above, n_below;
};

static void above(void *context)
{
	struct marks *m = context;

	m->n_above++;
}

static void below(void *context)
{
	struct marks *m = context;

	m->n_below++;
	if (m->b)
		buffer_append_text(m->b, "from inside");
}

static const struct buffer_watermark_ops mark_ops = { .above_high = above, .below_low = below };

static void test_watermarks(void **state unused_arg)
{
	static const uint8_t bytes[64];
	struct marks m = { 0 };
	struct buffer a, b;

	buffer_init(&a, &memory);
	buffer_init(&b, &memory);
	buffer_set_watermarks(&a, 10, &mark_ops, &m);
	buffer_append(&a, bytes, 10);
	assert_int_equal(m.n_above, 0);
	buffer_append(&a, bytes, 1);
	buffer_append(&a, bytes, 20);
	assert_int_equal(m.n_above, 1);
	buffer_drain(&a, 25);
	assert_int_equal(m.n_below, 0);
	buffer_drain(&a, 1);
	assert_int_equal(m.n_below, 1);

	buffer_append(&b, bytes, 20);
	buffer_move(&a, &b);
	assert_int_equal(m.n_above, 2);
	buffer_move(&b, &a);
	assert_int_equal(m.n_below, 2);

	buffer_append(&a, bytes, 11);
	m.b = &a;
	buffer_drain_all(&a);
	assert_int_equal(buffer_len(&a), 11);
	m.b = NULL;
	assert_int_equal(m.n_above, 4);
	buffer_set_watermarks(&a, 0, NULL, NULL);
	buffer_deinit(&a);
	buffer_deinit(&b);
}

enum { MODEL_MAX = 1 << 20, N_BUFFERS = 3 };

struct model {
	uint8_t *bytes;
	size_t len;
};

static void model_append(struct model *m, const uint8_t *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void model_drain(struct model *m, size_t len)
{
	m->len -= len;
	memmove(m->bytes, m->bytes + len, m->len);
}

static void test_random_against_array(void **state unused_arg)
{
	static uint8_t source[60000];
	struct buffer b[N_BUFFERS];
	struct model m[N_BUFFERS];
	struct buffer_block *last_fragment = NULL;
	struct random r;

	random_seed(&r, 7);
	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)random_u64(&r);
	for (unsigned i = 0; i < N_BUFFERS; i++) {
		buffer_init(&b[i], &memory);
		m[i] = (struct model){ .bytes = malloc(MODEL_MAX) };
		assert_non_null(m[i].bytes);
	}
	n_released = 0;
	for (unsigned step = 0; step < 4000; step++) {
		unsigned i = (unsigned)(random_u64(&r) % N_BUFFERS);
		unsigned j = (i + 1) % N_BUFFERS;
		size_t n = random_u64(&r) % (random_u64(&r) % 3 ? 300 : sizeof(source));
		size_t part = m[i].len ? random_u64(&r) % (m[i].len + 1) : 0;

		if (m[i].len + m[j].len + n > MODEL_MAX)
			part = n = m[i].len;
		switch (m[i].len + m[j].len + n > MODEL_MAX ? 2 : random_u64(&r) % 7) {
		case 0:
			buffer_append(&b[i], source, n);
			model_append(&m[i], source, n);
			break;
		case 1:
			if (n == 0)
				break;
			last_fragment =
				buffer_append_fragment(&b[i], source, n, count_release, NULL);
			model_append(&m[i], source, n);
			if (random_u64(&r) % 2)
				buffer_fragment_recall(&memory, last_fragment);
			break;
		case 2:
			buffer_drain(&b[i], part);
			model_drain(&m[i], part);
			break;
		case 3:
			buffer_move(&b[j], &b[i]);
			model_append(&m[j], m[i].bytes, m[i].len);
			m[i].len = 0;
			break;
		case 4:
			buffer_move_first(&b[j], &b[i], part);
			model_append(&m[j], m[i].bytes, part);
			model_drain(&m[i], part);
			break;
		case 5:
			if (part)
				assert_memory_equal(buffer_linearize(&b[i], part).at, m[i].bytes,
						    part);
			break;
		default:
			if (n > 16000 || n == 0)
				break;
			memcpy(buffer_reserve(&b[i], n), source, n);
			buffer_commit(&b[i], n);
			model_append(&m[i], source, n);
		}
		assert_int_equal(buffer_len(&b[i]), m[i].len);
		if (step % 16 == 0)
			assert_holds(&b[i], m[i].bytes, m[i].len);
	}
	for (unsigned i = 0; i < N_BUFFERS; i++) {
		assert_holds(&b[i], m[i].bytes, m[i].len);
		buffer_deinit(&b[i]);
		free(m[i].bytes);
	}
	assert_int_equal(memory.bytes_borrowed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_append_drain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_allocated_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trim_follows_the_load, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reserve, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reserve_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fragment_is_released_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fragment_recall, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_linearize_copies_what_is_lent, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_watermarks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_against_array, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
