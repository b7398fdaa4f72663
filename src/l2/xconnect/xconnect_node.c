/*
 * xconnect: a frame of one port leaves by the other.
 *
 *   device-input, [arc l2-input] ──> xconnect ──┬──> [arcs l2-output, interface-output] ──>
 * transmit └──> drop
 *
 * Frames come in runs from one port, so what a port leads to is looked up once for a run, and of a
 * plain frame only the buffer's first line is touched.
 */
#include "l2/l2_output.h"
#include "l2/l2_trace.h"
#include "l2/xconnect/xconnect_private.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { NO_PEER, DOWN, SHORT, TOO_BIG, N_REASONS };
static const struct reason reasons[] = {
	[NO_PEER] = { "no-peer", "the port is not joined to another any more" },
	[DOWN] = { "down", "the other port is down" },
	[SHORT] = { "short", "shorter than an Ethernet header" },
	[TOO_BIG] = { "too-big", "longer than the MTU of the other port" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/* Where the frames of one port go. */
struct run {
	uint32_t rx_if;
	uint32_t tx_if;
	uint32_t plain_len; /* frames up to this length go to @next; 0: none do */
	uint16_t next;
	const struct interface *out; /* NULL: nowhere */
};

static no_inline struct run begin_run(const struct worker *w, const struct xconnects *x,
				      uint32_t rx_if)
{
	struct run r = { .rx_if = rx_if };

	r.tx_if = __atomic_load_n(&x->peer[rx_if], __ATOMIC_RELAXED);
	r.out = r.tx_if ? interface_get_or_null(w->engine, r.tx_if) : NULL;
	if (r.out && __atomic_load_n(&r.out->up, __ATOMIC_RELAXED) && l2_is_plain(w, r.out)) {
		r.plain_len = r.out->mtu_bytes + ETHERNET_HDR_LEN;
		r.next = next_node(r.out->tx_node);
	}
	return r;
}

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static no_inline uint16_t pass_odd(const struct worker *w, const struct run *r, struct buf *b)
{
	if (!r->out)
		return drop(b, NO_PEER);
	if (!__atomic_load_n(&r->out->up, __ATOMIC_RELAXED))
		return drop(b, DOWN);
	if (b->len < ETHERNET_HDR_LEN)
		return drop(b, SHORT);
	if (!l2_fits(r->out, b))
		return drop(b, TOO_BIG);
	return l2_output(w, b, r->out);
}

static inline uint16_t pass(const struct worker *w, const struct run *r, struct buf *b)
{
	if (unlikely((b->total_len > r->plain_len) | (b->len < ETHERNET_HDR_LEN) |
		     (b->gso_type != GSO_NONE)))
		return pass_odd(w, r, b);
	b->tx_if = r->tx_if;
	return r->next;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	const struct xconnects *x = xconnects_of(w->engine);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct run r = { 0 };

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		if (unlikely(b[i]->rx_if != r.rx_if))
			r = begin_run(w, x, b[i]->rx_if);
		next[i] = pass(w, &r, b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

/* "lan to wan, 02:… > 02:…" */
static void trace(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	uint32_t rx_if = trace_buf(hop)->rx_if;

	l2_trace_interface(out, e, rx_if);
	put_text(out, " to ");
	l2_trace_interface(out, e,
			   __atomic_load_n(&xconnects_of(e)->peer[rx_if], __ATOMIC_RELAXED));
	l2_trace_macs(out, hop);
}

const struct node_type xconnect_node = {
	.name = "xconnect",
	.run = run,
	.trace_print = trace,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
