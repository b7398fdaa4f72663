/*
 * mac-filter: a frame whose addresses the interface's list refuses goes no further.
 *
 *   … ──> mac-filter ──┬──> the rest of the arc device-input
 *                      └──> drop
 */
#include "l2/l2_trace.h"
#include "l2/mac_filter/mac_filter_private.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum { SOURCE, DESTINATION, SHORT, N_REASONS };
static const struct reason reasons[] = {
	[SOURCE] = { "source", "the list of the interface refuses the source" },
	[DESTINATION] = { "destination", "the list of the interface refuses the destination" },
	[SHORT] = { "short", "shorter than an Ethernet header" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static no_inline uint16_t drop(struct worker *w, struct buf *b, uint16_t reason)
{
	struct mac_filter_counters *c = &mac_filters_of(w->engine)->counters[w->index][b->rx_if];

	if (reason != SHORT)
		c->dropped[reason == SOURCE ? MAC_FILTER_SOURCE : MAC_FILTER_DESTINATION]++;
	w->if_counters[b->rx_if].rx_drops++;
	b->reason = reason;
	return NEXT_DROP;
}

static inline uint16_t filter(struct worker *w, const struct mac_filter_table *t, struct buf *b)
{
	const struct ethernet_hdr *eth = (const struct ethernet_hdr *)(const void *)buf_data(b);

	if (unlikely(b->len < ETHERNET_HDR_LEN))
		return drop(w, b, SHORT);
	if (t && !mac_filter_passes(t, &eth->src, MAC_FILTER_SOURCE))
		return drop(w, b, SOURCE);
	if (t && !mac_filter_passes(t, &eth->dst, MAC_FILTER_DESTINATION))
		return drop(w, b, DESTINATION);
	return feature_next(w, b);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	const struct mac_filters *all = mac_filters_of(w->engine);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + 8]);
		buf_prefetch_data(b[i + 4]);
		next[i] = filter(w, rcu_load(all->table[b[i]->rx_if]), b[i]);
	}
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type mac_filter_node = {
	.name = "mac-filter",
	.run = run,
	.trace_print = l2_trace_received,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
