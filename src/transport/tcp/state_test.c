/* state_test.c - RFC 9293's state diagram and its segment checks as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "transport/tcp/state.h"

static void test_lives_of_a_connection(void **state unused_arg)
{
	enum {
		SYN = 1 + TCP_EVENT_SYN,
		SYN_ACKED = 1 + TCP_EVENT_SYN_ACKED,
		CLOSE = 1 + TCP_EVENT_CLOSE,
		FIN = 1 + TCP_EVENT_FIN,
		FIN_ACKED = 1 + TCP_EVENT_FIN_ACKED,
		GONE = 1 + TCP_EVENT_GONE
	};
	static const struct {
		enum tcp_state from;
		uint8_t events[5];
		enum tcp_state to;
	} lives[] = {
		{ TCP_SYN_SENT, { SYN_ACKED }, TCP_ESTABLISHED },
		{ TCP_SYN_SENT, { SYN, SYN_ACKED }, TCP_ESTABLISHED }, /* simultaneous open */
		{ TCP_SYN_SENT, { GONE }, TCP_CLOSED },
		{ TCP_SYN_RECEIVED, { CLOSE }, TCP_FIN_WAIT_1 },
		{ TCP_ESTABLISHED, { CLOSE, FIN_ACKED }, TCP_FIN_WAIT_2 },
		{ TCP_ESTABLISHED, { CLOSE, FIN_ACKED, FIN }, TCP_TIME_WAIT },
		{ TCP_ESTABLISHED, { CLOSE, FIN, FIN_ACKED }, TCP_TIME_WAIT }, /* both at once */
		{ TCP_ESTABLISHED, { FIN, CLOSE, FIN_ACKED }, TCP_CLOSED },
		{ TCP_ESTABLISHED, { FIN, FIN }, TCP_CLOSE_WAIT },
		{ TCP_ESTABLISHED, { FIN, CLOSE, GONE }, TCP_CLOSED },
		{ TCP_ESTABLISHED, { FIN_ACKED }, TCP_ESTABLISHED },
		{ TCP_TIME_WAIT, { FIN }, TCP_TIME_WAIT },
	};

	for (unsigned i = 0; i < count_of(lives); i++) {
		enum tcp_state at = lives[i].from;

		for (unsigned j = 0; j < 5 && lives[i].events[j]; j++)
			at = tcp_state_after(at, (enum tcp_event)(lives[i].events[j] - 1));
		if (at != lives[i].to)
			fail_msg("life %u ends in %s", i, tcp_state_name(at));
	}
}

static void test_checks(void **state unused_arg)
{
	/* We expect 1000, offer up to 2000, have sent [500, 600), the peer offered up to 300. */
	static const struct tcp_view open = { 1000, 2000, 500, 600, 300 };
	static const struct tcp_view closed = { 1000, 1000, 500, 600, 300 };
	static const struct {
		const char *what;
		const struct tcp_view *view;
		struct tcp_segment s;
		enum tcp_verdict verdict;
	} cases[] = {
		{ "in order", &open, { 1000, 600, 10, TCP_ACK }, TCP_ACCEPT },
		{ "ends inside", &open, { 990, 600, 20, TCP_ACK }, TCP_ACCEPT },
		{ "covers the window", &open, { 990, 600, 1200, TCP_ACK }, TCP_ACCEPT },
		{ "last octet", &open, { 1999, 600, 1, TCP_ACK }, TCP_ACCEPT },
		{ "old data", &open, { 990, 600, 10, TCP_ACK }, TCP_ANSWER_ACK },
		{ "old FIN", &open, { 999, 600, 0, TCP_ACK | TCP_FIN }, TCP_ANSWER_ACK },
		{ "keepalive", &open, { 999, 600, 0, TCP_ACK }, TCP_ANSWER_ACK },
		{ "beyond", &open, { 2000, 600, 1, TCP_ACK }, TCP_ANSWER_ACK },
		{ "bare at the edge", &open, { 2000, 600, 0, TCP_ACK }, TCP_ACCEPT },
		{ "bare beyond", &open, { 2001, 600, 0, TCP_ACK }, TCP_ANSWER_ACK },
		{ "no ACK bit", &open, { 1000, 600, 10, 0 }, TCP_IGNORE },
		{ "probe, window closed", &closed, { 1000, 600, 1, TCP_ACK }, TCP_ACCEPT },
		{ "bare, window closed", &closed, { 1000, 600, 0, TCP_ACK }, TCP_ACCEPT },
		{ "beyond, window closed", &closed, { 1001, 600, 1, TCP_ACK }, TCP_ANSWER_ACK },
		/* RFC 5961 §3: RST */
		{ "exact RST", &open, { 1000, 0, 0, TCP_RST }, TCP_IS_RESET },
		{ "exact RST, window closed", &closed, { 1000, 0, 0, TCP_RST }, TCP_IS_RESET },
		{ "RST inside", &open, { 1001, 0, 0, TCP_RST }, TCP_CHALLENGE },
		{ "RST outside", &open, { 2500, 0, 0, TCP_RST }, TCP_IGNORE },
		{ "old RST", &open, { 999, 0, 0, TCP_RST | TCP_ACK }, TCP_IGNORE },
		/* RFC 5961 §4: SYN */
		{ "SYN", &open, { 1000, 0, 0, TCP_SYN }, TCP_CHALLENGE },
		{ "SYN far away", &open, { 99000, 0, 0, TCP_SYN }, TCP_CHALLENGE },
		{ "SYN ACK again", &open, { 999, 600, 0, TCP_SYN | TCP_ACK }, TCP_CHALLENGE },
		/* RFC 5961 §5: blind data injection */
		{ "old ACK", &open, { 1000, 400, 10, TCP_ACK }, TCP_ACCEPT },
		{ "oldest ACK", &open, { 1000, 200, 10, TCP_ACK }, TCP_ACCEPT },
		{ "too old ACK", &open, { 1000, 199, 10, TCP_ACK }, TCP_CHALLENGE },
		{ "ACK of the future", &open, { 1000, 601, 10, TCP_ACK }, TCP_CHALLENGE },
	};

	for (unsigned i = 0; i < count_of(cases); i++)
		if (tcp_check(cases[i].view, &cases[i].s) != cases[i].verdict)
			fail_msg("%s: verdict %d", cases[i].what,
				 tcp_check(cases[i].view, &cases[i].s));
}

static void test_checks_in_syn_sent(void **state unused_arg)
{
	static const struct tcp_view v = { .snd_una = 500, .snd_max = 501 };
	static const struct {
		struct tcp_segment s;
		enum tcp_verdict verdict;
	} cases[] = {
		{ { 9000, 501, 0, TCP_SYN | TCP_ACK }, TCP_IS_SYN_ACK },
		{ { 9000, 500, 0, TCP_SYN | TCP_ACK }, TCP_ANSWER_RESET },
		{ { 9000, 502, 0, TCP_ACK }, TCP_ANSWER_RESET },
		{ { 9000, 0, 0, TCP_SYN }, TCP_IS_SYN },
		{ { 0, 501, 0, TCP_RST | TCP_ACK }, TCP_IS_RESET },
		{ { 0, 502, 0, TCP_RST | TCP_ACK }, TCP_IGNORE },
		{ { 0, 0, 0, TCP_RST }, TCP_IGNORE },
		{ { 0, 501, 0, TCP_ACK }, TCP_IGNORE },
		{ { 0, 0, 0, TCP_FIN }, TCP_IGNORE },
	};

	for (unsigned i = 0; i < count_of(cases); i++)
		assert_int_equal(tcp_check_syn_sent(&v, &cases[i].s), cases[i].verdict);
}

static void test_time_wait_reuse(void **state unused_arg)
{
	static const struct {
		bool ts_known, has_ts;
		uint32_t seq, ts;
		uint8_t flags;
		bool allowed;
	} cases[] = {
		{ true, true, 1, 101, TCP_SYN, true }, /* a later timestamp is enough */
		{ true, true, 2000, 99, TCP_SYN, false },
		{ true, true, 2000, 100, TCP_SYN, true }, /* same tick: the number decides */
		{ true, true, 1000, 100, TCP_SYN, false },
		{ true, false, 1001, 0, TCP_SYN, true },
		{ false, true, 1000, 500, TCP_SYN, false },
		{ false, false, 1001, 0, TCP_SYN, true },
		{ false, false, 1001, 0, TCP_SYN | TCP_ACK, false },
		{ true, true, 1, 101, TCP_RST, false }, /* RFC 1337 */
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		struct tcp_options o = { .has = cases[i].has_ts ? TCP_HAS_TIMESTAMPS : 0,
					 .ts_value = cases[i].ts };
		struct tcp_segment s = { cases[i].seq, 0, 0, cases[i].flags };

		assert_int_equal(tcp_time_wait_allows(1000, cases[i].ts_known, 100, &s, &o),
				 cases[i].allowed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives_of_a_connection),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_checks_in_syn_sent),
		cmocka_unit_test(test_time_wait_reuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
