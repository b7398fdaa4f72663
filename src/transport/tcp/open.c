/* open.c - active opens. */
#include "transport/tcp/open.h"

#include "transport/tcp/isn.h"
#include "transport/tcp/path.h"
#include "transport/tcp/segment.h"
#include "transport/tcp/timers.h"

/* What decides whether a local port will do. */
struct candidate {
	const struct tcp_worker *tw;
	struct tcp_key key;
};

static struct tcp_time_wait *time_wait_or_null(const struct tcp_worker *tw, tcp_ref ref)
{
	return tcp_ref_kind(ref) == TCP_KIND_TIME_WAIT
		       ? tcp_time_wait_at_or_null(tw, tcp_ref_index(ref))
		       : NULL;
}

/*
 * A port will do if its connection would be this worker's and nothing is stored under it, but for
 * an old connection whose numbers and times the new one's would exceed.
 */
static bool port_taken(void *context, uint16_t port)
{
	struct candidate *x = context;
	const struct tcp_time_wait *old;
	uint32_t hash;
	tcp_ref ref;

	x->key.local_port = be16_of(port);
	hash = tcp_key_hash(&x->tw->tcp->key_secret, &x->key);
	if (tcp_owner(x->tw->tcp, hash) != x->tw->worker->index)
		return true;
	ref = tcp_lookup(x->tw, &x->key, hash);
	old = time_wait_or_null(x->tw, ref);
	return ref && !(old && tcp_time_wait_may_reuse(x->tw, old));
}

/* Our ISN for @key; an old connection in TIME-WAIT makes room and sets the least. */
static uint32_t choose_isn(struct tcp_worker *tw, const struct tcp_key *key)
{
	uint32_t isn = tcp_isn(&tw->tcp->isn_secret, key, tcp_now_ns(tw) / NS_PER_US);
	uint32_t hash = tcp_key_hash(&tw->tcp->key_secret, key), floor;
	struct tcp_time_wait *old = time_wait_or_null(tw, tcp_lookup(tw, key, hash));

	if (!old)
		return isn;
	floor = tcp_time_wait_end(tw, old);
	return seq_lt(isn, floor) ? floor : isn;
}

static int choose_key(struct tcp_worker *tw, const struct flow *flow, be32 source,
		      struct tcp_key *key)
{
	struct candidate x = { .tw = tw };
	be32 remote;

	memcpy(remote.b, flow->remote.ip, 4);
	x.key = tcp_key_of_ip4(source, be16_of(flow->local.port), remote,
			       be16_of(flow->remote.port), flow->fib);
	if (flow->local.port) {
		if (port_taken(&x, flow->local.port))
			return ERR_EXIST;
	} else if (tcp_ports_pick(&tw->ports, &x.key, port_taken, &x) == 0) {
		return ERR_FULL;
	}
	*key = x.key;
	return 0;
}

static struct flow flow_of(const struct tcp_conn *c)
{
	struct flow flow = { .fib = c->key.fib,
			     .local = { .port = host16(c->key.local_port), .family = 4 },
			     .remote = { .port = host16(c->key.remote_port), .family = 4 } };

	memcpy(flow.local.ip, c->key.local_ip, sizeof(flow.local.ip));
	memcpy(flow.remote.ip, c->key.remote_ip, sizeof(flow.remote.ip));
	return flow;
}

int tcp_open_connect(struct worker *w, struct session *s, const struct flow *flow)
{
	struct tcp_worker *tw = tcp_worker_of(w);
	struct tcp_path path;
	struct tcp_conn *c;
	struct tcp_key key;
	be32 remote, local;
	uint32_t isn;
	int err;

	memcpy(remote.b, flow->remote.ip, 4);
	memcpy(local.b, flow->local.ip, 4);
	if (flow->remote.family != 4 || flow->remote.port == 0)
		return ERR_UNREACHABLE;
	err = tcp_path_to(tw, flow->fib, remote, &path);
	if (err)
		return err;
	err = choose_key(tw, flow, host32(local) ? local : path.source, &key);
	if (err)
		return err;
	isn = choose_isn(tw, &key);
	c = tcp_conn_new(tw, &key);
	if (!c)
		return ERR_NOMEM;
	c->session = s;
	s->connection = c->self;
	c->iss = isn;
	c->snd_una = c->iss;
	c->snd_max = c->snd_small = c->iss + 1;
	c->mtu_payload = tcp_payload_toward(tw, &key, path.mtu_bytes);
	c->out_if = path.if_index;
	c->state = TCP_SYN_SENT;
	c->flags |= TCP_CONN_TIMING;
	c->rtt_seq = c->snd_max;
	c->rtt_sent_ns = tcp_now_ns(tw);
	tcp_segment_send_syn(c);
	tcp_timers_sent(c);
	tcp_timers_arm(c);
	return 0;
}

/* The peer's SYN is here: what follows from it, whether or not it acknowledges ours. */
static void take_syn(struct tcp_conn *c, const struct tcp_segment *s, uint16_t window,
		     const struct tcp_options *o)
{
	c->rcv_nxt = c->rcv_acked = c->bulk_seq = s->seq + 1;
	c->rcv_edge = c->rcv_nxt + TCP_INITIAL_WINDOW;
	tcp_conn_set_options(c, o, window);
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
}

static bool established(struct tcp_conn *c)
{
	struct tcp_worker *tw = c->worker;
	struct flow flow = flow_of(c);
	handle self = c->self;
	/* Opened from both sides at once, what brought us here was an acknowledgement itself. */
	unsigned todo = c->state == TCP_SYN_SENT ? TCP_TODO_ACK | TCP_TODO_SEND : TCP_TODO_SEND;

	if (c->flags & TCP_CONN_TIMING)
		tcp_rtt_sample(&c->rtt, (uint32_t)((tcp_now_ns(tw) - c->rtt_sent_ns) / NS_PER_US));
	c->flags &= (uint16_t)~TCP_CONN_TIMING;
	c->snd_una = c->snd_max;
	tcp_rtt_acked(&c->rtt);
	tcp_sack_init(&c->board, c->snd_una);
	c->rto_ns = 0;
	c->state = (uint8_t)tcp_state_after((enum tcp_state)c->state, TCP_EVENT_SYN_ACKED);
	tcp_count_in(tw, TCP_IN_CONNECTED);
	tcp_conn_todo(c, todo);
	session_connected(tw->worker, c->session, &flow);
	/* The application may have given up within the call. */
	c = tcp_conn_get_or_null(tw, self);
	return c && tcp_conn_closed_by_app(c);
}

static bool input_syn_sent(struct tcp_conn *c, const struct tcp_segment *s, uint16_t window,
			   const struct tcp_options *o)
{
	struct tcp_view view = { .snd_una = c->snd_una, .snd_max = c->snd_max };

	switch (tcp_check_syn_sent(&view, s)) {
	case TCP_IS_SYN_ACK:
		take_syn(c, s, window, o);
		return established(c);
	case TCP_IS_SYN:
		take_syn(c, s, window, o);
		c->state = (uint8_t)tcp_state_after((enum tcp_state)c->state, TCP_EVENT_SYN);
		c->flags &= (uint16_t)~TCP_CONN_TIMING;
		tcp_segment_send_syn(c);
		return false;
	case TCP_IS_RESET:
		tcp_count_in(c->worker, TCP_IN_RESET);
		tcp_conn_break(c, ERR_REFUSED);
		return false;
	case TCP_ANSWER_RESET:
		tcp_count_in(c->worker, TCP_IN_NO_CONNECTION);
		tcp_segment_answer_reset(c->worker, &c->key, s);
		return false;
	default:
		tcp_count_in(c->worker, TCP_IN_SYN_SENT_IGNORED);
		return false;
	}
}

bool tcp_open_input(struct tcp_conn *c, const struct tcp_segment *s, uint16_t window,
		    const struct tcp_options *o)
{
	if (c->state == TCP_SYN_SENT)
		return input_syn_sent(c, s, window, o);
	if (s->ack != c->snd_max) {
		tcp_count_in(c->worker, TCP_IN_NO_CONNECTION);
		tcp_segment_answer_reset(c->worker, &c->key, s);
		return false;
	}
	c->snd_wnd = (uint32_t)window << c->snd_shift;
	c->max_wnd = c->snd_wnd > c->max_wnd ? c->snd_wnd : c->max_wnd;
	return established(c);
}
