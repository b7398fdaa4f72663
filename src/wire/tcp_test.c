/* tcp_test.c - TCP headers and options: tables of good and bad bytes, round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/guard_page.h"
#include "wire/tcp.h"

static void test_option_faults(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint8_t bytes[12];
		size_t len;
		int result;
	} cases[] = {
		{ "nothing", { 0 }, 0, 0 },
		{ "end", { 0, 0xff, 0xff, 0xff }, 4, 0 },
		{ "nops", { 1, 1, 1, 1 }, 4, 0 },
		{ "mss", { 2, 4, 5, 0xb4 }, 4, 0 },
		{ "mss too short", { 2, 3, 5, 0 }, 4, ERR_FORMAT },
		{ "mss cut off", { 2, 4, 5 }, 3, ERR_FORMAT },
		{ "kind without length", { 1, 1, 1, 2 }, 4, ERR_FORMAT },
		{ "length zero", { 254, 0, 0, 0 }, 4, ERR_FORMAT },
		{ "length one", { 254, 1, 0, 0 }, 4, ERR_FORMAT },
		{ "length past the end", { 254, 5, 0, 0 }, 4, ERR_FORMAT },
		{ "unknown kind", { 254, 4, 9, 9, 3, 3, 7, 0 }, 8, 0 },
		{ "window scale length", { 3, 4, 7, 0 }, 4, ERR_FORMAT },
		{ "sack permitted length", { 4, 4, 0, 0 }, 4, ERR_FORMAT },
		{ "sack without block", { 5, 2, 1, 1 }, 4, ERR_FORMAT },
		{ "sack with half a block", { 5, 6, 0, 0, 0, 1, 1, 1 }, 8, ERR_FORMAT },
		{ "sack cut off", { 5, 10, 0, 0, 0, 1, 0, 0 }, 8, ERR_FORMAT },
		{ "timestamps length", { 8, 8, 0, 0, 0, 0, 0, 0 }, 8, ERR_FORMAT },
	};
	struct guarded g;

	guarded_init(&g);
	for (unsigned i = 0; i < count_of(cases); i++) {
		struct slice in = guarded_copy(&g, slice_of(cases[i].bytes, cases[i].len));
		struct tcp_options o;

		if (tcp_options_parse(in, &o) != cases[i].result)
			fail_msg("%s", cases[i].what);
	}
	guarded_deinit(&g);
}

static struct tcp sample(uint8_t has, unsigned n_sacks)
{
	struct tcp t = { .sport = 80,
			 .dport = 40000,
			 .seq = 0xfffffff0,
			 .ack = 7,
			 .flags = TCP_SYN | TCP_ACK,
			 .window = 65535,
			 .checksum = 0xabcd,
			 .urgent = 3,
			 .payload = slice_of_text("hello") };

	t.options.has = has;
	t.options.n_sacks = n_sacks;
	if (has & TCP_HAS_MSS)
		t.options.mss = 1460;
	if (has & TCP_HAS_WINDOW_SHIFT)
		t.options.window_shift = 9;
	if (has & TCP_HAS_TIMESTAMPS) {
		t.options.ts_value = 0x01020304;
		t.options.ts_echo = 0xf1f2f3f4;
	}
	for (unsigned i = 0; i < n_sacks && i < TCP_MAX_SACKS; i++)
		t.options.sacks[i] = (struct tcp_sack){ 100 * i, 100 * i + 50 };
	return t;
}

static void test_round_trip_of_every_combination(void **state unused_arg)
{
	struct guarded g;
	uint8_t wire[128];

	guarded_init(&g);
	for (unsigned has = 0; has < 16; has++) {
		for (unsigned n_sacks = 0; n_sacks <= TCP_MAX_SACKS; n_sacks++) {
			struct tcp in = sample((uint8_t)has, n_sacks), out;
			struct writer w = writer_of(wire, sizeof(wire));
			unsigned fits = n_sacks;
			unsigned len;

			tcp_emit(&w, &in);
			assert_true(writer_ok(&w));
			len = (unsigned)writer_len(&w);
			assert_int_equal(tcp_parse(guarded_copy(&g, slice_of(wire, len)), &out), 0);
			assert_int_equal(tcp_hdr_len((const void *)wire) + 5, len);
			while (out.options.n_sacks < fits)
				fits--;
			assert_true(fits == n_sacks || len + 8 > TCP_HDR_MAX_LEN + 5);
			in.options.n_sacks = fits;
			memset(in.options.sacks + fits, 0, (TCP_MAX_SACKS - fits) * 8);
			assert_memory_equal(&in.options, &out.options, sizeof(in.options));
			assert_true(slice_equal(in.payload, out.payload));
			assert_int_equal(out.seq, in.seq);
			assert_int_equal(out.checksum, in.checksum);
			assert_int_equal(out.urgent, 3);
		}
	}
	guarded_deinit(&g);
}

static void test_every_cut_is_refused_or_understood(void **state unused_arg)
{
	struct tcp in = sample(15, 1), out;
	struct guarded g;
	uint8_t wire[128];
	struct writer w = writer_of(wire, sizeof(wire));

	guarded_init(&g);
	tcp_emit(&w, &in);
	for (size_t len = 0; len < writer_len(&w) - in.payload.len; len++)
		assert_int_equal(tcp_parse(guarded_copy(&g, slice_of(wire, len)), &out), ERR_SHORT);
	guarded_deinit(&g);
}

static void test_bad_offset(void **state unused_arg)
{
	uint8_t wire[TCP_HDR_LEN] = { 0 };
	struct tcp out;

	wire[12] = 0x40;
	assert_int_equal(tcp_parse(slice_of(wire, sizeof(wire)), &out), ERR_FORMAT);
	wire[12] = 0x60;
	assert_int_equal(tcp_parse(slice_of(wire, sizeof(wire)), &out), ERR_SHORT);
	wire[12] = 0x50;
	assert_int_equal(tcp_parse(slice_of(wire, sizeof(wire)), &out), 0);
}

static void test_timestamps_fast_path(void **state unused_arg)
{
	struct tcp t = sample(TCP_HAS_TIMESTAMPS, 0);
	uint8_t wire[128];
	struct writer w = writer_of(wire, sizeof(wire));
	uint32_t value, echo;

	tcp_emit(&w, &t);
	assert_true(tcp_timestamps_only((const void *)wire, &value, &echo));
	assert_int_equal(value, t.options.ts_value);
	assert_int_equal(echo, t.options.ts_echo);
	t = sample(TCP_HAS_TIMESTAMPS | TCP_HAS_MSS, 0);
	w = writer_of(wire, sizeof(wire));
	tcp_emit(&w, &t);
	assert_false(tcp_timestamps_only((const void *)wire, &value, &echo));
}

static void test_print(void **state unused_arg)
{
	struct tcp t = sample(15, 1);
	char text[200] = "";
	struct writer w = writer_of(text, sizeof(text) - 1);

	tcp_print(&w, &t);
	assert_string_equal(text, "80 > 40000 SA seq 4294967280 ack 7 win 65535 len 5 mss 1460 "
				  "wscale 9 sackOK ts 16909060 4059231220 sack 0:50");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option_faults),
		cmocka_unit_test(test_round_trip_of_every_combination),
		cmocka_unit_test(test_every_cut_is_refused_or_understood),
		cmocka_unit_test(test_bad_offset),
		cmocka_unit_test(test_timestamps_fast_path),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
