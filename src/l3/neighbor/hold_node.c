/*
 * ip4-hold: packets wait here, a few for each neighbour, until its link address is known.
 *
 *   ip4-lookup ──> ip4-hold ──┬──> (waits) ──> ip4-lookup    resolved: looked up afresh
 *                             │            └─> icmp4-error   nobody answered
 *                             └──> drop                      see reasons[]
 *
 * The packet that starts the resolution is the first to be sent. RFC 1122 §2.3.2.2 asks to keep at
 * least one. An entry goes to main with the first packet and always comes back with an answer.
 */
#include "l3/icmp/icmp.h"
#include "l3/neighbor/worker.h"

enum { NEXT_DROP, NEXT_LOOKUP, NEXT_ICMP_ERROR, NEXT_KEPT };
static const char *const next_names[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip4-lookup",
	[NEXT_ICMP_ERROR] = "icmp4-error",
};

enum { QUEUE_FULL, TABLE_FULL, UNRESOLVED, HELD, N_REASONS };
static const struct reason reasons[] = {
	[QUEUE_FULL] = { "queue-full", "enough packets wait for this neighbour" },
	[TABLE_FULL] = { "table-full", "packets wait for too many neighbours" },
	[UNRESOLVED] = { "unresolved", "the neighbour did not answer" },
	[HELD] = { "held", "packets that waited (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static struct list *bucket_of(struct neighbor_worker *nw, uint32_t if_index, uint32_t addr)
{
	uint32_t h = (addr ^ if_index << 20) * 0x9e3779b1u;

	return &nw->bucket[h >> 16 & (HOLD_BUCKETS - 1)];
}

static struct hold_entry *find_or_null(struct neighbor_worker *nw, uint32_t if_index, uint32_t addr)
{
	list_for_each(link, bucket_of(nw, if_index, addr)) {
		struct hold_entry *h = container_of(link, struct hold_entry, link);

		if (h->if_index == if_index && h->addr == addr)
			return h;
	}
	return NULL;
}

/* A new entry, and main is asked. NULL when all are in use. */
static struct hold_entry *ask_or_null(struct worker *w, uint32_t if_index, uint32_t addr)
{
	struct neighbor_worker *nw = neighbor_worker_of(w);
	struct list *link = list_pop_or_null(&nw->free_entries);
	struct hold_entry *h;

	if (!link)
		return NULL;
	h = container_of(link, struct hold_entry, link);
	h->if_index = if_index;
	h->addr = addr;
	h->n = 0;
	list_push(bucket_of(nw, if_index, addr), &h->link);
	h->mail.deliver = neighbor_take_need;
	mailbox_post(&w->engine->main, &h->mail);
	return h;
}

/* On the worker: let the packets go, one way or the other. */
void hold_take_answer(void *consumer unused_arg, struct mail *mail)
{
	struct hold_entry *h = container_of(mail, struct hold_entry, mail);
	struct worker *w = h->worker;
	struct neighbor_worker *nw = neighbor_worker_of(w);

	for (unsigned i = 0; i < h->n; i++) {
		struct buf *b = buf_at(w->bufs.pool->base, h->idx[i]);

		if (h->resolved) {
			node_send_to(w, nw->lookup_node, h->idx[i]);
			continue;
		}
		node_count(&w->graph.node[nw->hold_node], UNRESOLVED, 1);
		icmp4_condemn(b, ICMP4_UNREACHABLE, ICMP4_HOST_UNREACHABLE, 0);
		node_send_to(w, nw->error_node, h->idx[i]);
	}
	list_remove(&h->link);
	list_push(&nw->free_entries, &h->link);
}

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

static uint16_t hold(struct worker *w, struct node *node, struct buf *b)
{
	const struct adjacency *a = adjacency_at(&ip4_of(w)->fib->adjacencies, b->adjacency);
	const struct ip4_hdr *ip = buf_l3(b);
	struct hold_entry *h;
	uint32_t addr;

	if (a->kind != ADJACENCY_GLEAN && a->kind != ADJACENCY_INCOMPLETE)
		return NEXT_LOOKUP; /* it was resolved, or went away, a moment ago */
	addr = a->kind == ADJACENCY_GLEAN ? host32(ip->dst) : a->next_hop;
	h = find_or_null(neighbor_worker_of(w), a->if_index, addr);
	if (!h)
		h = ask_or_null(w, a->if_index, addr);
	if (!h)
		return drop(b, TABLE_FULL);
	if (h->n == HOLD_PACKETS)
		return drop(b, QUEUE_FULL);
	h->idx[h->n++] = b->self;
	node_count(node, HELD, 1);
	return NEXT_KEPT;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	uint32_t idx[FRAME_MAX];
	unsigned n = 0;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		uint16_t where = hold(w, node, b[i]);

		if (where != NEXT_KEPT) {
			idx[n] = f->idx[i];
			next[n++] = where;
		}
	}
	for (unsigned i = 0; i < n; i++)
		node_send_some(w, node, &idx[i], 1, next[i]);
	return f->n;
}

const struct node_type ip4_hold_node = {
	.name = "ip4-hold",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
