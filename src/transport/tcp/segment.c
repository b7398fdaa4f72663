/*
 * segment.c - from sequence numbers to packets.
 *
 *   buffer 1: [ headroom … IP TCP options | payload ]──> buffer 2: [ payload ]──> …
 *
 * IP and TCP headers are pushed into the headroom. The checksum field gets the pseudo-header's sum;
 * the interface, or the offload feature before it, completes it and cuts super-segments.
 */
#include "transport/tcp/segment.h"

#include "transport/tcp/window.h"
#include "wire/checksum.h"
#include "wire/ip4.h"

enum {
	RESETS_PER_S = 5000,
	CHAIN_MAX = 1 + TCP_SUPER_SEGMENT_MAX / BUF_DATA,
	SLICES = 20, /* a fifo of 16 chunks has no more runs */
};

/* Push TCP and IP headers before the @len octets in @b and send it on. */
static void push_headers(struct tcp_worker *tw, struct buf *b, const struct tcp_bare *s,
			 uint32_t mss)
{
	uint8_t options[TCP_OPTIONS_MAX_LEN];
	struct writer w = writer_of(options, sizeof(options));
	unsigned options_len = tcp_options_emit(&w, &s->options);
	uint32_t payload_len = b->total_len;
	uint32_t tcp_len = TCP_HDR_LEN + options_len + payload_len;
	be32 src = tcp_key_local_ip4(s->key), dst = tcp_key_remote_ip4(s->key);
	struct tcp_hdr *h = buf_push(b, TCP_HDR_LEN + options_len);
	struct ip4_hdr *ip;

	h->sport = s->key->local_port;
	h->dport = s->key->remote_port;
	h->seq = be32_of(s->seq);
	h->ack = be32_of(s->ack);
	h->offset_reserved = tcp_offset_of(TCP_HDR_LEN + options_len);
	h->flags = s->flags;
	h->window = be16_of(s->window);
	h->checksum = checksum_raw(checksum_pseudo4(src, dst, IP_TCP, (uint16_t)tcp_len));
	h->urgent = be16_of(0);
	memcpy(h + 1, options, options_len);
	b->l4_at = b->at;
	ip = buf_push(b, IP4_HDR_LEN);
	b->l3_at = b->at;
	*ip = (struct ip4_hdr){
		.ver_ihl = IP4_VER_IHL,
		.len = be16_of((uint16_t)(tcp_len + IP4_HDR_LEN)),
		.id = be16_of(tw->ip_id),
		.frag = be16_of(IP4_DF), /* RFC 1191 §3 */
		.ttl = IP4_DEFAULT_TTL,
		.protocol = IP_TCP,
		.src = src,
		.dst = dst,
	};
	ip->checksum = checksum_field(checksum_ip4_header(ip));
	tw->ip_id = (uint16_t)(tw->ip_id + 1);
	b->flags = BUF_LOCAL | BUF_NEED_L4_CSUM;
	b->csum_off = CSUM_OFF_TCP;
	if (payload_len > mss) {
		b->gso_type = GSO_TCP4;
		b->gso_size = (uint16_t)mss;
		tw->ip_id = (uint16_t)(tw->ip_id + payload_len / mss);
	}
	b->fib = s->key->fib & ~TCP_KEY_IP6;
	tcp_count_out(tw, TCP_OUT_SEGMENTS);
	node_send_to(tw->worker, tw->out_node, b->self);
}

bool tcp_segment_send_bare(struct tcp_worker *tw, const struct tcp_bare *s)
{
	uint32_t idx = buf_alloc_one_or_zero(&tw->worker->bufs);

	if (!idx) {
		tcp_count_out(tw, TCP_OUT_NO_BUFFER);
		return false;
	}
	push_headers(tw, buf_at(tw->worker->bufs.pool->base, idx), s, UINT32_MAX);
	return true;
}

/* --- payload --- */

/* Copy @slices into the chain that starts at @idx[0], filling each buffer. */
static void fill(void *base, const uint32_t *idx, const struct slice *slices, unsigned n)
{
	struct buf *first = buf_at(base, *idx), *b = first;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *at = slices[i].at;
		size_t left = slices[i].len;

		while (left > 0) {
			size_t room = buf_tailroom(b), take = left < room ? left : room;

			if (take == 0) {
				b->next = *++idx;
				b = buf_at(base, *idx);
				continue;
			}
			memcpy(buf_end(b), at, take);
			b->len = (uint16_t)(b->len + take);
			first->total_len += (uint32_t)take;
			at += take;
			left -= take;
		}
	}
}

/* A chain with @len octets of the session from @offset on. */
static enum tcp_sent take_payload(struct tcp_conn *c, uint32_t offset, uint32_t len,
				  struct buf **out)
{
	struct buf_cache *bufs = &c->worker->worker->bufs;
	struct slice slices[SLICES];
	uint32_t idx[CHAIN_MAX + 1];
	unsigned n_slices, n_bufs = len ? (len + BUF_DATA - 1) / BUF_DATA : 1;
	unsigned got = buf_alloc(bufs, idx, n_bufs);
	uint32_t have = 0;

	if (got < n_bufs) {
		buf_free(bufs, idx, got);
		tcp_count_out(c->worker, TCP_OUT_NO_BUFFER);
		return TCP_NO_BUFFER;
	}
	*out = buf_at(bufs->pool->base, idx[0]);
	if (len == 0)
		return TCP_SENT;
	n_slices = session_tx_slices(c->session, offset, len, slices, SLICES);
	for (unsigned i = 0; i < n_slices; i++)
		have += (uint32_t)slices[i].len;
	if (have != len) {
		buf_free(bufs, idx, n_bufs);
		return TCP_BROKEN;
	}
	fill(bufs->pool->base, idx, slices, n_slices);
	return TCP_SENT;
}

/* --- segments of a connection --- */

/* Move the window's edge if that is worth it, and ask to hear of room while it is low. */
static uint16_t offer_window(struct tcp_conn *c)
{
	uint32_t room, capacity;

	if (!c->session || !tcp_state_receives((enum tcp_state)c->state))
		return tcp_window_field(c->rcv_edge, c->rcv_nxt, c->rcv_shift);
	room = session_rx_room(c->session);
	capacity = session_rx_capacity(c->session);
	c->rcv_edge = tcp_window_edge(c->rcv_edge, c->rcv_nxt, room, capacity, c->delack.peer_mss);
	if (c->rcv_edge - c->rcv_nxt < capacity / 2)
		session_rx_want_room(c->worker->worker, c->session);
	return tcp_window_field(c->rcv_edge, c->rcv_nxt, c->rcv_shift);
}

static void add_sack_blocks(struct tcp_conn *c, struct tcp_options *o)
{
	unsigned max = c->flags & TCP_CONN_TIMESTAMPS ? TCP_MAX_SACKS - 1 : TCP_MAX_SACKS;
	struct tcp_range blocks[TCP_MAX_SACKS];
	unsigned n = 0;

	if (!(c->flags & TCP_CONN_SACK))
		return;
	if (c->flags & TCP_CONN_DUPLICATE) /* RFC 2883 §4: first of all */
		blocks[n++] = c->duplicate;
	c->flags &= (uint16_t)~TCP_CONN_DUPLICATE;
	if (c->reorder)
		n += tcp_reorder_blocks(c->reorder, blocks + n, max - n);
	for (unsigned i = 0; i < n; i++)
		o->sacks[i] = (struct tcp_sack){ blocks[i].start, blocks[i].end };
	o->n_sacks = n;
}

static void acknowledged(struct tcp_conn *c, bool with_data)
{
	tcp_delack_sent(&c->delack, with_data);
	c->rcv_acked = c->rcv_nxt;
	c->delack_ns = 0;
	c->todo &= (uint8_t)~TCP_TODO_ACK;
}

enum tcp_sent tcp_segment_send(struct tcp_conn *c, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct tcp_bare s = { .key = &c->key, .seq = seq };
	enum tcp_sent sent;
	struct buf *b;

	sent = take_payload(c, seq - c->snd_una, len, &b);
	if (sent != TCP_SENT)
		return sent;
	s.window = offer_window(c);
	s.ack = c->rcv_nxt;
	s.flags = flags | TCP_ACK;
	if (c->flags & TCP_CONN_TIMESTAMPS) {
		s.options.has = TCP_HAS_TIMESTAMPS;
		s.options.ts_value = tcp_conn_now_ms(c);
		s.options.ts_echo = c->ts_recent;
	}
	if (len == 0)
		add_sack_blocks(c, &s.options);
	b->flow_hash = c->hash;
	push_headers(c->worker, b, &s, tcp_conn_mss(c));
	acknowledged(c, len > 0);
	return TCP_SENT;
}

void tcp_segment_send_syn(struct tcp_conn *c)
{
	bool passive = c->state == TCP_SYN_RECEIVED;
	struct tcp_bare s = {
		.key = &c->key,
		.seq = c->iss,
		.ack = passive ? c->rcv_nxt : 0,
		.flags = passive ? TCP_SYN | TCP_ACK : TCP_SYN,
		.window = TCP_INITIAL_WINDOW,
		.options = { .has = TCP_HAS_MSS | TCP_HAS_WINDOW_SHIFT | TCP_HAS_SACK_PERMITTED |
				    TCP_HAS_TIMESTAMPS,
			     .mss = c->mtu_payload,
			     .window_shift = tcp_window_shift(TCP_WINDOW_MAX),
			     .ts_value = tcp_conn_now_ms(c),
			     .ts_echo = c->ts_recent },
	};

	tcp_segment_send_bare(c->worker, &s);
}

/* --- resets --- */

static bool may_reset(struct tcp_worker *tw)
{
	uint64_t second = tcp_now_ns(tw) / NS_PER_S;

	if (second != tw->reset_second) {
		tw->reset_second = second;
		tw->n_resets = 0;
	}
	if (tw->n_resets >= RESETS_PER_S) {
		tcp_count_out(tw, TCP_OUT_RESET_LIMITED);
		return false;
	}
	tw->n_resets++;
	tcp_count_out(tw, TCP_OUT_RESET);
	return true;
}

void tcp_segment_answer_reset(struct tcp_worker *tw, const struct tcp_key *key,
			      const struct tcp_segment *s)
{
	struct tcp_bare reset = { .key = key, .flags = TCP_RST };

	if (s->flags & TCP_RST || !may_reset(tw))
		return;
	if (s->flags & TCP_ACK) {
		reset.seq = s->ack;
	} else {
		reset.ack = s->seq + s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
		reset.flags |= TCP_ACK;
	}
	tcp_segment_send_bare(tw, &reset);
}

void tcp_segment_send_reset(struct tcp_conn *c)
{
	struct tcp_bare reset = {
		.key = &c->key,
		.seq = c->snd_max,
		.ack = c->rcv_nxt,
		.flags = TCP_RST | TCP_ACK,
	};

	tcp_count_out(c->worker, TCP_OUT_RESET);
	tcp_segment_send_bare(c->worker, &reset);
}
