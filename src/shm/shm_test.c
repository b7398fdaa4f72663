/* shm_test.c - channels end to end: two sides in one process, honest and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/random.h"
#include "shm/fifo.h"

enum { N_SLOTS = 8, N_PAGES = 1024 };

struct pair {
	struct channel a, b;
	int fd_a, fd_b;
};

static struct segment mapped(int fd, bool writable)
{
	struct segment s;

	assert_int_equal(segment_map(&s, fd, writable), 0);
	return s;
}

static void pair_init(struct pair *p)
{
	p->fd_a = segment_create("a", N_SLOTS, N_PAGES);
	p->fd_b = segment_create("b", N_SLOTS, N_PAGES);
	assert_true(p->fd_a >= 0 && p->fd_b >= 0);
	assert_int_equal(channel_init(&p->a, mapped(p->fd_a, true), mapped(p->fd_b, false),
				      SHM_SHIFT_LARGE, -1),
			 0);
	assert_int_equal(channel_init(&p->b, mapped(p->fd_b, true), mapped(p->fd_a, false),
				      SHM_SHIFT_LARGE, -1),
			 0);
}

static void pair_deinit(struct pair *p)
{
	channel_deinit(&p->a);
	channel_deinit(&p->b);
	close(p->fd_a);
	close(p->fd_b);
}

static void open_both(struct pair *p, struct fifo_end *a, struct fifo_end *b, uint32_t slot)
{
	fifo_open(a, &p->a, slot, 7);
	fifo_open(b, &p->b, slot, 7);
}

/* 20 MB in random pieces arrive in order and unharmed, and every chunk comes back. */
static void test_stream(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a, b;
	struct random r;
	uint64_t sent = 0, got = 0;
	uint8_t *piece = malloc(1 << 20);

	pair_init(&p);
	open_both(&p, &a, &b, 3);
	random_seed(&r, 11);
	while (got < 20u << 20) {
		uint32_t n = random_below(&r, random_below(&r, 4) ? 3000 : 1 << 20);

		for (uint32_t i = 0; i < n; i++)
			piece[i] = (uint8_t)((sent + i) * 2654435761u >> 13);
		sent += fifo_write(&a, piece, n);
		fifo_poll(&b);
		n = fifo_read(&b, piece, random_below(&r, 1 << 20));
		for (uint32_t i = 0; i < n; i++)
			if (piece[i] != (uint8_t)((got + i) * 2654435761u >> 13))
				fail_msg("byte %lu differs", (unsigned long)(got + i));
		got += n;
	}
	assert_int_equal(a.shift, SHM_SHIFT_LARGE);
	fifo_poll(&b);
	fifo_consume(&b, fifo_readable(&b));
	fifo_room(&a);
	assert_int_equal(p.a.chunks.n_pages_used, 0);
	fifo_close(&a);
	fifo_close(&b);
	pair_deinit(&p);
	free(piece);
}

/* Chunks of a session that went quiet come back when others write. */
struct sender {
	struct fifo_end *end, *other;
	uint64_t total;
};

/* Writes on one session, and a little on another, so that each sweeps the other's chunks. */
static void *send_all(void *context)
{
	struct sender *s = context;
	uint8_t *piece = malloc(128 << 10);
	struct random r;
	uint64_t sent = 0;

	random_seed(&r, 12);
	while (sent < s->total) {
		uint32_t n = random_below(&r, random_below(&r, 4) ? 9000 : 128 << 10);

		if (n > s->total - sent)
			n = (uint32_t)(s->total - sent);
		for (uint32_t i = 0; i < n; i++)
			piece[i] = (uint8_t)((sent + i) * 2654435761u >> 13);
		sent += fifo_write(s->end, piece, n);
		if (fifo_write(s->other, piece, n % 5000) == 0)
			sched_yield();
	}
	free(piece);
	return NULL;
}

static void stream_between_threads(uint64_t total)
{
	struct pair p;
	struct fifo_end a, b, other_a, other_b;
	struct sender sender = { &a, &other_a, total };
	uint8_t *piece = malloc(256 << 10);
	uint64_t got = 0, wrong = 0;
	pthread_t thread;

	pair_init(&p);
	open_both(&p, &a, &b, 3);
	open_both(&p, &other_a, &other_b, 4);
	assert_int_equal(pthread_create(&thread, NULL, send_all, &sender), 0);
	while (got < total) {
		uint32_t n;

		fifo_poll(&other_b);
		fifo_consume(&other_b, fifo_readable(&other_b));
		fifo_poll(&b);
		assert_false(b.broken);
		n = fifo_read(&b, piece, 256 << 10);
		for (uint32_t i = 0; i < n; i++)
			wrong += piece[i] != (uint8_t)((got + i) * 2654435761u >> 13);
		got += n;
		if (n == 0)
			sched_yield();
	}
	assert_int_equal(wrong, 0);
	pthread_join(thread, NULL);
	fifo_close(&a);
	fifo_close(&other_a);
	assert_int_equal(p.a.chunks.n_pages_used, 0);
	free(piece);
	pair_deinit(&p);
}

/* The peer reads at the worst of moments: while chunks are handed out, and when they grow. */
static void test_stream_between_threads(void **state unused_arg)
{
	for (unsigned i = 0; i < 300; i++)
		stream_between_threads(400 << 10);
	stream_between_threads(50 << 20);
}

/*
 * A writer that fills up whatever room it sees gets large chunks all the same where the peer
 * drains: once full there is no room until it is empty. Where the peer may wait for more, there
 * always is.
 */
static void test_full_fifo_pauses_to_grow(void **state unused_arg)
{
	static uint8_t bytes[64 << 10];
	struct fifo_end a, b;
	struct pair p;

	for (unsigned drains = 0; drains < 2; drains++) {
		pair_init(&p);
		open_both(&p, &a, &b, 1);
		p.a.peer_drains = drains;
		assert_int_equal(fifo_write(&a, bytes, 1), 1); /* too late to grow at once */
		while (fifo_write(&a, bytes, sizeof(bytes)) > 0)
			;
		assert_int_equal(a.shift, SHM_SHIFT_SMALL);
		fifo_poll(&b);
		fifo_read(&b, bytes, 40000);
		assert_int_equal(fifo_room(&a) == 0, drains);
		fifo_read(&b, bytes, sizeof(bytes));
		fifo_room(&a);
		assert_int_equal(a.shift, SHM_SHIFT_MEDIUM);
		assert_int_equal(fifo_room(&a), fifo_capacity(&a));
		fifo_close(&a);
		fifo_close(&b);
		pair_deinit(&p);
	}
}

/* Memory that was reserved and never committed does not survive the change to large chunks. */
static void test_reserved_in_vain(void **state unused_arg)
{
	struct fifo_span spans[SHM_FIFO_CHUNKS];
	struct fifo_end a, b;
	uint8_t bytes[100];
	struct pair p;

	pair_init(&p);
	open_both(&p, &a, &b, 1);
	assert_true(fifo_reserve(&a, 60000, spans, SHM_FIFO_CHUNKS) > 10);
	memset(spans[0].at, 1, sizeof(bytes));
	fifo_commit(&a, sizeof(bytes));
	fifo_expect_more(&a);
	fifo_poll(&b);
	assert_int_equal(fifo_read(&b, bytes, sizeof(bytes)), sizeof(bytes));
	fifo_room(&a);
	assert_int_equal(a.shift, SHM_SHIFT_MEDIUM);
	assert_int_equal(p.a.chunks.n_pages_used, 0);
	fifo_close(&a);
	fifo_close(&b);
	pair_deinit(&p);
}

static void test_sweep_reclaims_idle_sessions(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a[N_SLOTS], b[N_SLOTS];
	uint8_t bytes[SHM_PAGE_BYTES] = { 0 };

	pair_init(&p);
	for (uint32_t i = 0; i < N_SLOTS; i++) {
		open_both(&p, &a[i], &b[i], i);
		assert_int_equal(fifo_write(&a[i], bytes, sizeof(bytes)), sizeof(bytes));
		fifo_poll(&b[i]);
		fifo_consume(&b[i], sizeof(bytes));
	}
	assert_true(p.a.chunks.n_pages_used <= 2);
	for (uint32_t i = 0; i < N_SLOTS; i++)
		fifo_close(&a[i]);
	assert_int_equal(p.a.chunks.n_pages_used, 0);
	pair_deinit(&p);
}

/* What is being filled stays where it is, whoever reads and writes meanwhile. */
static void test_reserved_memory_is_not_swept(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a[2], b[2];
	struct fifo_span spans[4];
	uint8_t bytes[2 * SHM_PAGE_BYTES] = { 0 };
	unsigned n;

	pair_init(&p);
	open_both(&p, &a[0], &b[0], 0);
	open_both(&p, &a[1], &b[1], 1);
	fifo_write(&a[0], bytes, 100);
	n = fifo_reserve(&a[0], sizeof(bytes), spans, 4);
	assert_int_equal(n, 3);
	fifo_poll(&b[0]);
	fifo_consume(&b[0], 100);
	fifo_write(&a[1], bytes, sizeof(bytes)); /* sweeps */
	memcpy(spans[0].at, "kept", 4);
	fifo_commit(&a[0], 4);
	assert_int_equal(fifo_poll(&b[0]), 4);
	assert_int_equal(fifo_read(&b[0], bytes, 4), 4);
	assert_memory_equal(bytes, "kept", 4);
	/* Less was filled than reserved: the rest comes back, too. */
	fifo_room(&a[0]);
	fifo_poll(&b[1]);
	fifo_consume(&b[1], sizeof(bytes));
	fifo_room(&a[1]);
	assert_int_equal(p.a.chunks.n_pages_used, 0);
	pair_deinit(&p);
}

/* Reserve, fill less, switch to large chunks, go on: every byte stays in its place. */
static void test_reserve_and_commit_at_random(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a, b;
	struct random r;
	uint32_t sent = 0, got = 0;
	uint8_t *piece = malloc(1 << 20);

	pair_init(&p);
	open_both(&p, &a, &b, 2);
	random_seed(&r, 23);
	while (got < 30u << 20) {
		struct fifo_span spans[SHM_FIFO_CHUNKS];
		unsigned n = fifo_reserve(&a, random_below(&r, 200000), spans, SHM_FIFO_CHUNKS);
		uint32_t filled = 0;

		for (unsigned i = 0; i < n && random_below(&r, 5); i++)
			for (uint32_t k = 0; k < spans[i].len; k++, filled++)
				spans[i].at[k] = (uint8_t)((sent + filled) * 2654435761u >> 11);
		fifo_commit(&a, filled);
		sent += filled;
		fifo_poll(&b);
		n = fifo_read(&b, piece, random_below(&r, 1 << 20));
		for (uint32_t k = 0; k < n; k++)
			if (piece[k] != (uint8_t)((got + k) * 2654435761u >> 11))
				fail_msg("byte %u differs", got + k);
		got += n;
		assert_false(b.broken);
	}
	fifo_close(&a);
	assert_int_equal(p.a.chunks.n_pages_used, 0);
	pair_deinit(&p);
	free(piece);
}

static void test_states_follow_the_bytes(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a, b;
	char text[8];

	pair_init(&p);
	open_both(&p, &a, &b, 0);
	fifo_write(&a, "bye", 3);
	fifo_set_state(&a, SHM_FIN, 0);
	assert_int_equal(fifo_write(&a, "x", 1), 0);
	assert_int_equal(fifo_poll(&b), 3);
	assert_true(fifo_finished(&b));
	assert_int_equal(fifo_read(&b, text, sizeof(text)), 3);
	assert_int_equal(fifo_room(&a), 0);
	assert_int_equal(fifo_unread(&a), 0); /* seen although there is nothing more to write */
	fifo_set_state(&b, SHM_RESET, ERR_TIMEOUT);
	fifo_poll(&a);
	assert_true(fifo_was_reset(&a));
	assert_int_equal(a.peer_error, ERR_TIMEOUT);
	pair_deinit(&p);
}

/* One event announces any number of writes until the reader has looked. */
static void test_events_collapse(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a, b;

	pair_init(&p);
	open_both(&p, &a, &b, 0);
	fifo_write(&a, "1", 1);
	assert_true(fifo_data_due(&a));
	fifo_write(&a, "2", 1);
	assert_false(fifo_data_due(&a));
	fifo_hear(&b);
	assert_int_equal(fifo_poll(&b), 2);
	fifo_write(&a, "3", 1);
	assert_true(fifo_data_due(&a));
	pair_deinit(&p);
}

static void test_room_is_announced_once_per_wish(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a, b;
	uint8_t *bytes = calloc(1, 1 << 20);

	pair_init(&p);
	open_both(&p, &a, &b, 0);
	while (fifo_write(&a, bytes, 1000) == 1000)
		;
	assert_int_equal(fifo_unread(&a), 15 * SHM_PAGE_BYTES);
	fifo_want_room(&a);
	assert_int_equal(fifo_room(&a), 0);
	fifo_poll(&b);
	assert_false(fifo_room_due(&b));
	fifo_consume(&b, fifo_readable(&b));
	assert_true(fifo_room_due(&b));
	assert_false(fifo_room_due(&b));
	assert_int_equal(
		fifo_room(&a),
		15 << SHM_SHIFT_MEDIUM); /* emptied after having been full: larger chunks */
	pair_deinit(&p);
	free(bytes);
}

/* A write that no small fifo holds does not have to wait for one to fill up first. */
static void test_long_write_gets_room_at_once(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a, b;
	uint8_t *bytes = calloc(1, 1 << 20);

	pair_init(&p);
	open_both(&p, &a, &b, 0);
	assert_int_equal(fifo_write(&a, bytes, 200000), 200000);
	assert_int_equal(a.shift, SHM_SHIFT_MEDIUM);
	assert_int_equal(fifo_poll(&b), 200000);
	assert_int_equal(fifo_read(&b, bytes, 200000), 200000);
	pair_deinit(&p);
	free(bytes);
}

static void test_ring_fills_and_drains(void **state unused_arg)
{
	struct pair p;
	struct shm_event e = { .type = SHM_EV_DATA };

	pair_init(&p);
	for (uint32_t i = 0; i < SHM_RING_EVENTS; i++) {
		e.slot = i;
		assert_int_equal(channel_post(&p.a, &e), 0);
	}
	assert_int_equal(channel_post(&p.a, &e), ERR_FULL);
	for (uint32_t i = 0; i < SHM_RING_EVENTS; i++) {
		assert_true(channel_take(&p.b, &e));
		assert_int_equal(e.slot, i);
	}
	assert_false(channel_take(&p.b, &e));
	assert_int_equal(channel_post(&p.a, &e), 0);
	pair_deinit(&p);
}

/* A peer that writes anything at all into what it owns gets a broken session, no more. */
static void test_hostile_peer_breaks_only_its_session(void **state unused_arg)
{
	struct random r;

	random_seed(&r, 5);
	for (unsigned round = 0; round < 3000; round++) {
		struct pair p;
		struct fifo_end a, b;
		uint8_t bytes[9000];
		struct shm_event e;

		pair_init(&p);
		open_both(&p, &a, &b, 1);
		fifo_write(&a, bytes, sizeof(bytes));
		for (unsigned step = 0; step < 30; step++) {
			uint8_t *at = (uint8_t *)(random_below(&r, 4) ? (void *)a.mine
								      : (void *)p.a.mine.base);
			uint32_t off = random_below(&r, random_below(&r, 2) ? 128 : 192) & ~3u;
			uint32_t value = random_below(&r, 3) ? random_below(&r, 1 << 17)
							     : (uint32_t)random_u64(&r);

			memcpy(at + off, &value, 4);
			fifo_hear(&b);
			fifo_poll(&b);
			fifo_read(&b, bytes, random_below(&r, sizeof(bytes)));
			fifo_write(&b, bytes, random_below(&r, sizeof(bytes)));
			fifo_room_due(&b);
			fifo_data_due(&b);
			while (channel_take(&p.b, &e))
				;
		}
		fifo_close(&b);
		assert_int_equal(p.b.chunks.n_pages_used, 0);
		pair_deinit(&p);
	}
}

/* Each word that makes no sense is seen for what it is, and breaks this session alone. */
static void test_wild_words_break_the_end(void **state unused_arg)
{
	struct pair p;
	struct fifo_end a[3], b[3];
	uint8_t bytes[100] = { 0 };

	pair_init(&p);
	for (uint32_t i = 0; i < 3; i++) {
		open_both(&p, &a[i], &b[i], i);
		fifo_write(&a[i], bytes, sizeof(bytes));
	}
	atomic_store(&b[0].mine->head, 101); /* past what was written */
	fifo_room(&a[0]);
	assert_true(a[0].broken);
	atomic_store(&a[1].mine->tail, (15u << SHM_SHIFT_SMALL) + 1); /* more than a fifo holds */
	fifo_poll(&b[1]);
	assert_true(b[1].broken);
	assert_int_equal(fifo_poll(&b[2]), sizeof(bytes));
	atomic_store(&a[2].mine->chunk[0], p.a.mine.n_pages + 1); /* past the segment */
	assert_int_equal(fifo_read(&b[2], bytes, sizeof(bytes)), 0);
	assert_true(b[2].broken && fifo_was_reset(&b[2]));
	assert_false(b[0].broken || a[1].broken || a[2].broken);
	pair_deinit(&p);
}

/* A dead reader does not kill who wakes it; a dead waker reads as end of file. */
static void test_pipe_survives_either_end(void **state unused_arg)
{
	int wait_fd, wake_fd;
	char byte;

	assert_int_equal(channel_make_pipe(&wait_fd, &wake_fd), 0);
	assert_int_equal(write(wake_fd, "", 1), 1);
	assert_int_equal(read(wait_fd, &byte, 1), 1);
	close(wake_fd);
	assert_int_equal(read(wait_fd, &byte, 1), 0);
	close(wait_fd);
	assert_int_equal(channel_make_pipe(&wait_fd, &wake_fd), 0);
	close(wait_fd);
	assert_int_equal(write(wake_fd, "", 1), 1);
	close(wake_fd);
}

/* Once sealed, the segment takes no new writer, not even through /proc. */
static void test_seal_holds(void **state unused_arg)
{
	int fd = segment_create("sealed", N_SLOTS, N_PAGES);
	struct segment s = mapped(fd, true);
	char path[64];
	int again;

	assert_int_equal(segment_seal(fd), 0);
	s.base[SHM_PAGE_BYTES] = 1; /* the existing mapping still writes */
	assert_ptr_equal(mmap(NULL, s.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
			 MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		assert_true(pwrite(again, "x", 1, 0) < 0);
		assert_true(ftruncate(again, 0) < 0);
		close(again);
	}
	segment_unmap(&s);
	close(fd);
}

static void test_wrong_segments_are_refused(void **state unused_arg)
{
	struct segment s;
	int unsealed = memfd_create("x", MFD_ALLOW_SEALING);
	int changed = segment_create("y", N_SLOTS, N_PAGES);
	uint32_t version = SHM_VERSION + 1;

	assert_int_equal(ftruncate(unsealed, 1 << 20), 0);
	assert_int_equal(segment_map(&s, unsealed, false), ERR_FORMAT);
	assert_int_equal(pwrite(changed, &version, 4, 4), 4);
	assert_int_equal(segment_map(&s, changed, false), ERR_VERSION);
	assert_int_equal(segment_create("z", 0, N_PAGES), ERR_INVAL);
	close(unsealed);
	close(changed);
}

/* --- while the stack splits a session --- */

/* Neither the peer's bytes and end nor what it has read: chunks stay until the stack has said it.
 */
static void test_news_during_a_split_is_left(void **state unused_arg)
{
	struct pair p, to_stack;
	struct fifo_end a, b;
	char bytes[8192];

	pair_init(&p);
	pair_init(&to_stack);
	open_both(&p, &a, &b, 1);
	p.b.broker = &to_stack.b;
	assert_int_equal(fifo_write(&b, "written before", 14), 14);
	assert_int_equal(fifo_write(&a, "seen", 4), 4);
	assert_int_equal(fifo_poll(&b), 4);

	atomic_store(&segment_side(&to_stack.a.mine)->splits, 1);
	assert_true(fifo_is_splitting(&b));
	assert_int_equal(fifo_write(&a, "unseen", 6), 6);
	fifo_set_state(&a, SHM_FIN, 0);
	assert_int_equal(fifo_poll(&b), 4);
	assert_false(fifo_finished(&b));
	assert_int_equal(fifo_read(&b, bytes, sizeof(bytes)), 4);
	assert_int_equal(fifo_poll(&a), 14);
	assert_int_equal(fifo_read(&a, bytes, sizeof(bytes)), 14);
	fifo_room(&b);
	assert_int_equal(fifo_unread(&b), 14);
	assert_int_equal(p.b.chunks.n_pages_used, 1);

	to_stack.b.n_splits_told = 1; /* of another session, as it turns out */
	assert_int_equal(fifo_poll(&b), 6);
	assert_true(fifo_finished(&b));
	fifo_room(&b);
	assert_int_equal(fifo_unread(&b), 0);
	assert_true(p.b.chunks.n_pages_used == 0);
	pair_deinit(&p);
	pair_deinit(&to_stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_between_threads),
		cmocka_unit_test(test_full_fifo_pauses_to_grow),
		cmocka_unit_test(test_reserved_in_vain),
		cmocka_unit_test(test_sweep_reclaims_idle_sessions),
		cmocka_unit_test(test_reserved_memory_is_not_swept),
		cmocka_unit_test(test_reserve_and_commit_at_random),
		cmocka_unit_test(test_states_follow_the_bytes),
		cmocka_unit_test(test_events_collapse),
		cmocka_unit_test(test_room_is_announced_once_per_wish),
		cmocka_unit_test(test_long_write_gets_room_at_once),
		cmocka_unit_test(test_ring_fills_and_drains),
		cmocka_unit_test(test_hostile_peer_breaks_only_its_session),
		cmocka_unit_test(test_wild_words_break_the_end),
		cmocka_unit_test(test_news_during_a_split_is_left),
		cmocka_unit_test(test_pipe_survives_either_end),
		cmocka_unit_test(test_seal_holds),
		cmocka_unit_test(test_wrong_segments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
