/*
 * bridge-flood: a frame for everybody, or for nobody known: a copy to every port but the sender's.
 *
 *   bridge-input, bridge-answer ──> bridge-flood ──┬──> [arcs l2-output, …] ──> transmit, of each
 *                                                  ├──> the BVI's input_node
 *                                                  └──> drop
 *
 * Not to ports of the sender's split-horizon group. The last one gets the frame itself. A frame for
 * one station is not for the BVI, whose address is always known.
 */
#include "l2/bridge/bridge_private.h"
#include "l2/l2_output.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { NO_BRIDGE, UNKNOWN, BROADCAST, MULTICAST, NOWHERE, NO_BUFFERS, TOO_BIG, COPIED, N_REASONS };
static const struct reason reasons[] = {
	[NO_BRIDGE] = { "no-bridge", "the port is in no bridge any more" },
	[UNKNOWN] = { "unknown", "unknown destination, which this bridge does not flood" },
	[BROADCAST] = { "broadcast", "broadcast, which this bridge does not flood" },
	[MULTICAST] = { "multicast", "multicast, which this bridge does not flood" },
	[NOWHERE] = { "nowhere", "no other port is up and may hear it" },
	[NO_BUFFERS] = { "no-buffers", "the buffer pool is empty: a port gets no copy" },
	[TOO_BIG] = { "too-big", "longer than the MTU of a port, which gets no copy" },
	[COPIED] = { "copies", "copies made (no drop)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

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

static void put_port(struct outbox *o, struct buf *b, const struct interface *out, bool is_bvi)
{
	put(o, b->self, is_bvi ? bridge_deliver(o->w, b, out) : l2_output(o->w, b, out));
}

static void put_copy(struct outbox *o, const struct buf *b, const struct interface *out,
		     bool is_bvi)
{
	uint32_t idx = buf_clone_or_zero(&o->w->bufs, b);

	if (idx == 0) {
		node_count(o->node, NO_BUFFERS, 1);
		return;
	}
	node_count(o->node, COPIED, 1);
	put_port(o, buf_at(o->w->bufs.pool->base, idx), out, is_bvi);
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

static void flood(struct outbox *o, struct buf *b, const struct bridge_port *from, bool is_group)
{
	struct bridge_counters *c = bridge_counters_of(o->w, from->bridge);
	const struct flood_list *list = rcu_load(from->bridge->to);
	const struct interface *last = NULL;
	bool last_is_bvi = false;

	for (uint32_t n = 0; n < list->n; n++) {
		const struct interface *i = listener_or_null(o, b, from, &list->port[n], is_group);

		if (!i)
			continue;
		if (last)
			put_copy(o, b, last, last_is_bvi);
		c->copied += last != NULL;
		last = i;
		last_is_bvi = list->port[n].is_bvi;
	}
	if (!last) {
		put_drop(o, b, NOWHERE);
		return;
	}
	c->flooded++;
	put_port(o, b, last, last_is_bvi);
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
		flood(o, b, from, mac_is_group(&eth->dst));
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

const struct node_type bridge_flood_node = {
	.name = "bridge-flood",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
