/* shortcut_test.c - the table without a program: slots, epochs, counters, samples. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/shortcut.h"

static struct engine engine = { .n_workers = 2 };
static struct shortcuts *s;

static int start(void **state)
{
	int fd = memfd_create("table", MFD_CLOEXEC);

	(void)state;
	if (fd < 0 || ftruncate(fd, sizeof(struct shortcut_table)) < 0)
		return -1;
	if (shortcuts_open(&engine, fd) < 0)
		return -1;
	s = engine.shortcuts;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	shortcuts_free(&engine);
	return engine.shortcuts != NULL;
}

static struct shortcut_slot slot_of(uint32_t address)
{
	return (struct shortcut_slot){
		.ingress = 3, .address = { address }, .egress = 4, .mtu_bytes = 1500
	};
}

static uint32_t put(uint32_t address, uint32_t in, uint32_t out)
{
	struct shortcut_slot slot = slot_of(address);
	struct shortcut record = { .in = in, .out = out };

	if (shortcut_put(s, &slot, &record) < 0)
		return SHORTCUT_SLOTS;
	return shortcut_find_or_none(s, &slot);
}

static bool in_use(uint32_t at)
{
	return s->table->slot[at].epoch == s->table->epoch;
}

static void a_slot_is_used_only_when_confirmed_since_the_last_doubt(void **state)
{
	uint32_t at = put(77, 1, 2);

	(void)state;
	assert_true(at < SHORTCUT_SLOTS);
	assert_false(in_use(at));
	shortcut_confirm(s, at);
	assert_true(in_use(at));
	shortcuts_doubt(&engine);
	assert_false(in_use(at));
	shortcut_confirm(s, at);
	assert_true(in_use(at));
	shortcut_drop(s, at);
	assert_false(in_use(at));
	shortcuts_doubt(NULL); /* nobody has shortcuts */
}

static void a_dropped_slot_is_not_written_before_the_next_sweep(void **state)
{
	struct shortcut_slot slot = slot_of(77);
	uint32_t at = put(77, 1, 2), again;

	(void)state;
	shortcut_drop(s, at);
	assert_int_equal(shortcut_find_or_none(s, &slot), SHORTCUT_SLOTS);
	again = put(77, 1, 2);
	assert_int_not_equal(at, again);
	assert_int_equal(s->n_used, 2);
	shortcuts_sweep(s);
	assert_int_equal(s->n_used, 1);
	assert_int_equal(shortcut_find_or_none(s, &slot), again);
	shortcut_drop(s, again);
	shortcuts_sweep(s);
	assert_int_equal(s->n_used, 0);
	assert_int_equal(put(77, 1, 2), at);
}

/* More than fit: each bucket keeps what it has, and all of it is found and freed again. */
static void a_full_table_takes_no_more(void **state)
{
	uint32_t n = 0, found = 0;

	(void)state;
	for (uint32_t a = 1; a <= 3 * SHORTCUT_SLOTS; a++)
		n += put(a, 1, 2) < SHORTCUT_SLOTS;
	assert_int_equal(s->n_used, n);
	assert_int_equal(s->n_learnt, n);
	assert_int_equal(s->n_no_room, 3 * SHORTCUT_SLOTS - n);
	assert_in_range(n, SHORTCUT_SLOTS * 9 / 10, SHORTCUT_SLOTS);
	for (uint32_t a = 1; a <= 3 * SHORTCUT_SLOTS; a++) {
		struct shortcut_slot slot = slot_of(a);

		found += shortcut_find_or_none(s, &slot) < SHORTCUT_SLOTS;
	}
	assert_int_equal(found, n);
	for (uint32_t i = 0; i < n; i += 2)
		shortcut_drop(s, s->used[i]);
	shortcuts_sweep(s);
	assert_int_equal(s->n_used, n / 2);
	for (uint32_t i = 0; i < s->n_used; i++)
		assert_int_equal(s->of[s->used[i]].used_at, i);
}

static void packets_are_counted_once_for_both_interfaces(void **state)
{
	uint32_t at = put(77, 5, 6);
	struct if_counters sum = { .rx_packets = 100 };

	(void)state;
	s->table->slot[at].n_packets = 10;
	s->table->slot[at].n_bytes = 1000;
	assert_int_equal(shortcut_count(s, at), 10);
	assert_int_equal(shortcut_count(s, at), 0);
	s->table->slot[at].n_packets = 12;
	s->table->slot[at].n_bytes = 1200;
	shortcuts_add_counters(&engine, 5, &sum);
	assert_int_equal(sum.rx_packets, 112);
	assert_int_equal(sum.rx_bytes, 1200);
	shortcut_drop(s, at);
	s->table->slot[at].n_packets = 13; /* one that was on its way */
	shortcuts_sweep(s);
	sum = (struct if_counters){ 0 };
	shortcuts_add_counters(&engine, 6, &sum);
	assert_int_equal(sum.tx_packets, 13);
	shortcuts_forget_interface(&engine, 6);
	sum = (struct if_counters){ 0 };
	shortcuts_add_counters(&engine, 6, &sum);
	assert_int_equal(sum.tx_packets, 0);
}

static void samples_of_each_worker_are_bounded(void **state)
{
	struct worker w = { .index = 1 };
	struct shortcut_sample sample = { .in = 1, .family = 4 };

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t n = 0; n < SHORTCUT_SAMPLES + 10; n++) {
			sample.address[0] = n;
			shortcut_sample(s, &w, &sample);
		}
		assert_false(shortcut_next_sample(s, 0, &sample));
		for (uint32_t n = 0; n < SHORTCUT_SAMPLES; n++) {
			assert_true(shortcut_next_sample(s, 1, &sample));
			assert_int_equal(sample.address[0], n);
		}
		assert_false(shortcut_next_sample(s, 1, &sample));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_slot_is_used_only_when_confirmed_since_the_last_doubt, start, finish),
		cmocka_unit_test_setup_teardown(a_dropped_slot_is_not_written_before_the_next_sweep,
						start, finish),
		cmocka_unit_test_setup_teardown(a_full_table_takes_no_more, start, finish),
		cmocka_unit_test_setup_teardown(packets_are_counted_once_for_both_interfaces, start,
						finish),
		cmocka_unit_test_setup_teardown(samples_of_each_worker_are_bounded, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
