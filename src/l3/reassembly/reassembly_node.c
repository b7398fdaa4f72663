/*
 * ip4-reassembly: fragments for us wait here until their datagram is whole.
 *
 *   ip4-local ──> ip4-reassembly ──┬──> ip4-local        the whole datagram
 *                                  ├──> ip4-reassembly   of another worker
 *                                  ├──> icmp4-error      time is up, and the first piece is there
 *                                  └──> drop             see reasons[]
 * RFC 791 §3.2, RFC 1122 §3.3.2, RFC 815.
 */
#include <stdlib.h>

#include "base/err.h"
#include "engine/handoff.h"
#include "l3/icmp/icmp.h"
#include "l3/ip4/ip4.h"
#include "l3/reassembly/datagram.h"
#include "l3/reassembly/reassembly.h"
#include "wire/checksum.h"

enum { NEXT_DROP, NEXT_LOCAL };
static const char *const next_names[] = { [NEXT_DROP] = "drop", [NEXT_LOCAL] = "ip4-local" };

enum { DUPLICATE, OVERLAP, BAD, TOO_MANY, TIMEOUT, EVICTED, REASSEMBLED, N_REASONS };
static const struct reason reasons[] = {
	[DUPLICATE] = { "duplicate", "the same fragment came before" },
	[OVERLAP] = { "overlap", "fragments overlap: the whole datagram goes" },
	[BAD] = { "bad", "empty, not a multiple of 8 bytes, or past 65535" },
	[TOO_MANY] = { "too-many", "the datagram has more than 64 fragments" },
	[TIMEOUT] = { "timeout", "the rest did not come within 30 seconds" },
	[EVICTED] = { "evicted", "made room for a newer datagram" },
	[REASSEMBLED] = { "reassembled", "datagrams put together (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/* What the fragments of one datagram have in common. RFC 791 §2.3. */
struct key {
	be32 src, dst;
	be16 id;
	uint8_t protocol;
	uint8_t zero;
	uint32_t fib;
};

struct entry {
	struct list link; /* in a bucket, or free */
	struct list age;  /* oldest first */
	struct key key;
	struct timer timer;
	struct worker *worker;
	struct datagram datagram;
};

struct reassembly {
	uint64_t seed;
	uint16_t node, error_node;
	struct list free;
	struct list oldest;
	struct list bucket[REASSEMBLY_BUCKETS];
	struct entry entry[REASSEMBLY_DATAGRAMS];
};

static struct reassembly *table_of(const struct worker *w)
{
	return w->module[MODULE_REASSEMBLY];
}

static uint32_t hash_of(const struct reassembly *t, const struct key *k)
{
	uint64_t h = t->seed ^ checksum_word32(k->src) ^ checksum_word32(k->dst) << 32;

	h = (h ^ h >> 29) * 0x9e3779b97f4a7c15u;
	h ^= checksum_word16(k->id) << 8 ^ k->protocol ^ (uint64_t)k->fib << 32;
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

static struct buf *buf_of(const struct entry *e, uint32_t idx)
{
	return buf_at(e->worker->bufs.pool->base, idx);
}

static void release(struct entry *e)
{
	struct reassembly *t = table_of(e->worker);

	timer_cancel(&e->worker->wheel, &e->timer);
	list_remove(&e->link);
	list_remove(&e->age);
	e->datagram = (struct datagram){ 0 };
	list_push(&t->free, &e->link);
}

/* Drop what has come of the datagram; each fragment counts. */
static void discard(struct entry *e, uint16_t reason)
{
	struct worker *w = e->worker;
	struct node *node = &w->graph.node[table_of(w)->node];

	for (uint32_t i = 0; i < e->datagram.n; i++)
		node_drop(w, node, e->datagram.piece[i].what, reason);
	release(e);
}

/* RFC 1122 §3.3.2: the sender hears of it only if we can say which datagram it was. */
static void time_is_up(struct timer *timer, uint64_t now_ns unused_arg)
{
	struct entry *e = container_of(timer, struct entry, timer);
	struct worker *w = e->worker;
	struct reassembly *t = table_of(w);
	uint32_t first =
		e->datagram.n && e->datagram.piece[0].first == 0 ? e->datagram.piece[0].what : 0;

	if (first) {
		e->datagram.n--;
		memmove(&e->datagram.piece[0], &e->datagram.piece[1],
			e->datagram.n * sizeof(e->datagram.piece[0]));
		node_count(&w->graph.node[t->node], TIMEOUT, 1);
		icmp4_condemn(buf_of(e, first), ICMP4_TIME_EXCEEDED, ICMP4_REASSEMBLY_TIME_EXCEEDED,
			      0);
		node_send_to(w, t->error_node, first);
	}
	discard(e, TIMEOUT);
}

static struct entry *find_or_null(struct reassembly *t, const struct key *k, uint32_t hash)
{
	list_for_each(link, &t->bucket[hash % REASSEMBLY_BUCKETS]) {
		struct entry *e = container_of(link, struct entry, link);

		if (memcmp(&e->key, k, sizeof(*k)) == 0)
			return e;
	}
	return NULL;
}

static struct entry *new_entry(struct worker *w, const struct key *k, uint32_t hash)
{
	struct reassembly *t = table_of(w);
	struct entry *e;

	if (list_empty(&t->free))
		discard(container_of(t->oldest.next, struct entry, age), EVICTED);
	e = container_of(list_pop_or_null(&t->free), struct entry, link);
	e->key = *k;
	list_push(&t->bucket[hash % REASSEMBLY_BUCKETS], &e->link);
	list_push(&t->oldest, &e->age);
	timer_set(&w->wheel, &e->timer, w->now_ns + REASSEMBLY_NS);
	return e;
}

static struct buf *last_of(struct buf *b)
{
	struct buf *next;

	while ((next = buf_next_or_null(b)))
		b = next;
	return b;
}

/* Chain the payloads behind the first piece, whose header speaks for the whole. */
static uint32_t join(struct entry *e)
{
	const struct datagram *d = &e->datagram;
	struct buf *whole = buf_of(e, d->piece[0].what);
	struct buf *tail = last_of(whole);
	struct ip4_hdr *ip = buf_l3(whole);

	for (uint32_t i = 1; i < d->n; i++) {
		struct buf *b = buf_of(e, d->piece[i].what);

		buf_pull(b, (unsigned)(b->l4_at - b->at));
		whole->total_len += b->total_len;
		tail->next = b->self;
		tail = last_of(b);
	}
	ip->len = be16_of((uint16_t)whole->total_len);
	ip->frag = be16_of(0);
	ip->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_sum(ip, ip4_hdr_len(ip)));
	whole->flags &= ~(unsigned)(BUF_L4_CSUM_OK | BUF_NEED_L4_CSUM);
	release(e);
	return whole->self;
}

static void add(struct worker *w, struct node *node, struct buf *b, const struct key *k,
		uint32_t hash)
{
	struct reassembly *t = table_of(w);
	const struct ip4_hdr *ip = buf_l3(b);
	struct entry *e = find_or_null(t, k, hash);
	static const uint16_t reason_of[] = {
		[DATAGRAM_OVERLAP] = OVERLAP, [DATAGRAM_BAD] = BAD, [DATAGRAM_TOO_MANY] = TOO_MANY
	};
	enum datagram_verdict verdict;

	if (!e)
		e = new_entry(w, k, hash);
	verdict = datagram_add(&e->datagram, ip4_fragment_offset(ip), ip4_l4_len(b),
			       ip4_hdr_len(ip), host16(ip->frag) & IP4_MF, b->self);
	switch (verdict) {
	case DATAGRAM_ADDED:
		break;
	case DATAGRAM_COMPLETE: {
		uint32_t whole = join(e);

		node_count(node, REASSEMBLED, 1);
		node_send_some(w, node, &whole, 1, NEXT_LOCAL);
		break;
	}
	case DATAGRAM_DUPLICATE:
		node_drop(w, node, b->self, DUPLICATE);
		break;
	default:
		node_drop(w, node, b->self, reason_of[verdict]);
		discard(e, reason_of[verdict]);
	}
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	const struct reassembly *t = table_of(w);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct ip4_hdr *ip = buf_l3(b[i]);
		struct key k = { .src = ip->src,
				 .dst = ip->dst,
				 .id = ip->id,
				 .protocol = ip->protocol,
				 .fib = b[i]->fib };
		uint32_t hash = hash_of(t, &k);
		uint32_t owner = (hash >> 16) % w->engine->n_workers;

		b[i]->l4_at = (uint16_t)(b[i]->l3_at + ip4_hdr_len(ip));
		if (owner == w->index)
			add(w, node, b[i], &k, hash);
		else
			handoff_send(w, owner, t->node, b[i]->self);
	}
	return f->n;
}

static struct reassembly *new_table_or_null(struct worker *w, uint64_t seed)
{
	struct reassembly *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->seed = seed; /* the same everywhere: it selects the worker */
	t->node = graph_node_id(&w->engine->graph, "ip4-reassembly");
	t->error_node = graph_node_id(&w->engine->graph, "icmp4-error");
	list_init(&t->free);
	list_init(&t->oldest);
	for (unsigned i = 0; i < REASSEMBLY_BUCKETS; i++)
		list_init(&t->bucket[i]);
	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS; i++) {
		struct entry *e = &t->entry[i];

		e->worker = w;
		list_init(&e->age);
		timer_init(&e->timer, time_is_up);
		list_push(&t->free, &e->link);
	}
	return t;
}

int reassembly_init(struct engine *e)
{
	uint64_t seed = random_u64(&e->worker[0]->random);

	for (unsigned i = 0; i < e->n_workers; i++) {
		struct worker *w = e->worker[i];

		w->module[MODULE_REASSEMBLY] = new_table_or_null(w, seed);
		if (!w->module[MODULE_REASSEMBLY]) {
			reassembly_deinit(e);
			return ERR_NOMEM;
		}
	}
	return 0;
}

/* Buffers that still wait go with the pool. */
void reassembly_deinit(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++) {
		free(e->worker[i]->module[MODULE_REASSEMBLY]);
		e->worker[i]->module[MODULE_REASSEMBLY] = NULL;
	}
}

const struct node_type ip4_reassembly_node = {
	.name = "ip4-reassembly",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
