/*
 * state.h - the connection states of RFC 9293 §3.3.2 as a table, and the checks that decide what
 * a segment may do in them: RFC 9293 §3.10.7, RFC 5961, RFC 1337, RFC 6191. Pure.
 *
 *   SYN_SENT ──> ESTABLISHED ──close──> FIN_WAIT_1 ──> FIN_WAIT_2 ──fin──> (time-wait entry)
 *      │             │                      └──fin──> CLOSING ──────────────────^
 *   SYN_RECEIVED ────┘└──fin──> CLOSE_WAIT ──close──> LAST_ACK ──> CLOSED
 *
 * LISTEN belongs to the session layer; a half-open passive connection and TIME-WAIT are small
 * entries of their own and not connections.
 */
#ifndef CONVOY_TRANSPORT_TCP_STATE_H
#define CONVOY_TRANSPORT_TCP_STATE_H

#include "transport/tcp/seq.h"
#include "wire/tcp.h"

enum tcp_state {
	TCP_CLOSED,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSING,
	TCP_TIME_WAIT,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_N_STATES,
};

enum tcp_event {
	TCP_EVENT_SYN,	     /* the peer's SYN without an acknowledgement of ours */
	TCP_EVENT_SYN_ACKED, /* our SYN is acknowledged and the peer's is here */
	TCP_EVENT_CLOSE,     /* the application sends no more */
	TCP_EVENT_FIN,	     /* the peer sends no more, and all it sent is here */
	TCP_EVENT_FIN_ACKED, /* our FIN is acknowledged */
	TCP_EVENT_GONE,	     /* reset, aborted or given up */
	TCP_N_EVENTS,
};

/* tcp_state_after - the next state; the same one where the event means nothing. */
enum tcp_state tcp_state_after(enum tcp_state state, enum tcp_event event);

/* tcp_state_name - "ESTABLISHED". */
const char *tcp_state_name(enum tcp_state state);

/* tcp_state_sends, tcp_state_receives - may new data still go out, come in? */
static inline bool tcp_state_sends(enum tcp_state state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

static inline bool tcp_state_receives(enum tcp_state state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2;
}

struct tcp_segment {
	uint32_t seq;
	uint32_t ack;
	uint32_t len; /* of the data, SYN and FIN not counted */
	uint8_t flags;
};

/* What the checks need to know of a connection. */
struct tcp_view {
	uint32_t rcv_nxt;
	uint32_t rcv_edge; /* right edge of the window offered */
	uint32_t snd_una;
	uint32_t snd_max;    /* one past the highest octet ever sent */
	uint32_t max_window; /* largest window that the peer has offered */
};

enum tcp_verdict {
	TCP_ACCEPT,	  /* go on with acknowledgement, data and FIN */
	TCP_IGNORE,	  /* drop without an answer */
	TCP_ANSWER_ACK,	  /* old or beyond the window: acknowledge and drop */
	TCP_CHALLENGE,	  /* RFC 5961: a rate-limited acknowledgement, and drop */
	TCP_ANSWER_RESET, /* send a reset for the segment; the connection stays as it is */
	TCP_IS_RESET,	  /* the peer has ended the connection */
	TCP_IS_SYN_ACK,	  /* SYN_SENT: both SYNs are through */
	TCP_IS_SYN,	  /* SYN_SENT: simultaneous open */
};

/* tcp_check_syn_sent - RFC 9293 §3.10.7.3. */
enum tcp_verdict tcp_check_syn_sent(const struct tcp_view *v, const struct tcp_segment *s);

/*
 * tcp_check - RFC 9293 §3.10.7.4, first to fifth, for every state from SYN_RECEIVED on; PAWS comes
 * before it. An acknowledgement older than snd_una is accepted and means nothing (RFC 5961 §5.2).
 */
enum tcp_verdict tcp_check(const struct tcp_view *v, const struct tcp_segment *s);

/*
 * tcp_time_wait_allows - may a SYN end TIME-WAIT early and open anew? RFC 6191 §2, RFC 9293 MAY-2.
 * @ts_known: the old connection used timestamps, @ts_recent was its last
 */
bool tcp_time_wait_allows(uint32_t rcv_nxt, bool ts_known, uint32_t ts_recent,
			  const struct tcp_segment *syn, const struct tcp_options *options);

#endif
