/*
 * conn.h - one connection, laid out by how often its parts are touched.
 *
 *   line 0   identity, state, flags         every segment
 *   line 1   sequence space of both sides   every segment
 *   line 2   to-do, measuring, deadlines    every segment sent
 *   line 3   congestion window              every acknowledgement of data
 *   rest     recovery, timer, options       losses, timers, opening and closing
 *
 * An idle connection is this struct and nothing else: memory for losses (sack ranges) and for
 * disorder (held segments) is attached while needed.
 */
#ifndef CONVOY_TRANSPORT_TCP_CONN_H
#define CONVOY_TRANSPORT_TCP_CONN_H

#include "base/list.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "transport/cc/cc.h"
#include "transport/tcp/delack.h"
#include "transport/tcp/key.h"
#include "transport/tcp/rack.h"
#include "transport/tcp/reorder.h"
#include "transport/tcp/rtt.h"
#include "transport/tcp/sack.h"
#include "transport/tcp/state.h"

struct session;
struct tcp_worker;

enum tcp_conn_flag {
	TCP_CONN_SACK = 1 << 0,	      /* both sides may send SACK blocks */
	TCP_CONN_TIMESTAMPS = 1 << 1, /* both sides send timestamps */
	TCP_CONN_NODELAY = 1 << 2,
	TCP_CONN_CORK = 1 << 3,
	TCP_CONN_KEEPALIVE = 1 << 4,
	TCP_CONN_FIN_SENT = 1 << 5,	 /* snd_max counts it */
	TCP_CONN_FIN_WAITS = 1 << 6,	 /* the peer's FIN lies beyond a gap, at fin_seq */
	TCP_CONN_TIMING = 1 << 7,	 /* a segment that ends at rtt_seq is being timed */
	TCP_CONN_PERSIST = 1 << 8,	 /* rto_ns is the persist timer */
	TCP_CONN_PUSH_OUT = 1 << 9,	 /* send small segments once, whatever holds them back */
	TCP_CONN_DUPLICATE = 1 << 10,	 /* report `duplicate` in the next acknowledgement */
	TCP_CONN_PASSIVE = 1 << 11,	 /* opened by the peer */
	TCP_CONN_CLOSE_SEEN = 1 << 12,	 /* the application has finished sending */
	TCP_CONN_LINGER_RESET = 1 << 13, /* closing aborts */
	TCP_CONN_RXT_ONCE = 1 << 14,	 /* recovery has begun: one segment goes out in any case */
	TCP_CONN_RXT_AGAIN = 1 << 15,	 /* what was sent again at snd_una is lost, too */
};

/* What the end of the turn has to do for it. */
enum tcp_todo {
	TCP_TODO_SEND = 1 << 0, /* there may be something to send */
	TCP_TODO_ACK = 1 << 1,	/* acknowledge, on data or without */
	/* Not something to do but why it is not done: the interface is busy, see stall.h. */
	TCP_TODO_STALLED = 1 << 2,
};

/* What probe_ns is for. RFC 8985 */
enum tcp_probe {
	TCP_PROBE_NONE,
	TCP_PROBE_TAIL,	   /* the last segments may be lost: §7 */
	TCP_PROBE_REORDER, /* what is late may be lost by then: §6.3 */
};

/* A tail loss probe that is out. §7.3 */
enum tcp_tail {
	TCP_TAIL_NONE,
	TCP_TAIL_NEW,	/* of data that had not been sent */
	TCP_TAIL_AGAIN, /* of the last segment */
};

enum tcp_recovery {
	TCP_RECOVERY_NONE,
	TCP_RECOVERY_FAST,    /* RFC 6675: until snd_una reaches `recover` */
	TCP_RECOVERY_TIMEOUT, /* the retransmission timer has fired; until the same */
};

struct tcp_conn {
	/* line 0 */
	struct tcp_key key;
	struct session *session; /* NULL when the application has no part in it any more */
	handle self;
	uint16_t flags;
	uint8_t state;	  /* enum tcp_state */
	uint8_t recovery; /* enum tcp_recovery */
	uint8_t todo;	  /* enum tcp_todo */
	uint8_t snd_shift, rcv_shift;
	uint8_t n_dup_acks; /* received in a row; saturates */
	/* line 1 */
	uint32_t rcv_nxt;
	uint32_t rcv_edge; /* one past the window that we have offered */
	uint32_t snd_una;
	uint32_t snd_max; /* one past the highest octet sent */
	uint32_t snd_wnd; /* octets beyond snd_una that the peer takes */
	uint32_t max_wnd; /* largest it has been */
	uint32_t snd_wl1, snd_wl2;
	uint32_t ts_recent;    /* peer's timestamp to echo, RFC 7323 §4.3 */
	uint32_t ts_recent_ms; /* when it came */
	uint32_t ts_offset;    /* of our clock */
	uint32_t rcv_acked;    /* rcv_nxt as last acknowledged */
	struct tcp_delack delack;
	uint32_t snd_small; /* end of the last segment sent that was not full */
	uint32_t rtt_seq;
	/* line 2 */
	struct list todo_link; /* in tcp_worker.todo, or stalled */
	uint64_t rtt_sent_ns;
	uint64_t rto_ns; /* deadlines; 0: none */
	uint64_t delack_ns;
	struct tcp_rtt rtt;
	struct tcp_reorder *reorder; /* NULL while all is in order */
	/* line 3 */
	struct cc cc;
	/* rest */
	struct tcp_scoreboard board;
	struct tcp_rack rack;
	struct tcp_sent_log sent;
	uint64_t probe_ns;	    /* deadline */
	uint8_t probe;		    /* enum tcp_probe */
	uint8_t tail;		    /* enum tcp_tail */
	uint32_t tail_end;	    /* snd_max when it went out */
	uint32_t recover;	    /* snd_max when the recovery began */
	uint32_t undo_ts;	    /* our clock at the first retransmission of it; RFC 3522 */
	struct tcp_range duplicate; /* RFC 2883 */
	uint32_t fin_seq;
	uint32_t prr_delivered, prr_out, prr_flight; /* RFC 6937: octets in this recovery */
	uint32_t rxt_mark; /* snd_max when the octets at snd_una were last sent again, or later */
	uint32_t rxt_news; /* octets reported since that were sent after them */
	uint32_t rxt_us;   /* when */
	uint32_t bulk_seq, bulk_ms; /* where and when the present count of octets began */
	uint32_t n_held;	    /* buffers that hold early segments */
	uint32_t out_if;    /* interface that leads to the peer, as last looked up; a hint */
	struct timer timer; /* the earliest of the deadlines, or before it */
	struct tcp_worker *worker;
	uint64_t keepalive_ns;
	uint64_t end_ns; /* FIN_WAIT_2 without an application, or an open that takes too long */
	uint64_t last_heard_ns;
	uint32_t hash;
	uint32_t iss;
	uint32_t keepalive_idle_ms, keepalive_interval_ms;
	uint32_t user_timeout_ms; /* RFC 5482; 0: by the number of timeouts */
	uint8_t keepalive_probes, n_probes_sent;
	uint8_t trouble; /* enum tcp_trouble: the last ICMP error that was remembered */
	uint16_t mtu_before, mss_before; /* of a black hole that is suspected; 0: none is */
	uint8_t n_dup_acks_owed; /* acknowledgements for a peer without SACK, one a segment */
	uint8_t n_challenges;	 /* sent in second `challenge_s` */
	uint16_t challenge_s;
	uint16_t mtu_payload; /* octets of a segment that the way out and the peer can take */
	uint32_t n_retransmits, n_timeouts;
	uint64_t bytes_sent, bytes_received; /* of the application, each counted once */
};
_Static_assert(offsetof(struct tcp_conn, rcv_nxt) == 64, "line 0 is one cache line");
_Static_assert(offsetof(struct tcp_conn, todo_link) == 128, "line 1 is one cache line");
_Static_assert(offsetof(struct tcp_conn, cc) == 192, "line 2 is one cache line");
_Static_assert(sizeof(struct tcp_conn) <= 640, "what an idle connection costs");

/*
 * tcp_conn_new - a connection in state CLOSED, stored under @key.
 * NULL when the pool or the table is full. Sequence numbers and options are the caller's to set.
 */
struct tcp_conn *tcp_conn_new(struct tcp_worker *tw, const struct tcp_key *key);

/* tcp_conn_free - forget it; the session has been told or needs no telling. */
void tcp_conn_free(struct tcp_conn *c);

/* tcp_conn_get_or_null - by handle, as a session keeps it. */
struct tcp_conn *tcp_conn_get_or_null(struct tcp_worker *tw, handle h);

/*
 * tcp_conn_set_options - after both SYNs: what was agreed, the segment size and the window.
 * @peer: options of the peer's SYN; @window: its window field, never scaled
 */
void tcp_conn_set_options(struct tcp_conn *c, const struct tcp_options *peer, uint16_t window);

/* tcp_conn_todo - have the end of this turn do @what for @c. */
void tcp_conn_todo(struct tcp_conn *c, unsigned what);

/*
 * tcp_conn_event - move to the state after @event, with what entering it means: timers, TIME-WAIT,
 * telling the session. Returns false if @c is gone.
 */
must_check
bool tcp_conn_event(struct tcp_conn *c, enum tcp_event event);

/*
 * tcp_conn_break - the connection is over for the reason @err: tell the session, free @c.
 * ERR_CLOSED by the peer's reset, ERR_TIMEOUT, ERR_REFUSED.
 */
void tcp_conn_break(struct tcp_conn *c, int err);

/* tcp_conn_abort - send a reset, then tcp_conn_break(). */
void tcp_conn_abort(struct tcp_conn *c, int err);

/* tcp_conn_closed_by_app - look what the application has ended; returns false if @c is gone. */
must_check
bool tcp_conn_closed_by_app(struct tcp_conn *c);

/* tcp_conn_now_ms - our timestamp clock for this connection. RFC 7323 §5.4 */
uint32_t tcp_conn_now_ms(const struct tcp_conn *c);

/* tcp_conn_flight - octets sent and not acknowledged. */
static inline uint32_t tcp_conn_flight(const struct tcp_conn *c)
{
	return c->snd_max - c->snd_una;
}

/* tcp_conn_mss - octets of a full segment with the options that each one carries. */
static inline uint32_t tcp_conn_mss(const struct tcp_conn *c)
{
	return c->cc.mss;
}

#endif
