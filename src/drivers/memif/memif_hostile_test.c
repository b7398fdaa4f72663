/* memif_hostile_test.c - a client that writes what it likes into its rings. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_fixture.h"

static void ring_server(const struct memif_queue *tx)
{
	uint64_t one = 1;

	assert_int_equal(write(tx->bell_fd, &one, sizeof(one)), sizeof(one));
}

static uint32_t n_scribbled; /* atomic */

/* Write over what the client may write; the server must drop the connection and live on. */
static void scribble(struct worker *w, void *arg)
{
	struct memif_queue *tx = &memif_of(&b)->link->tx[0].queue;
	struct memif_queue *rx = &memif_of(&b)->link->rx[0].queue;

	(void)w;
	switch ((uintptr_t)arg) {
	case 0: /* more packets than the ring has places */
		tx->ring->head = (uint16_t)(tx->at + tx->size + 1);
		break;
	case 1: /* a descriptor outside its region */
		tx->ring->descriptor[tx->at & (tx->size - 1)] =
			(struct memif_descriptor){ .length = 100, .offset = 0xfffffff0 };
		tx->ring->head = (uint16_t)(tx->at + 1);
		break;
	case 2: /* a region that there is not */
		tx->ring->descriptor[tx->at & (tx->size - 1)] =
			(struct memif_descriptor){ .length = 100, .region = 9 };
		tx->ring->head = (uint16_t)(tx->at + 1);
		break;
	case 3: /* a packet without an end */
		for (uint32_t n = 0; n < tx->size; n++)
			tx->ring->descriptor[n].flags = MEMIF_DESCRIPTOR_NEXT;
		tx->ring->head = (uint16_t)(tx->at + tx->size);
		break;
	case 4: /* fewer empty buffers than are in use; reading on would mend that */
		memif_stop_reading(w, &memif_of(&b)->link->rx[0]);
		rx->ring->head = (uint16_t)(rx->at - 5);
		break;
	}
	ring_server(tx);
	__atomic_store_n(&n_scribbled, n_scribbled + 1, __ATOMIC_RELEASE);
}

static void a_client_that_breaks_the_ring_loses_the_connection_only(void **state)
{
	struct parcel p = { .len = 100, .from = &a };

	(void)state;
	memif_join((struct memif_config){ 0 },
		   (struct memif_config){ .log2_ring_size = MEMIF_LOG2_RING_MIN });
	for (uintptr_t how = 0; how < 5; how++) {
		memif_cross(&a, &b, 1, p);
		memif_cross(&b, &a, 0, p);
		assert_int_equal(worker_call(b.e->worker[0], scribble, (void *)how), 0);
		wait_until(__atomic_load_n(&n_scribbled, __ATOMIC_ACQUIRE) == how + 1);
		/* seen when the server has used up what it knew of */
		for (unsigned n = 0; how == 4 && n < 1 << MEMIF_LOG2_RING_MIN; n++)
			assert_int_equal(worker_call(a.e->worker[1], memif_send_parcel, &p), 0);
		wait_until(strstr(memif_of(&a)->last_reason, "ring violation"));
		memif_of(&a)->last_reason[0] = '\0';
		wait_until(a.i->link && b.i->link); /* dialled again, with fresh memory */
	}
}

/* Rings in memory of our own, and what one taking of them finds. */
struct bench {
	struct memif_view view;
	struct memif_queue queue;
	struct buf_pool pool;
	struct buf_cache cache;
	uint32_t idx[FRAME_MAX];
	struct memif_taken taken;
};
enum { BENCH_BYTES = 65536, BENCH_BUFFER = 256, BENCH_BUFFERS_AT = 4096 };

static void bench_init(struct bench *t, bool is_client)
{
	*t = (struct bench){ .view = { .is_client = is_client,
				       .buffer_bytes = BENCH_BUFFER,
				       .buffer_stride = BENCH_BUFFER,
				       .n_regions = 1 } };
	t->view.region[0].size = BENCH_BYTES;
	t->view.region[0].base = calloc(1, BENCH_BYTES);
	t->queue = (struct memif_queue){ .view = &t->view,
					 .size = 4,
					 .buffers_at = BENCH_BUFFERS_AT,
					 .offered = is_client ? 4 : 0,
					 .ring = (void *)t->view.region[0].base };
	assert_int_equal(buf_pool_init(&t->pool, 512), 0);
	buf_cache_init(&t->cache, &t->pool);
}

/* Take what the other side has said so. */
static void bench_take(struct bench *t, const struct memif_descriptor *said, uint16_t n)
{
	memcpy(t->queue.ring->descriptor, said, n * sizeof(*said));
	*(t->view.is_client ? &t->queue.ring->tail : &t->queue.ring->head) = n;
	memif_ring_take(&t->queue, &t->cache, t->idx, FRAME_MAX, &t->taken);
	buf_free(&t->cache, t->idx, t->taken.n);
}

static void bench_deinit(struct bench *t)
{
	buf_cache_deinit(&t->cache);
	buf_pool_deinit(&t->pool);
	free(t->view.region[0].base);
}

static void descriptors_are_checked(void **state)
{
	enum { NEXT = MEMIF_DESCRIPTOR_NEXT, END = BENCH_BYTES };
	static const struct {
		const char *what;
		bool is_client;
		uint16_t n_said;
		struct memif_descriptor said[2];
		int err;
		unsigned n, n_bad;
	} cases[] = {
		{ "up to the end", 0, 1, { { .length = 100, .offset = END - 100 } }, 0, 1, 0 },
		{ "past the end",
		  0,
		  1,
		  { { .length = 100, .offset = END - 99 } },
		  ERR_PROTOCOL,
		  0,
		  0 },
		{ "behind the end",
		  0,
		  1,
		  { { .length = 100, .offset = 2 * END } },
		  ERR_PROTOCOL,
		  0,
		  0 },
		{ "a region far off",
		  0,
		  1,
		  { { .length = 100, .region = 60000 } },
		  ERR_PROTOCOL,
		  0,
		  0 },
		{ "a chain past the end",
		  0,
		  2,
		  { { .length = 100, .flags = NEXT }, { .length = 100, .offset = END - 99 } },
		  ERR_PROTOCOL,
		  0,
		  0 },
		{ "a chain without end",
		  0,
		  1,
		  { { .length = 100, .flags = NEXT } },
		  ERR_PROTOCOL,
		  0,
		  0 },
		{ "shorter than an Ethernet header", 0, 1, { { .length = 13 } }, 0, 0, 1 },
		{ "of no bytes", 0, 1, { { .length = 0 } }, 0, 0, 1 },
		{ "short, in pieces",
		  0,
		  2,
		  { { .length = 9, .flags = NEXT }, { .length = 4 } },
		  0,
		  0,
		  1 },
		{ "a buffer of ours, full", 1, 1, { { .length = BENCH_BUFFER } }, 0, 1, 0 },
		{ "longer than our buffer",
		  1,
		  1,
		  { { .length = BENCH_BUFFER + 1 } },
		  ERR_PROTOCOL,
		  0,
		  0 },
		{ "elsewhere than our buffer, which is ignored",
		  1,
		  1,
		  { { .length = 60, .region = 60000, .offset = 2 * END } },
		  0,
		  1,
		  0 },
	};

	(void)state;
	for (unsigned i = 0; i < count_of(cases); i++) {
		struct bench t;

		bench_init(&t, cases[i].is_client);
		bench_take(&t, cases[i].said, cases[i].n_said);
		if (t.taken.err != cases[i].err || t.taken.n != cases[i].n ||
		    t.taken.n_bad != cases[i].n_bad)
			fail_msg("%s: error %d, %u packets, %u bad", cases[i].what, t.taken.err,
				 t.taken.n, t.taken.n_bad);
		bench_deinit(&t);
	}
}

/*
 * A packet of two descriptors whose lengths add up to a little more than 2^32: too long, and not
 * taken for a short one, for which the whole pool would be filled again and again.
 */
static void lengths_that_overflow_are_too_long(void **state)
{
	static struct memif_view v = { .n_regions = 1 };
	struct memif_queue q = { .view = &v, .size = 4 };
	uint32_t idx[FRAME_MAX];
	struct memif_taken t;
	struct buf_pool pool;
	struct buf_cache c;

	(void)state;
	v.region[0].size = (uint64_t)4 << 30;
	v.region[0].base = mmap(NULL, v.region[0].size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(v.region[0].base, MAP_FAILED);
	assert_int_equal(buf_pool_init(&pool, 512), 0);
	buf_cache_init(&c, &pool);
	q.ring = (struct memif_ring *)(void *)v.region[0].base;
	q.ring->descriptor[0] = (struct memif_descriptor){ .flags = MEMIF_DESCRIPTOR_NEXT,
							   .length = 60000,
							   .offset = 4096 };
	q.ring->descriptor[1] = (struct memif_descriptor){ .length = UINT32_MAX };
	q.ring->descriptor[2] = (struct memif_descriptor){ .length = 60, .offset = 4096 };
	q.ring->head = 3;
	memif_ring_take(&q, &c, idx, FRAME_MAX, &t);
	assert_int_equal(t.err, 0);
	assert_int_equal(t.n_bad, 1);
	assert_int_equal(t.n, 1);
	assert_int_equal(buf_at(pool.base, idx[0])->total_len, 60);
	buf_free(&c, idx, t.n);
	buf_cache_deinit(&c);
	buf_pool_deinit(&pool);
	munmap(v.region[0].base, v.region[0].size);
}

/*
 * Both sides have the eventfd: the other one lets it block again and fills its counter. Whoever
 * rings must not wait; if it does, the alarm ends the test.
 */
static void a_bell_that_would_block_is_rung(void **state)
{
	struct memif_view v = { .is_client = true };
	struct memif_queue q = { .view = &v, .size = 4, .bell_fd = eventfd(0, EFD_NONBLOCK) };
	struct memif_ring ring = { 0 };
	uint64_t full = UINT64_MAX - 1, n = 0;

	(void)state;
	q.ring = &ring;
	memif_ringer_open(&v.ringer);
	if (!v.ringer.context)
		skip(); /* the system has no asynchronous I/O */
	memif_ring_publish(&q);
	memif_ring_publish(&q);
	assert_int_equal(read(q.bell_fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 2);
	assert_int_equal(write(q.bell_fd, &full, sizeof(full)), sizeof(full));
	assert_int_equal(fcntl(q.bell_fd, F_SETFL, 0), 0);
	alarm(10);
	for (unsigned i = 0; i < 1000; i++)
		memif_ring_publish(&q);
	alarm(0);
	memif_ringer_close(&v.ringer);
	close(q.bell_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_client_that_breaks_the_ring_loses_the_connection_only, memif_setup,
			memif_teardown),
		cmocka_unit_test(descriptors_are_checked),
		cmocka_unit_test(lengths_that_overflow_are_too_long),
		cmocka_unit_test(a_bell_that_would_block_is_rung),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
