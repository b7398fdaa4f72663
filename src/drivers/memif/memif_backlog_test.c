/* memif_backlog_test.c - more packets than the ring takes, and packets that it never will. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_fixture.h"

/* A burst of numbered packets, all in one turn of the worker. */
struct burst {
	struct side *from;
	unsigned n;
};

enum { BURST_LEN = 1000 };

static void send_burst(struct worker *w, void *arg)
{
	const struct burst *burst = arg;

	for (unsigned n = 0; n < burst->n; n++) {
		struct parcel p = { .from = burst->from, .len = BURST_LEN, .seed = n };

		memif_send_parcel(w, &p);
	}
}

/* A ring of 64 and a burst of 500: what finds no room waits, in order; and then senders go on. */
static void a_burst_that_the_ring_cannot_take_is_not_lost(void **state)
{
	struct burst burst = { .from = &a, .n = 500 };
	struct parcel last = { .seed = 499 };

	(void)state;
	memif_join((struct memif_config){ 0 }, (struct memif_config){ .log2_ring_size = 6 });
	assert_int_equal(worker_call(memif_owner(&a, 0), send_burst, &burst), 0);
	wait_until(memif_n_seen(&b) == burst.n);
	assert_int_equal(b.seen[0].bytes[100], memif_parcel_byte(&last, 100));
	assert_true(memif_tx_count(&a, "waited") > 0);
	assert_int_equal(memif_tx_count(&a, "full"), 0);
	wait_until(!interface_busy(a.i));
	assert_int_equal(interface_counters(a.i).tx_packets, burst.n);
	assert_int_equal(interface_counters(a.i).tx_drops, 0);
}

static void stop_reading(struct worker *w, void *arg)
{
	struct memif *m = arg;

	memif_stop_reading(w, &m->link->rx[0]);
}

static void read_again(struct worker *w, void *arg)
{
	struct memif *m = arg;

	assert_int_equal(worker_add_input(w, &m->link->rx[0].input), 0);
	m->link->rx[0].attached = true;
}

/* Whoever does not read costs a bounded number of packets, and those not for ever. */
static void a_side_that_does_not_read_loses_packets(void **state)
{
	struct burst burst = { .from = &a, .n = 500 };
	struct parcel p = { .len = 100 };
	struct worker *reader;

	(void)state;
	memif_join((struct memif_config){ 0 }, (struct memif_config){ .log2_ring_size = 6 });
	reader = memif_owner(&b, 0);
	assert_int_equal(worker_call(reader, stop_reading, memif_of(&b)), 0);
	assert_int_equal(worker_call(memif_owner(&a, 0), send_burst, &burst), 0);
	wait_until(interface_counters(a.i).tx_drops > 0);
	wait_until(!interface_busy(a.i));
	assert_int_equal(memif_tx_count(&a, "full"), interface_counters(a.i).tx_drops);
	assert_int_equal(interface_counters(a.i).tx_packets + memif_tx_count(&a, "full"), burst.n);
	assert_int_equal(worker_call(reader, read_again, memif_of(&b)), 0);
	wait_until(memif_n_seen(&b) == interface_counters(a.i).tx_packets);
	memif_cross(&a, &b, 0, p);
}

/* A packet that not even an empty ring could hold must not stop those behind it. */
static void a_packet_longer_than_the_ring_is_dropped(void **state)
{
	struct parcel too_long = { .from = &a, .len = 40000 }, p = { .len = 100 };

	(void)state;
	memif_join((struct memif_config){ 0 },
		   (struct memif_config){ .log2_ring_size = 4, .buffer_bytes = 2048 });
	assert_int_equal(worker_call(a.e->worker[0], memif_send_parcel, &too_long), 0);
	wait_until(memif_tx_count(&a, "too-long") == 1);
	memif_cross(&a, &b, 0, p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_burst_that_the_ring_cannot_take_is_not_lost,
						memif_setup, memif_teardown),
		cmocka_unit_test_setup_teardown(a_side_that_does_not_read_loses_packets,
						memif_setup, memif_teardown),
		cmocka_unit_test_setup_teardown(a_packet_longer_than_the_ring_is_dropped,
						memif_setup, memif_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
