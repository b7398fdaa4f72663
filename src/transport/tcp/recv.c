/*
 * recv.c - incoming data. What comes in order is copied into the session's fifo at once. What comes
 * early stays in its buffers, linked through their transport lane, until the gap is filled.
 */
#include "transport/tcp/recv.h"

#include "transport/tcp/segment.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/window.h"

/* A held buffer names the next one of its range in the lane's spare bytes. */
static uint32_t next_of(const struct buf *b)
{
	uint32_t next;

	memcpy(&next, b->transport.spare, sizeof(next));
	return next;
}

static void set_next(struct buf *b, uint32_t next)
{
	memcpy(b->transport.spare, &next, sizeof(next));
}

static void link_held(void *base, uint32_t from, uint32_t to)
{
	set_next(buf_at(base, from), to);
}

static void *pool_base(const struct tcp_conn *c)
{
	return c->worker->worker->bufs.pool->base;
}

/* Copy from @skip octets into the payload of @b on; returns the octets that found room. */
static uint32_t store(struct tcp_conn *c, const struct buf *b, uint32_t skip, uint32_t len)
{
	struct worker *w = c->worker->worker;
	uint32_t at = b->transport.payload_at + skip, stored = 0;

	while (b && stored < len) {
		uint32_t end = (uint32_t)b->at + b->len, n = at < end ? end - at : 0, took;

		n = n < len - stored ? n : len - stored;
		took = n ? session_rx_put(w, c->session, b->room + at, n) : 0;
		stored += took;
		if (took < n)
			break;
		at = at > end ? at - end : 0;
		b = buf_next_or_null(b);
		at += b ? b->at : 0;
	}
	c->rcv_nxt += stored;
	c->bytes_received += stored;
	if (stored < len)
		tcp_count_in(c->worker, TCP_IN_NO_ROOM);
	return stored;
}

static void drop_block(struct tcp_conn *c)
{
	tcp_block_give(c->worker, c->reorder);
	c->reorder = NULL;
}

/* Buffers that a held segment takes, not too few: a coalesced one has a buffer for each KiB. */
static uint32_t n_buffers(const struct buf *b)
{
	return 1 + b->transport.payload_len / 1024;
}

static void free_held(struct tcp_conn *c, uint32_t idx)
{
	uint32_t n = n_buffers(buf_at(pool_base(c), idx));

	c->n_held -= n;
	c->worker->n_held -= n;
	buf_free_one(&c->worker->worker->bufs, idx);
}

/* The gap has moved: store what has waited for that. */
static void drain(struct tcp_conn *c)
{
	uint32_t idx;

	while (tcp_reorder_take(c->reorder, c->rcv_nxt, &idx))
		while (idx) {
			struct buf *b = buf_at(pool_base(c), idx);
			uint32_t next = next_of(b), skip = c->rcv_nxt - b->transport.seq;

			if (skip < b->transport.payload_len)
				(void)store(c, b, skip, b->transport.payload_len - skip);
			free_held(c, idx);
			idx = next;
		}
	if (c->reorder->n == 0)
		drop_block(c);
}

void tcp_recv_release(struct tcp_conn *c)
{
	if (!c->reorder)
		return;
	for (unsigned i = 0; i < c->reorder->n; i++)
		for (uint32_t idx = c->reorder->r[i].first; idx;) {
			uint32_t next = next_of(buf_at(pool_base(c), idx));

			free_held(c, idx);
			idx = next;
		}
	drop_block(c);
}

/* Report that [@start, @end) has come twice. RFC 2883 */
static void report_duplicate(struct tcp_conn *c, uint32_t start, uint32_t end)
{
	tcp_count_in(c->worker, TCP_IN_DUPLICATE);
	c->duplicate = (struct tcp_range){ start, end };
	c->flags |= TCP_CONN_DUPLICATE;
}

static bool has_room_to_hold(struct tcp_conn *c)
{
	struct tcp_worker *tw = c->worker;

	if (c->n_held >= TCP_HELD_MAX || tw->n_held >= tw->max_held)
		return false;
	if (!c->reorder) {
		c->reorder = tcp_block_take_or_null(tw);
		if (c->reorder)
			tcp_reorder_init(c->reorder);
	}
	return c->reorder;
}

static enum tcp_fate hold(struct tcp_conn *c, struct buf *b)
{
	struct tcp_linker linker = { link_held, pool_base(c) };
	struct tcp_range range = { b->transport.seq, b->transport.seq + b->transport.payload_len };
	int err = has_room_to_hold(c) ? 0 : ERR_FULL;

	if (!err) {
		set_next(b, 0);
		err = tcp_reorder_add(c->reorder, range, b->self, &linker);
		if (c->reorder->n == 0)
			drop_block(c);
	}
	tcp_delack_quicken(&c->delack);
	if (!(c->flags & TCP_CONN_SACK) && c->n_dup_acks_owed < UINT8_MAX)
		c->n_dup_acks_owed++;
	tcp_conn_todo(c, TCP_TODO_ACK);
	if (err == ERR_EXIST)
		report_duplicate(c, range.start, range.end);
	else if (err)
		tcp_count_in(c->worker, TCP_IN_NO_ROOM);
	if (err)
		return TCP_FATE_DONE;
	tcp_count_in(c->worker, TCP_IN_OUT_OF_ORDER);
	c->n_held += n_buffers(b);
	c->worker->n_held += n_buffers(b);
	return TCP_FATE_HELD;
}

/* Ask for a larger fifo where this one is what limits the peer. */
static void notice_bulk(struct tcp_conn *c)
{
	uint32_t now_ms = (uint32_t)(tcp_now_ns(c->worker) / NS_PER_MS);
	uint32_t octets = c->rcv_nxt - c->bulk_seq, capacity = session_rx_capacity(c->session);

	if (octets < 2 * capacity)
		return;
	if (tcp_window_limits(octets, capacity, now_ms - c->bulk_ms, c->rtt.srtt_us))
		session_rx_bulk(c->session);
	c->bulk_seq = c->rcv_nxt;
	c->bulk_ms = now_ms;
}

static void take_in_order(struct tcp_conn *c, const struct buf *b, uint32_t skip, uint32_t len)
{
	struct tcp_received r = { .segment = b->gso_size && b->gso_type ? b->gso_size : len,
				  .push = b->transport.tcp_flags & TCP_PSH };
	bool had_gap = c->reorder;
	uint32_t stored = store(c, b, skip, len);
	enum tcp_ack_when when;

	if (c->reorder)
		drain(c);
	notice_bulk(c);
	r.len = stored;
	r.window = seq_gt(c->rcv_edge, c->rcv_nxt) ? c->rcv_edge - c->rcv_nxt : 0;
	when = tcp_delack_received(&c->delack, &r);
	if (when == TCP_ACK_NOW || had_gap || stored < len)
		tcp_conn_todo(c, TCP_TODO_ACK);
	else
		tcp_timers_delay_ack(c, when == TCP_ACK_SOON ? TCP_DELACK_SOON_US : TCP_DELACK_US);
}

static enum tcp_fate take_data(struct tcp_conn *c, struct buf *b, const struct tcp_segment *s)
{
	uint32_t end = s->seq + s->len, skip = 0;

	if (session_app_closed(c->session)) { /* RFC 9293 §3.10.7.4, RFC 2525 §2.17 */
		tcp_count_in(c->worker, TCP_IN_AFTER_CLOSE);
		tcp_conn_abort(c, ERR_CLOSED);
		return TCP_FATE_GONE;
	}
	if (seq_gt(end, c->rcv_edge)) /* beyond the window: as if it had not been sent */
		end = seq_max(c->rcv_edge, s->seq);
	b->transport.seq = s->seq;
	b->transport.payload_len = end - s->seq;
	if (seq_le(end, c->rcv_nxt)) {
		if (s->len && end != s->seq)
			report_duplicate(c, s->seq, end);
		tcp_conn_todo(c, TCP_TODO_ACK);
		return TCP_FATE_DONE;
	}
	if (seq_gt(s->seq, c->rcv_nxt))
		return hold(c, b);
	skip = c->rcv_nxt - s->seq;
	if (skip)
		report_duplicate(c, s->seq, c->rcv_nxt);
	take_in_order(c, b, skip, end - c->rcv_nxt);
	return TCP_FATE_DONE;
}

/* The peer's stream ends at rcv_nxt. */
static bool take_fin(struct tcp_conn *c)
{
	c->flags &= (uint16_t)~TCP_CONN_FIN_WAITS;
	c->rcv_nxt++;
	c->rcv_edge = seq_max(c->rcv_edge, c->rcv_nxt);
	tcp_recv_release(c);
	tcp_conn_todo(c, TCP_TODO_ACK | TCP_TODO_SEND);
	if (c->session)
		session_rx_fin(c->worker->worker, c->session);
	return tcp_conn_event(c, TCP_EVENT_FIN);
}

enum tcp_fate tcp_recv_input(struct tcp_conn *c, struct buf *b, const struct tcp_segment *s)
{
	enum tcp_fate fate = TCP_FATE_DONE;

	if (!tcp_state_receives((enum tcp_state)c->state)) {
		if (s->len || s->flags & TCP_FIN)
			tcp_conn_todo(c, TCP_TODO_ACK);
		return TCP_FATE_DONE;
	}
	if (s->len && !c->session) { /* FIN_WAIT_2 of an application that has closed */
		tcp_count_in(c->worker, TCP_IN_AFTER_CLOSE);
		tcp_conn_abort(c, ERR_CLOSED);
		return TCP_FATE_GONE;
	}
	if (s->flags & TCP_FIN && seq_le(s->seq + s->len, c->rcv_edge)) {
		c->flags |= TCP_CONN_FIN_WAITS;
		c->fin_seq = s->seq + s->len;
	}
	if (s->len)
		fate = take_data(c, b, s);
	if (fate == TCP_FATE_GONE)
		return fate;
	if (c->flags & TCP_CONN_FIN_WAITS && c->rcv_nxt == c->fin_seq && !take_fin(c))
		return fate == TCP_FATE_HELD ? TCP_FATE_HELD : TCP_FATE_GONE;
	if (s->flags & TCP_FIN)
		tcp_conn_todo(c, TCP_TODO_ACK);
	return fate;
}
