/*
 * channel.h - one side of a channel: two mapped segments, the event ring each way, the wake-up.
 *
 * One thread at a time may use a channel side; the library serialises its threads outside.
 * Events carry hints and requests. Cursors in the halves are the truth about bytes.
 */
#ifndef CONVOY_SHM_CHANNEL_H
#define CONVOY_SHM_CHANNEL_H

#include "base/list.h"
#include "shm/chunks.h"
#include "shm/segment.h"
#include "shm/wake.h"

struct channel {
	struct segment mine;	 /* writable */
	struct segment peers;	 /* read-only */
	struct chunks chunks;	 /* of mine */
	struct list sweep;	 /* ends that may hold chunks that the peer has read (fifo.h) */
	uint32_t ring_tail;	 /* private copy of my ring_tail */
	uint32_t ring_room_head; /* peer's ring_head when last looked at */
	uint32_t ring_head;	 /* private copy of my ring_head */
	uint32_t woken_nap;	 /* the peer's nap that I have already answered */
	uint8_t max_shift;	 /* SHM_SHIFT_*: how large the chunks of a busy fifo grow */
	bool peer_drains;	 /* the peer takes all that it gets without waiting for more */
	int wake_fd;		 /* write end: wakes the peer; -1 in tests */
	bool broken;		 /* the peer broke the protocol; nothing of it is read any more */
	/* Cut-through: this worker's channel to the stack that may split sessions of this one. */
	const struct channel *broker;
	uint32_t n_splits_told; /* to the stack: by MOVED and RELAYED, of segment_side()->splits */
	uint64_t n_posted, n_taken, n_wakes, n_full;
};

/*
 * channel_init - take over two mapped segments and the descriptor that wakes the peer.
 * @max_shift: SHM_SHIFT_LARGE toward a transport, whose window it bounds; SHM_SHIFT_MEDIUM for
 *             cut-through, where more bytes on their way only fall out of the processor's caches
 * @wake_fd: non-blocking; owned from now on. Returns 0 or ERR_NOMEM (nothing taken over).
 */
must_check
int channel_init(struct channel *c, struct segment mine, struct segment peers, unsigned max_shift,
		 int wake_fd);
void channel_deinit(struct channel *c);

/*
 * channel_make_pipe - the two ends of a wake-up pipe, both non-blocking and close-on-exec.
 * Writing never raises SIGPIPE, whoever dies: the wake end is open for reading too. When the last
 * copy of the wake end closes, the wait end reads end of file. ERR_IO.
 */
must_check
int channel_make_pipe(int *wait_fd, int *wake_fd);

/*
 * channel_post - append an event for the peer; it is woken by channel_wake(), not here.
 * Returns 0, or ERR_FULL: keep the work and post again after the peer has taken some.
 */
must_check
int channel_post(struct channel *c, const struct shm_event *e);

/* channel_has_room - true if @n more events can be posted now. */
bool channel_has_room(struct channel *c, uint32_t n);

/*
 * channel_wake - wake the peer if it naps and has not been woken from this nap.
 * Contains the full fence of the protocol, so call it after everything is published.
 */
void channel_wake(struct channel *c);

/* channel_take - the next event of the peer, copied out; false when there is none. */
bool channel_take(struct channel *c, struct shm_event *e);

/* channel_pending - true if channel_take() would find something. */
static inline bool channel_pending(const struct channel *c)
{
	return !c->broken && atomic_load_explicit(&segment_side(&c->peers)->ring_tail,
						  memory_order_acquire) != c->ring_head;
}

/*
 * channel_is_splitting - cut-through: has the stack begun to split sessions, and not yet told of
 * all? Call it after a full fence.
 */
static inline bool channel_is_splitting(const struct channel *c)
{
	return c->broker && atomic_load_explicit(&segment_side(&c->broker->peers)->splits,
						 memory_order_acquire) != c->broker->n_splits_told;
}

/* channel_nap and channel_unnap - this side's half of wake.h; the caller adds the fence. */
static inline void channel_nap(struct channel *c)
{
	nap_begin(&segment_side(&c->mine)->nap);
}

static inline void channel_unnap(struct channel *c)
{
	nap_end(&segment_side(&c->mine)->nap);
}

#endif
