/* table.c - datagrams that wait for fragments: find, bound, time out, join. RFC 815. */
#include "l3/reassembly/table.h"

#include <stdlib.h>

#include "engine/engine.h"
#include "engine/handoff.h"

struct entry {
	struct list link; /* in a bucket, or free */
	struct list age;  /* oldest first */
	struct reassembly_key key;
	struct timer timer;
	struct reassembly_table *table;
	bool is_spoilt; /* had an overlap; holds nothing and takes nothing */
	uint32_t n_bufs;
	struct datagram datagram;
};

struct reassembly_table {
	const struct reassembly_family *family;
	struct worker *worker;
	uint64_t seed;
	uint16_t node, error_node;
	uint32_t n_bufs, bufs_max; /* of all pieces */
	struct list free;
	struct list oldest;
	struct list bucket[REASSEMBLY_BUCKETS];
	struct entry entry[REASSEMBLY_DATAGRAMS];
};

static uint32_t hash_of(const struct reassembly_table *t, const struct reassembly_key *k)
{
	uint64_t words[sizeof(*k) / sizeof(uint64_t)];
	uint64_t h = t->seed;

	memcpy(words, k, sizeof(words));
	for (unsigned i = 0; i < count_of(words); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static struct buf *buf_of(const struct reassembly_table *t, uint32_t idx)
{
	return buf_at(t->worker->bufs.pool->base, idx);
}

/* Its pieces are not the table's any more. */
static void forget_pieces(struct entry *e)
{
	e->table->n_bufs -= e->n_bufs;
	e->n_bufs = 0;
	e->datagram = (struct datagram){ 0 };
}

static void release(struct entry *e)
{
	timer_cancel(&e->table->worker->wheel, &e->timer);
	list_remove(&e->link);
	list_remove(&e->age);
	forget_pieces(e);
	e->is_spoilt = false;
	list_push(&e->table->free, &e->link);
}

/* Drop what has come of the datagram; each fragment counts. */
static void drop_pieces(struct entry *e, uint16_t reason)
{
	struct worker *w = e->table->worker;
	struct node *node = &w->graph.node[e->table->node];

	for (uint32_t i = 0; i < e->datagram.n; i++)
		node_drop(w, node, e->datagram.piece[i].what, reason);
	forget_pieces(e);
}

static void discard(struct entry *e, uint16_t reason)
{
	drop_pieces(e, reason);
	release(e);
}

/* The sender hears of it only if we can say which datagram it was: RFC 1122 §3.3.2. */
static void time_is_up(struct timer *timer, uint64_t now_ns unused_arg)
{
	struct entry *e = container_of(timer, struct entry, timer);
	struct reassembly_table *t = e->table;
	struct datagram *d = &e->datagram;
	uint32_t first = d->n && d->piece[0].first == 0 ? d->piece[0].what : 0;

	if (first) {
		d->n--;
		memmove(&d->piece[0], &d->piece[1], d->n * sizeof(d->piece[0]));
		node_count(&t->worker->graph.node[t->node], REASSEMBLY_TIMEOUT, 1);
		t->family->condemn(buf_of(t, first));
		node_send_to(t->worker, t->error_node, first);
	}
	discard(e, REASSEMBLY_TIMEOUT);
}

static struct entry *find_or_null(struct reassembly_table *t, const struct reassembly_key *k,
				  uint32_t hash)
{
	list_for_each(link, &t->bucket[hash % REASSEMBLY_BUCKETS]) {
		struct entry *e = container_of(link, struct entry, link);

		if (memcmp(&e->key, k, sizeof(*k)) == 0)
			return e;
	}
	return NULL;
}

static struct entry *new_entry(struct reassembly_table *t, const struct reassembly_key *k,
			       uint32_t hash)
{
	struct entry *e;

	if (list_empty(&t->free))
		discard(container_of(t->oldest.next, struct entry, age), REASSEMBLY_EVICTED);
	e = container_of(list_pop_or_null(&t->free), struct entry, link);
	e->key = *k;
	list_push(&t->bucket[hash % REASSEMBLY_BUCKETS], &e->link);
	list_push(&t->oldest, &e->age);
	timer_set(&t->worker->wheel, &e->timer, t->worker->now_ns + t->family->timeout_ns);
	return e;
}

static struct buf *last_of(struct buf *b)
{
	struct buf *next;

	while ((next = buf_next_or_null(b)))
		b = next;
	return b;
}

/* Chain the payloads behind the first piece, whose headers speak for the whole. */
static struct buf *join(struct entry *e)
{
	const struct datagram *d = &e->datagram;
	struct buf *whole = buf_of(e->table, d->piece[0].what);
	struct buf *tail = last_of(whole);

	for (uint32_t i = 1; i < d->n; i++) {
		struct buf *b = buf_of(e->table, d->piece[i].what);

		buf_pull(b, (unsigned)(b->l4_at - b->at));
		whole->total_len += b->total_len;
		tail->next = b->self;
		tail = last_of(b);
	}
	whole->flags &= ~(unsigned)(BUF_L4_CSUM_OK | BUF_NEED_L4_CSUM);
	whole->flags |= BUF_REASSEMBLED;
	release(e);
	return whole;
}

static void complete(struct entry *e, struct node *node, uint16_t next)
{
	struct reassembly_table *t = e->table;
	struct buf *whole = join(e);

	if (!t->family->finish(whole)) {
		node_drop(t->worker, node, whole->self, REASSEMBLY_BAD);
		return;
	}
	node_count(node, REASSEMBLY_REASSEMBLED, 1);
	node_send_some(t->worker, node, &whole->self, 1, next);
}

/* Buffers for @n more of a piece of @e: older datagrams give way. False: there is no other. */
static bool make_room(struct entry *e, uint32_t n)
{
	struct reassembly_table *t = e->table;

	while (t->n_bufs + n > t->bufs_max) {
		struct entry *oldest = container_of(t->oldest.next, struct entry, age);

		if (t->n_bufs == e->n_bufs)
			return false;
		if (oldest == e)
			oldest = container_of(e->age.next, struct entry, age);
		discard(oldest, REASSEMBLY_EVICTED);
	}
	t->n_bufs += n;
	e->n_bufs += n;
	return true;
}

/* Something is wrong with the datagram as a whole. */
static void spoil(struct entry *e, uint16_t reason)
{
	if (reason == REASSEMBLY_OVERLAP && e->table->family->remember_overlaps) {
		drop_pieces(e, reason);
		e->is_spoilt = true;
	} else {
		discard(e, reason);
	}
}

static void add(struct entry *e, struct node *node, uint16_t next, const struct reassembly_piece *p)
{
	static const uint16_t reason_of[] = { [DATAGRAM_OVERLAP] = REASSEMBLY_OVERLAP,
					      [DATAGRAM_BAD] = REASSEMBLY_BAD,
					      [DATAGRAM_TOO_MANY] = REASSEMBLY_TOO_MANY };
	struct buf *b = p->b;
	uint32_t n_bufs = buf_chain_count(b);
	enum datagram_verdict verdict = DATAGRAM_TOO_MANY;

	if (make_room(e, n_bufs))
		verdict = datagram_add(&e->datagram, p->offset,
				       b->total_len - (uint32_t)(b->l4_at - b->at), p->header_len,
				       p->more, b->self);
	else
		n_bufs = 0;
	switch (verdict) {
	case DATAGRAM_ADDED:
		break;
	case DATAGRAM_COMPLETE:
		complete(e, node, next);
		break;
	case DATAGRAM_DUPLICATE:
		e->n_bufs -= n_bufs;
		e->table->n_bufs -= n_bufs;
		node_drop(e->table->worker, node, b->self, REASSEMBLY_DUPLICATE);
		break;
	default:
		node_drop(e->table->worker, node, b->self, reason_of[verdict]);
		spoil(e, reason_of[verdict]);
	}
}

void reassembly_take(struct reassembly_table *t, struct node *node, uint16_t next,
		     const struct reassembly_key *key, const struct reassembly_piece *piece)
{
	struct worker *w = t->worker;
	uint32_t hash = hash_of(t, key);
	uint32_t owner = (hash >> 16) % w->engine->n_workers;
	struct entry *e;

	if (owner != w->index) {
		handoff_send(w, owner, t->node, piece->b->self);
		return;
	}
	e = find_or_null(t, key, hash);
	if (!e)
		e = new_entry(t, key, hash);
	if (e->is_spoilt)
		node_drop(w, node, piece->b->self, REASSEMBLY_OVERLAP);
	else
		add(e, node, next, piece);
}

struct reassembly_table *reassembly_table_new_or_null(struct worker *w,
						      const struct reassembly_family *family,
						      uint64_t seed)
{
	struct reassembly_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->family = family;
	t->worker = w;
	t->seed = seed;
	t->node = graph_node_id(&w->engine->graph, family->node_name);
	t->error_node = graph_node_id(&w->engine->graph, family->error_name);
	t->bufs_max = w->engine->bufs.n_buffers / REASSEMBLY_SHARE / 2 / w->engine->n_workers;
	if (t->bufs_max < DATAGRAM_FRAGMENTS)
		t->bufs_max = DATAGRAM_FRAGMENTS;
	list_init(&t->free);
	list_init(&t->oldest);
	for (unsigned i = 0; i < REASSEMBLY_BUCKETS; i++)
		list_init(&t->bucket[i]);
	for (unsigned i = 0; i < REASSEMBLY_DATAGRAMS; i++) {
		struct entry *e = &t->entry[i];

		e->table = t;
		list_init(&e->age);
		timer_init(&e->timer, time_is_up);
		list_push(&t->free, &e->link);
	}
	return t;
}

struct reassembly_use reassembly_use_of(const struct reassembly_table *t)
{
	return (struct reassembly_use){ __atomic_load_n(&t->n_bufs, __ATOMIC_RELAXED),
					t->bufs_max };
}

/* Buffers that still wait go with the pool. */
void reassembly_table_free(struct reassembly_table *t)
{
	free(t);
}
