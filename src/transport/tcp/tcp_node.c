/*
 * tcp_node.c - the two graph nodes of TCP.
 *
 *   ip4-local ──> tcp4-input ──┬──> (the session)      consumed
 *                              ├──> tcp4-input         of the worker that owns the connection
 *                              └──> counted and freed  see counters.c
 *
 *   segment.c ──> tcp4-output ──> ip4-lookup
 *
 * tcp4-input makes three passes over its frame, so that the memory that each needs is on its way
 * before it is touched: read the headers and find the slot; find the connection; act.
 */
#include "engine/engine.h"
#include "engine/handoff.h"
#include "transport/tcp/in.h"
#include "transport/tcp/worker.h"
#include "wire/checksum.h"
#include "wire/ip4.h"

enum { NEXT_LOOKUP, N_OUT_NEXT };
static const char *const out_next_names[N_OUT_NEXT] = { [NEXT_LOOKUP] = "ip4-lookup" };

/* Sum of the whole chain from @at in the first buffer on. */
static uint64_t sum_chain(struct buf *b, uint32_t at)
{
	uint64_t sum = 0;
	bool odd = false;

	for (; b; b = buf_next_or_null(b), at = b ? b->at : 0) {
		uint32_t len = (uint32_t)b->at + b->len - at;
		uint64_t part = checksum_sum(b->room + at, len);

		sum += odd ? checksum_odd(part) : part;
		odd ^= len & 1;
	}
	return sum;
}

static bool checksum_good(struct buf *b, const struct ip4_hdr *ip, uint32_t tcp_len)
{
	uint64_t sum;

	if (b->flags & BUF_L4_CSUM_OK)
		return true;
	sum = checksum_pseudo4(ip->src, ip->dst, IP_TCP, (uint16_t)tcp_len);
	return checksum_is_good(sum + sum_chain(b, b->l4_at));
}

/*
 * Fill in the transport lane and @key. Returns the reason to drop, or TCP_IN_SEGMENTS.
 * ip4-input has made sure that the IP header is whole and that the chain has its total length.
 */
static enum tcp_in_reason read_header(struct buf *b, struct tcp_key *key)
{
	const struct ip4_hdr *ip = buf_l3(b);
	const struct tcp_hdr *h = buf_l4(b);
	uint32_t in_first = (uint32_t)b->at + b->len - b->l4_at;
	uint32_t tcp_len = b->total_len - (b->l4_at - b->at);
	unsigned header_len;

	if (b->l4_at < b->at || in_first < TCP_HDR_LEN || b->l4_at > b->at + b->len)
		return TCP_IN_LENGTH;
	header_len = tcp_hdr_len(h);
	if (header_len < TCP_HDR_LEN || header_len > in_first)
		return TCP_IN_LENGTH;
	if (!checksum_good(b, ip, tcp_len))
		return TCP_IN_CHECKSUM;
	/* RFC 9293 MUST-57: nothing but unicast. */
	if (b->flags & (BUF_LINK_BROADCAST | BUF_LINK_MULTICAST) ||
	    ip4_is_multicast(host32(ip->src)) || ip4_is_multicast(host32(ip->dst)))
		return TCP_IN_ADDRESS;
	b->transport = (struct buf_transport){
		.seq = host32(h->seq),
		.ack = host32(h->ack),
		.payload_len = tcp_len - header_len,
		.payload_at = (uint16_t)(b->l4_at + header_len),
		.window = host16(h->window),
		.tcp_flags = h->flags,
		.header_len = (uint8_t)header_len,
	};
	*key = tcp_key_of_ip4(ip->dst, h->dport, ip->src, h->sport, b->fib);
	return TCP_IN_SEGMENTS;
}

static enum tcp_fate act(struct tcp_worker *tw, const struct tcp_key *key, uint32_t hash,
			 struct buf *b)
{
	tcp_ref ref = tcp_lookup(tw, key, hash);

	switch (tcp_ref_kind(ref)) {
	case TCP_KIND_CONN:
		return tcp_in_conn(tcp_conn_at(tw, tcp_ref_index(ref)), b);
	case TCP_KIND_HALF_OPEN:
		return tcp_in_half_open(tw, tcp_ref_index(ref), b);
	case TCP_KIND_TIME_WAIT:
		return tcp_in_time_wait(tw, key, hash, tcp_ref_index(ref), b);
	default:
		return tcp_in_stranger(tw, key, hash, b);
	}
}

static void prefetch_object(const struct tcp_worker *tw, uint32_t hash)
{
	uint32_t cursor = hash;
	tcp_ref ref = tcp_table_next(&tw->table, hash, &cursor);
	const char *c;

	if (tcp_ref_kind(ref) != TCP_KIND_CONN)
		return;
	c = (const char *)tcp_conn_at(tw, tcp_ref_index(ref));
	for (unsigned line = 0; line < 3; line++)
		prefetch_write(c + line * 64);
}

static unsigned tcp4_input_run(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	struct tcp_worker *tw = tcp_worker_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct tcp_key key[FRAME_MAX];
	uint32_t hash[FRAME_MAX], done[FRAME_MAX];
	bool bad[FRAME_MAX];
	unsigned n_done = 0;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		enum tcp_in_reason reason;

		buf_prefetch(b[i + PREFETCH_AHEAD]);
		buf_prefetch_data(b[i + PREFETCH_AHEAD / 2]);
		reason = read_header(b[i], &key[i]);
		bad[i] = reason != TCP_IN_SEGMENTS;
		tcp_count_in(tw, reason);
		if (bad[i])
			continue;
		hash[i] = tcp_key_hash(&tw->tcp->key_secret, &key[i]);
		prefetch_read(tcp_table_slot(&tw->table, hash[i]));
	}
	for (unsigned i = 0; i < f->n; i++)
		if (!bad[i])
			prefetch_object(tw, hash[i]);
	for (unsigned i = 0; i < f->n; i++) {
		if (!bad[i] && tcp_owner(tw->tcp, hash[i]) != w->index)
			handoff_send(w, tcp_owner(tw->tcp, hash[i]), tw->in_node, f->idx[i]);
		else if (bad[i] || act(tw, &key[i], hash[i], b[i]) != TCP_FATE_HELD)
			done[n_done++] = f->idx[i];
	}
	buf_free(&w->bufs, done, n_done);
	return f->n;
}

static unsigned tcp4_output_run(struct worker *w, struct node *node, struct frame *f)
{
	node_send_all(w, node, f, NEXT_LOOKUP);
	return f->n;
}

const struct node_type tcp4_input_node = {
	.name = "tcp4-input",
	.run = tcp4_input_run,
	.reasons = tcp_in_reasons,
	.n_reasons = TCP_IN_N_REASONS,
};

const struct node_type tcp4_output_node = {
	.name = "tcp4-output",
	.run = tcp4_output_run,
	.next_names = out_next_names,
	.n_next = N_OUT_NEXT,
	.reasons = tcp_out_reasons,
	.n_reasons = TCP_OUT_N_REASONS,
};
