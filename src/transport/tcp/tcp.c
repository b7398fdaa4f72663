/* tcp.c - TCP as a transport: its state on each worker, and what the session layer asks of it. */
#include "transport/tcp/tcp.h"

#include <stdlib.h>

#include "engine/engine.h"
#include "transport/tcp/half_open.h"
#include "transport/tcp/open.h"
#include "transport/tcp/out.h"
#include "transport/tcp/recv.h"
#include "transport/tcp/segment.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/window.h"

enum {
	DEFAULT_CONNS = 65536,
	DEFAULT_HALF_OPEN = 16384,
	DEFAULT_TIME_WAIT = 65536,
	DEFAULT_FIRST_PORT = 32768,
	DEFAULT_LAST_PORT = 60999,
	HELD_SHARE = 2, /* early segments take at most this part of all packet buffers */
};

tcp_ref tcp_lookup(const struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash)
{
	uint32_t cursor = hash;
	tcp_ref ref;

	while ((ref = tcp_table_next(&tw->table, hash, &cursor))) {
		uint32_t index = tcp_ref_index(ref);
		const struct pool *pool = tcp_ref_kind(ref) == TCP_KIND_CONN ? &tw->conns
					  : tcp_ref_kind(ref) == TCP_KIND_HALF_OPEN
						  ? &tw->half_opens
						  : &tw->time_waits.pool;
		const struct tcp_key *stored =
			(const void *)(pool->objects[index / POOL_CHUNK_OBJECTS] +
				       (size_t)(index % POOL_CHUNK_OBJECTS) * pool->object_bytes);

		if (tcp_key_equal(stored, key))
			return ref;
	}
	return 0;
}

/* --- memory for disorder: a handle, then the part that is lent --- */

void *tcp_block_take_or_null(struct tcp_worker *tw)
{
	handle self;
	handle *block = pool_take_or_null(&tw->blocks, &self);

	if (!block)
		return NULL;
	*block = self;
	return block + 1;
}

void tcp_block_give(struct tcp_worker *tw, void *block)
{
	pool_give(&tw->blocks, ((handle *)block)[-1]);
}

_Static_assert(sizeof(handle) + sizeof(struct tcp_reorder) <= TCP_BLOCK_BYTES, "fits");
_Static_assert(sizeof(handle) + TCP_SACK_RANGES * sizeof(struct tcp_range) <= TCP_BLOCK_BYTES,
	       "fits");

/* --- start and end --- */

static bool end_of_turn(struct worker *w, struct turn_hook *hook unused_arg)
{
	return !tcp_out_run(tcp_worker_of(w));
}

static int init_worker(struct tcp_shared *tcp, struct worker *w)
{
	const struct tcp_settings *set = &tcp->settings;
	struct tcp_worker *tw = calloc(1, sizeof(*tw));
	struct siphash_key port_secret = { { tcp->port_secret.k[0],
					     tcp->port_secret.k[1] ^ w->index } };
	int err;

	if (!tw)
		return ERR_NOMEM;
	err = tcp_table_init(&tw->table, set->max_conns + set->max_half_open + set->max_time_wait);
	if (err) {
		free(tw);
		return err;
	}
	tw->worker = w;
	tw->tcp = tcp;
	tw->in_node = graph_node_id(&w->engine->graph, tcp4_input_node.name);
	tw->out_node = graph_node_id(&w->engine->graph, tcp4_output_node.name);
	tw->in_counts = w->graph.node[tw->in_node].reasons;
	tw->out_counts = w->graph.node[tw->out_node].reasons;
	tw->max_held = w->engine->bufs.n_buffers / HELD_SHARE / w->engine->n_workers;
	pool_init(&tw->conns, sizeof(struct tcp_conn), set->max_conns);
	pool_init(&tw->half_opens, sizeof(struct tcp_half_open), set->max_half_open);
	pool_init(&tw->blocks, TCP_BLOCK_BYTES, 2 * set->max_conns);
	tcp_time_waits_init(&tw->time_waits, tw, set->max_time_wait);
	list_init(&tw->half_open_ages);
	list_init(&tw->todo);
	tcp_stall_init(&tw->stall);
	tcp_ports_init(&tw->ports, port_secret, set->first_port, set->last_port);
	tw->hook = (struct turn_hook){ .run = end_of_turn };
	list_init(&tw->hook.link);
	worker_add_hook(w, &tw->hook);
	w->module[MODULE_TCP] = tw;
	return 0;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static void make_secrets(struct tcp_shared *tcp)
{
	uint64_t words[9];
	struct random random;

	_Static_assert(sizeof(words) == sizeof(tcp->key_secret) + sizeof(tcp->isn_secret) +
						sizeof(tcp->port_secret),
		       "all of them");
	random_seed(&random, tcp->settings.seed);
	for (unsigned i = 0; i < count_of(words); i++)
		words[i] = random_u64(&random);
	if (!tcp->settings.seed)
		random_secret(words, sizeof(words));
	memcpy(&tcp->key_secret, words, sizeof(tcp->key_secret));
	memcpy(&tcp->isn_secret, words + 5, sizeof(tcp->isn_secret));
	memcpy(&tcp->port_secret, words + 7, sizeof(tcp->port_secret));
}

int tcp_init(struct engine *e, const struct tcp_settings *settings)
{
	struct tcp_shared *tcp = calloc(1, sizeof(*tcp));
	struct tcp_settings *set;

	if (!tcp)
		return ERR_NOMEM;
	e->module[MODULE_TCP] = tcp;
	set = &tcp->settings;
	*set = *settings;
	set->cc = set->cc ? set->cc : &cc_cubic;
	set->max_conns = or_default(set->max_conns, DEFAULT_CONNS);
	set->max_half_open = or_default(set->max_half_open, DEFAULT_HALF_OPEN);
	set->max_time_wait = or_default(set->max_time_wait, DEFAULT_TIME_WAIT);
	set->first_port = (uint16_t)or_default(set->first_port, DEFAULT_FIRST_PORT);
	set->last_port = (uint16_t)or_default(set->last_port, DEFAULT_LAST_PORT);
	tcp->n_workers = e->n_workers;
	make_secrets(tcp);
	if (graph_node_id(&e->graph, tcp4_input_node.name) == NODE_NONE ||
	    graph_node_id(&e->graph, tcp4_output_node.name) == NODE_NONE) {
		tcp_deinit(e);
		return ERR_NOENT;
	}
	for (unsigned i = 0; i < e->n_workers; i++) {
		int err = init_worker(tcp, e->worker[i]);

		if (err) {
			tcp_deinit(e);
			return err;
		}
	}
	return 0;
}

static void deinit_worker(struct worker *w)
{
	struct tcp_worker *tw = tcp_worker_of(w);

	if (!tw)
		return;
	for (uint32_t i = 0; i < pool_end(&tw->conns); i++) {
		handle h;
		struct tcp_conn *c = pool_at_or_null(&tw->conns, i, &h);

		if (c)
			tcp_conn_free(c);
	}
	worker_remove_hook(w, &tw->hook);
	timer_cancel(&w->wheel, &tw->stall.timer);
	tcp_half_open_release_all(tw);
	tcp_time_waits_deinit(&tw->time_waits);
	pool_deinit(&tw->conns);
	pool_deinit(&tw->half_opens);
	pool_deinit(&tw->blocks);
	tcp_table_deinit(&tw->table);
	free(tw);
	w->module[MODULE_TCP] = NULL;
}

void tcp_deinit(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++)
		deinit_worker(e->worker[i]);
	free(e->module[MODULE_TCP]);
	e->module[MODULE_TCP] = NULL;
}

/* --- the transport seam --- */

static struct tcp_conn *conn_of_or_null(struct worker *w, const struct session *s)
{
	return tcp_conn_get_or_null(tcp_worker_of(w), s->connection);
}

static void on_send(struct worker *w, struct session *s)
{
	struct tcp_conn *c = conn_of_or_null(w, s);

	if (!c || c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
		return; /* looked at when the handshake is over */
	tcp_conn_todo(c, TCP_TODO_SEND);
	(void)!tcp_conn_closed_by_app(c);
}

static void on_room(struct worker *w, struct session *s)
{
	struct tcp_conn *c = conn_of_or_null(w, s);
	uint32_t room, capacity, edge;

	/* Before the first data a peer is not held back by what we offer; the next acknowledgement
	 * will say it. */
	if (!c || !tcp_state_receives((enum tcp_state)c->state) || c->bytes_received == 0)
		return;
	room = session_rx_room(s);
	capacity = session_rx_capacity(s);
	edge = tcp_window_edge(c->rcv_edge, c->rcv_nxt, room, capacity, c->delack.peer_mss);
	if (tcp_window_deserves_update(c->rcv_edge, edge, c->rcv_nxt, capacity, c->delack.peer_mss))
		tcp_conn_todo(c, TCP_TODO_ACK);
}

static void on_abort(struct worker *w, struct session *s)
{
	struct tcp_conn *c = conn_of_or_null(w, s);

	s->connection = 0;
	if (!c)
		return;
	c->session = NULL;
	if (c->state != TCP_SYN_SENT)
		tcp_segment_send_reset(c);
	tcp_conn_free(c);
}

static void set_flag(struct tcp_conn *c, unsigned flag, bool on)
{
	c->flags = (uint16_t)(on ? c->flags | flag : c->flags & ~flag);
}

static void set_keepalive(struct tcp_conn *c)
{
	c->n_probes_sent = 0;
	c->keepalive_ns =
		c->flags & TCP_CONN_KEEPALIVE
			? tcp_now_ns(c->worker) + (uint64_t)c->keepalive_idle_ms * NS_PER_MS
			: 0;
	tcp_timers_arm(c);
}

static void on_option(struct worker *w, struct session *s, enum shm_option option, int32_t value)
{
	struct tcp_conn *c = conn_of_or_null(w, s);

	if (!c)
		return;
	switch (option) {
	case SHM_OPT_NODELAY:
		set_flag(c, TCP_CONN_NODELAY, value);
		break;
	case SHM_OPT_CORK:
		set_flag(c, TCP_CONN_CORK, value);
		if (!value) /* RFC 9293 says nothing of it; what was corked goes out now */
			c->flags |= TCP_CONN_PUSH_OUT;
		break;
	case SHM_OPT_KEEPALIVE:
		set_flag(c, TCP_CONN_KEEPALIVE, value);
		set_keepalive(c);
		return;
	case SHM_OPT_KEEPALIVE_IDLE_MS:
		c->keepalive_idle_ms = value > 0 ? (uint32_t)value : c->keepalive_idle_ms;
		set_keepalive(c);
		return;
	case SHM_OPT_KEEPALIVE_INTERVAL_MS:
		c->keepalive_interval_ms = value > 0 ? (uint32_t)value : c->keepalive_interval_ms;
		return;
	case SHM_OPT_KEEPALIVE_PROBES:
		c->keepalive_probes =
			value > 0 && value < 128 ? (uint8_t)value : c->keepalive_probes;
		return;
	case SHM_OPT_LINGER_RESET:
		set_flag(c, TCP_CONN_LINGER_RESET, value);
		return;
	case SHM_OPT_USER_TIMEOUT_MS:
		c->user_timeout_ms = value > 0 ? (uint32_t)value : 0;
		return;
	case SHM_OPT_INFO:
		return; /* the session layer's */
	}
	tcp_conn_todo(c, TCP_TODO_SEND);
}

/* Linux's numbers, which every program that asks for TCP_INFO knows. */
static const uint8_t state_numbers[] = {
	[TCP_ESTABLISHED] = 1, [TCP_SYN_SENT] = 2,  [TCP_SYN_RECEIVED] = 3, [TCP_FIN_WAIT_1] = 4,
	[TCP_FIN_WAIT_2] = 5,  [TCP_TIME_WAIT] = 6, [TCP_CLOSED] = 7,	    [TCP_CLOSE_WAIT] = 8,
	[TCP_LAST_ACK] = 9,    [TCP_CLOSING] = 11,
};
_Static_assert(count_of(state_numbers) == TCP_N_STATES, "every state has one");

static uint8_t options_agreed(const struct tcp_conn *c)
{
	return (uint8_t)((c->flags & TCP_CONN_TIMESTAMPS ? 1 : 0) |
			 (c->flags & TCP_CONN_SACK ? 2 : 0) | (c->snd_shift ? 4 : 0));
}

static void on_describe(struct worker *w, const struct session *s, struct transport_info *info)
{
	const struct tcp_conn *c = conn_of_or_null(w, s);

	if (!c)
		return;
	*info = (struct transport_info){
		.state = tcp_state_name((enum tcp_state)c->state),
		.srtt_us = c->rtt.srtt_us,
		.rttvar_us = c->rtt.var_us,
		.rto_us = tcp_rtt_rto_us(&c->rtt),
		.cwnd_bytes = c->cc.cwnd,
		.ssthresh_bytes = c->cc.ssthresh,
		.flight_bytes = tcp_conn_flight(c),
		.peer_window_bytes = c->snd_wnd,
		.window_bytes = c->rcv_edge - c->rcv_nxt,
		.mss_bytes = tcp_conn_mss(c),
		.n_retransmits = c->n_retransmits,
		.n_timeouts = c->n_timeouts,
		.bytes_sent = c->bytes_sent,
		.bytes_received = c->bytes_received,
		.congestion = c->cc.ops ? c->cc.ops->name : "",
		.state_number = state_numbers[c->state],
		.options = options_agreed(c),
	};
}

const struct transport tcp_transport = {
	.name = "tcp",
	.ip_protocol = 6,
	.connect = tcp_open_connect,
	.send = on_send,
	.room = on_room,
	.abort = on_abort,
	.set_option = on_option,
	.describe = on_describe,
};
