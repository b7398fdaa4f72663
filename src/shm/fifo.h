/*
 * fifo.h - one end of a session over a channel: write bytes to the peer, read the peer's bytes.
 *
 * The same code serves the stack (both directions of a transport session), an application facing
 * the stack, and both sides of cut-through. All checks of the peer's words are in fifo.c.
 *
 *              mine.tail ─────────────────────────> bytes that I have written
 *   out   ──┬──────────────┬───────────────────┬──
 *           │ chunks freed │ peer has not taken│ room
 *           freed          peer.head           mine.tail
 *
 *   in    ──┬──────────────────────────────────┬──
 *           mine.head       I may read         peer.tail
 *
 * No call here blocks, allocates outside the segment, or makes a system call. A peer that breaks
 * the protocol makes the end broken: it then reads as SHM_RESET with ERR_PROTOCOL.
 */
#ifndef CONVOY_SHM_FIFO_H
#define CONVOY_SHM_FIFO_H

#include "base/slice.h"
#include "shm/channel.h"

/* Private state of one end; the owner embeds it in its session. */
struct fifo_end {
	struct channel *channel;
	struct shm_half *mine;
	const struct shm_half *peers;
	struct list sweep; /* in channel->sweep while chunks are held */
	uint32_t slot;
	uint32_t generation;
	/* out */
	uint32_t tail;	    /* private copy of mine->tail */
	uint32_t taken;	    /* peer's head, as last accepted */
	uint32_t freed;	    /* chunks of bytes before it are given back */
	uint32_t reserved;  /* bytes up to here may be being filled; tail when none are */
	uint32_t allocated; /* chunks reach up to here */
	uint32_t posted;    /* private copy of mine->posted */
	uint32_t peer_want; /* peer's wish for room that has been answered */
	/* in */
	uint32_t head;	    /* private copy of mine->head */
	uint32_t peer_tail; /* as last accepted */
	uint8_t shift;	    /* of my fifo */
	uint8_t max_shift;  /* how large its chunks may grow: the channel's, or less */
	uint8_t peer_shift;
	uint8_t peer_state; /* enum shm_state, as last accepted */
	uint8_t my_state;
	bool peer_live; /* the peer's half belongs to this session */
	bool was_full;	/* grow chunks when next empty */
	bool broken;
	int32_t peer_error; /* with SHM_RESET: enum err */
};

/*
 * fifo_open - begin a session in @slot: both directions empty, my half published.
 * @slot must be below both segments' n_slots.
 */
void fifo_open(struct fifo_end *e, struct channel *c, uint32_t slot, uint32_t generation);

/* fifo_close - give all chunks back and leave the slot; my half keeps its last state. */
void fifo_close(struct fifo_end *e);

/* --- writing --- */

/*
 * fifo_room - bytes that can be written now. Looks at what the peer has taken. Toward a peer that
 * drains (channel.h), a small fifo that was full has no room until it is empty, and grows then.
 */
uint32_t fifo_room(struct fifo_end *e);

/* fifo_unread - bytes written that the peer has not taken, as last seen by fifo_room(). */
static inline uint32_t fifo_unread(const struct fifo_end *e)
{
	return e->tail - e->taken;
}

/* fifo_capacity - the most that this direction can hold with its present chunk size. */
static inline uint32_t fifo_capacity(const struct fifo_end *e)
{
	return (uint32_t)(SHM_FIFO_CHUNKS - 1) << e->shift;
}

/* fifo_expect_more - the stream is long and fast: use large chunks from when it is next empty. */
static inline void fifo_expect_more(struct fifo_end *e)
{
	e->was_full = true;
}

/*
 * fifo_write - append up to @n bytes and publish them; returns the number written.
 * Fewer than @n means no room: fifo_want_room(), check once more, then wait for SHM_EV_ROOM.
 */
uint32_t fifo_write(struct fifo_end *e, const void *from, uint32_t n);

/*
 * fifo_reserve - memory for the next bytes: up to @max spans, in order.
 * Returns the number of spans (0: no room). Fill from the first, then fifo_commit() what was
 * filled, also when that is nothing; no other call on this end may come between.
 */
struct fifo_span {
	uint8_t *at;
	uint32_t len;
};
unsigned fifo_reserve(struct fifo_end *e, uint32_t n, struct fifo_span *spans, unsigned max);
void fifo_commit(struct fifo_end *e, uint32_t n);

/* fifo_mark_taken - bytes before @position were taken, as somebody trusted says who saw to it. */
void fifo_mark_taken(struct fifo_end *e, uint32_t position);

/* fifo_start_at_shift - right after fifo_open(): begin with chunks of this size. */
void fifo_start_at_shift(struct fifo_end *e, uint8_t shift);

/* fifo_set_state - announce FIN, CLOSED or RESET after the bytes written so far. Never goes back.
 */
void fifo_set_state(struct fifo_end *e, enum shm_state state, int error);

/* fifo_want_room - ask the peer for SHM_EV_ROOM; then call fifo_room() again before waiting. */
void fifo_want_room(struct fifo_end *e);

/*
 * fifo_data_due - after writing or changing state: must SHM_EV_DATA be posted?
 * Contains a full fence. When true the caller posts it (and, if the ring is full, keeps trying:
 * the event counts as posted already).
 */
bool fifo_data_due(struct fifo_end *e);

/* --- reading --- */

/*
 * fifo_poll - look at the peer's half: tail and state.
 * Returns the number of bytes that can be read. Marks the end broken on a violation. What came
 * while the stack splits the session is left to the stack: it is not seen here.
 */
uint32_t fifo_poll(struct fifo_end *e);

/* fifo_hear - on SHM_EV_DATA, before fifo_poll(): allows the peer to post the next one. */
void fifo_hear(struct fifo_end *e);

/* fifo_readable - bytes that can be read, as of the last fifo_poll(). */
static inline uint32_t fifo_readable(const struct fifo_end *e)
{
	return e->peer_tail - e->head;
}

/* fifo_finished - the peer will send nothing more than what is readable. */
static inline bool fifo_finished(const struct fifo_end *e)
{
	return e->peer_state != SHM_OPEN || e->broken;
}

/* fifo_was_reset - the peer aborted, or broke the protocol; see peer_error. */
static inline bool fifo_was_reset(const struct fifo_end *e)
{
	return e->peer_state == SHM_RESET || e->broken;
}

/*
 * fifo_watch - for the stack, to look at a session between two others: what @c->peers has written
 * for @c->mine, neither of which is written to. Then fifo_poll(), fifo_readable(), fifo_peek();
 * e->head is what has been read. Nothing of either side is trusted.
 */
void fifo_watch(struct fifo_end *e, struct channel *c, uint32_t slot, uint32_t generation);

/* fifo_was_moved - has the stack given the session to another process? Contains a full fence. */
bool fifo_was_moved(const struct fifo_end *e);

/*
 * fifo_is_splitting - does the stack split cut-through sessions at this moment, perhaps this one?
 * After a call here that contains a full fence: false says that what this end had published by then
 * is known to the stack.
 */
static inline bool fifo_is_splitting(const struct fifo_end *e)
{
	return e->channel && channel_is_splitting(e->channel);
}

/*
 * fifo_segments - borrow readable bytes in place, from @offset past the read position.
 * Up to @n bytes in up to @max slices; returns the number of slices. The memory belongs to the
 * peer, who may change it: copy before parsing what matters. It stays until fifo_consume().
 */
unsigned fifo_segments(struct fifo_end *e, uint32_t offset, uint32_t n, struct slice *slices,
		       unsigned max);

/* fifo_peek - copy up to @n readable bytes from @offset past the read position; returns the number.
 */
uint32_t fifo_peek(struct fifo_end *e, uint32_t offset, void *to, uint32_t n);

/* fifo_read - fifo_peek() at 0, then consume. */
uint32_t fifo_read(struct fifo_end *e, void *to, uint32_t n);

/* fifo_consume - @n readable bytes are done with; asserts that there are as many. */
void fifo_consume(struct fifo_end *e, uint32_t n);

/*
 * fifo_room_due - after consuming: does the peer wait for room, and is there enough to tell it?
 * Contains a full fence. When true the caller posts SHM_EV_ROOM, as with fifo_data_due().
 */
bool fifo_room_due(struct fifo_end *e);

/*
 * fifo_drained_due - the same for a reader that takes all it can, such as a transport: while the
 * chunks are small it answers only when nothing is left, so that a busy writer finds the fifo
 * empty for once and changes to large ones.
 */
bool fifo_drained_due(struct fifo_end *e);

/* --- moving a session that its peer has not taken --- */

/* fifo_untouched - the peer has neither taken the session (shm_half.taken) nor read or sent a byte.
 */
bool fifo_untouched(struct fifo_end *e);

/*
 * fifo_forget_peer - the peer is gone or wants to be: from now on it seems not to have come yet.
 * What was written stays, for fifo_copy_unread(); the end of an untouched session only.
 */
void fifo_forget_peer(struct fifo_end *e);

/* fifo_copy_unread - copy what I wrote and the peer has not read: fifo_unread() bytes. */
void fifo_copy_unread(const struct fifo_end *e, void *to);

/* --- storage --- */

/* fifo_sweep - give back chunks that peers have read, of up to @n other ends of @c. */
void fifo_sweep(struct channel *c, unsigned n);

/* fifo_event - an event of @type about this end's session. */
static inline struct shm_event fifo_event(const struct fifo_end *e, enum shm_event_type type)
{
	return (struct shm_event){ .type = (uint16_t)type,
				   .slot = e->slot,
				   .generation = e->generation };
}

#endif
