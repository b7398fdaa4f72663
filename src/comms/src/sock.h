/*
 * sock.h - a socket: what a convoy descriptor names.
 *
 *   NEW ──bind──> BOUND ──listen──> LISTENING
 *    │              │
 *    └───connect────┴──> DEFERRED ──> CONNECTING ──> OPEN ──close──> LINGERING ──> free
 *                                          └──> FAILED      ▲
 *                        OFFERED (in a listener's queue) ───┘ accept
 *
 * Memory of sockets is recycled, never freed. `cd` changes with each use, so that an old descriptor
 * finds nothing; `cookie` changes likewise, so that an old answer of the stack finds nobody.
 */
#ifndef CONVOY_COMMS_SOCK_H
#define CONVOY_COMMS_SOCK_H

#include <sys/socket.h>

#include "comms/src/source.h"

enum sock_state {
	SOCK_FREE,
	SOCK_NEW,
	SOCK_BOUND,
	SOCK_LISTENING,
	SOCK_DEFERRED,	 /* connect was called; no worker known yet */
	SOCK_CONNECTING, /* SHM_EV_CONNECT is on its way */
	SOCK_FAILED,	 /* connect failed, or convoyd went before it was done */
	SOCK_OPEN,
	SOCK_LINGERING, /* closed here; the peer may still read */
	SOCK_OFFERED,	/* waits for accept */
	SOCK_INHERITED, /* another process has it, after a fork: adopt.h */
};

enum { SOCK_MAX_LENT = 64, SOCK_INDEX_BITS = 20 };

/* Bytes of the peer's fifo that the program holds, or has read behind such. */
struct lent {
	uint32_t position, len;
	bool released;
};

/* A setting without effect that getsockopt gives back; option.c has their names. */
enum { SOCK_KEPT_OPTIONS = 19 };
struct kept_option {
	int value;
	bool is_set;
};

/* Values of setsockopt that getsockopt gives back. */
struct sock_options {
	uint64_t receive_timeout_ns, send_timeout_ns;
	int keepalive_idle_s, keepalive_interval_s, keepalive_probes;
	int user_timeout_ms, linger_s, send_bytes, receive_bytes;
	int low_mark; /* bytes that make it readable; 0 is 1 */
	bool reuse_address, reuse_port, no_delay, cork, keepalive, linger;
	struct kept_option kept[SOCK_KEPT_OPTIONS];
};

/* A session that several processes have, as the stack knows it from this one. */
struct shared_name {
	uint32_t epoch; /* attachment in which it holds */
	uint32_t stack_worker;
	uint32_t via; /* application worker or cut-through channel */
	uint32_t slot, generation;
};

struct listener;

struct sock {
	struct source source;
	struct fifo_end fifo;
	struct link *link;
	uint8_t state; /* enum sock_state */
	bool nonblocking;
	bool read_shut;
	bool reset_told; /* the peer's reset has become `error` */
	bool deserted;	 /* FAILED: the peer had ended in order, and nothing was written since */
	bool starved;	 /* in the worker's list of those without chunks */
	bool wants_peer; /* CLOSED was put off: segments are lent */
	bool active;	 /* convoy_connect() made it */
	bool closing;	 /* convoy_close() waits until all has arrived (SO_LINGER) */
	bool slot_kept;	 /* LINGERING, and the stack has not been told: it may have to move */
	uint8_t moving;	 /* move.h */
	struct shm_event *answer; /* to that, while a reservation is open */
	bool joining;		  /* join.h */
	bool shared;		  /* other processes may have it, too: adopt.h */
	bool adopting;		  /* CONNECTING: SHM_EV_ADOPT is on its way */
	bool lost;		  /* INHERITED: had it, and another process took it */
	bool freed;		  /* and needs it no more, or only to write */
	bool resting;		  /* INHERITED: asked too soon */
	uint8_t intent;		  /* enum shm_adopt, with which it was asked for last */
	bool wanted;		  /* OPEN: another process waits to read it */
	bool yielded;		  /* it was let go for that, so that we wait for our turn */
	int error;		  /* errno to be reported once */
	int cd, refs;
	uint32_t index, cookie;
	struct shm_address local, remote;
	struct listener *listener;
	struct list link_offered; /* in an acceptor's queue */
	struct list in_starved;
	struct list in_corked;
	uint64_t uncork_ns; /* when what waits for more goes out all the same */
	struct list in_deferred;
	struct lent *lent; /* SOCK_MAX_LENT of them, allocated when first used */
	uint32_t first_lent, n_lent, lent_bytes;
	uint32_t reserved; /* bytes between reserve and commit: the fifo is not to be looked at */
	uint32_t next_free;
	struct shm_relayed join; /* where, while joining */
	struct shared_name name;
	uint8_t *unsent; /* INHERITED: bytes written that the stack has not seen */
	uint32_t n_unsent;
	uint32_t n_twice; /* bytes read while another process took it, which has them, too */
	struct sock_options options;
};

/* --- tables --- */

/* sock_new_or_null - a NEW socket at @home without descriptor; the home's lock may be held. */
struct sock *sock_new_or_null(struct worker *home);

/* sock_name - give @s a descriptor and one reference; returns the descriptor. */
int sock_name(struct sock *s);

/* sock_unname - its descriptor is good for nothing any more. */
void sock_unname(struct sock *s);

/*
 * sock_lock - the socket that @cd names, with its home's lock held; NULL if there is none.
 * sock_unlock - release that lock.
 */
struct sock *sock_lock(int cd);
static inline void sock_unlock(struct sock *s)
{
	worker_give_lock(source_home(&s->source));
}

struct sock *sock_at_or_null(uint32_t index);
struct sock *sock_of_cookie_or_null(uint32_t cookie);

/* --- life; the home's lock is held --- */

/* sock_open - the session exists: in @slot of @l. Replaces what lingers there. */
void sock_open(struct sock *s, struct link *l, const struct shm_event *e);

/* sock_close_session - the program is done with an OPEN session; frees @s now or later. */
void sock_close_session(struct sock *s, bool abort);

/* sock_give_back - an OFFERED cut-through session: its client is to ask another acceptor. */
void sock_give_back(struct sock *s);

/* sock_detach - tell the stack that this side of a cut-through session is done with its slot. */
void sock_detach(struct sock *s);

/* sock_settle - after news from the peer: end a lingering socket that nobody needs any more. */
void sock_settle(struct sock *s);

/* sock_lose - the link or convoyd is gone: a reset, unless the peer had closed in order. */
void sock_lose(struct sock *s, int error);

/* sock_leave_link - give the chunks back and leave the slot. */
void sock_leave_link(struct sock *s);

/* sock_free - leave the link, all lists and the tables. */
void sock_free(struct sock *s);

/*
 * sock_meets_nobody - the peer has closed, or died, in order. As with a kernel, what is written
 * first goes out to be answered by a reset; writing fails from then on.
 */
static inline bool sock_meets_nobody(const struct sock *s)
{
	if (s->state == SOCK_FAILED)
		return s->deserted;
	return s->state == SOCK_OPEN && s->fifo.my_state == SHM_OPEN &&
	       s->fifo.peer_state == SHM_CLOSED && !s->fifo.broken && !s->reset_told;
}

/* sock_be_reset - so it was written, and here is the reset. */
void sock_be_reset(struct sock *s);

/*
 * sock_check_reset - turn a reset by the peer into `error`, once, unless the session moves; also
 * one by which a kernel would have answered what was written after the peer had closed.
 */
void sock_check_reset(struct sock *s);

/* sock_announce - post SHM_EV_DATA if the peer must be told, and wake it. */
void sock_announce(struct sock *s);

/* sock_consumed - @n bytes are done with at the front: advance and tell a peer that wants room. */
void sock_consumed(struct sock *s, uint32_t n);

/* sock_post - an event about the session of @s, with its slot and generation. */
void sock_post(struct sock *s, enum shm_event_type type);

/* For sock_ready(): any byte counts, whatever SO_RCVLOWAT says. */
enum { SOCK_ANY_BYTE = 1 << 20 };

/* sock_ready - source_ready() for a socket. */
uint32_t sock_ready(struct sock *s, uint32_t wanted);

/*
 * sock_hold - bytes were written that the peer is not to be told of yet (TCP_CORK, MSG_MORE): for
 * 200 ms at most, as on Linux, measured when the program next calls or while it waits in a call.
 * sock_release_held - tell of those whose time is over. sock_held_ms - until the next; -1: none.
 */
void sock_hold(struct sock *s);
void sock_release_held(struct worker *w);
int sock_held_ms(const struct worker *w);

/* sock_starve - no chunk was free: look again soon. */
void sock_starve(struct sock *s);
void sock_feed_starved(struct worker *w);

/* sock_move - make @to the home of @s; both locks are held. */
void sock_move(struct sock *s, struct worker *to);

/* --- addresses --- */

/* address_of_sockaddr - 0, -EINVAL, -EAFNOSUPPORT. */
must_check
int address_of_sockaddr(struct shm_address *a, const struct sockaddr *from, socklen_t len);
void sockaddr_of_address(const struct shm_address *a, struct sockaddr *to, socklen_t *len);

/* errno_of_reset - what a program sees when a session ends with @err (an enum err). */
int errno_of_reset(int err);

void socks_fork_prepare(void);
void socks_fork_parent(void);
void socks_fork_child(void);

#endif
