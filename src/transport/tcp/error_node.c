/* error_node.c - tcp4-error: ICMP errors that quote a segment of ours find its connection. */
#include "engine/handoff.h"
#include "transport/tcp/icmp.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

static const struct reason reasons[TCP_ERROR_N_REASONS] = {
	[TCP_ERROR_QUOTE] = { "quote", "too little of the segment is quoted" },
	[TCP_ERROR_TYPE] = { "type", "says nothing that matters to TCP" },
	[TCP_ERROR_STRANGER] = { "stranger", "quotes no connection that we have" },
	[TCP_ERROR_SEQUENCE] = { "sequence", "quotes a sequence number that is not in flight" },
	[TCP_ERROR_SIZE] = { "size", "claims an MTU that changes nothing or cannot be" },
	[TCP_ERROR_REFUSED] = { "refused", "opens that failed by it (not dropped)" },
	[TCP_ERROR_REMEMBERED] = { "remembered",
				   "remembered as the cause of a timeout (not dropped)" },
	[TCP_ERROR_TOO_BIG] = { "too-big", "made segments smaller (not dropped)" },
};

/* Whose segment is quoted: l3_at is its IP header, l4_at its TCP header, 8 bytes are there. */
static bool read_quote(const struct buf *b, struct tcp_key *key, struct tcp_trouble_report *r)
{
	const struct ip4_hdr *ip = (const void *)(b->room + b->l3_at);
	const struct tcp_hdr *h = (const void *)(b->room + b->l4_at);

	if (b->l4_at + 8 > b->at + b->len)
		return false;
	*key = tcp_key_of_ip4(ip->src, h->sport, ip->dst, h->dport, b->fib);
	r->seq = host32(h->seq);
	r->quoted = host16(ip->len);
	r->trouble =
		tcp_icmp4_trouble((uint8_t)(b->icmp_error >> 24), (uint8_t)(b->icmp_error >> 16));
	r->mtu_bytes = b->icmp_error & 0xffff;
	r->is_own = b->flags & BUF_LOCAL;
	return true;
}

/* Returns true if the packet went to another worker. */
static bool take(struct tcp_worker *tw, struct node *node, struct buf *b)
{
	struct tcp_trouble_report report;
	struct tcp_key key;
	uint32_t hash, owner;
	tcp_ref ref;

	if (!read_quote(b, &key, &report)) {
		node_count(node, TCP_ERROR_QUOTE, 1);
		return false;
	}
	if (report.trouble == TCP_TROUBLE_NONE) {
		node_count(node, TCP_ERROR_TYPE, 1);
		return false;
	}
	hash = tcp_key_hash(&tw->tcp->key_secret, &key);
	owner = tcp_owner(tw->tcp, hash);
	if (owner != tw->worker->index) {
		handoff_send(tw->worker, owner, node->id, b->self);
		return true;
	}
	ref = tcp_lookup(tw, &key, hash);
	if (tcp_ref_kind(ref) != TCP_KIND_CONN) /* a peer that is half-open asks again */
		node_count(node, TCP_ERROR_STRANGER, 1);
	else
		node_count(node,
			   (uint16_t)tcp_icmp_report(tcp_conn_at(tw, tcp_ref_index(ref)), &report),
			   1);
	return false;
}

static unsigned tcp4_error_run(struct worker *w, struct node *node, struct frame *f)
{
	struct tcp_worker *tw = tcp_worker_of(w);
	uint32_t done[FRAME_MAX];
	unsigned n_done = 0;

	for (unsigned i = 0; i < f->n; i++)
		if (!take(tw, node, buf_at(f->base, f->idx[i])))
			done[n_done++] = f->idx[i];
	buf_free(&w->bufs, done, n_done);
	return f->n;
}

const struct node_type tcp4_error_node = {
	.name = "tcp4-error",
	.run = tcp4_error_run,
	.reasons = reasons,
	.n_reasons = TCP_ERROR_N_REASONS,
};
