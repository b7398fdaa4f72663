/*
 * tcp_fuzz.c - TCP against a peer, an application and a clock that do what the input says: segments
 * with numbers near the right ones, raw segments, writes, reads, closes, options, time. After it
 * no packet buffer may be missing.
 */
#include "base/reader.h"
#include "host.h"
#include "transport/tcp/worker.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

enum { STEPS_MAX = 200 };

struct game {
	struct reader in;
	uint64_t now_ns;
	struct clock clock;
	struct sim_host *host;
	uint32_t our_next, peer_next; /* as the last segment that we sent has it */
	uint16_t our_port;
};

static uint64_t now(void *context)
{
	return ((struct game *)context)->now_ns;
}

/* The peer learns our numbers from what we send. */
static void transmit(struct sim_host *h, const uint8_t *packet, uint32_t len)
{
	struct game *g = h->context;
	struct tcp t;

	invariant(tcp_parse(slice_of(packet + IP4_HDR_LEN, len - IP4_HDR_LEN), &t) == 0);
	g->our_next = t.seq + (uint32_t)t.payload.len + !!(t.flags & TCP_SYN);
	g->our_port = t.sport;
	if (t.flags & TCP_ACK)
		g->peer_next = t.ack;
}

static void send_packet(struct game *g, const uint8_t *segment, size_t len)
{
	uint8_t packet[SIM_PACKET_MAX];
	struct writer w = writer_of(packet, sizeof(packet));
	struct ip4_hdr ip = { .ver_ihl = IP4_VER_IHL,
			      .ttl = 64,
			      .protocol = IP_TCP,
			      .src = { { 10, 0, 0, 9 } },
			      .dst = { { 10, 0, 0, 1 } } };

	put_bytes(&w, &ip, sizeof(ip));
	put_bytes(&w, segment, len);
	if (!writer_ok(&w) || len < TCP_HDR_LEN)
		return;
	sim_host_fix_checksums(packet, (uint32_t)writer_len(&w));
	sim_host_receive(g->host, packet, (uint32_t)writer_len(&w));
}

static void send_raw(struct game *g)
{
	struct slice bytes = take_bytes(&g->in, take_u8(&g->in));

	send_packet(g, bytes.at, bytes.len);
}

static void take_options(struct game *g, struct tcp_options *o)
{
	uint8_t has = take_u8(&g->in);

	o->has = has & 15;
	o->mss = (uint16_t)(has << 6);
	o->window_shift = has >> 4;
	o->ts_value = (uint32_t)(g->now_ns / NS_PER_MS) + (uint32_t)(int8_t)take_u8(&g->in);
	o->ts_echo = o->ts_value;
	o->n_sacks = has & 0x80 ? 1 + (has & 3) : 0;
	for (unsigned i = 0; i < o->n_sacks; i++) {
		o->sacks[i].left = g->our_next - take_u16(&g->in);
		o->sacks[i].right = o->sacks[i].left + take_u16(&g->in);
	}
}

static void send_segment(struct game *g)
{
	static const uint8_t zeros[1400];
	uint8_t bytes[SIM_PACKET_MAX];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct tcp t = { .sport = 5000,
			 .dport = g->our_port,
			 .flags = take_u8(&g->in),
			 .seq = g->peer_next + (uint32_t)(int16_t)take_u16(&g->in),
			 .ack = g->our_next + (uint32_t)(int16_t)take_u16(&g->in),
			 .window = take_u16(&g->in) };

	t.payload = slice_of(zeros, take_u8(&g->in) * 5u);
	take_options(g, &t.options);
	tcp_emit(&w, &t);
	send_packet(g, bytes, writer_len(&w));
}

static void send_error(struct game *g, struct sim_socket *s, uint8_t value)
{
	sim_trouble(s, &(struct tcp_trouble_report){ .trouble = value % 5,
						     .seq = g->our_next +
							    (uint32_t)(int16_t)take_u16(&g->in),
						     .quoted = value * 8u,
						     .mtu_bytes = take_u16(&g->in),
						     .is_own = value & 128 });
}

static void act(struct game *g)
{
	struct sim_socket *s = &g->host->sockets[take_u8(&g->in) % 4];
	uint8_t what = take_u8(&g->in), value = take_u8(&g->in);

	if (!s->used) {
		if (what < 16)
			sim_connect(g->host, "10.0.0.9", 5000);
		return;
	}
	switch (what % 8) {
	case 0:
		sim_close(s);
		break;
	case 1:
		sim_shutdown(s);
		break;
	case 2:
		sim_option(s, 1 + value % 8, value);
		break;
	case 3:
		sim_read(s, value * 300u);
		break;
	case 4:
		if (s->session.connection)
			tcp_transport.abort(g->host->worker, &s->session);
		s->done = true;
		break;
	case 5:
		send_error(g, s, value);
		break;
	case 6:
		g->host->busy = value & 1;
		if (!g->host->busy)
			sim_host_relieve(g->host);
		break;
	default:
		if (!s->finished && !s->closed)
			sim_write(s, value * 100u);
	}
}

static void check(const struct game *g)
{
	struct tcp_worker *tw = tcp_worker_of(g->host->worker);

	for (uint32_t i = 0; i < pool_end(&tw->conns); i++) {
		handle h;
		const struct tcp_conn *c = pool_at_or_null(&tw->conns, i, &h);

		if (!c)
			continue;
		invariant(tcp_conn_flight(c) < 1u << 30);
		invariant(c->state == TCP_SYN_SENT || seq_le(c->rcv_nxt, c->rcv_edge));
		invariant(c->state == TCP_SYN_SENT || c->cc.cwnd >= 1 || c->cc.ops == NULL);
		invariant(!c->n_held == !c->reorder);
	}
}

static void step(struct game *g)
{
	uint8_t what = take_u8(&g->in);

	if (what < 150)
		send_segment(g);
	else if (what < 160)
		send_raw(g);
	else if (what < 220)
		act(g);
	else
		g->now_ns += (uint64_t)NS_PER_MS << what % 16;
	sim_host_turn(g->host);
	check(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tcp_settings settings = {
		.seed = 1, .max_conns = 8, .max_half_open = 4, .max_time_wait = 4
	};
	struct game g = { .in = reader_of(slice_of(data, size)),
			  .now_ns = 5 * (uint64_t)NS_PER_S,
			  .our_port = 80 };

	g.clock = (struct clock){ now, &g };
	g.host = sim_host_new(&g.clock, "10.0.0.1", &settings);
	g.host->transmit = transmit;
	g.host->context = &g;
	g.host->reads_at_once = false;
	g.host->capacity = 20000;
	sim_listen(g.host, 80, 3);
	for (unsigned i = 0; i < STEPS_MAX && reader_left(&g.in) > 0; i++)
		step(&g);
	sim_host_free(g.host);
	return 0;
}
