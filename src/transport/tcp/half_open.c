/* half_open.c - passive opens up to the third segment of the handshake. RFC 9293 §3.10.7.2 to .4 */
#include "transport/tcp/half_open.h"

#include "transport/tcp/cookie.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/path.h"
#include "transport/tcp/segment.h"
#include "transport/tcp/window.h"

enum { SYN_ACKS_MAX = 6, HALF_OPEN_LEAST = 64 };

static struct session_listener *find_listener(struct tcp_worker *tw, const struct tcp_key *key)
{
	struct shm_address local = { .port = host16(key->local_port), .family = 4 };

	memcpy(local.ip, key->local_ip, sizeof(local.ip));
	return session_find_listener(tw->worker, &tcp_transport, key->fib, &local);
}

static void free_entry(struct tcp_half_open *h)
{
	struct tcp_worker *tw = h->worker;

	timer_cancel(&tw->worker->wheel, &h->timer);
	list_remove(&h->age);
	tcp_table_remove(&tw->table, h->hash,
			 tcp_ref_of(TCP_KIND_HALF_OPEN, handle_index(h->self)));
	pool_give(&tw->half_opens, h->self);
}

static void remove_entry(struct tcp_half_open *h)
{
	struct session_listener *listener = find_listener(h->worker, &h->key);

	if (listener)
		session_listener_half_open(listener, -1);
	free_entry(h);
}

/* @time_ms: our timestamp clock */
static void emit_syn_ack(const struct tcp_half_open *h, uint32_t time_ms)
{
	struct tcp_worker *tw = h->worker;
	struct tcp_bare s = {
		.key = &h->key,
		.seq = h->iss,
		.ack = h->irs + 1,
		.flags = TCP_SYN | TCP_ACK,
		.window = TCP_INITIAL_WINDOW,
		.options = { .has = TCP_HAS_MSS |
				    (h->has & (TCP_HAS_WINDOW_SHIFT | TCP_HAS_SACK_PERMITTED |
					       TCP_HAS_TIMESTAMPS)),
			     .mss = h->own_mss,
			     .window_shift = tcp_window_shift(TCP_WINDOW_MAX),
			     .ts_echo = h->ts_value },
	};

	if (h->has & TCP_HAS_TIMESTAMPS)
		s.options.ts_value = time_ms + tcp_ts_offset(&tw->tcp->isn_secret, &h->key);
	tcp_segment_send_bare(tw, &s);
}

static void send_syn_ack(struct tcp_half_open *h)
{
	struct tcp_worker *tw = h->worker;

	emit_syn_ack(h, (uint32_t)(tcp_now_ns(tw) / NS_PER_MS));
	timer_set(&tw->worker->wheel, &h->timer,
		  tcp_now_ns(tw) + ((uint64_t)TCP_RTO_INITIAL_US * NS_PER_US << h->n_sent));
	h->n_sent++;
}

static void on_timer(struct timer *t, uint64_t now_ns unused_arg)
{
	struct tcp_half_open *h = container_of(t, struct tcp_half_open, timer);

	if (h->n_sent >= SYN_ACKS_MAX) {
		tcp_count_out(h->worker, TCP_OUT_GIVEN_UP);
		remove_entry(h);
		return;
	}
	tcp_count_out(h->worker, TCP_OUT_SYN_RETRANSMIT);
	h->sent_ns = 0; /* Karn: its round trip can no longer be told */
	send_syn_ack(h);
}

static struct tcp_half_open *take_entry_or_null(struct tcp_worker *tw, handle *self)
{
	struct tcp_half_open *h = pool_take_or_null(&tw->half_opens, self);

	if (h || list_empty(&tw->half_open_ages))
		return h;
	tcp_count_in(tw, TCP_IN_HALF_OPEN_EVICTED);
	remove_entry(container_of(tw->half_open_ages.next, struct tcp_half_open, age));
	return pool_take_or_null(&tw->half_opens, self);
}

/* All that is known of a peer by its SYN. */
static struct tcp_half_open entry_of(struct tcp_worker *tw, const struct tcp_key *key,
				     const struct tcp_path *path, const struct tcp_options *o)
{
	return (struct tcp_half_open){
		.key = *key,
		.worker = tw,
		.ts_value = o->ts_value,
		.mss = o->mss,
		.out_if = path->if_index,
		.own_mss = tcp_payload_toward(tw, key, path->mtu_bytes),
		.has = o->has,
		.window_shift = o->window_shift,
	};
}

/* Answer without remembering: what the connection needs comes back with the acknowledgement. */
static void send_cookie(struct tcp_half_open *h)
{
	struct tcp_worker *tw = h->worker;
	uint64_t now_ns = tcp_now_ns(tw);
	struct tcp_options asked = { .has = h->has, .window_shift = h->window_shift };

	h->iss = tcp_cookie_isn(&tw->tcp->isn_secret, &h->key, h->irs,
				h->has & TCP_HAS_MSS ? h->mss : TCP_DEFAULT_MSS, now_ns / NS_PER_S);
	if (!(h->has & TCP_HAS_TIMESTAMPS))
		h->has &= TCP_HAS_MSS;
	tw->cookies_until_ns =
		now_ns + (uint64_t)TCP_COOKIE_PERIODS * TCP_COOKIE_PERIOD_S * NS_PER_S;
	tcp_count_out(tw, TCP_OUT_COOKIE);
	emit_syn_ack(h, tcp_cookie_time((uint32_t)(now_ns / NS_PER_MS), &asked));
}

static uint32_t most_half_open(const struct session_listener *listener)
{
	uint32_t backlog = session_listener_backlog(listener);

	return backlog > HALF_OPEN_LEAST ? backlog : HALF_OPEN_LEAST;
}

void tcp_half_open_begin(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			 const struct tcp_segment *s, uint16_t window, const struct tcp_options *o,
			 uint32_t iss_floor)
{
	struct session_listener *listener = find_listener(tw, key);
	struct tcp_half_open asked, *h;
	struct tcp_path path;
	handle self;

	if (!listener) {
		tcp_count_in(tw, TCP_IN_NO_LISTENER);
		tcp_segment_answer_reset(tw, key, s);
		return;
	}
	if (!session_listener_has_room(listener)) {
		tcp_count_in(tw, TCP_IN_BACKLOG_FULL);
		return;
	}
	if (tcp_path_to(tw, key->fib, tcp_key_remote_ip4(key), &path)) {
		tcp_count_in(tw, TCP_IN_ADDRESS);
		return;
	}
	asked = entry_of(tw, key, &path, o);
	asked.irs = s->seq;
	if (session_listener_half_open(listener, 0) >= most_half_open(listener)) {
		send_cookie(&asked);
		return;
	}
	h = take_entry_or_null(tw, &self);
	if (!h ||
	    tcp_table_add(&tw->table, hash, tcp_ref_of(TCP_KIND_HALF_OPEN, handle_index(self)))) {
		tcp_count_in(tw, TCP_IN_NO_MEMORY);
		if (h)
			pool_give(&tw->half_opens, self);
		return;
	}
	*h = asked;
	h->self = self;
	h->sent_ns = tcp_now_ns(tw);
	h->hash = hash;
	h->iss = tcp_isn(&tw->tcp->isn_secret, key, tcp_now_ns(tw) / NS_PER_US);
	h->window = window;
	if (iss_floor && seq_lt(h->iss, iss_floor))
		h->iss = iss_floor;
	tcp_count_in(tw, TCP_IN_SYN);
	session_listener_half_open(listener, 1);
	timer_init(&h->timer, on_timer);
	list_init(&h->age);
	list_push(&tw->half_open_ages, &h->age);
	send_syn_ack(h);
}

struct tcp_half_open *tcp_half_open_at_or_null(const struct tcp_worker *tw, uint32_t index)
{
	handle h;

	return pool_at_or_null(&tw->half_opens, index, &h);
}

/* --- the third segment --- */

static void set_up(struct tcp_conn *c, const struct tcp_half_open *h)
{
	struct tcp_options peer = { .has = h->has,
				    .mss = h->mss,
				    .window_shift = h->window_shift,
				    .ts_value = h->ts_value };

	c->flags |= TCP_CONN_PASSIVE;
	c->iss = h->iss;
	c->snd_una = c->snd_max = c->snd_small = h->iss + 1;
	c->rcv_nxt = c->rcv_acked = c->bulk_seq = h->irs + 1;
	c->rcv_edge = c->rcv_nxt + TCP_INITIAL_WINDOW;
	c->snd_wl1 = h->irs;
	c->snd_wl2 = h->iss;
	c->mtu_payload = h->own_mss;
	c->out_if = h->out_if;
	tcp_conn_set_options(c, &peer, h->window);
	if (h->sent_ns)
		tcp_rtt_sample(&c->rtt,
			       (uint32_t)((tcp_now_ns(c->worker) - h->sent_ns) / NS_PER_US));
	c->state = TCP_ESTABLISHED;
}

static struct flow flow_of(const struct tcp_key *key)
{
	struct flow flow = { .fib = key->fib,
			     .local = { .port = host16(key->local_port), .family = 4 },
			     .remote = { .port = host16(key->remote_port), .family = 4 } };

	memcpy(flow.local.ip, key->local_ip, sizeof(flow.local.ip));
	memcpy(flow.remote.ip, key->remote_ip, sizeof(flow.remote.ip));
	return flow;
}

/* Give @c to the session layer, which may reset it within the call. */
static struct tcp_conn *hand_over(struct tcp_conn *c, struct session_listener *listener,
				  const struct flow *flow)
{
	struct tcp_worker *tw = c->worker;
	handle self = c->self;
	struct session *s = session_accepted(tw->worker, listener, self, flow);

	c = tcp_conn_get_or_null(tw, self);
	if (!c)
		return NULL;
	if (!s) {
		tcp_count_in(tw, TCP_IN_BACKLOG_FULL);
		tcp_conn_abort(c, ERR_FULL);
		return NULL;
	}
	c->session = s;
	tcp_count_in(tw, TCP_IN_ACCEPTED);
	return c;
}

static struct tcp_conn *complete(struct tcp_half_open *h)
{
	struct tcp_worker *tw = h->worker;
	struct session_listener *listener = find_listener(tw, &h->key);
	struct flow flow = flow_of(&h->key);
	struct tcp_conn *c;

	if (!listener) { /* it has gone meanwhile */
		struct tcp_bare reset = { .key = &h->key, .seq = h->iss + 1, .flags = TCP_RST };

		tcp_count_in(tw, TCP_IN_NO_LISTENER);
		tcp_count_out(tw, TCP_OUT_RESET);
		tcp_segment_send_bare(tw, &reset);
		remove_entry(h);
		return NULL;
	}
	if (!session_listener_has_room(listener)) { /* the peer will ask again */
		tcp_count_in(tw, TCP_IN_BACKLOG_FULL);
		return NULL;
	}
	c = tcp_conn_new(tw, &h->key);
	if (!c) {
		tcp_count_in(tw, TCP_IN_NO_MEMORY);
		return NULL;
	}
	set_up(c, h);
	remove_entry(h);
	return hand_over(c, listener, &flow);
}

bool tcp_half_open_cookie(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			  const struct tcp_segment *s, uint16_t window, const struct tcp_options *o,
			  struct tcp_conn **out)
{
	uint32_t offset = tcp_ts_offset(&tw->tcp->isn_secret, key);
	struct tcp_options asked = { .has = TCP_HAS_MSS, .ts_value = o->ts_value };
	struct session_listener *listener;
	struct tcp_half_open h;
	struct flow flow = flow_of(key);
	struct tcp_path path;
	struct tcp_conn *c;

	if (tcp_now_ns(tw) >= tw->cookies_until_ns ||
	    (s->flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return false;
	asked.mss = tcp_cookie_mss(&tw->tcp->isn_secret, key, s->seq - 1, s->ack - 1,
				   tcp_now_ns(tw) / NS_PER_S);
	listener = find_listener(tw, key);
	if (!asked.mss || !listener || tcp_path_to(tw, key->fib, tcp_key_remote_ip4(key), &path)) {
		tcp_count_in(tw, TCP_IN_COOKIE_BAD);
		return false;
	}
	if (o->has & TCP_HAS_TIMESTAMPS) {
		tcp_cookie_options(o->ts_echo - offset, &asked);
		asked.has |= TCP_HAS_TIMESTAMPS;
	}
	h = entry_of(tw, key, &path, &asked);
	h.irs = s->seq - 1;
	h.iss = s->ack - 1;
	h.window = window;
	h.hash = hash;
	*out = NULL;
	c = session_listener_has_room(listener) ? tcp_conn_new(tw, key) : NULL;
	if (!c) { /* the peer will send again, and the cookie is still good */
		tcp_count_in(tw, TCP_IN_BACKLOG_FULL);
		return true;
	}
	tcp_count_in(tw, TCP_IN_COOKIE);
	set_up(c, &h);
	*out = hand_over(c, listener, &flow);
	return true;
}

/* RFC 9293 §3.5.3, group 2: an acknowledgement of what was never sent; the entry stays. */
static struct tcp_conn *refuse_ack(const struct tcp_half_open *h, const struct tcp_segment *s)
{
	tcp_count_in(h->worker, TCP_IN_NO_CONNECTION);
	tcp_segment_answer_reset(h->worker, &h->key, s);
	return NULL;
}

struct tcp_conn *tcp_half_open_input(struct tcp_half_open *h, const struct tcp_segment *s,
				     uint16_t window, const struct tcp_options *o)
{
	struct tcp_worker *tw = h->worker;
	struct tcp_view view = { .rcv_nxt = h->irs + 1,
				 .rcv_edge = h->irs + 1 + TCP_INITIAL_WINDOW,
				 .snd_una = h->iss,
				 .snd_max = h->iss + 1,
				 .max_window = window };

	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && s->seq == h->irs) {
		tcp_count_out(tw, TCP_OUT_SYN_RETRANSMIT);
		h->sent_ns = 0;
		send_syn_ack(h);
		return NULL;
	}
	if ((h->has & o->has & TCP_HAS_TIMESTAMPS) && !(s->flags & TCP_RST) &&
	    tcp_paws_is_old(o->ts_value, h->ts_value, 0)) {
		tcp_count_in(tw, TCP_IN_PAWS);
		return NULL;
	}
	switch (tcp_check(&view, s)) {
	case TCP_IS_RESET:
		tcp_count_in(tw, TCP_IN_RESET);
		remove_entry(h);
		return NULL;
	case TCP_ACCEPT:
		if (s->ack == h->iss + 1)
			return complete(h);
		return refuse_ack(h, s);
	case TCP_CHALLENGE:
		if (!(s->flags & (TCP_SYN | TCP_RST)))
			return refuse_ack(h, s);
		/* fall through */
	case TCP_ANSWER_ACK:
		tcp_count_in(tw, TCP_IN_CHALLENGED);
		if (h->n_sent < SYN_ACKS_MAX)
			send_syn_ack(h);
		return NULL;
	default:
		tcp_count_in(tw, TCP_IN_RESET_IGNORED);
		return NULL;
	}
}

void tcp_half_open_release_all(struct tcp_worker *tw)
{
	while (!list_empty(&tw->half_open_ages))
		free_entry(container_of(tw->half_open_ages.next, struct tcp_half_open, age));
}
