/* memif_queues_test.c - several rings each way, of several workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_fixture.h"

static int setup_2_2(void **state)
{
	(void)state;
	return memif_setup_with(2, 2, true);
}

static void settle(uint32_t n_server, uint32_t n_client, bool zero_copy)
{
	memif_join((struct memif_config){ .n_queues = n_server },
		   (struct memif_config){ .n_queues = n_client, .zero_copy = zero_copy });
}

/* Rings of both sides as negotiated; queue q is of worker q modulo 2 where there are several. */
static const struct {
	uint32_t server, client, agreed;
} counts[] = { { 1, 1, 1 }, { 2, 2, 2 }, { 4, 2, 2 }, { 1, 3, 1 }, { 3, 64, 3 }, { 64, 5, 5 } };

static void each_side_has_as_many_as_it_wants_and_both_the_fewer(void **state)
{
	(void)state;
	for (unsigned n = 0; n < count_of(counts); n++) {
		settle(counts[n].server, counts[n].client, false);
		assert_int_equal(memif_of(&a)->link->n_rx, counts[n].agreed);
		assert_int_equal(memif_of(&a)->link->n_tx, counts[n].agreed);
		assert_int_equal(memif_of(&b)->link->n_rx, counts[n].agreed);
		assert_int_equal(a.i->n_queues, counts[n].agreed);
		assert_int_equal(b.i->n_queues, counts[n].agreed);
		for (unsigned k = 0; k < 8; k++) {
			struct parcel p = { .len = 100 + k * 700, .seed = k };

			memif_cross(&a, &b, k % 2, p);
			memif_cross(&b, &a, k % 2, p);
		}
		memif_part();
	}
}

/* What worker w sends comes to worker w, if both have rings of their own. */
static void workers_with_rings_of_their_own_do_not_meet(void **state)
{
	(void)state;
	for (unsigned zero_copy = 0; zero_copy < 2; zero_copy++) {
		settle(2, 2, zero_copy);
		for (unsigned n = 0; n < 20; n++) {
			struct parcel p = { .len = 60 + n * 400, .seed = n };

			assert_int_equal(memif_cross(&a, &b, n % 2, p), n % 2);
			assert_int_equal(memif_cross(&b, &a, n % 2, p), n % 2);
		}
		memif_part();
	}
}

/* However queues are placed, what a worker without a ring sends is handed over once. */
static void queues_may_be_placed_anywhere(void **state)
{
	static const uint32_t places[][2] = { { 1, 0 }, { 1, 1 }, { 0, 0 } };
	struct parcel p = { .len = 300 };

	(void)state;
	for (unsigned n = 0; n < count_of(places); n++) {
		assert_int_equal(interface_place(a.e, "m0", places[n], 2), 0);
		settle(2, 2, false);
		for (unsigned k = 0; k < 6; k++)
			memif_cross(&a, &b, k % 2, p);
		for (unsigned k = 0; k < 6; k++) /* worker k % 2 sends by ring k % 2 */
			assert_int_equal(memif_cross(&b, &a, k % 2, p), places[n][k % 2]);
		memif_part();
		assert_int_equal(interface_place(a.e, "m0", NULL, 0), 0);
	}
}

static void the_link_comes_and_goes_with_all_its_rings(void **state)
{
	struct parcel p = { .len = 2000 }, lost = { .from = &a, .len = 60 };

	(void)state;
	settle(2, 2, true);
	for (unsigned n = 0; n < 3; n++) {
		uint32_t index = b.i->index;

		memif_cross(&a, &b, n % 2, p);
		memif_cross(&b, &a, n % 2, p);
		interface_remove(b.i);
		wait_until(!a.i->link && !b.e->interfaces.going[index]);
		assert_int_equal(a.i->n_queues, 2);
		for (uint32_t w = 0; w < 2; w++) /* nobody is there */
			assert_int_equal(worker_call(a.e->worker[w], memif_send_parcel, &lost), 0);
		wait_until(memif_tx_count(&a, "no-link") == 2 * (n + 1));
		memif_add(&b, (struct memif_config){
				      .role = MEMIF_CLIENT, .n_queues = 2, .zero_copy = true });
		wait_until(a.i->link && b.i->link);
	}
}

static void overrun(struct worker *w, void *arg)
{
	struct memif_queue *tx = arg;
	uint64_t one = 1;

	(void)w;
	__atomic_store_n(&tx->ring->head, (uint16_t)(tx->at + 5000), __ATOMIC_RELEASE);
	assert_int_equal(write(tx->bell_fd, &one, sizeof(one)), sizeof(one));
}

/* A ring that is broken ends the connection for every worker; then all are there again. */
static void one_broken_ring_ends_them_all(void **state)
{
	struct parcel p = { .len = 200 };

	(void)state;
	settle(2, 2, false);
	for (unsigned n = 0; n < 4; n++) {
		memif_of(&a)->last_reason[0] = '\0';
		assert_int_equal(worker_call(memif_owner(&b, n % 2), overrun,
					     &memif_of(&b)->link->tx[n % 2].queue),
				 0);
		wait_until(strstr(memif_of(&a)->last_reason, "ring violation"));
		wait_until(!a.i->link || !b.i->link);
		wait_until(a.i->link && b.i->link);
		for (uint32_t w = 0; w < 2; w++) {
			assert_int_equal(memif_cross(&a, &b, w, p), w);
			assert_int_equal(memif_cross(&b, &a, w, p), w);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_side_has_as_many_as_it_wants_and_both_the_fewer, setup_2_2,
			memif_teardown),
		cmocka_unit_test_setup_teardown(workers_with_rings_of_their_own_do_not_meet,
						setup_2_2, memif_teardown),
		cmocka_unit_test_setup_teardown(queues_may_be_placed_anywhere, setup_2_2,
						memif_teardown),
		cmocka_unit_test_setup_teardown(the_link_comes_and_goes_with_all_its_rings,
						setup_2_2, memif_teardown),
		cmocka_unit_test_setup_teardown(one_broken_ring_ends_them_all, setup_2_2,
						memif_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
