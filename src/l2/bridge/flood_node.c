/*
 * bridge-flood: a frame for everybody, or for nobody known: a copy to every port but the sender's.
 *
 *   bridge-input, bridge-answer ──> bridge-flood ──┬──> [arcs l2-output, …] ──> transmit, of each
 *                                                  ├──> the BVI's input_node
 *                                                  └──> drop
 *
 * Not to ports of the sender's split-horizon group. The last one gets the frame itself. A frame for
 * one station is not for the BVI, whose address is always known.
 *
 * Copies of long frames share all but the head (engine/buf.h), which has room for what ports put
 * before and change: tags, checksums. BVIs and drivers that need bytes of their own get them.
 */
#include "l2/bridge/bridge_private.h"
#include "l2/l2_output.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum {
	NO_BRIDGE,
	UNKNOWN,
	BROADCAST,
	MULTICAST,
	NOWHERE,
	NO_BUFFERS,
	TOO_BIG,
	COPIED,
	SHARED,
	N_REASONS
};
static const struct reason reasons[] = {
	[NO_BRIDGE] = { "no-bridge", "the port is in no bridge any more" },
	[UNKNOWN] = { "unknown", "unknown destination, which this bridge does not flood" },
	[BROADCAST] = { "broadcast", "broadcast, which this bridge does not flood" },
	[MULTICAST] = { "multicast", "multicast, which this bridge does not flood" },
	[NOWHERE] = { "nowhere", "no other port is up and may hear it" },
	[NO_BUFFERS] = { "no-buffers", "the buffer pool is empty: a port gets no copy" },
	[TOO_BIG] = { "too-big", "longer than the MTU of a port, which gets no copy" },
	[COPIED] = { "copies", "copies made (not dropped)" },
	[SHARED] = { "shared", "copies of the head only (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum {
	TARGETS = 64,	   /* ports dealt with at once */
	SHARED_HEAD = 128, /* bytes of a frame that each port has for itself */
	SHARED_MIN = 512,  /* frames shorter are copied in less time than they are shared */
	SHARED_COPIES = 2,
	TCP_HDR_MAX = 60,
};

/* A port that is to hear a frame. */
struct target {
	const struct interface *out;
	bool is_bvi;
	bool takes_shared;
};

/* Frames on their way out, in order; sent when full and at the end. */
struct outbox {
	struct worker *w;
	struct node *node;
	struct frame f;
	uint16_t next[FRAME_MAX];
};

static void flush(struct outbox *o)
{
	node_send(o->w, o->node, &o->f, o->next);
	o->f.n = 0;
}

static void put(struct outbox *o, uint32_t idx, uint16_t next)
{
	o->f.idx[o->f.n] = idx;
	o->next[o->f.n++] = next;
	if (o->f.n == FRAME_MAX)
		flush(o);
}

static void put_drop(struct outbox *o, struct buf *b, uint16_t reason)
{
	b->reason = reason;
	put(o, b->self, NEXT_DROP);
}

static void put_port(struct outbox *o, struct buf *b, const struct target *t)
{
	put(o, b->self, t->is_bvi ? bridge_deliver(o->w, b, t->out) : l2_output(o->w, b, t->out));
}

static void put_copy(struct outbox *o, const struct buf *b, const struct target *t, bool shared)
{
	uint32_t idx;

	shared &= t->takes_shared;
	idx = shared ? buf_clone_head_or_zero(&o->w->bufs, b) : buf_clone_or_zero(&o->w->bufs, b);
	if (idx == 0) {
		node_count(o->node, NO_BUFFERS, 1);
		return;
	}
	node_count(o->node, shared ? SHARED : COPIED, 1);
	put_port(o, buf_at(o->w->bufs.pool->base, idx), t);
}

/* What a port may still change stands in the head: that is all up to the end of TCP's header. */
static bool can_share(const struct buf *b)
{
	if (b->total_len < SHARED_MIN || b->len <= SHARED_HEAD)
		return false;
	return (b->gso_type == GSO_NONE && !(b->flags & BUF_NEED_L4_CSUM)) ||
	       b->l4_at + TCP_HDR_MAX <= b->at + SHARED_HEAD;
}

/* The frame as chain with a shared tail, or as it is. */
static struct buf *share(struct outbox *o, struct buf *b)
{
	uint32_t idx = buf_share_or_zero(&o->w->bufs, b, SHARED_HEAD);

	return idx ? buf_at(o->w->bufs.pool->base, idx) : b;
}

/* The last of all gets the frame itself, in bytes of its own if it needs them. */
static void put_last(struct outbox *o, struct buf *b, const struct target *t, bool shared)
{
	if (shared && !t->takes_shared && buf_unshare(&o->w->bufs, b) != 0)
		put_drop(o, b, NO_BUFFERS);
	else
		put_port(o, b, t);
}

/* The interface of @to if it is to hear @b; NULL if not. */
static const struct interface *listener_or_null(struct outbox *o, struct buf *b,
						const struct bridge_port *from,
						const struct flood_port *to, bool is_group)
{
	uint32_t if_index = __atomic_load_n(&to->if_index, __ATOMIC_RELAXED);
	uint16_t group = __atomic_load_n(&from->split_horizon, __ATOMIC_RELAXED);
	const struct interface *i;

	if (if_index == 0 || if_index == b->rx_if || (group && group == to->split_horizon) ||
	    (to->is_bvi && !is_group))
		return NULL;
	i = interface_get_or_null(o->w->engine, if_index);
	if (!i || !__atomic_load_n(&i->up, __ATOMIC_RELAXED))
		return NULL;
	if (to->is_bvi || l2_fits(i, b))
		return i;
	node_count(o->node, TOO_BIG, 1);
	return NULL;
}

/* The next ports that are to hear @b, from *@at in the list on. Returns how many. */
static unsigned gather(struct outbox *o, struct buf *b, const struct bridge_port *from,
		       const struct flood_list *list, uint32_t *at, struct target *t)
{
	bool is_group = mac_is_group((const struct mac *)buf_data(b));
	unsigned n = 0;

	for (; *at < list->n && n < TARGETS; ++*at) {
		const struct flood_port *to = &list->port[*at];
		const struct interface *i = listener_or_null(o, b, from, to, is_group);

		if (i)
			t[n++] = (struct target){ i, to->is_bvi,
						  !to->is_bvi && interface_takes_shared(i) };
	}
	return n;
}

static void flood(struct outbox *o, struct buf *b, const struct bridge_port *from)
{
	struct bridge_counters *c = bridge_counters_of(o->w, from->bridge);
	const struct flood_list *list = rcu_load(from->bridge->to);
	struct target t[TARGETS + 1];
	uint32_t at = 0;
	unsigned n = gather(o, b, from, list, &at, t);
	uint32_t n_all = n;
	bool shared = false;

	if (n == 0) {
		put_drop(o, b, NOWHERE);
		return;
	}
	if (n > SHARED_COPIES && can_share(b)) {
		uint32_t before = b->self;

		b = share(o, b);
		shared = b->self != before;
	}
	c->flooded++;
	for (;;) {
		unsigned n_more;

		for (unsigned i = 0; i + 1 < n; i++)
			put_copy(o, b, &t[i], shared);
		c->copied += n - 1;
		t[0] = t[n - 1];
		n_more = gather(o, b, from, list, &at, &t[1]);
		if (n_more == 0)
			break;
		n_all += n_more;
		n = n_more + 1;
	}
	if (unlikely(b->trace))
		b->note = n_all;
	put_last(o, b, &t[0], shared);
}

/* The reason not to flood, or N_REASONS. */
static uint16_t refusal(uint32_t flags, const struct mac *dst)
{
	if (!mac_is_group(dst))
		return flags & BRIDGE_DROP_UNKNOWN ? UNKNOWN : N_REASONS;
	if (mac_equal(dst, &mac_broadcast))
		return flags & BRIDGE_DROP_BROADCAST ? BROADCAST : N_REASONS;
	return flags & BRIDGE_DROP_MULTICAST ? MULTICAST : N_REASONS;
}

static void handle(struct outbox *o, const struct bridges *all, struct buf *b)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(b);
	const struct bridge_port *from = rcu_load(all->port[b->rx_if]);
	uint16_t reason = NO_BRIDGE;

	if (from)
		reason =
			refusal(__atomic_load_n(&from->bridge->flags, __ATOMIC_RELAXED), &eth->dst);
	if (reason != N_REASONS)
		put_drop(o, b, reason);
	else
		flood(o, b, from);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	const struct bridges *all = bridges_of(w->engine);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct outbox o;

	o.w = w;
	o.node = node;
	o.f.n = 0;
	o.f.base = f->base;
	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		buf_prefetch_data(b[i + 4]);
		handle(&o, all, b[i]);
	}
	flush(&o);
	return f->n;
}

/* "…, to 3 ports"; the last of them has the traced frame */
static void trace(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	bridge_trace(out, e, hop);
	if (hop->note)
		put_format(out, ", to %u port%s", hop->note, hop->note > 1 ? "s" : "");
}

const struct node_type bridge_flood_node = {
	.name = "bridge-flood",
	.run = run,
	.trace_print = trace,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
