/* machine_test.c - the neighbour's state machine as conversations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/neighbor/machine.h"

enum event { NEED, HEARD, HEARD_NEW, TOLD, TOLD_NEW, DOUBT, TIMER, TIMER_USED, FIXED };

struct step {
	uint64_t at_s;
	enum event event;
	unsigned actions;
	enum neighbor_state state;
};

static void play(const char *what, const struct step *steps, unsigned n)
{
	const struct neighbor_times times = NEIGHBOR_USUAL_TIMES;
	struct neighbor_machine m = { 0 };

	for (unsigned i = 0; i < n; i++) {
		uint64_t now = (100 + steps[i].at_s) * NS_PER_S;
		unsigned actions = 0;

		switch (steps[i].event) {
		case NEED:
			actions = neighbor_on_need(&m, &times, now);
			break;
		case HEARD:
		case HEARD_NEW:
			actions = neighbor_on_heard(&m, &times, now, steps[i].event == HEARD_NEW);
			break;
		case TOLD:
		case TOLD_NEW:
			actions = neighbor_on_told(&m, now, steps[i].event == TOLD_NEW);
			break;
		case DOUBT:
			actions = neighbor_on_doubt(&m, now);
			break;
		case TIMER:
		case TIMER_USED:
			if (m.deadline_ns != now)
				fail_msg("%s, step %u: the timer is not due", what, i);
			actions = neighbor_on_timer(&m, &times, now, steps[i].event == TIMER_USED);
			break;
		case FIXED:
			actions = neighbor_on_static(&m);
			break;
		}
		if (actions != steps[i].actions || m.state != steps[i].state)
			fail_msg("%s, step %u: actions %u, state %s", what, i, actions,
				 neighbor_state_name(m.state));
	}
}

static void test_answered_at_once(void **state unused_arg)
{
	const struct step steps[] = {
		{ 0, NEED, NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
		{ 0, NEED, 0, NEIGHBOR_INCOMPLETE },
		{ 0, HEARD_NEW, NEIGHBOR_PUBLISH, NEIGHBOR_REACHABLE },
		{ 5, NEED, NEIGHBOR_PASS, NEIGHBOR_REACHABLE },
		{ 5, HEARD, 0, NEIGHBOR_REACHABLE },
		{ 5, HEARD_NEW, NEIGHBOR_PUBLISH, NEIGHBOR_REACHABLE },
	};

	play("answered", steps, count_of(steps));
}

static void test_never_answered(void **state unused_arg)
{
	const struct step steps[] = {
		{ 0, NEED, NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
		{ 1, TIMER, NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
		{ 2, TIMER, NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
		{ 3, TIMER, NEIGHBOR_FAIL, NEIGHBOR_FAILED },
		{ 3, NEED, NEIGHBOR_FAIL, NEIGHBOR_FAILED },
		{ 4, TIMER, NEIGHBOR_FORGET, NEIGHBOR_IDLE },
		{ 5, NEED, NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
	};

	play("never answered", steps, count_of(steps));
}

static void test_idle_is_forgotten(void **state unused_arg)
{
	const struct neighbor_times times = NEIGHBOR_USUAL_TIMES;
	struct neighbor_machine m = { 0 };
	unsigned actions = 0;

	assert_int_equal(neighbor_on_heard(&m, &times, NS_PER_S, true), NEIGHBOR_PUBLISH);
	for (unsigned i = 0; i < 1000 && actions == 0; i++)
		actions = neighbor_on_timer(&m, &times, m.deadline_ns, false);
	assert_int_equal(actions, NEIGHBOR_WITHDRAW | NEIGHBOR_FORGET);
	assert_int_equal(m.state, NEIGHBOR_IDLE);
}

static void test_in_use_is_asked_again(void **state unused_arg)
{
	const struct step steps[] = {
		{ 0, HEARD_NEW, NEIGHBOR_PUBLISH, NEIGHBOR_REACHABLE },
		{ 30, TIMER_USED, NEIGHBOR_SEND_UNICAST, NEIGHBOR_PROBE },
		{ 30, NEED, NEIGHBOR_PASS, NEIGHBOR_PROBE },
		{ 30, HEARD, 0, NEIGHBOR_REACHABLE },
		{ 60, TIMER, 0, NEIGHBOR_STALE },
		{ 65, TIMER, 0, NEIGHBOR_STALE },
		{ 70, TIMER_USED, NEIGHBOR_SEND_UNICAST, NEIGHBOR_PROBE },
		{ 71, TIMER_USED, NEIGHBOR_SEND_UNICAST, NEIGHBOR_PROBE },
		{ 72, TIMER_USED, NEIGHBOR_SEND_UNICAST, NEIGHBOR_PROBE },
		{ 73, TIMER, NEIGHBOR_WITHDRAW | NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
		{ 73, HEARD, NEIGHBOR_PUBLISH, NEIGHBOR_REACHABLE },
	};

	play("in use", steps, count_of(steps));
}

static void test_static_stays(void **state unused_arg)
{
	const struct step steps[] = {
		{ 0, NEED, NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
		{ 0, FIXED, NEIGHBOR_PUBLISH, NEIGHBOR_STATIC },
		{ 1, HEARD_NEW, 0, NEIGHBOR_STATIC },
		{ 1, NEED, NEIGHBOR_PASS, NEIGHBOR_STATIC },
	};

	play("static", steps, count_of(steps));
}

/* RFC 4861 §7.2.3, §7.2.5: what is said unasked is used, but not taken for proof. */
static void test_told_is_stale(void **state unused_arg)
{
	const struct step steps[] = {
		{ 0, TOLD_NEW, NEIGHBOR_PUBLISH, NEIGHBOR_STALE },
		{ 1, NEED, NEIGHBOR_PASS, NEIGHBOR_STALE },
		{ 2, TOLD, 0, NEIGHBOR_STALE },
		{ 5, TIMER_USED, NEIGHBOR_SEND_UNICAST, NEIGHBOR_PROBE },
		{ 5, TOLD, 0, NEIGHBOR_PROBE },
		{ 5, HEARD, 0, NEIGHBOR_REACHABLE },
		{ 6, TOLD, 0, NEIGHBOR_REACHABLE },
		{ 7, TOLD_NEW, NEIGHBOR_PUBLISH, NEIGHBOR_STALE },
	};

	play("told", steps, count_of(steps));
}

static void test_told_while_asking(void **state unused_arg)
{
	const struct step steps[] = {
		{ 0, NEED, NEIGHBOR_SEND_BROADCAST, NEIGHBOR_INCOMPLETE },
		{ 0, TOLD, NEIGHBOR_PUBLISH, NEIGHBOR_STALE },
	};

	play("told while asking", steps, count_of(steps));
}

static void test_doubt(void **state unused_arg)
{
	const struct step steps[] = {
		{ 0, DOUBT, 0, NEIGHBOR_IDLE },
		{ 0, HEARD_NEW, NEIGHBOR_PUBLISH, NEIGHBOR_REACHABLE },
		{ 1, DOUBT, 0, NEIGHBOR_STALE },
		{ 6, TIMER_USED, NEIGHBOR_SEND_UNICAST, NEIGHBOR_PROBE },
		{ 6, DOUBT, 0, NEIGHBOR_PROBE },
	};

	play("doubt", steps, count_of(steps));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered_at_once),
		cmocka_unit_test(test_never_answered),
		cmocka_unit_test(test_idle_is_forgotten),
		cmocka_unit_test(test_in_use_is_asked_again),
		cmocka_unit_test(test_static_stays),
		cmocka_unit_test(test_told_is_stale),
		cmocka_unit_test(test_told_while_asking),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
