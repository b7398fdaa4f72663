/* delack_test.c - when to acknowledge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "transport/tcp/delack.h"

enum { MSS = 1000, WINDOW = 64000 };

static struct tcp_delack answering(void)
{
	struct tcp_delack d;

	tcp_delack_init(&d, MSS);
	tcp_delack_sent(&d, true); /* we have answered once: no more one by one */
	return d;
}

static void test_one_segment_after_an_answer(void **state unused_arg)
{
	static const struct {
		const char *what;
		struct tcp_received r;
		enum tcp_ack_when when;
	} cases[] = {
		{ "one full segment waits", { 1000, 1000, WINDOW, false }, TCP_ACK_LATER },
		{ "so does a small one", { 100, 100, WINDOW, true }, TCP_ACK_LATER },
		{ "two do not", { 2000, 1000, WINDOW, false }, TCP_ACK_NOW },
		{ "a pushed message awaits its answer",
		  { 10000, 1000, WINDOW, true },
		  TCP_ACK_SOON },
		{ "not with much of the window", { 16000, 1000, WINDOW, true }, TCP_ACK_NOW },
		{ "nor when none is left", { 2000, 1000, 0, true }, TCP_ACK_NOW },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct tcp_delack d = answering();

		if (tcp_delack_received(&d, &cases[i].r) != cases[i].when)
			fail_msg("%s", cases[i].what);
	}
}

static void test_octets_add_up(void **state unused_arg)
{
	struct tcp_delack d = answering();

	assert_int_equal(
		tcp_delack_received(&d, &(struct tcp_received){ 1000, 1000, WINDOW, false }),
		TCP_ACK_LATER);
	assert_int_equal(
		tcp_delack_received(&d, &(struct tcp_received){ 1000, 1000, WINDOW, false }),
		TCP_ACK_NOW);
	tcp_delack_sent(&d, false);
	assert_int_equal(
		tcp_delack_received(&d, &(struct tcp_received){ 9000, 1000, WINDOW, true }),
		TCP_ACK_SOON);
	assert_int_equal(
		tcp_delack_received(&d, &(struct tcp_received){ 9000, 1000, WINDOW, true }),
		TCP_ACK_NOW);
}

static void test_one_by_one_at_first(void **state unused_arg)
{
	struct tcp_delack d;

	tcp_delack_init(&d, MSS);
	for (unsigned i = 0; i < TCP_QUICK_ACKS; i++) {
		assert_int_equal(
			tcp_delack_received(&d, &(struct tcp_received){ 1000, 1000, WINDOW, true }),
			TCP_ACK_NOW);
		tcp_delack_sent(&d, false);
	}
	assert_int_equal(
		tcp_delack_received(&d, &(struct tcp_received){ 1000, 1000, WINDOW, true }),
		TCP_ACK_LATER);
	tcp_delack_quicken(&d);
	assert_int_equal(tcp_delack_received(&d, &(struct tcp_received){ 100, 100, WINDOW, true }),
			 TCP_ACK_SOON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_segment_after_an_answer),
		cmocka_unit_test(test_octets_add_up),
		cmocka_unit_test(test_one_by_one_at_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
