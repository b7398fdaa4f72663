/* base_test.c - slices, readers, writers, errors, pool handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/reader.h"
#include "base/writer.h"

static void test_reader_remembers_overrun(void **state unused_arg)
{
	const uint8_t wire[] = { 0x12, 0x34, 0xaa, 0xbb, 0xcc };
	struct reader r = reader_of(slice_of(wire, sizeof(wire)));

	assert_int_equal(take_u16(&r), 0x1234);
	assert_int_equal(take_u32(&r), 0);
	assert_int_equal(take_u8(&r), 0);
	assert_false(reader_ok(&r));
}

static void test_writer_stops_at_the_end(void **state unused_arg)
{
	uint8_t out[4];
	struct writer w = writer_of(out, sizeof(out));

	put_u16(&w, 0xbeef);
	put_u32(&w, 1);
	put_u8(&w, 1);
	assert_false(writer_ok(&w));
	assert_int_equal(writer_len(&w), 2);
	assert_int_equal(out[0], 0xbe);
}

static void test_errno_round_trip(void **state unused_arg)
{
	assert_int_equal(err_of_errno(ECONNREFUSED), ERR_REFUSED);
	assert_int_equal(err_of_errno(EINVAL), ERR_INVAL);
	assert_int_equal(err_of_errno(EBUSY), ERR_BUSY);
	assert_int_equal(errno_of_err(ERR_REFUSED), ECONNREFUSED);
	assert_string_equal(err_text(ERR_LAST - 1), "unknown error");
}

static void test_old_handle_finds_nothing(void **state unused_arg)
{
	struct pool p;
	handle first, second;

	pool_init(&p, 24, 300);
	assert_non_null(pool_take_or_null(&p, &first));
	pool_give(&p, first);
	assert_non_null(pool_take_or_null(&p, &second));
	assert_int_equal(handle_index(first), handle_index(second));
	assert_null(pool_get_or_null(&p, first));
	assert_non_null(pool_get_or_null(&p, second));
	for (unsigned i = 1; i < 300; i++)
		assert_non_null(pool_take_or_null(&p, &first));
	assert_null(pool_take_or_null(&p, &first));
	pool_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_remembers_overrun),
		cmocka_unit_test(test_writer_stops_at_the_end),
		cmocka_unit_test(test_errno_round_trip),
		cmocka_unit_test(test_old_handle_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
