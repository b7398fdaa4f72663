/*
 * memif_tx_node.c - NAME-tx: packets into the ring of this worker, or to a worker that has one.
 * What the ring has no room for waits in a backlog.
 */
#include "drivers/memif/memif_private.h"
#include "engine/engine.h"
#include "engine/handoff.h"

enum { TX_DROP };
static const char *const tx_next[] = { [TX_DROP] = "drop" };

enum { TX_NO_LINK, TX_FULL, TX_TOO_LONG, TX_OFFLOAD, TX_NO_BUFFERS, TX_RING, TX_WAITED, N_REASONS };
static const struct reason reasons[] = {
	[TX_NO_LINK] = { "no-link", "nobody is at the other end" },
	[TX_FULL] = { "full",
		      "too many packets wait for room in the ring: the other side is slow" },
	[TX_TOO_LONG] = { "too-long", "longer than the whole ring" },
	[TX_OFFLOAD] = { "offload", "it asks for an offload that this connection lacks" },
	[TX_NO_BUFFERS] = { "no-buffers", "the pool is empty: no room for its offload header" },
	[TX_RING] = { "ring", "the other side broke the ring; the connection ends" },
	[TX_WAITED] = { "waited", "waited for room in the ring (not dropped)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { RETRY_NS = NS_PER_MS, STUCK_NS = 200 * NS_PER_MS };

/* Why the ring did not take a packet; N_REASONS when it did. */
static uint16_t reason_of(int err)
{
	switch (err) {
	case 0:
		return N_REASONS;
	case ERR_CLOSED:
		return TX_NO_LINK;
	case ERR_FULL:
		return TX_FULL;
	case ERR_RANGE:
		return TX_TOO_LONG;
	case ERR_FORMAT:
	case ERR_UNSUPPORTED:
		return TX_OFFLOAD;
	case ERR_NOMEM:
		return TX_NO_BUFFERS;
	default:
		return TX_RING;
	}
}

/* --- packets that wait for room --- */

static void wait_for_room(struct worker *w, struct memif_tx *tx)
{
	if (timer_is_set(&tx->retry))
		return;
	tx->moved_ns = w->now_ns;
	timer_set(&w->wheel, &tx->retry, w->now_ns + RETRY_NS);
}

/* Count packets of the backlog as sent or, with a reason, as lost; the transmit node is not run. */
static void count_waiting(struct worker *w, const struct memif_tx *tx, uint16_t reason)
{
	const struct interface *i = tx->link->memif->interface;

	node_count(&w->graph.node[i->tx_node], reason, 1);
	interface_count_tx(w, i->index, 0, 0, 1);
}

void memif_send_waiting(struct worker *w, struct memif_tx *tx)
{
	unsigned n_sent = 0;
	uint64_t n_bytes = 0;
	uint32_t idx;

	while ((idx = backlog_first_or_zero(&tx->backlog)) && !memif_is_broken(tx->link)) {
		struct buf *b = buf_at(w->bufs.pool->base, idx);
		uint32_t bytes = b->total_len;
		int err = memif_ring_put(&tx->queue, &w->bufs, b);

		if (err == ERR_FULL)
			break;
		if (err == ERR_PROTOCOL)
			memif_give_up(w, tx->link);
		if (err)
			count_waiting(w, tx, reason_of(err));
		n_sent += err == 0;
		n_bytes += err ? 0 : bytes;
		backlog_take(w, &tx->backlog);
		if (err || !tx->queue.lent)
			buf_free_one(&w->bufs, idx);
	}
	if (n_sent == 0)
		return;
	tx->moved_ns = w->now_ns;
	memif_ring_publish(&tx->queue);
	interface_count_tx(w, tx->link->memif->interface->index, n_sent, n_bytes, 0);
}

/* Who sleeps learns of room by time; who is busy looks before each burst, at either end. */
static void retry_due(struct timer *t, uint64_t now_ns)
{
	struct memif_tx *tx = container_of(t, struct memif_tx, retry);
	const struct memif *m = tx->link->memif;
	uint32_t number = (uint32_t)(tx - tx->link->tx);
	struct worker *w = m->engine->worker[interface_queue_worker(m->interface, number)];

	memif_send_waiting(w, tx);
	if (tx->backlog.n == 0)
		return;
	if (memif_is_broken(tx->link) || now_ns - tx->moved_ns > STUCK_NS) {
		/* Nobody reads: as a wire would. */
		for (unsigned n = backlog_free(w, &tx->backlog); n > 0; n--)
			count_waiting(w, tx, TX_FULL);
		return;
	}
	timer_set(&w->wheel, t, now_ns + RETRY_NS);
}

void memif_init_tx(struct memif_tx *tx)
{
	backlog_init(&tx->backlog, tx->link->memif->interface);
	timer_init(&tx->retry, retry_due);
}

void memif_release_backlog(struct worker *w, struct memif_tx *tx)
{
	timer_cancel(&w->wheel, &tx->retry);
	for (unsigned n = backlog_free(w, &tx->backlog); n > 0; n--)
		count_waiting(w, tx, TX_NO_LINK);
}

/* --- the node --- */

/* What became of a frame's packets. */
struct outcome {
	unsigned n_sent, n_waiting, n_dropped;
	uint64_t n_bytes;
	unsigned n_done; /* of those sent, to be freed */
	uint32_t done[FRAME_MAX];
};

/* One packet that is not plain, or finds no room: put it, or let it wait behind others. */
static no_inline void send_one(struct worker *w, struct node *node, struct memif_tx *tx,
			       struct buf *b, struct outcome *o)
{
	uint32_t bytes = b->total_len, idx = b->self;
	int err = ERR_CLOSED;

	if (!memif_is_broken(tx->link))
		err = tx->backlog.n ? ERR_FULL : memif_ring_put(&tx->queue, &w->bufs, b);
	if (err == 0) {
		o->n_sent++;
		o->n_bytes += bytes;
		if (!tx->queue.lent)
			o->done[o->n_done++] = idx;
		return;
	}
	if (err == ERR_FULL && backlog_add(w, &tx->backlog, b)) {
		wait_for_room(w, tx);
		o->n_waiting++;
		return;
	}
	if (err == ERR_PROTOCOL)
		memif_give_up(w, tx->link);
	node_drop(w, node, idx, reason_of(err));
	o->n_dropped++;
}

static void send_all(struct worker *w, struct node *node, struct memif_tx *tx, struct frame *f,
		     struct outcome *o)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	unsigned at = 0;

	frame_bufs(f, b);
	while (at < f->n) {
		unsigned n = 0;
		uint64_t n_bytes = 0;

		if (likely(tx->backlog.n == 0 && !memif_is_broken(tx->link)))
			n = memif_ring_put_plain(&tx->queue, &w->bufs, b + at, f->n - at, &n_bytes);
		if (!tx->queue.lent) {
			memcpy(o->done + o->n_done, f->idx + at, n * sizeof(f->idx[0]));
			o->n_done += n;
		}
		o->n_sent += n;
		o->n_bytes += n_bytes;
		at += n;
		if (at < f->n)
			send_one(w, node, tx, b[at++], o);
	}
}

/* This worker has no ring: a worker that has one takes them, if there is a link. */
static no_inline void hand_over(struct worker *w, struct node *node, const struct frame *f,
				uint32_t to)
{
	const struct interface *i = node->instance;

	if (to == WORKERS_MAX) {
		node_drop_all(w, node, f, TX_NO_LINK);
		interface_count_tx(w, i->index, 0, 0, f->n);
		return;
	}
	for (unsigned at = 0; at < f->n; at++)
		handoff_send(w, to, node->id, f->idx[at]);
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	const struct memif_way *way = &((struct memif *)i->device)->way[w->index];
	struct memif_tx *tx = way->tx;
	struct outcome o;

	if (unlikely(!tx)) {
		hand_over(w, node, f, way->hand_to);
		return f->n;
	}
	o.n_sent = o.n_waiting = o.n_dropped = o.n_done = 0;
	o.n_bytes = 0;
	if (unlikely(tx->backlog.n))
		memif_send_waiting(w, tx);
	send_all(w, node, tx, f, &o);
	if (o.n_sent)
		memif_ring_publish(&tx->queue);
	if (tx->queue.lent && memif_ring_reap(&tx->queue, &w->bufs) < 0)
		memif_give_up(w, tx->link);
	node_count(node, TX_WAITED, o.n_waiting);
	interface_count_tx(w, i->index, o.n_sent, o.n_bytes, o.n_dropped);
	buf_free(&w->bufs, o.done, o.n_done);
	return f->n;
}

const struct node_type memif_tx_node = {
	.name = "memif-tx",
	.run = tx_run,
	.next_names = tx_next,
	.n_next = count_of(tx_next),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
