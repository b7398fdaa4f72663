/* trace.c - marking packets and noting their way. */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/shortcut.h"
#include "engine/trace.h"

/* What main remembers. The stores change hands by engine_on_each(): workers take the new one. */
struct trace_control {
	struct trace *store[WORKERS_MAX];
	struct trace *old[WORKERS_MAX];
	struct packet_filter *filter, *old_filter; /* of the stores */
	uint32_t generation;
	uint32_t n;
	uint16_t node;
	bool changing;
	void (*done)(void *arg); /* who waits for the end of the change; NULL: nobody */
	void *done_arg;
};

static struct trace_packet *packet_of_or_null(struct trace *t, const struct buf *b)
{
	uint32_t slot = (b->trace & 0xffff) - 1;

	if (b->trace == 0 || b->trace >> 16 != t->generation || slot >= t->n_packets)
		return NULL;
	return &t->packet[slot];
}

static void note_hop(struct worker *w, struct trace_packet *p, const struct node *node,
		     const struct buf *b)
{
	struct trace_hop *hop = &p->hop[p->n_hops];

	if (p->n_hops == TRACE_HOPS)
		return;
	memcpy(hop->lanes, b, sizeof(hop->lanes));
	hop->n_bytes = b->len < TRACE_BYTES ? b->len : TRACE_BYTES;
	memcpy(hop->bytes, b->room + b->at, hop->n_bytes);
	hop->at_ns = w->now_ns;
	hop->cycles = cpu_cycles();
	hop->node = node->id;
	hop->next = NODE_NONE;
	hop->reason = BUF_NO_REASON;
	__atomic_store_n(&p->n_hops, p->n_hops + 1, __ATOMIC_RELEASE);
}

/* Mark @b if its node is asked to and there is room; true if it is marked now. */
static bool mark(struct worker *w, struct node *node, struct buf *b)
{
	struct trace *t = w->trace;

	if (node->trace_left == 0 || b->trace || t->n_packets == t->max_packets)
		return false;
	if (t->filter && !packet_filter_match(t->filter, b))
		return false;
	node->trace_left--;
	b->trace = t->generation << 16 | (t->n_packets + 1);
	__atomic_store_n(&t->n_packets, t->n_packets + 1, __ATOMIC_RELEASE);
	return true;
}

void trace_entered(struct worker *w, struct node *node, const struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct buf *b = buf_at(f->base, f->idx[i]);
		struct trace_packet *p;

		mark(w, node, b);
		p = packet_of_or_null(w->trace, b);
		if (!p)
			continue;
		b->note = 0;
		note_hop(w, p, node, b);
	}
}

void trace_sent(struct worker *w, struct node *node, const uint32_t *idx, unsigned n, uint16_t to)
{
	for (unsigned i = 0; i < n; i++) {
		struct buf *b = buf_at(w->bufs.pool->base, idx[i]);
		struct trace_packet *p;
		struct trace_hop *last;

		/* An input's packets are seen for the first time when it sends them. */
		if (node->type->kind == NODE_INPUT && mark(w, node, b))
			note_hop(w, packet_of_or_null(w->trace, b), node, b);
		p = packet_of_or_null(w->trace, b);
		if (!p || p->n_hops == 0)
			continue;
		last = &p->hop[p->n_hops - 1];
		if (last->node != node->id || last->next != NODE_NONE)
			continue;
		last->reason = b->reason;
		last->note = node->type->kind == NODE_INPUT ? 0 : b->note;
		__atomic_store_n(&last->next, to, __ATOMIC_RELEASE);
	}
}

static struct trace_control *control_or_null(struct engine *e)
{
	if (!e->trace)
		e->trace = calloc(1, sizeof(*e->trace));
	return e->trace;
}

static void free_stores(struct trace **store)
{
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		free(store[i]);
		store[i] = NULL;
	}
}

static void switch_store(struct worker *w, void *arg)
{
	struct trace_control *c = arg;

	for (uint32_t id = 0; id < w->graph.graph->n_nodes; id++)
		w->graph.node[id].trace_left = id == c->node ? c->n : 0;
	w->trace = c->store[w->index];
}

static void stores_switched(struct engine *e unused_arg, void *arg)
{
	struct trace_control *c = arg;
	void (*done)(void *arg) = c->done;

	free_stores(c->old);
	packet_filter_free(c->old_filter);
	c->old_filter = NULL;
	c->changing = false;
	c->done = NULL;
	if (done)
		done(c->done_arg);
}

/* Give workers new stores for @n packets, none for 0; @filter is taken on success. */
static int change(struct engine *e, uint16_t node, uint32_t n, struct packet_filter *filter)
{
	struct trace_control *c = control_or_null(e);
	struct trace *fresh[WORKERS_MAX] = { NULL };
	int err;

	if (!c)
		return ERR_NOMEM;
	if (c->changing)
		return ERR_BUSY;
	c->generation = c->generation % 0xffff + 1;
	for (uint32_t i = 0; i < e->n_workers && n; i++) {
		fresh[i] = calloc(1, sizeof(struct trace) + n * sizeof(struct trace_packet));
		if (!fresh[i]) {
			free_stores(fresh);
			return ERR_NOMEM;
		}
		fresh[i]->generation = c->generation;
		fresh[i]->max_packets = n;
		fresh[i]->filter = filter;
	}
	memcpy(c->old, c->store, sizeof(c->old));
	memcpy(c->store, fresh, sizeof(c->store));
	c->old_filter = c->filter;
	c->filter = filter;
	c->node = node;
	c->n = n;
	c->changing = true;
	shortcuts_doubt(e);
	err = engine_on_each(e, switch_store, stores_switched, c);
	if (err) {
		memcpy(c->store, c->old, sizeof(c->store));
		memset(c->old, 0, sizeof(c->old));
		c->filter = c->old_filter;
		c->old_filter = NULL;
		free_stores(fresh);
		c->changing = false;
	}
	return err;
}

int trace_add(struct engine *e, uint16_t node, uint32_t n, struct packet_filter *filter)
{
	int err = ERR_INVAL;

	if (n > 0 && n <= TRACE_PACKETS_MAX && node < e->graph.n_nodes)
		err = change(e, node, n, filter);
	if (err < 0)
		packet_filter_free(filter);
	return err;
}

int trace_clear(struct engine *e)
{
	return change(e, NODE_NONE, 0, NULL);
}

void trace_when_changed(struct engine *e, void (*done)(void *arg), void *arg)
{
	struct trace_control *c = e->trace;

	if (c && c->changing) {
		c->done = done;
		c->done_arg = arg;
	} else if (done) {
		done(arg);
	}
}

const struct trace *trace_store_or_null(const struct engine *e, uint32_t index)
{
	return e->trace && !e->trace->changing ? e->trace->store[index] : NULL;
}

bool trace_is_on(const struct engine *e)
{
	return e->trace && e->trace->n > 0;
}

void trace_deinit(struct engine *e)
{
	if (!e->trace)
		return;
	free_stores(e->trace->store);
	free_stores(e->trace->old);
	packet_filter_free(e->trace->filter);
	packet_filter_free(e->trace->old_filter);
	free(e->trace);
	e->trace = NULL;
}
