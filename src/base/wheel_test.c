/* wheel_test.c - the timer wheel against a sorted list of deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/wheel.h"

enum { N_TIMERS = 2000, N_STEPS = 4000 };

struct probe {
	struct timer timer;
	uint64_t due_ns;
	uint64_t fired_ns;
};

static void probe_expired(struct timer *t, uint64_t now_ns)
{
	container_of(t, struct probe, timer)->fired_ns = now_ns;
}

/* Each timer fires once, not before its deadline and not later than one tick after it. */
static void test_fires_within_one_tick(void **state unused_arg)
{
	struct probe *probes = calloc(N_TIMERS, sizeof(*probes));
	struct wheel wheel;
	struct random r;
	uint64_t now = 12345678912345u;
	uint64_t previous = now;

	random_seed(&r, 7);
	wheel_init(&wheel, now);
	for (unsigned i = 0; i < N_TIMERS; i++) {
		timer_init(&probes[i].timer, probe_expired);
		probes[i].due_ns =
			now + ((uint64_t)random_below(&r, 1u << 20) << random_below(&r, 18));
		timer_set(&wheel, &probes[i].timer, probes[i].due_ns);
	}
	for (unsigned step = 0; step < N_STEPS && wheel.n_set > 0; step++) {
		uint64_t next = wheel_next_ns(&wheel);

		assert_true(next > previous - WHEEL_TICK_NS);
		previous = now;
		now = next;
		wheel_advance(&wheel, now);
		for (unsigned i = 0; i < N_TIMERS; i++) {
			if (probes[i].fired_ns == now) {
				assert_true(probes[i].due_ns <= now);
				assert_true(probes[i].due_ns + 2 * WHEEL_TICK_NS > now);
			} else if (probes[i].fired_ns == 0) {
				assert_true(probes[i].due_ns + WHEEL_TICK_NS > now);
			}
		}
	}
	free(probes);
}

static void test_cancel_and_replace(void **state unused_arg)
{
	struct probe a = { 0 }, b = { 0 };
	struct wheel wheel;

	wheel_init(&wheel, 0);
	timer_init(&a.timer, probe_expired);
	timer_init(&b.timer, probe_expired);
	assert_int_equal(wheel_next_ns(&wheel), UINT64_MAX);
	timer_set(&wheel, &a.timer, 5 * (uint64_t)NS_PER_MS);
	timer_set(&wheel, &b.timer, 5 * (uint64_t)NS_PER_MS);
	timer_set(&wheel, &a.timer, 900 * (uint64_t)NS_PER_MS);
	timer_cancel(&wheel, &b.timer);
	assert_int_equal(wheel_advance(&wheel, 899 * (uint64_t)NS_PER_MS), 0);
	assert_int_equal(wheel_advance(&wheel, 900 * (uint64_t)NS_PER_MS), 1);
	assert_false(timer_is_set(&a.timer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_within_one_tick),
		cmocka_unit_test(test_cancel_and_replace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
