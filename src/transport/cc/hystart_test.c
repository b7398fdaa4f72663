/* hystart_test.c - rounds of slow start, as conversations between a path and its sender. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "transport/cc/cc.h"

enum { MS = 1000, MSS = 1000, END = 0 };

static void test_rounds(void **state unused_arg)
{
	static const struct {
		const char *what;
		uint32_t rtt_us[12];
		enum hystart_pace pace[12];
	} cases[] = {
		{ "a steady path", { 20 * MS, 20 * MS, 21 * MS, 20 * MS }, { 0 } },
		{ "one eighth is not reached", { 80 * MS, 89 * MS }, { 0 } },
		{ "one eighth", { 80 * MS, 90 * MS }, { HYSTART_FAST, HYSTART_SLOWLY } },
		{ "a short path is allowed 4 ms", { 1 * MS, 4 * MS }, { 0 } },
		{ "and no more", { 1 * MS, 5 * MS }, { HYSTART_FAST, HYSTART_SLOWLY } },
		{ "a long path 16 ms",
		  { 600 * MS, 615 * MS, 631 * MS },
		  { HYSTART_FAST, HYSTART_FAST, HYSTART_SLOWLY } },
		{ "a queue that stays ends it after five rounds",
		  { 20 * MS, 30 * MS, 30 * MS, 35 * MS, 40 * MS, 45 * MS, 50 * MS },
		  { HYSTART_FAST, HYSTART_SLOWLY, HYSTART_SLOWLY, HYSTART_SLOWLY, HYSTART_SLOWLY,
		    HYSTART_SLOWLY, HYSTART_OVER } },
		{ "one late packet is no queue",
		  { 20 * MS, 30 * MS, 21 * MS, 21 * MS },
		  { HYSTART_FAST, HYSTART_SLOWLY, HYSTART_FAST, HYSTART_FAST } },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct hystart h = { 0 };

		for (unsigned n = 0; cases[i].rtt_us[n] != END; n++)
			if (hystart_round(&h, cases[i].rtt_us[n]) != cases[i].pace[n])
				fail_msg("%s: round %u", cases[i].what, n);
	}
}

static struct cc_ack round_of(uint32_t octets, uint32_t rtt_us)
{
	return (struct cc_ack){
		.acked = octets, .rtt_us = rtt_us, .srtt_us = rtt_us, .was_limited = true
	};
}

/* The window: doubles, then grows by a quarter, then stands at ssthresh. */
static void test_the_window_follows(void **state unused_arg)
{
	struct cc_ack ack;
	struct cc cc;

	cc_init(&cc, &cc_newreno, MSS);
	ack = round_of(10 * MSS, 20 * MS);
	cc.ops->acked(&cc, &ack);
	assert_int_equal(cc.cwnd, 20 * MSS);
	ack = round_of(20 * MSS, 20 * MS);
	cc.ops->acked(&cc, &ack);
	assert_int_equal(cc.cwnd, 40 * MSS);
	ack = round_of(40 * MSS, 30 * MS);
	cc.ops->acked(&cc, &ack);
	assert_int_equal(cc.cwnd, 50 * MSS);
	for (unsigned n = 0; n < HYSTART_ROUNDS; n++)
		cc.ops->acked(&cc, &ack);
	assert_int_equal(cc.ssthresh, 90 * MSS);
	assert_in_range(cc.cwnd, 90 * MSS, 92 * MSS);
}

/* A window that cannot fill a queue grows whatever the times say. */
static void test_small_windows_are_left_alone(void **state unused_arg)
{
	struct cc_ack ack = round_of(1000, 1 * MS);
	struct cc cc;

	cc_init(&cc, &cc_newreno, MSS);
	cc.ops->acked(&cc, &ack);
	ack.rtt_us = 100 * MS;
	cc.ops->acked(&cc, &ack);
	assert_int_equal(cc.cwnd, 12 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_the_window_follows),
		cmocka_unit_test(test_small_windows_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
