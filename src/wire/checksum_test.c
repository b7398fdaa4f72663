/* checksum_test.c - against a sum that is written as plainly as RFC 1071 states it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/guard_page.h"
#include "base/random.h"
#include "wire/checksum.h"

enum { MAX_LEN = 700, SEED = 7 };

static uint16_t plain_checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void fill(struct random *r, uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)random_u64(r);
}

static void test_every_length_and_alignment(void **state unused_arg)
{
	uint8_t data[MAX_LEN], copy[MAX_LEN];
	struct guarded g;
	struct random r;

	random_seed(&r, SEED);
	guarded_init(&g);
	for (size_t len = 0; len < MAX_LEN; len++) {
		struct slice in;

		fill(&r, data, len);
		in = guarded_copy(&g, slice_of(data, len));
		assert_int_equal(host16(checksum_field(checksum_sum(in.at, len))),
				 plain_checksum(data, len));
		memset(copy, 0, sizeof(copy));
		assert_int_equal(host16(checksum_field(checksum_copy(copy, in.at, len))),
				 plain_checksum(data, len));
		assert_memory_equal(copy, data, len);
	}
	guarded_deinit(&g);
}

static void test_pieces_add_up(void **state unused_arg)
{
	uint8_t data[301];
	struct random r;

	random_seed(&r, SEED);
	fill(&r, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut++) {
		uint64_t head = checksum_sum(data, cut);
		uint64_t tail = checksum_sum(data + cut, sizeof(data) - cut);

		if (cut % 2)
			tail = checksum_odd(tail);
		assert_int_equal(host16(checksum_field(head + tail)),
				 plain_checksum(data, sizeof(data)));
	}
}

static void test_known_ip_header(void **state unused_arg)
{
	/* The header that RFC 1071's readers meet everywhere: checksum b861. */
	const uint8_t h[20] = { 0x45, 0,    0,	  0x73, 0, 0, 0x40, 0,	  0x40, 0x11,
				0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,	0xc7 };
	uint8_t zeroed[20];

	assert_true(checksum_is_good(checksum_ip4_header(h)));
	memcpy(zeroed, h, 20);
	memset(zeroed + 10, 0, 2);
	assert_int_equal(host16(checksum_field(checksum_ip4_header(zeroed))), 0xb861);
	zeroed[0] ^= 1;
	memcpy(zeroed + 10, h + 10, 2);
	assert_false(checksum_is_good(checksum_ip4_header(zeroed)));
}

static void test_updates_match_a_full_sum(void **state unused_arg)
{
	struct random r;

	random_seed(&r, SEED);
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t h[20];
		be16 field, was16, now16 = be16_of((uint16_t)random_u64(&r));
		be32 was32, now32 = be32_of((uint32_t)random_u64(&r));

		fill(&r, h, sizeof(h));
		h[0] |= 1; /* a header is never all zero */
		memset(h + 10, 0, 2);
		field = checksum_field(checksum_sum(h, 20));
		memcpy(&was16, h + 8, 2);
		memcpy(h + 8, &now16, 2);
		field = checksum_update16(field, was16, now16);
		memcpy(&was32, h + 12, 4);
		memcpy(h + 12, &now32, 4);
		field = checksum_update32(field, was32, now32);
		assert_int_equal(host16(field), plain_checksum(h, 20));
	}
}

static void test_pseudo_header(void **state unused_arg)
{
	const uint8_t pseudo[12] = { 10, 0, 0, 1, 192, 168, 3, 4, 0, 6, 0x12, 0x34 };
	be32 src = be32_of(0x0a000001), dst = be32_of(0xc0a80304);

	assert_int_equal(host16(checksum_field(checksum_pseudo4(src, dst, 6, 0x1234))),
			 plain_checksum(pseudo, sizeof(pseudo)));
	assert_int_equal(host16(checksum_raw(checksum_pseudo4(src, dst, 6, 0x1234))),
			 (uint16_t)~plain_checksum(pseudo, sizeof(pseudo)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_length_and_alignment),
		cmocka_unit_test(test_pieces_add_up),
		cmocka_unit_test(test_known_ip_header),
		cmocka_unit_test(test_updates_match_a_full_sum),
		cmocka_unit_test(test_pseudo_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
