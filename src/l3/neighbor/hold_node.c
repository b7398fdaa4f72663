/*
 * ip4-hold, ip6-hold: packets wait here, a few for each neighbour, until its link address is known.
 *
 *   ip4-lookup ──> ip4-hold ──┬──> (waits) ──> ip4-lookup    resolved: looked up afresh
 *                             │            └─> icmp4-error   nobody answered
 *                             └──> drop                      see reasons[]
 *
 * The packet that starts the resolution is the first to be sent. RFC 1122 §2.3.2.2 and RFC 4861
 * §7.2.2 ask to keep at least one; here all fragments of the largest packet find room. Packets and
 * bytes are bounded for each neighbour and for all: the oldest gives way (§7.2.2), of the same
 * neighbour. An entry goes to main with the first packet and always comes back with an answer.
 */
#include "l3/icmp/icmp.h"
#include "l3/icmp/icmp6.h"
#include "l3/neighbor/worker.h"

enum { NEXT_DROP, NEXT_LOOKUP, NEXT_KEPT };
static const char *const next_names4[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip4-lookup",
};
static const char *const next_names6[] = {
	[NEXT_DROP] = "drop",
	[NEXT_LOOKUP] = "ip6-lookup",
};

enum { QUEUE_FULL, TABLE_FULL, UNRESOLVED, HELD, N_REASONS };
static const struct reason reasons[] = {
	[QUEUE_FULL] = { "queue-full", "the oldest of too many that wait for this neighbour" },
	[TABLE_FULL] = { "table-full", "too many packets wait, or for too many neighbours" },
	[UNRESOLVED] = { "unresolved", "the neighbour did not answer" },
	[HELD] = { "held", "packets that waited (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

static struct list *bucket_of(struct hold_table *t, uint32_t if_index, const struct ip6_addr *addr)
{
	uint64_t h = (ip6_high(addr) ^ (uint64_t)if_index << 20) * 0x9e3779b97f4a7c15u;

	h = (h ^ ip6_low(addr)) * 0x9e3779b97f4a7c15u;
	return &t->bucket[h >> 40 & (HOLD_BUCKETS - 1)];
}

static struct hold_entry *find_or_null(struct hold_table *t, uint32_t if_index,
				       const struct ip6_addr *addr)
{
	list_for_each(link, bucket_of(t, if_index, addr)) {
		struct hold_entry *h = container_of(link, struct hold_entry, link);

		if (h->if_index == if_index && ip6_equal(&h->addr, addr))
			return h;
	}
	return NULL;
}

/* A new entry, and main is asked. NULL when all are in use. */
static struct hold_entry *ask_or_null(struct worker *w, struct hold_table *t, uint32_t if_index,
				      const struct ip6_addr *addr)
{
	struct list *link = list_pop_or_null(&t->free);
	struct hold_entry *h;

	if (!link)
		return NULL;
	h = container_of(link, struct hold_entry, link);
	h->if_index = if_index;
	h->addr = *addr;
	h->n = h->n_bytes = 0;
	h->oldest = h->newest = 0;
	list_push(bucket_of(t, if_index, addr), &h->link);
	h->mail.deliver = neighbor_take_need;
	mailbox_post(&w->engine->main, &h->mail);
	return h;
}

static void condemn(struct buf *b, enum hold_family family)
{
	if (family == HOLD_IP4)
		icmp4_condemn(b, ICMP4_UNREACHABLE, ICMP4_HOST_UNREACHABLE, 0);
	else
		icmp6_condemn(b, ICMP6_UNREACHABLE, ICMP6_ADDRESS_UNREACHABLE, 0);
}

/* Take the packet that has waited longest; there is one. */
static uint32_t take_oldest(struct worker *w, struct hold_table *t, struct hold_entry *h)
{
	uint16_t at = h->oldest;
	struct hold_slot *slot = &t->slot[at];
	uint32_t len = buf_at(w->bufs.pool->base, slot->idx)->total_len;

	h->oldest = slot->next;
	h->newest = h->oldest ? h->newest : 0;
	h->n--;
	h->n_bytes -= len;
	t->n--;
	t->n_bytes -= len;
	slot->next = t->free_slot;
	t->free_slot = at;
	return slot->idx;
}

static void shed(struct worker *w, struct node *node, struct hold_table *t, struct hold_entry *h)
{
	node_count(node, QUEUE_FULL, 1);
	buf_free_one(&w->bufs, take_oldest(w, t, h));
}

/* Few neighbours cannot take the room of all. False if there is none. */
static bool make_room(struct worker *w, struct node *node, struct hold_table *t,
		      struct hold_entry *h, uint32_t len)
{
	bool is_crowded = t->n >= t->packets_max / 2 || t->n_bytes >= t->bytes_max / 2;

	if (h->n >= (is_crowded ? HOLD_PACKETS_FEW : HOLD_PACKETS))
		shed(w, node, t, h);
	while (h->n > 0 && h->n_bytes + len > HOLD_BYTES)
		shed(w, node, t, h);
	return t->free_slot && t->n_bytes + len <= t->bytes_max;
}

static void put_newest(struct hold_table *t, struct hold_entry *h, const struct buf *b)
{
	uint16_t at = t->free_slot;

	t->free_slot = t->slot[at].next;
	t->slot[at] = (struct hold_slot){ .idx = b->self };
	if (h->newest)
		t->slot[h->newest].next = at;
	else
		h->oldest = at;
	h->newest = at;
	h->n++;
	t->n++;
	h->n_bytes += b->total_len;
	t->n_bytes += b->total_len;
}

/* On the worker: let the packets go, one way or the other. */
void hold_take_answer(void *consumer unused_arg, struct mail *mail)
{
	struct hold_entry *h = container_of(mail, struct hold_entry, mail);
	struct worker *w = h->worker;
	struct hold_table *t = &neighbor_worker_of(w)->hold[h->family];

	while (h->n > 0) {
		uint32_t idx = take_oldest(w, t, h);

		if (h->resolved) {
			node_send_to(w, t->lookup_node, idx);
			continue;
		}
		node_count(&w->graph.node[t->hold_node], UNRESOLVED, 1);
		condemn(buf_at(w->bufs.pool->base, idx), h->family);
		node_send_to(w, t->error_node, idx);
	}
	list_remove(&h->link);
	list_push(&t->free, &h->link);
}

static uint16_t drop(struct buf *b, uint16_t reason)
{
	b->reason = reason;
	return NEXT_DROP;
}

/* Whom to ask for: the destination if it is on the link, else the next hop. */
static struct ip6_addr asked_for(const struct adjacency *a, struct buf *b, enum hold_family family)
{
	if (family == HOLD_IP6)
		return a->kind == ADJACENCY_GLEAN ? ((struct ip6_hdr *)buf_l3(b))->dst
						  : a->next_hop6;
	return ip6_mapped(a->kind == ADJACENCY_GLEAN ? host32(((struct ip4_hdr *)buf_l3(b))->dst)
						     : a->next_hop);
}

static uint16_t hold(struct worker *w, struct node *node, struct buf *b, enum hold_family family)
{
	const struct adjacency *a = adjacency_at(&ip4_of(w)->fib->adjacencies, b->adjacency);
	struct hold_table *t = &neighbor_worker_of(w)->hold[family];
	struct ip6_addr addr;
	struct hold_entry *h;

	if (a->kind != ADJACENCY_GLEAN && a->kind != ADJACENCY_INCOMPLETE)
		return NEXT_LOOKUP; /* it was resolved, or went away, a moment ago */
	addr = asked_for(a, b, family);
	h = find_or_null(t, a->if_index, &addr);
	if (!h)
		h = ask_or_null(w, t, a->if_index, &addr);
	if (!h)
		return drop(b, TABLE_FULL);
	if (!make_room(w, node, t, h, b->total_len))
		return drop(b, TABLE_FULL);
	put_newest(t, h, b);
	node_count(node, HELD, 1);
	return NEXT_KEPT;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f, enum hold_family family)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	uint32_t idx[FRAME_MAX];
	unsigned n = 0;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		uint16_t where = hold(w, node, b[i], family);

		if (where != NEXT_KEPT) {
			idx[n] = f->idx[i];
			next[n++] = where;
		}
	}
	for (unsigned i = 0; i < n; i++)
		node_send_some(w, node, &idx[i], 1, next[i]);
	return f->n;
}

static unsigned run4(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, HOLD_IP4);
}

static unsigned run6(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, HOLD_IP6);
}

const struct node_type ip4_hold_node = {
	.name = "ip4-hold",
	.run = run4,
	.next_names = next_names4,
	.n_next = count_of(next_names4),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type ip6_hold_node = {
	.name = "ip6-hold",
	.run = run6,
	.next_names = next_names6,
	.n_next = count_of(next_names6),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
