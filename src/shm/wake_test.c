/*
 * wake_test.c - the sleep/wake protocol of wake.h under every interleaving.
 *
 * Producer and consumer are cut into their loads, stores and fences and run on a model of total
 * store order: each has a store buffer that drains at any moment and at a fence. Every schedule is
 * explored. The protocol holds if no schedule ends with work published, the consumer asleep and no
 * wake-up under way. Without either fence the search must find such a schedule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "shm/wake.h"

enum { MAX_ITEMS = 3, MAX_STATES = 100000 };

/* Memory, registers and program counters of both threads; small enough to copy. */
struct world {
	uint32_t work, nap;		  /* shared memory */
	bool work_buffered, nap_buffered; /* one store may wait in each thread's buffer */
	uint32_t work_value, nap_value;
	uint32_t last, published, taken, wakes;
	uint8_t producer, consumer; /* program counters */
	bool fences[2];
};

enum { P_PUBLISH, P_FENCE, P_CHECK, P_DONE };
enum { C_NAP, C_FENCE, C_LOOK, C_SLEEP, C_AWAKE };

static void drain_producer(struct world *w)
{
	if (w->work_buffered)
		w->work = w->work_value;
	w->work_buffered = false;
}

static void drain_consumer(struct world *w)
{
	if (w->nap_buffered)
		w->nap = w->nap_value;
	w->nap_buffered = false;
}

static void step_producer(struct world *w)
{
	_Atomic uint32_t seen_nap;

	switch (w->producer) {
	case P_PUBLISH:
		drain_producer(w);
		w->published++;
		w->work_value = w->published;
		w->work_buffered = true;
		w->producer = P_FENCE;
		break;
	case P_FENCE:
		if (w->fences[0])
			drain_producer(w);
		w->producer = P_CHECK;
		break;
	case P_CHECK:
		seen_nap = w->nap;
		if (wake_due(&seen_nap, &w->last))
			w->wakes++;
		w->producer = w->published < MAX_ITEMS ? P_PUBLISH : P_DONE;
		break;
	default:
		break;
	}
}

static void store_nap(struct world *w, void (*change)(_Atomic uint32_t *))
{
	_Atomic uint32_t own = w->nap_buffered ? w->nap_value : w->nap;

	change(&own);
	drain_consumer(w);
	w->nap_value = own;
	w->nap_buffered = true;
}

static void step_consumer(struct world *w)
{
	switch (w->consumer) {
	case C_NAP:
		store_nap(w, nap_begin);
		w->consumer = C_FENCE;
		break;
	case C_FENCE:
		if (w->fences[1])
			drain_consumer(w);
		w->consumer = C_LOOK;
		break;
	case C_LOOK:
		w->consumer = w->work != w->taken ? C_AWAKE : C_SLEEP;
		break;
	case C_SLEEP:
		if (w->wakes) {
			w->wakes = 0;
			w->consumer = C_AWAKE;
		}
		break;
	case C_AWAKE:
		store_nap(w, nap_end);
		w->taken = w->work;
		w->consumer = C_NAP;
		break;
	}
}

/* States seen so far in this search, so that each is explored once. */
struct search {
	struct world seen[MAX_STATES];
	unsigned n;
};

static bool first_visit(struct search *s, const struct world *w)
{
	for (unsigned i = 0; i < s->n; i++)
		if (memcmp(&s->seen[i], w, sizeof(*w)) == 0)
			return false;
	assert_true(s->n < MAX_STATES);
	memcpy(&s->seen[s->n++], w, sizeof(*w));
	return true;
}

static bool can_hang(struct search *s, const struct world *w);

static bool can_hang_after(struct search *s, const struct world *w, void (*step)(struct world *))
{
	struct world next;

	memcpy(&next, w, sizeof(next));
	step(&next);
	return can_hang(s, &next);
}

/* True if some schedule from @w on loses a wake-up. */
static bool can_hang(struct search *s, const struct world *w)
{
	bool drained = !w->work_buffered && !w->nap_buffered;

	if (!first_visit(s, w))
		return false;
	if (w->producer == P_DONE && drained && w->consumer == C_SLEEP && !w->wakes)
		return w->taken != w->published;
	return (w->producer != P_DONE && can_hang_after(s, w, step_producer)) ||
	       ((w->consumer != C_SLEEP || w->wakes) && can_hang_after(s, w, step_consumer)) ||
	       (w->work_buffered && can_hang_after(s, w, drain_producer)) ||
	       (w->nap_buffered && can_hang_after(s, w, drain_consumer));
}

static bool protocol_can_hang(bool producer_fence, bool consumer_fence)
{
	struct search *s = calloc(1, sizeof(*s));
	struct world w;
	bool hangs;

	memset(&w, 0, sizeof(w));
	w.fences[0] = producer_fence;
	w.fences[1] = consumer_fence;
	hangs = can_hang(s, &w);
	free(s);
	return hangs;
}

static void test_no_schedule_loses_a_wakeup(void **state)
{
	(void)state;
	assert_false(protocol_can_hang(true, true));
}

static void test_each_fence_is_needed(void **state)
{
	(void)state;
	assert_true(protocol_can_hang(false, true));
	assert_true(protocol_can_hang(true, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_schedule_loses_a_wakeup),
		cmocka_unit_test(test_each_fence_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
