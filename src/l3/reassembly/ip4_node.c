/*
 * ip4-reassembly: fragments for us wait here until their datagram is whole.
 *
 *   ip4-local ──> ip4-reassembly ──┬──> ip4-local        the whole datagram
 *                                  ├──> ip4-reassembly   of another worker
 *                                  ├──> icmp4-error      time is up, and the first piece is there
 *                                  └──> drop             see reasons[]
 * RFC 791 §3.2, RFC 1122 §3.3.2.
 */
#include "l3/icmp/icmp.h"
#include "l3/ip4/ip4.h"
#include "l3/reassembly/reassembly.h"
#include "wire/checksum.h"

enum { NEXT_DROP, NEXT_LOCAL };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_LOCAL] = "ip4-local" };

static const struct reason reasons[] = {
	[REASSEMBLY_DUPLICATE] = { "duplicate", "the same fragment came before" },
	[REASSEMBLY_OVERLAP] = { "overlap", "fragments overlap: the whole datagram goes" },
	[REASSEMBLY_BAD] = { "bad", "empty, not a multiple of 8 bytes, or past 65535" },
	[REASSEMBLY_TOO_MANY] = { "too-many", "the datagram has more than 64 fragments" },
	[REASSEMBLY_TIMEOUT] = { "timeout", "the rest did not come within 30 seconds" },
	[REASSEMBLY_EVICTED] = { "evicted", "made room for a newer datagram" },
	[REASSEMBLY_REASSEMBLED] = { "reassembled", "datagrams put together (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASSEMBLY_REASONS, "every reason has a text");

static void condemn(struct buf *first)
{
	icmp4_condemn(first, ICMP4_TIME_EXCEEDED, ICMP4_REASSEMBLY_TIME_EXCEEDED, 0);
}

static bool finish(struct buf *whole)
{
	struct ip4_hdr *ip = buf_l3(whole);

	ip->len = be16_of((uint16_t)whole->total_len);
	ip->frag = be16_of(0);
	ip->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_sum(ip, ip4_hdr_len(ip)));
	return whole->total_len <= IP4_MAX_LEN;
}

const struct reassembly_family reassembly_ip4 = {
	.node_name = "ip4-reassembly",
	.error_name = "icmp4-error",
	.timeout_ns = REASSEMBLY4_NS,
	.condemn = condemn,
	.finish = finish,
};

/* RFC 791 §2.3. */
static struct reassembly_key key_of(const struct buf *b, const struct ip4_hdr *ip)
{
	struct reassembly_key k = { .id = host16(ip->id), .fib = b->fib, .protocol = ip->protocol };

	memcpy(k.src, ip->src.b, sizeof(ip->src.b));
	memcpy(k.dst, ip->dst.b, sizeof(ip->dst.b));
	return k;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct reassembly_table *t = reassembly_of(w)->ip4;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct ip4_hdr *ip = buf_l3(b[i]);
		struct reassembly_key key = key_of(b[i], ip);
		struct reassembly_piece piece = { .b = b[i],
						  .offset = ip4_fragment_offset(ip),
						  .header_len = ip4_hdr_len(ip),
						  .more = host16(ip->frag) & IP4_MF };

		b[i]->l4_at = (uint16_t)(b[i]->l3_at + ip4_hdr_len(ip));
		reassembly_take(t, node, NEXT_LOCAL, &key, &piece);
	}
	return f->n;
}

const struct node_type ip4_reassembly_node = {
	.name = "ip4-reassembly",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASSEMBLY_REASONS,
};
