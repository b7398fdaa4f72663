/*
 * session.h - sessions as transports see them: fifos to fill and to empty, states to announce.
 *
 * A session joins one connection of a transport with one end of a channel to an application
 * worker. Until an application takes it (a listener's connection that nobody has asked for yet) it
 * has no channel; what arrives meanwhile waits in a small private buffer.
 *
 * Life: made by session_accepted() or by an application's connect; over when the transport has
 * called session_done() and the application has closed. The transport's handle in `connection`
 * and the session's own handle both carry generations.
 *
 * All calls are for the owning worker's thread.
 */
#ifndef CONVOY_SESSION_SESSION_H
#define CONVOY_SESSION_SESSION_H

#include "base/pool.h"
#include "session/transport.h"
#include "shm/fifo.h"

struct app_link;
struct session_listener;

enum session_state {
	SESSION_CONNECTING, /* active open under way */
	SESSION_WAITING,    /* established, no application worker has it yet */
	SESSION_OPEN,	    /* established and on a channel */
	SESSION_DONE,	    /* the transport is finished, the application has not closed yet */
};

enum { SESSION_LIMBO_BYTES = 16384 };

struct session {
	struct fifo_end end; /* open while on a channel */
	handle self;
	handle connection; /* the transport's; 0 when it has none */
	const struct transport *transport;
	struct app_link *link;		   /* channel side; NULL while waiting */
	struct session_listener *listener; /* that it came by and waits at or was offered from */
	struct list of_link;		   /* in link->sessions, or listener->waiting */
	struct list due; /* in link->due while an event could not or has not been posted */
	uint8_t state;	 /* enum session_state */
	bool due_data, due_room;
	bool waits;	/* in listener->waiting */
	bool reset;	/* ended by an abort; with session_error */
	bool queued;	/* cut-through connect: the application writes in queued_slot already */
	bool publishes; /* shm_half.info goes with each acknowledgement */
	uint8_t fin;	/* peer's end of stream arrived while waiting */
	int32_t error;
	uint32_t cookie; /* of the application's connect or interest */
	uint32_t queued_slot;
	uint32_t peer_cookie; /* cut-through under way: the listening side's cookie */
	uint8_t *limbo;	      /* bytes received before there was a channel */
	uint32_t limbo_len;
	/* adopt.c: moves from process to process */
	struct list sharers; /* share->of_session: who else has it */
	bool left;	     /* whose slot it is in has closed it, or died */
	bool abort_last;     /* and wants it aborted if nobody goes on with it */
	uint8_t *kept;	     /* bytes that an earlier owner has written, not acknowledged */
	uint32_t kept_len, kept_from;
	uint64_t moved_ns; /* when one took it from another last */
	/* await.c: some of them wait to read it */
	struct list of_awaited; /* in session_worker->awaited */
	bool news_lie;		/* something was there to be read at the last look */
	uint32_t read_before;	/* and so far it had been read */
	struct flow flow;
};

/* --- listeners --- */

/*
 * session_find_listener - who listens at @local on this worker: exact address before wildcard.
 * NULL: nobody; the transport refuses the peer.
 */
struct session_listener *session_find_listener(struct worker *w, const struct transport *t,
					       uint32_t fib, const struct shm_address *local);

/*
 * session_listener_half_open - @change more peers are on the way to @l; returns how many then are.
 * It begins with none each time that somebody listens.
 */
uint32_t session_listener_half_open(struct session_listener *l, int change);

/* session_listener_backlog - how many connections may wait at @l. */
uint32_t session_listener_backlog(const struct session_listener *l);

/* session_listener_has_room - may one more connection be completed, or is the backlog full? */
bool session_listener_has_room(const struct session_listener *l);

/*
 * session_accepted - a connection of @l is established; it goes to an application when one wants
 * it. Returns the session, or NULL (backlog full, out of memory): the transport resets the peer.
 */
struct session *session_accepted(struct worker *w, struct session_listener *l, handle connection,
				 const struct flow *flow);

/* --- active open --- */

/* session_connected - the handshake is over; @flow has the addresses in use. The session may end
 * within this call (its application is gone): check session->connection afterwards. */
void session_connected(struct worker *w, struct session *s, const struct flow *flow);

/* session_connect_failed - ERR_REFUSED, ERR_TIMEOUT, ERR_UNREACHABLE …; the session is gone. */
void session_connect_failed(struct worker *w, struct session *s, int err);

/* --- receiving --- */

/* session_rx_room - bytes that session_rx_put() takes now. */
uint32_t session_rx_room(struct session *s);

/* session_rx_capacity - the most that room can be, with nothing unread; may grow, never shrinks. */
uint32_t session_rx_capacity(const struct session *s);

/* session_rx_unread - bytes that the application has not taken, as of the last session_rx_room().
 */
uint32_t session_rx_unread(const struct session *s);

/* session_rx_bulk - much comes fast: let the capacity grow at the next occasion. A transport that
 * offers no more than the room would otherwise never fill, and so never outgrow, a small fifo. */
void session_rx_bulk(struct session *s);

/*
 * session_rx_put - append in-order bytes; returns the number taken, less than @n without room.
 * The application is told once at the end of the turn.
 */
uint32_t session_rx_put(struct worker *w, struct session *s, const void *from, uint32_t n);

/* session_rx_want_room - call ops->room() once the application has read a useful amount. */
void session_rx_want_room(struct worker *w, struct session *s);

/* session_rx_fin - the peer's stream has ended; the application reads the rest, then end of file.
 */
void session_rx_fin(struct worker *w, struct session *s);

/* --- sending --- */

/* session_tx_kept - of these, bytes of an application that had it before (adopt.h). */
static inline uint32_t session_tx_kept(const struct session *s)
{
	return s->kept_len - s->kept_from;
}

/*
 * session_tx_ready - bytes between the oldest unacknowledged one and the application's last.
 * Offsets below count from the oldest unacknowledged byte.
 */
uint32_t session_tx_ready(struct session *s);

/*
 * session_tx_slices - up to @n bytes from @offset, in place; returns the number of slices, 0 if
 * the application broke the protocol (it is then reset at the end of the turn). It may change them
 * at any time: copy once, checksum the copy.
 */
unsigned session_tx_slices(struct session *s, uint32_t offset, uint32_t n, struct slice *slices,
			   unsigned max);

/* session_tx_drop - the @n oldest bytes are acknowledged; wakes a writer that waits for room. */
void session_tx_drop(struct worker *w, struct session *s, uint32_t n);

/* session_tx_finished - the application will write nothing after session_tx_ready() bytes. */
bool session_tx_finished(struct session *s);

/* session_app_closed - it will read nothing more either: answer new data with a reset. */
bool session_app_closed(struct session *s);

/* --- end --- */

/*
 * session_done - the transport has finished in order: everything acknowledged, both streams ended
 * or no longer wanted. It forgets the session with this call.
 */
void session_done(struct worker *w, struct session *s);

/* session_reset - the connection broke: ERR_CLOSED (peer's RST), ERR_TIMEOUT …; else as done. */
void session_reset(struct worker *w, struct session *s, int err);

/* session_of_or_null - the session that @h names on this worker. */
struct session *session_of_or_null(struct worker *w, handle h);

#endif
