/*
 * vlan-input, vlan-tx: frames of a parent become those of its subinterfaces, and back.
 *
 *   a parent's [arc device-input]; ethernet-input (priority tags)
 *        │
 *        v                 a subinterface's, its tags off
 *   vlan-input ──┬──> [device-input arc of the subinterface] ──> its input_node
 *                ├──> the parent's own_node    no subinterface's: untagged, or the parent is l2's
 *                └──> drop
 *
 *   interface-output ──> [arc] ──> vlan-tx ──┬──> [interface-output arc of the parent] ──> its tx
 *                                            └──> drop
 * IEEE 802.1Q §6.9, §9.
 */
#include "engine/buf_vlan.h"
#include "l2/l2_trace.h"
#include "l2/vlan/vlan_private.h"
#include "l2/vlan/vlan_rewrite.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { SHORT, NO_VLAN, IN_DOWN, IN_HEADROOM, N_IN_REASONS };
static const struct reason in_reasons[] = {
	[SHORT] = { "short", "shorter than its tags" },
	[NO_VLAN] = { "no-vlan", "no subinterface has the frame's tags" },
	[IN_DOWN] = { "down", "the subinterface is down" },
	[IN_HEADROOM] = { "headroom", "no room for the tags to push" },
};
_Static_assert(count_of(in_reasons) == N_IN_REASONS, "every reason has a text");

enum { TAGS, PARENT_DOWN, OUT_HEADROOM, GONE, N_OUT_REASONS };
static const struct reason out_reasons[] = {
	[TAGS] = { "tags", "the frame has not the tags that the subinterface wants inside" },
	[PARENT_DOWN] = { "parent-down", "the parent interface is down or gone" },
	[OUT_HEADROOM] = { "headroom", "no room for the tags to push" },
	[GONE] = { "gone", "the subinterface is gone" },
};
_Static_assert(count_of(out_reasons) == N_OUT_REASONS, "every reason has a text");

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

/* The frame's addresses, tags and type, as far as the first buffer has them. */
static inline struct slice head_of(struct buf *b)
{
	return slice_of(buf_data(b), b->len);
}

/* Give new tags the priorities that the frame has, outer to outer and inner to inner. */
static void keep_priority(struct vlan_tag *on, unsigned n_on, const struct vlan_tags *was)
{
	for (unsigned i = 0; i < n_on && was->n > 0; i++) {
		uint16_t tci = was->tci[i < was->n ? i : was->n - 1u];

		on[i].tci = be16_of(vlan_id(host16(on[i].tci)) | (tci & VLAN_PRIORITY_MASK));
	}
}

/* Replace @n_off tags by @on's; false without headroom. */
static inline bool retag(struct buf *b, const struct vlan_tags *was, unsigned n_off,
			 const struct vlan_inside *on)
{
	struct vlan_tag tag[VLAN_TAGS_MAX];

	if (on->n == 0) {
		buf_swap_tags(b, n_off, NULL, 0);
		return true;
	}
	memcpy(tag, on->tag, sizeof(tag));
	if (unlikely(buf_headroom(b) < VLAN_TAGS_MAX * VLAN_TAG_LEN))
		return false;
	if (was->n > 0 && (was->tci[0] | was->tci[1]) & VLAN_PRIORITY_MASK)
		keep_priority(tag, on->n, was);
	buf_swap_tags(b, n_off, tag, on->n);
	return true;
}

static bool is_priority_tagged(const struct vlan_tags *t)
{
	return t->n == 1 && vlan_id(t->tci[0]) == VLAN_ID_PRIORITY;
}

/* The frame is no subinterface's. */
static no_inline uint16_t keep_for_parent(const struct interface *parent, struct buf *b,
					  const struct vlan_tags *t)
{
	bool is_l3 = parent && __atomic_load_n(&parent->l2_node, __ATOMIC_RELAXED) == NODE_NONE;

	if (!parent || (is_l3 && t->n > 0 && !is_priority_tagged(t)))
		return drop(b, NO_VLAN);
	if (is_l3 && t->n > 0)
		buf_swap_tags(b, t->n, NULL, 0);
	return next_node(__atomic_load_n(&parent->own_node, __ATOMIC_RELAXED));
}

/* What frames with certain tags of a certain parent belong to: runs of frames have them in common.
 */
struct run {
	uint32_t rx_if;
	struct vlan_rewrite rewrite; /* none fits: nobody's, or a subinterface that is down */
	const struct interface *sub; /* NULL: nobody's, or the parent's own */
	const struct vlan *vlan;
	uint16_t next; /* unless @sub has features enabled: then 0 */
	uint8_t n_off; /* tags to take off */
	uint32_t n_packets;
	uint64_t n_bytes; /* counted when the run ends */
};

static void end_run(struct worker *w, const struct run *r)
{
	struct if_counters *c;

	if (!r->sub)
		return;
	c = &w->if_counters[r->sub->index];
	c->rx_packets += r->n_packets;
	c->rx_bytes += r->n_bytes;
}

/* As many tags as the table looks at. */
static struct vlan_inside tags_compared(const struct vlan_tags *t)
{
	struct vlan_inside tags = { .n = t->n };

	for (unsigned i = 0; i < t->n; i++)
		tags.tag[i] = (struct vlan_tag){ be16_of(i ? ETHERNET_VLAN : t->tpid),
						 be16_of(vlan_id(t->tci[i])) };
	return tags;
}

static const struct vlan_inside no_tags;

/* Frames without tags, of which no subinterface takes any, are the parent's. */
static void begin_own_run(const struct worker *w, struct run *r)
{
	const struct interface *parent = interface_get_or_null(w->engine, r->rx_if);

	if (!parent)
		return;
	r->next = next_node(__atomic_load_n(&parent->own_node, __ATOMIC_RELAXED));
	r->rewrite = vlan_rewrite_of(&no_tags, 0, &no_tags);
}

static void begin_run(const struct worker *w, const struct vlans *v, struct run *r, uint32_t rx_if,
		      const struct vlan_tags *t)
{
	const struct vlan_table *table = rcu_load(v->table[rx_if]);
	uint32_t if_index = table ? vlan_table_find(table, t) : 0;
	const struct vlan_inside was = tags_compared(t);

	*r = (struct run){ .rx_if = rx_if, .rewrite = vlan_rewrite_none() };
	if (if_index)
		r->sub = interface_get_or_null(w->engine, if_index);
	if (!r->sub && t->n == 0)
		begin_own_run(w, r);
	if (!r->sub)
		return;
	r->vlan = r->sub->device;
	r->n_off = r->vlan->match.kind == VLAN_UNTAGGED ? t->n : r->vlan->outside.n;
	if (!__atomic_load_n(&r->sub->up, __ATOMIC_RELAXED))
		return;
	r->rewrite = vlan_rewrite_of(&was, r->n_off, &r->vlan->inside);
	if (!feature_any(w, ARC_DEVICE_INPUT, if_index))
		r->next = next_node(__atomic_load_n(&r->sub->input_node, __ATOMIC_RELAXED));
}

static uint16_t drop_down(struct worker *w, const struct run *r, struct buf *b)
{
	w->if_counters[r->sub->index].rx_drops++;
	return drop(b, IN_DOWN);
}

/* Counted as it came. */
static inline void count_in(struct run *r, const struct buf *b)
{
	r->n_packets++;
	r->n_bytes += b->total_len;
}

/* The frame is the subinterface's, its tags are those inside. */
static inline uint16_t enter(const struct worker *w, const struct run *r, struct buf *b)
{
	b->rx_if = r->sub->index;
	return likely(r->next) ? r->next : feature_from(w, b, ARC_DEVICE_INPUT, 0);
}

/* A frame that does not fit the rewrite of its own run. */
static no_inline uint16_t classify_odd(struct worker *w, struct run *r, struct buf *b,
				       const struct vlan_tags *tags)
{
	if (!r->sub)
		return keep_for_parent(interface_get_or_null(w->engine, b->rx_if), b, tags);
	if (!__atomic_load_n(&r->sub->up, __ATOMIC_RELAXED))
		return drop_down(w, r, b);
	count_in(r, b);
	if (!retag(b, tags, r->n_off, &r->vlan->inside))
		return drop(b, IN_HEADROOM);
	return enter(w, r, b);
}

enum { FITS = 0xffff };

/* The run of a frame that does not fit the last one's. Returns FITS, or where the frame goes. */
static no_inline uint16_t change_run(struct worker *w, const struct vlans *v, struct run *r,
				     struct buf *b)
{
	struct vlan_tags tags;

	if (vlan_parse(head_of(b), &tags) != 0)
		return drop(b, SHORT);
	end_run(w, r);
	begin_run(w, v, r, b->rx_if, &tags);
	return vlan_rewrite_fits(&r->rewrite, b, vlan_rewrite_word(b))
		       ? (uint16_t)FITS
		       : classify_odd(w, r, b, &tags);
}

static inline uint16_t classify(struct worker *w, const struct vlans *v, struct run *r,
				struct buf *b)
{
	uint64_t word = vlan_rewrite_word(b);

	if (unlikely(b->rx_if != r->rx_if || !vlan_rewrite_fits(&r->rewrite, b, word))) {
		uint16_t next = change_run(w, v, r, b);

		if (next != FITS)
			return next;
	}
	if (!r->sub)
		return r->next;
	count_in(r, b);
	vlan_rewrite(&r->rewrite, b, word);
	return enter(w, r, b);
}

static unsigned run_input(struct worker *w, struct node *node, struct frame *f)
{
	const struct vlans *v = vlans_of(w->engine);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct run r = { .rewrite = vlan_rewrite_none() };

	if (unlikely(!v)) { /* an engine without vlan_init() */
		node_drop_all(w, node, f, NO_VLAN);
		return f->n;
	}
	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		buf_prefetch_data(b[i + 4]);
		next[i] = classify(w, v, &r, b[i]);
	}
	end_run(w, &r);
	node_send(w, node, f, next);
	return f->n;
}

/* True if the frame begins with the tags that it must have inside. */
static inline bool has_inside_tags(const struct vlan_inside *inside, const struct vlan_tags *t)
{
	if (t->n < inside->n)
		return false;
	for (unsigned i = 0; i < inside->n; i++)
		if (vlan_id(t->tci[i]) != host16(inside->tag[i].tci))
			return false;
	return inside->n == 0 || t->tpid == host16(inside->tag[0].tpid);
}

/* Where the frames of one subinterface go. */
struct tx_run {
	uint32_t tx_if;
	struct vlan_rewrite rewrite;	/* none fits: one of the next two is NULL */
	const struct vlan *vlan;	/* NULL: it is gone */
	const struct interface *parent; /* NULL: it is down or gone */
	uint16_t next;			/* of the parent, unless it has features enabled: then 0 */
	uint32_t n_packets;
	uint64_t n_bytes; /* counted when the run ends */
};

static no_inline struct tx_run begin_tx_run(const struct worker *w, uint32_t tx_if)
{
	const struct interface *sub = interface_get_or_null(w->engine, tx_if);
	struct tx_run r = { .tx_if = tx_if, .rewrite = vlan_rewrite_none() };

	if (!sub)
		return r;
	r.vlan = sub->device;
	r.parent = interface_get_or_null(w->engine, r.vlan->parent);
	if (r.parent && !__atomic_load_n(&r.parent->up, __ATOMIC_RELAXED))
		r.parent = NULL;
	if (!r.parent)
		return r;
	r.rewrite = vlan_rewrite_of(&r.vlan->inside, r.vlan->inside.n, &r.vlan->outside);
	if (!feature_any(w, ARC_INTERFACE_OUTPUT, r.parent->index))
		r.next = next_node(r.parent->tx_node);
	return r;
}

static uint16_t drop_tx(struct worker *w, struct buf *b, uint16_t reason)
{
	interface_count_tx(w, b->tx_if, 0, 0, 1);
	return drop(b, reason);
}

/* The frame has the tags of the wire. */
static inline uint16_t leave(const struct worker *w, struct tx_run *r, struct buf *b)
{
	r->n_packets++;
	r->n_bytes += b->total_len;
	b->tx_if = r->parent->index;
	return likely(r->next) ? r->next : feature_from(w, b, ARC_INTERFACE_OUTPUT, 0);
}

/* A frame that does not fit: it has more tags than those inside, or may not leave. */
static no_inline uint16_t send_odd(struct worker *w, struct tx_run *r, struct buf *b)
{
	struct vlan_tags tags;

	if (!r->vlan)
		return drop(b, GONE);
	if (!r->parent)
		return drop_tx(w, b, PARENT_DOWN);
	if (vlan_parse(head_of(b), &tags) != 0 || !has_inside_tags(&r->vlan->inside, &tags))
		return drop_tx(w, b, TAGS);
	if (!retag(b, &tags, r->vlan->inside.n, &r->vlan->outside))
		return drop_tx(w, b, OUT_HEADROOM);
	return leave(w, r, b);
}

static inline uint16_t send_to_parent(struct worker *w, struct tx_run *r, struct buf *b)
{
	uint64_t word = vlan_rewrite_word(b);

	if (unlikely(!vlan_rewrite_fits(&r->rewrite, b, word)))
		return send_odd(w, r, b);
	vlan_rewrite(&r->rewrite, b, word);
	return leave(w, r, b);
}

static unsigned run_tx(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct tx_run r = { .rewrite = vlan_rewrite_none() };

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		buf_prefetch_data(b[i + 4]);
		if (unlikely(b[i]->tx_if != r.tx_if)) {
			interface_count_tx(w, r.tx_if, r.n_packets, r.n_bytes, 0);
			r = begin_tx_run(w, b[i]->tx_if);
		}
		next[i] = send_to_parent(w, &r, b[i]);
	}
	interface_count_tx(w, r.tx_if, r.n_packets, r.n_bytes, 0);
	node_send(w, node, f, next);
	return f->n;
}

static void trace_tags(struct writer *out, const struct trace_hop *hop, struct vlan_tags *tags)
{
	*tags = (struct vlan_tags){ 0 };
	if (vlan_parse(slice_of(hop->bytes, hop->n_bytes), tags) != 0)
		return;
	put_text(out, tags->n ? ", " : ", untagged");
	vlan_print(out, tags);
}

/* "lan, vlan 100 prio 3: v100, pop 1 push none", as the subinterfaces are now */
static void trace_input(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	uint32_t rx_if = trace_buf(hop)->rx_if;
	const struct vlan_table *table = vlans_of(e) ? rcu_load(vlans_of(e)->table[rx_if]) : NULL;
	const struct interface *sub = NULL;
	const struct vlan *vlan;
	struct vlan_tags tags;

	l2_trace_interface(out, e, rx_if);
	trace_tags(out, hop, &tags);
	if (table)
		sub = interface_get_or_null(e, vlan_table_find(table, &tags));
	if (!sub) {
		put_text(out, ": no subinterface's");
		return;
	}
	vlan = sub->device;
	put_format(out, ": %s, pop %u push ", sub->name,
		   vlan->match.kind == VLAN_UNTAGGED ? tags.n : vlan->outside.n);
	vlan_print_inside(out, &vlan->inside);
}

/* "v100, untagged: lan, pop 0 push 100" */
static void trace_tx(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	const struct interface *sub = interface_get_or_null(e, trace_buf(hop)->tx_if);
	const struct vlan *vlan = sub ? vlan_of_or_null(sub) : NULL;
	struct vlan_tags tags;

	l2_trace_interface(out, e, trace_buf(hop)->tx_if);
	trace_tags(out, hop, &tags);
	if (!vlan)
		return;
	put_text(out, ": ");
	l2_trace_interface(out, e, vlan->parent);
	put_format(out, ", pop %u push ", vlan->inside.n);
	vlan_print_inside(out, &vlan->outside);
}

const struct node_type vlan_input_node = {
	.name = "vlan-input",
	.run = run_input,
	.trace_print = trace_input,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = in_reasons,
	.n_reasons = N_IN_REASONS,
};

const struct node_type vlan_tx_node = {
	.name = "vlan-tx",
	.run = run_tx,
	.trace_print = trace_tx,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = out_reasons,
	.n_reasons = N_OUT_REASONS,
};
