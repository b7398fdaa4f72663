/* state.c - the state table and the checks. */
#include "transport/tcp/state.h"

/* Zero, CLOSED, stands for "stays": nothing but GONE and the last acknowledgement leads there. */
static const uint8_t table[TCP_N_STATES][TCP_N_EVENTS] = {
	[TCP_SYN_SENT] = {
		[TCP_EVENT_SYN] = TCP_SYN_RECEIVED,
		[TCP_EVENT_SYN_ACKED] = TCP_ESTABLISHED,
	},
	[TCP_SYN_RECEIVED] = {
		[TCP_EVENT_SYN_ACKED] = TCP_ESTABLISHED,
		[TCP_EVENT_CLOSE] = TCP_FIN_WAIT_1,
		[TCP_EVENT_FIN] = TCP_CLOSE_WAIT,
	},
	[TCP_ESTABLISHED] = {
		[TCP_EVENT_CLOSE] = TCP_FIN_WAIT_1,
		[TCP_EVENT_FIN] = TCP_CLOSE_WAIT,
	},
	[TCP_FIN_WAIT_1] = {
		[TCP_EVENT_FIN] = TCP_CLOSING,
		[TCP_EVENT_FIN_ACKED] = TCP_FIN_WAIT_2,
	},
	[TCP_FIN_WAIT_2] = { [TCP_EVENT_FIN] = TCP_TIME_WAIT },
	[TCP_CLOSING] = { [TCP_EVENT_FIN_ACKED] = TCP_TIME_WAIT },
	[TCP_CLOSE_WAIT] = { [TCP_EVENT_CLOSE] = TCP_LAST_ACK },
};

static const char *const names[] = {
	[TCP_CLOSED] = "CLOSED",
	[TCP_SYN_SENT] = "SYN_SENT",
	[TCP_SYN_RECEIVED] = "SYN_RECEIVED",
	[TCP_ESTABLISHED] = "ESTABLISHED",
	[TCP_FIN_WAIT_1] = "FIN_WAIT_1",
	[TCP_FIN_WAIT_2] = "FIN_WAIT_2",
	[TCP_CLOSING] = "CLOSING",
	[TCP_TIME_WAIT] = "TIME_WAIT",
	[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[TCP_LAST_ACK] = "LAST_ACK",
};
_Static_assert(count_of(names) == TCP_N_STATES, "every state has a name");

enum tcp_state tcp_state_after(enum tcp_state state, enum tcp_event event)
{
	if (event == TCP_EVENT_GONE || (state == TCP_LAST_ACK && event == TCP_EVENT_FIN_ACKED))
		return TCP_CLOSED;
	return table[state][event] ? (enum tcp_state)table[state][event] : state;
}

const char *tcp_state_name(enum tcp_state state)
{
	return state < TCP_N_STATES ? names[state] : "?";
}

enum tcp_verdict tcp_check_syn_sent(const struct tcp_view *v, const struct tcp_segment *s)
{
	bool acks_us = (s->flags & TCP_ACK) && s->ack == v->snd_max;

	/* First: an acknowledgement of something that we never sent. */
	if ((s->flags & TCP_ACK) && !acks_us)
		return s->flags & TCP_RST ? TCP_IGNORE : TCP_ANSWER_RESET;
	if (s->flags & TCP_RST) /* RFC 5961 §3.2: only one that knows our ISN */
		return acks_us ? TCP_IS_RESET : TCP_IGNORE;
	if (!(s->flags & TCP_SYN))
		return TCP_IGNORE;
	return acks_us ? TCP_IS_SYN_ACK : TCP_IS_SYN;
}

/* §3.10.7.4, first: does any of the segment lie in the window? */
static bool in_window(const struct tcp_view *v, const struct tcp_segment *s)
{
	uint32_t len = s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
	bool starts_inside = seq_ge(s->seq, v->rcv_nxt) && seq_lt(s->seq, v->rcv_edge);

	if (v->rcv_edge == v->rcv_nxt) /* closed window */
		return s->seq == v->rcv_nxt && len == 0;
	if (len == 0) /* at the edge itself it carries nothing and is as good as inside */
		return starts_inside || s->seq == v->rcv_edge;
	return starts_inside ||
	       (seq_gt(s->seq + len, v->rcv_nxt) && seq_le(s->seq + len, v->rcv_edge)) ||
	       (seq_lt(s->seq, v->rcv_nxt) && seq_gt(s->seq + len, v->rcv_edge));
}

enum tcp_verdict tcp_check(const struct tcp_view *v, const struct tcp_segment *s)
{
	/* RST second, but a closed window must not hide one that is exact. RFC 5961 §3.2 */
	if (s->flags & TCP_RST) {
		if (s->seq == v->rcv_nxt)
			return TCP_IS_RESET;
		return in_window(v, s) ? TCP_CHALLENGE : TCP_IGNORE;
	}
	if (s->flags & TCP_SYN) /* RFC 5961 §4.2: whatever its number */
		return TCP_CHALLENGE;
	if (!in_window(v, s)) {
		/* A probe of our closed window: its acknowledgement counts, its data does not. */
		if (v->rcv_edge == v->rcv_nxt && s->seq == v->rcv_nxt && (s->flags & TCP_ACK))
			return seq_ge(s->ack, v->snd_una) && seq_le(s->ack, v->snd_max)
				       ? TCP_ACCEPT
				       : TCP_ANSWER_ACK;
		return TCP_ANSWER_ACK;
	}
	if (!(s->flags & TCP_ACK))
		return TCP_IGNORE;
	/* RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT */
	if (seq_gt(s->ack, v->snd_max) || seq_lt(s->ack, v->snd_una - v->max_window))
		return TCP_CHALLENGE;
	return TCP_ACCEPT;
}

bool tcp_time_wait_allows(uint32_t rcv_nxt, bool ts_known, uint32_t ts_recent,
			  const struct tcp_segment *syn, const struct tcp_options *options)
{
	if ((syn->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return false;
	if (ts_known && (options->has & TCP_HAS_TIMESTAMPS)) {
		if (options->ts_value == ts_recent)
			return seq_gt(syn->seq, rcv_nxt);
		return seq_gt(options->ts_value, ts_recent);
	}
	return seq_gt(syn->seq, rcv_nxt);
}
