/*
 * capture_writer.c - the thread that turns records into a file.
 *
 * It sleeps until a worker rings. Pipes and terminals are written in pieces that poll() promises to
 * take, so that a reader that has stopped reading cannot keep it from ending.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "functions/capture/capture_private.h"
#include "functions/capture/pcapng.h"

enum {
	OUT_BYTES = CAPTURE_SNAP_MAX + PCAPNG_PACKET_OVERHEAD,
	STOP_GRACE_MS = 500, /* how long a stopped capture waits for its reader */
};

static bool stopped(const struct capture *c)
{
	return __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
}

/* Write all of @out; false if the file takes no more. */
static bool write_all(struct capture *c, const uint8_t *at, size_t left)
{
	while (left) {
		struct pollfd fds[2] = { { .fd = c->config.fd, .events = POLLOUT },
					 { .fd = c->bell.wake_fd, .events = POLLIN } };
		size_t step = left < PIPE_BUF ? left : PIPE_BUF;
		bool last_try = stopped(c);
		ssize_t n;

		if (poll(fds, last_try ? 1 : 2, last_try ? STOP_GRACE_MS : -1) == 0 && last_try)
			return false;
		if (fds[1].revents)
			mailbox_clear_fd(&c->bell);
		if (!(fds[0].revents & (POLLOUT | POLLERR | POLLHUP)))
			continue;
		n = write(c->config.fd, at, step);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			c->stats.write_errno = errno;
			return false;
		}
		at += n;
		left -= (size_t)n;
	}
	return true;
}

/* Write one record if there is one. False: the capture is over. */
static bool write_record(struct capture *c, struct record_ring *ring, uint8_t *memory, bool *any)
{
	uint32_t len;
	const struct capture_record *r = record_ring_peek_or_null(ring, &len);
	struct writer out = writer_of(memory, OUT_BYTES);
	bool fine;

	if (!r)
		return true;
	*any = true;
	pcapng_emit_packet(&out, r->at_ns + c->wall_offset_ns, r->direction,
			   slice_of(r->bytes, len - sizeof(*r)), r->wire_len);
	record_ring_drop(ring);
	fine = write_all(c, memory, writer_len(&out));
	c->stats.n_written += fine;
	return fine && (c->config.n_packets == 0 || c->stats.n_written < c->config.n_packets);
}

/* Write what all rings hold. False: the capture is over. */
static bool write_records(struct capture *c, uint8_t *memory, bool *any)
{
	for (uint32_t i = 0; i < c->engine->n_workers; i++) {
		bool more = true;

		while (more) {
			more = false;
			if (!write_record(c, &c->ring[i], memory, &more))
				return false;
			*any |= more;
		}
	}
	return true;
}

static bool write_header(struct capture *c, uint8_t *memory)
{
	struct writer out = writer_of(memory, OUT_BYTES);

	pcapng_emit_header(&out, c->name, c->config.snap_bytes);
	return write_all(c, memory, writer_len(&out));
}

void *capture_write_loop(void *capture)
{
	static _Thread_local uint8_t memory[OUT_BYTES];
	struct capture *c = capture;
	struct pollfd bell = { .fd = c->bell.wake_fd, .events = POLLIN };
	bool going;

	while (sem_wait(&c->begun) < 0)
		; /* a signal */
	if (!c->looking)
		return NULL;
	going = write_header(c, memory);
	while (going) {
		bool any = false, last = stopped(c);

		going = write_records(c, memory, &any);
		if (any || !going)
			continue;
		if (last)
			return NULL;
		mailbox_arm(&c->bell);
		going = write_records(c, memory, &any);
		if (!any && !stopped(c))
			poll(&bell, 1, -1);
		mailbox_clear_fd(&c->bell);
	}
	__atomic_store_n(&c->ended, 1, __ATOMIC_RELAXED);
	engine_post_main(c->engine, &c->end_mail);
	return NULL;
}
