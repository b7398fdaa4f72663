/* memif_zero_copy_test.c - a client whose buffers the server reads and writes in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_fixture.h"

static const struct memif_config zero_copy = { .zero_copy = true };

static void packets_of_every_length_cross_both_ways(void **state)
{
	static const uint32_t lengths[] = { 14,	  60,	64,   65,   1514, 2037, 2038,
					    2048, 2049, 4096, 4097, 9014, 65000 };
	static const struct memif_config clients[] = {
		{ .zero_copy = true },
		{ .zero_copy = true, .no_offload = true },
		{ .zero_copy = true, .log2_ring_size = 6 },
	};

	(void)state;
	for (unsigned s = 0; s < count_of(clients); s++) {
		memif_join((struct memif_config){ 0 }, clients[s]);
		assert_non_null(memif_of(&b)->link->view.pool);
		for (unsigned n = 0; n < 3 * count_of(lengths); n++) {
			struct parcel p = { .len = lengths[n % count_of(lengths)], .seed = n };

			memif_cross(&a, &b, n % 2, p);
			memif_cross(&b, &a, 0, p);
		}
		memif_part();
	}
}

static void super_segments_cross_in_one_piece(void **state)
{
	(void)state;
	memif_join((struct memif_config){ 0 }, zero_copy);
	for (unsigned n = 0; n < 20; n++) {
		struct parcel p = { .len = 3000 + n * 3000, .gso_size = 1448, .seed = n };

		memif_cross(&a, &b, n % 2, p);
		assert_true(b.seen[0].flags & BUF_NEED_L4_CSUM);
		assert_int_equal(b.seen[0].gso_type, GSO_TCP4);
		memif_cross(&b, &a, 0, p);
	}
}

/* Its header goes into a buffer of its own where the packet has no room before it. */
static void send_without_headroom(struct worker *w, void *arg)
{
	uint8_t bytes[HEADERS + 1000] = { [ETH + IP + 12] = 5 << 4 };
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *p = buf_at(w->bufs.pool->base, idx);

	(void)arg;
	p->at = 0;
	assert_int_equal(buf_append_bytes(&w->bufs, p, bytes, sizeof(bytes)), 0);
	p->tx_if = b.i->index;
	p->flags = BUF_NEED_L4_CSUM;
	p->csum_off = CSUM_OFF_TCP;
	p->l4_at = ETH + IP;
	node_send_to(w, graph_node_id(&w->engine->graph, "interface-output"), idx);
}

static void a_packet_without_headroom_crosses(void **state)
{
	(void)state;
	memif_join((struct memif_config){ 0 }, zero_copy);
	assert_int_equal(worker_call(b.e->worker[0], send_without_headroom, NULL), 0);
	wait_until(memif_n_seen(&a) == 1);
	for (unsigned w = 0; w < 2; w++)
		if (a.seen[w].n) {
			assert_int_equal(a.seen[w].len, HEADERS + 1000);
			assert_true(a.seen[w].flags & BUF_NEED_L4_CSUM);
		}
}

static void a_private_pool_is_not_lent(void **state)
{
	struct memif_config c = {
		.name = "m0", .socket = memif_path, .role = MEMIF_CLIENT, .zero_copy = true
	};
	char why[256];

	(void)state;
	assert_int_equal(memif_create(b.e, &c, &b.i, why, sizeof(why)), ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "shared_buffers: true"));
}

static void rings_take_half_of_the_pool_at_most(void **state)
{
	struct memif_config c = { .name = "m0",
				  .socket = memif_path,
				  .role = MEMIF_CLIENT,
				  .zero_copy = true,
				  .n_queues = 5 };
	char why[256];

	(void)state;
	assert_int_equal(memif_create(b.e, &c, &b.i, why, sizeof(why)), ERR_RANGE);
	assert_non_null(strstr(why, "5120 buffers of 8192"));
}

static uint32_t n_done; /* atomic */

/*
 * The server says what it likes of the buffers that it has got; it may not write elsewhere. The
 * client must end the connection; the buffers come back.
 */
static void lie(struct worker *w, void *arg)
{
	struct memif_queue *tx = &memif_of(&a)->link->tx[0].queue;
	struct memif_descriptor *d = &tx->ring->descriptor[tx->at & (tx->size - 1)];
	uint16_t more = 1;
	uint64_t one = 1;

	(void)w;
	switch ((uintptr_t)arg) {
	case 0: /* longer than the buffer */
		d->length = BUF_DATA + 1;
		break;
	case 1: /* a packet without an end */
		d->length = 100;
		d->flags = MEMIF_DESCRIPTOR_NEXT;
		break;
	case 2: /* more packets than there are buffers */
		more = (uint16_t)(tx->size + 1);
		break;
	}
	__atomic_store_n(&tx->ring->tail, (uint16_t)(tx->at + more), __ATOMIC_RELEASE);
	assert_int_equal(write(tx->bell_fd, &one, sizeof(one)), sizeof(one));
	__atomic_fetch_add(&n_done, 1, __ATOMIC_RELEASE);
}

/* It says that it has read what was never sent: seen when the client sends. Reading on mends it. */
static void read_too_much(struct worker *w, void *arg)
{
	struct memif_queue *rx = &memif_of(&a)->link->rx[0].queue;

	(void)arg;
	memif_stop_reading(w, &memif_of(&a)->link->rx[0]);
	__atomic_store_n(&rx->ring->tail, (uint16_t)(rx->at + 7), __ATOMIC_RELEASE);
	__atomic_fetch_add(&n_done, 1, __ATOMIC_RELEASE);
}

static void a_server_that_breaks_the_ring_loses_the_connection(void **state)
{
	struct parcel p = { .len = 100, .from = &b };

	(void)state;
	memif_join((struct memif_config){ 0 }, zero_copy);
	n_done = 0;
	for (uintptr_t how = 0; how < 4; how++) {
		memif_cross(&b, &a, 0, p);
		memif_of(&b)->last_reason[0] = '\0';
		assert_int_equal(
			worker_call(memif_owner(&a, 0), how < 3 ? lie : read_too_much, (void *)how),
			0);
		wait_until(__atomic_load_n(&n_done, __ATOMIC_ACQUIRE) == how + 1);
		if (how == 3)
			assert_int_equal(worker_call(b.e->worker[0], memif_send_parcel, &p), 0);
		wait_until(strstr(memif_of(&b)->last_reason, "ring violation"));
		wait_until(a.i->link && b.i->link);
	}
}

static void take_all(struct worker *w, void *arg)
{
	uint32_t *idx = arg;

	idx[0] = buf_alloc(&w->bufs, idx + 1, 8192);
}

static void give_all(struct worker *w, void *arg)
{
	const uint32_t *idx = arg;

	buf_free(&w->bufs, idx + 1, idx[0]);
}

/* With an empty pool nothing can be offered; when it has buffers again, packets flow again. */
static void an_empty_pool_stops_it_for_a_while(void **state)
{
	static uint32_t idx[8193];
	struct parcel p = { .len = 100, .from = &a };
	uint32_t n;

	(void)state;
	memif_join((struct memif_config){ 0 },
		   (struct memif_config){ .zero_copy = true, .log2_ring_size = 4 });
	assert_int_equal(worker_call(b.e->worker[0], take_all, idx), 0);
	for (n = 0; n < 40; n++)
		assert_int_equal(worker_call(memif_owner(&a, 0), memif_send_parcel, &p), 0);
	wait_until(memif_n_seen(&b) >= 16);
	assert_int_equal(worker_call(b.e->worker[0], give_all, idx), 0);
	wait_until(memif_n_seen(&b) + memif_tx_count(&a, "full") >= n);
	memif_cross(&a, &b, 0, p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_of_every_length_cross_both_ways,
						memif_setup_shared, memif_teardown),
		cmocka_unit_test_setup_teardown(super_segments_cross_in_one_piece,
						memif_setup_shared, memif_teardown),
		cmocka_unit_test_setup_teardown(a_packet_without_headroom_crosses,
						memif_setup_shared, memif_teardown),
		cmocka_unit_test_setup_teardown(a_private_pool_is_not_lent, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(rings_take_half_of_the_pool_at_most,
						memif_setup_shared, memif_teardown),
		cmocka_unit_test_setup_teardown(a_server_that_breaks_the_ring_loses_the_connection,
						memif_setup_shared, memif_teardown),
		cmocka_unit_test_setup_teardown(an_empty_pool_stops_it_for_a_while,
						memif_setup_shared, memif_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
