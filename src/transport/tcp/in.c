/* in.c - segments against connections and entries. */
#include "transport/tcp/in.h"

#include "transport/tcp/ack.h"
#include "transport/tcp/half_open.h"
#include "transport/tcp/open.h"
#include "transport/tcp/out.h"
#include "transport/tcp/path.h"
#include "transport/tcp/segment.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/window.h"

static struct tcp_segment segment_of(const struct buf *b)
{
	return (struct tcp_segment){ .seq = b->transport.seq,
				     .ack = b->transport.ack,
				     .len = b->transport.payload_len,
				     .flags = b->transport.tcp_flags };
}

static const struct tcp_hdr *header_of(struct buf *b)
{
	return buf_l4(b);
}

static int read_options(struct buf *b, struct tcp_options *o)
{
	return tcp_options_parse(slice_of(header_of(b) + 1, b->transport.header_len - TCP_HDR_LEN),
				 o);
}

/* RFC 7323 §4.3 (2), (3): the timestamp of the segment that begins at or before what we have
 * acknowledged is the one to echo. */
static void take_timestamp(struct tcp_conn *c, uint32_t seq, uint32_t value)
{
	if (seq_gt(seq, c->rcv_acked) || seq_lt(value, c->ts_recent))
		return;
	c->ts_recent = value;
	c->ts_recent_ms = (uint32_t)(tcp_now_ns(c->worker) / NS_PER_MS);
}

/* --- the fast path --- */

/*
 * An established connection without losses or disorder; the next segment in order with nothing but
 * ACK and PSH, exactly the options that were agreed, and an acknowledgement that lies in flight.
 */
static bool is_ordinary(const struct tcp_conn *c, struct buf *b, struct tcp_options *o)
{
	const struct buf_transport *t = &b->transport;
	bool timestamps = c->flags & TCP_CONN_TIMESTAMPS;

	if (c->state != TCP_ESTABLISHED || (t->tcp_flags & ~TCP_PSH) != TCP_ACK ||
	    t->seq != c->rcv_nxt || t->payload_len > c->rcv_edge - c->rcv_nxt ||
	    c->recovery != TCP_RECOVERY_NONE || c->board.n || c->reorder)
		return false;
	if (t->ack - c->snd_una > tcp_conn_flight(c))
		return false;
	if (!timestamps)
		return t->header_len == TCP_HDR_LEN;
	return tcp_timestamps_only(header_of(b), &o->ts_value, &o->ts_echo) &&
	       seq_ge(o->ts_value, c->ts_recent);
}

/* --- the checks --- */

static bool paws_rejects(const struct tcp_conn *c, const struct tcp_segment *s,
			 const struct tcp_options *o)
{
	uint32_t now_ms = (uint32_t)(tcp_now_ns(c->worker) / NS_PER_MS);

	if (!(c->flags & TCP_CONN_TIMESTAMPS) || s->flags & TCP_RST)
		return false;
	return !(o->has & TCP_HAS_TIMESTAMPS) ||
	       tcp_paws_is_old(o->ts_value, c->ts_recent, now_ms - c->ts_recent_ms);
}

static enum tcp_fate drop(struct tcp_conn *c, enum tcp_in_reason reason)
{
	tcp_count_in(c->worker, reason);
	return TCP_FATE_DONE;
}

static enum tcp_fate refuse(struct tcp_conn *c, const struct tcp_segment *s,
			    enum tcp_verdict verdict)
{
	switch (verdict) {
	case TCP_IS_RESET:
		tcp_count_in(c->worker, TCP_IN_RESET);
		tcp_conn_break(c, c->flags & TCP_CONN_PASSIVE || c->state != TCP_SYN_RECEIVED
					  ? ERR_CLOSED
					  : ERR_REFUSED);
		return TCP_FATE_GONE;
	case TCP_ANSWER_ACK:
		/* Data must be answered, its acknowledgement may have been lost; others only in
		 * moderation, or two confused ends would answer each other for ever. */
		if (s->len)
			tcp_conn_todo(c, TCP_TODO_ACK);
		else
			tcp_out_challenge(c);
		return drop(c, TCP_IN_OUT_OF_WINDOW);
	case TCP_CHALLENGE:
		tcp_out_challenge(c);
		return drop(c, TCP_IN_CHALLENGED);
	default:
		return drop(c, s->flags & TCP_RST ? TCP_IN_RESET_IGNORED : TCP_IN_NO_ACK);
	}
}

/* An old segment is data that was sent twice: say which, RFC 2883 §4. */
static void note_duplicate(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (s->len && seq_le(s->seq + s->len, c->rcv_nxt)) {
		c->duplicate = (struct tcp_range){ s->seq, s->seq + s->len };
		c->flags |= TCP_CONN_DUPLICATE;
	}
}

static enum tcp_fate checked(struct tcp_conn *c, struct buf *b)
{
	struct tcp_segment s = segment_of(b);
	struct tcp_view view = { .rcv_nxt = c->rcv_nxt,
				 .rcv_edge = c->rcv_edge,
				 .snd_una = c->snd_una,
				 .snd_max = c->snd_max,
				 .max_window = c->max_wnd };
	enum tcp_verdict verdict;
	struct tcp_options o;

	if (read_options(b, &o))
		return drop(c, TCP_IN_OPTIONS);
	if (c->state == TCP_SYN_SENT) {
		if (!tcp_open_input(c, &s, b->transport.window, &o))
			return TCP_FATE_GONE;
		s.seq++; /* data on a SYN-ACK comes after the SYN */
		return tcp_recv_input(c, b, &s);
	}
	if (paws_rejects(c, &s, &o)) {
		note_duplicate(c, &s);
		if (o.has & TCP_HAS_TIMESTAMPS)
			tcp_conn_todo(c, TCP_TODO_ACK);
		return drop(c, TCP_IN_PAWS);
	}
	verdict = tcp_check(&view, &s);
	if (verdict == TCP_ANSWER_ACK)
		note_duplicate(c, &s);
	if (verdict != TCP_ACCEPT)
		return refuse(c, &s, verdict);
	if (c->state == TCP_SYN_RECEIVED && !tcp_open_input(c, &s, b->transport.window, &o))
		return TCP_FATE_GONE;
	if (o.has & TCP_HAS_TIMESTAMPS && c->flags & TCP_CONN_TIMESTAMPS)
		take_timestamp(c, s.seq, o.ts_value);
	tcp_timers_heard(c);
	if (!tcp_ack_input(c, &s, b->transport.window, &o))
		return TCP_FATE_GONE;
	return tcp_recv_input(c, b, &s);
}

enum tcp_fate tcp_in_conn(struct tcp_conn *c, struct buf *b)
{
	struct tcp_options o;
	struct tcp_segment s;

	if (unlikely(!is_ordinary(c, b, &o)))
		return checked(c, b);
	tcp_count_in(c->worker, TCP_IN_FAST_PATH);
	s = segment_of(b);
	o.has = c->flags & TCP_CONN_TIMESTAMPS ? TCP_HAS_TIMESTAMPS : 0;
	o.n_sacks = 0;
	if (o.has)
		take_timestamp(c, s.seq, o.ts_value);
	tcp_timers_heard(c);
	/* A FIN of ours is never acknowledged in ESTABLISHED, so this cannot end the connection. */
	if (!tcp_ack_input(c, &s, b->transport.window, &o))
		return TCP_FATE_GONE;
	return s.len ? tcp_recv_input(c, b, &s) : TCP_FATE_DONE;
}

/* --- without a connection --- */

enum tcp_fate tcp_in_stranger(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			      struct buf *b)
{
	struct tcp_segment s = segment_of(b);
	struct tcp_options o;
	struct tcp_conn *c;

	if (!tcp_path_is_ours(tw, key->fib, tcp_key_local_ip4(key))) { /* MUST-57 */
		tcp_count_in(tw, TCP_IN_ADDRESS);
		return TCP_FATE_DONE;
	}
	if (s.flags & TCP_RST) {
		tcp_count_in(tw, TCP_IN_RESET_IGNORED);
		return TCP_FATE_DONE;
	}
	if (unlikely(tw->cookies_until_ns) && s.flags & TCP_ACK && !read_options(b, &o) &&
	    tcp_half_open_cookie(tw, key, hash, &s, b->transport.window, &o, &c))
		return c ? tcp_in_conn(c, b) : TCP_FATE_DONE;
	if ((s.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
		tcp_count_in(tw, TCP_IN_NO_CONNECTION);
		tcp_segment_answer_reset(tw, key, &s);
		return TCP_FATE_DONE;
	}
	if (read_options(b, &o)) {
		tcp_count_in(tw, TCP_IN_OPTIONS);
		return TCP_FATE_DONE;
	}
	tcp_half_open_begin(tw, key, hash, &s, b->transport.window, &o, 0);
	return TCP_FATE_DONE;
}

enum tcp_fate tcp_in_half_open(struct tcp_worker *tw, uint32_t index, struct buf *b)
{
	struct tcp_half_open *h = tcp_half_open_at_or_null(tw, index);
	struct tcp_segment s = segment_of(b);
	struct tcp_options o;
	struct tcp_conn *c;

	if (read_options(b, &o)) {
		tcp_count_in(tw, TCP_IN_OPTIONS);
		return TCP_FATE_DONE;
	}
	c = tcp_half_open_input(h, &s, b->transport.window, &o);
	return c ? tcp_in_conn(c, b) : TCP_FATE_DONE;
}

enum tcp_fate tcp_in_time_wait(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			       uint32_t index, struct buf *b)
{
	struct tcp_time_wait *t = tcp_time_wait_at_or_null(tw, index);
	struct tcp_segment s = segment_of(b);
	struct tcp_options o;
	uint32_t iss_floor;

	if (read_options(b, &o)) {
		tcp_count_in(tw, TCP_IN_OPTIONS);
		return TCP_FATE_DONE;
	}
	if (tcp_time_wait_input(tw, t, &s, &o, &iss_floor) == TCP_TIME_WAIT_OPEN)
		tcp_half_open_begin(tw, key, hash, &s, b->transport.window, &o, iss_floor);
	return TCP_FATE_DONE;
}
