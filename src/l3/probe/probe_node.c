/*
 * probe-reply, probe-error: what comes back to our echo requests, on its way to main.
 *
 *   icmp4-input, icmp6-input ──┬──> probe-reply ──> drop   echo replies, looked at and told
 *                              └──> probe-error ──> drop   errors that quote an echo request
 */
#include "l3/ip6/ip6.h"
#include "l3/probe/probe_private.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip6_ext.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { NOBODY, BUSY, TAKEN, N_REASONS };
static const struct reason reasons[] = {
	[NOBODY] = { "nobody", "to no echo request of ours that somebody waits for" },
	[BUSY] = { "busy", "too many answers on the way to main" },
	[TAKEN] = { "taken", "answers that were told" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static bool is_ip6(const struct buf *b)
{
	return b->room[b->l3_at] >> 4 == 6;
}

static uint16_t tell(struct worker *w, uint16_t id, const struct probe_answer *a)
{
	if (!probe_is_open(probe_worker_of(w)->all, id))
		return NOBODY;
	return probe_tell(w, id, a) ? TAKEN : BUSY;
}

/* Identifier and sequence number are in the same place in both families. */
static uint16_t take_reply(struct worker *w, struct buf *b)
{
	const struct icmp4_hdr *icmp = buf_l4(b);
	struct probe_answer a = { .kind = PROBE_REPLY,
				  .seq = (uint16_t)host32(icmp->rest),
				  .received_ns = w->now_ns };

	a.len = b->total_len - (uint32_t)(b->l4_at - b->at) - ICMP4_HDR_LEN;
	if ((uint32_t)b->at + b->len - b->l4_at >= ICMP4_HDR_LEN + PROBE_STAMP_BYTES)
		memcpy(&a.sent_ns, icmp + 1, sizeof(a.sent_ns));
	if (is_ip6(b)) {
		const struct ip6_hdr *ip = buf_l3(b);

		a.from = ip->src;
		a.ttl = ip->hop_limit;
	} else {
		const struct ip4_hdr *ip = buf_l3(b);

		a.from = ip6_mapped(host32(ip->src));
		a.ttl = ip->ttl;
	}
	return tell(w, (uint16_t)(host32(icmp->rest) >> 16), &a);
}

static enum probe_kind kind4_of(uint8_t type, uint8_t code)
{
	if (type == ICMP4_UNREACHABLE)
		return code == ICMP4_FRAG_NEEDED ? PROBE_TOO_BIG : PROBE_UNREACHABLE;
	return type == ICMP4_TIME_EXCEEDED ? PROBE_EXPIRED : PROBE_ERROR;
}

static enum probe_kind kind6_of(uint8_t type)
{
	return type == ICMP6_UNREACHABLE     ? PROBE_UNREACHABLE
	       : type == ICMP6_TOO_BIG	     ? PROBE_TOO_BIG
	       : type == ICMP6_TIME_EXCEEDED ? PROBE_EXPIRED
					     : PROBE_ERROR;
}

/* The error's own IP header is at l2_at: icmp.h, icmp6.h. */
static uint16_t take_error(struct worker *w, struct buf *b)
{
	const struct icmp4_hdr *asked = buf_l4(b);
	uint8_t type = (uint8_t)(b->icmp_error >> 24);
	struct probe_answer a = { .code = (uint8_t)(b->icmp_error >> 16),
				  .seq = (uint16_t)host32(asked->rest),
				  .mtu_bytes = b->icmp_error & 0xffff,
				  .received_ns = w->now_ns };

	if (is_ip6(b)) {
		const struct ip6_hdr *ip = buf_l2(b);

		if (asked->type != ICMP6_ECHO_REQUEST)
			return NOBODY;
		a.kind = kind6_of(type);
		a.from = ip->src;
		a.ttl = ip->hop_limit;
	} else {
		const struct ip4_hdr *ip = buf_l2(b);

		if (asked->type != ICMP4_ECHO_REQUEST)
			return NOBODY;
		a.kind = kind4_of(type, a.code);
		a.from = ip6_mapped(host32(ip->src));
		a.ttl = ip->ttl;
	}
	return tell(w, (uint16_t)(host32(asked->rest) >> 16), &a);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f,
		    uint16_t (*take)(struct worker *w, struct buf *b))
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++)
		b[i]->reason = take(w, b[i]);
	node_send_all(w, node, f, NEXT_DROP);
	return f->n;
}

static unsigned reply_run(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, take_reply);
}

static unsigned error_run(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, take_error);
}

const struct node_type probe_reply_node = {
	.name = "probe-reply",
	.run = reply_run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type probe_error_node = {
	.name = "probe-error",
	.run = error_run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
