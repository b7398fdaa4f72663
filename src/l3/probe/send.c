/* send.c - echo requests, built on worker 0. */
#include <stdlib.h>

#include "base/err.h"
#include "l3/ip6/ip6.h"
#include "l3/probe/probe_private.h"
#include "wire/checksum.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"

enum { PIECE_BYTES = 1024 };

/* What main asks the worker to send. */
struct order {
	struct probe_options options;
	uint16_t id, seq;
	uint8_t ttl;
	uint32_t size;
};

/* The payload: the time, then a pattern. False without buffers. */
static bool put_payload(struct worker *w, struct buf *b, uint32_t size)
{
	uint8_t piece[PIECE_BYTES];
	uint64_t stamp = w->now_ns;
	uint32_t put = 0;

	while (put < size) {
		uint32_t n = size - put < PIECE_BYTES ? size - put : PIECE_BYTES;

		for (uint32_t i = 0; i < n; i++)
			piece[i] = (uint8_t)(put + i);
		if (put == 0 && n >= PROBE_STAMP_BYTES)
			memcpy(piece, &stamp, sizeof(stamp));
		if (buf_append_bytes(&w->bufs, b, piece, n) != 0)
			return false;
		put += n;
	}
	return true;
}

static void put_ip4(struct worker *w, struct buf *b, const struct order *o)
{
	struct icmp4_hdr *icmp = buf_l4(b);
	struct ip4_hdr *ip;

	*icmp = (struct icmp4_hdr){ .type = ICMP4_ECHO_REQUEST,
				    .rest = be32_of((uint32_t)o->id << 16 | o->seq) };
	icmp->checksum = checksum_field(ip4_l4_sum(b));
	ip = buf_push(b, IP4_HDR_LEN);
	*ip = (struct ip4_hdr){ .ver_ihl = IP4_VER_IHL,
				.len = be16_of((uint16_t)b->total_len),
				.id = ip4_next_id(w),
				.frag = be16_of(o->options.dont_fragment ? IP4_DF : 0),
				.ttl = o->ttl,
				.protocol = IP_ICMP4,
				.src = be32_of(ip6_mapped_ip4(&o->options.source)),
				.dst = be32_of(ip6_mapped_ip4(&o->options.dst)) };
	ip->checksum = checksum_field(checksum_ip4_header(ip));
	b->ip_proto = IP_ICMP4;
}

static void put_ip6(struct buf *b, const struct order *o)
{
	struct icmp6_hdr *icmp = buf_l4(b);
	struct ip6_hdr *ip;

	*icmp = (struct icmp6_hdr){ .type = ICMP6_ECHO_REQUEST,
				    .rest = be32_of((uint32_t)o->id << 16 | o->seq) };
	icmp->checksum = checksum_field(
		ip6_pseudo_sum(&o->options.source, &o->options.dst, IP_ICMP6, b->total_len) +
		ip6_l4_sum(b));
	ip = buf_push(b, IP6_HDR_LEN);
	*ip = (struct ip6_hdr){ .ver_class_flow = ip6_first_word(0, 0),
				.payload_len = be16_of((uint16_t)(b->total_len - IP6_HDR_LEN)),
				.next_header = IP_ICMP6,
				.hop_limit = o->ttl,
				.src = o->options.source,
				.dst = o->options.dst };
	b->ip_proto = IP_ICMP6;
}

static void carry_out(struct worker *w, void *arg)
{
	const struct order *o = arg;
	const struct probe_worker *pw = probe_worker_of(w);
	bool is_ip4 = ip6_is_mapped(&o->options.dst);
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *b;

	if (!idx)
		goto out;
	b = buf_at(w->bufs.pool->base, idx);
	b->l4_at = b->at;
	buf_append(b, ICMP4_HDR_LEN); /* ICMPv6's is as long */
	if (!put_payload(w, b, o->size)) {
		buf_free_one(&w->bufs, idx);
		goto out;
	}
	if (is_ip4)
		put_ip4(w, b, o);
	else
		put_ip6(b, o);
	b->l3_at = b->at;
	b->flags |= BUF_LOCAL;
	b->fib = o->options.vrf;
	b->tx_if = o->options.if_index;
	node_send_to(w, is_ip4 ? pw->lookup4 : pw->lookup6, idx);
out:
	free(arg);
}

static uint8_t usual_ttl(const struct probe *p)
{
	const struct probe_options *o = &p->options;

	if (ip6_is_mapped(&o->dst))
		return IP4_DEFAULT_TTL;
	return ip6_hop_limit_for(ip6_stack_of(p->all->engine), o->vrf, o->if_index, &o->dst);
}

int probe_send(struct probe *p, uint16_t seq, uint8_t ttl, uint32_t size)
{
	struct order *o = malloc(sizeof(*o));
	int err;

	invariant(size <= PROBE_SIZE_MAX);
	if (!o)
		return ERR_NOMEM;
	*o = (struct order){ p->options, p->id, seq, ttl ? ttl : usual_ttl(p), size };
	err = worker_call(p->all->engine->worker[0], carry_out, o);
	if (err != 0)
		free(o);
	return err;
}
