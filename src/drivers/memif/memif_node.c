/*
 * memif_node.c - memif-input and NAME-tx. One worker owns both rings; others hand packets to it.
 */
#include "drivers/memif/memif_private.h"
#include "engine/handoff.h"

enum { RX_NO_BUFFERS, RX_PACKET, RX_RING, N_RX_REASONS };
static const struct reason rx_reasons[] = {
	[RX_NO_BUFFERS] = { "no-buffers", "the buffer pool is empty, the packet waits" },
	[RX_PACKET] = { "packet", "too long, too short, or its offload header contradicts it" },
	[RX_RING] = { "ring", "the other side broke the ring; the connection ends" },
};
_Static_assert(count_of(rx_reasons) == N_RX_REASONS, "every reason has a text");

enum { TX_DROP };
static const char *const tx_next[] = { [TX_DROP] = "drop" };

enum { TX_NO_LINK, TX_FULL, TX_TOO_LONG, TX_OFFLOAD, TX_RING, TX_WAITED, N_TX_REASONS };
static const struct reason tx_reasons[] = {
	[TX_NO_LINK] = { "no-link", "nobody is at the other end" },
	[TX_FULL] = { "full",
		      "too many packets wait for room in the ring: the other side is slow" },
	[TX_TOO_LONG] = { "too-long", "longer than the whole ring" },
	[TX_OFFLOAD] = { "offload", "it asks for an offload that this connection lacks" },
	[TX_RING] = { "ring", "the other side broke the ring; the connection ends" },
	[TX_WAITED] = { "waited", "waited for room in the ring (no drop)" },
};
_Static_assert(count_of(tx_reasons) == N_TX_REASONS, "every reason has a text");

/* Stop using the rings and have main end the connection; once per link. */
static void give_up(struct worker *w, struct memif_link *l)
{
	if (l->broken)
		return;
	l->broken = true;
	engine_post_main(w->engine, &l->broken_mail);
}

/* Why the ring did not take a packet; N_TX_REASONS when it did. */
static uint16_t reason_of(int err)
{
	switch (err) {
	case 0:
		return N_TX_REASONS;
	case ERR_CLOSED:
		return TX_NO_LINK;
	case ERR_FULL:
		return TX_FULL;
	case ERR_RANGE:
		return TX_TOO_LONG;
	case ERR_FORMAT:
	case ERR_UNSUPPORTED:
		return TX_OFFLOAD;
	default:
		return TX_RING;
	}
}

/* --- packets that wait for room --- */

enum { RETRY_NS = NS_PER_MS, STUCK_NS = 200 * NS_PER_MS };

static void wait_for_room(struct worker *w, struct memif_link *l)
{
	if (timer_is_set(&l->retry))
		return;
	l->moved_ns = w->now_ns;
	timer_set(&w->wheel, &l->retry, w->now_ns + RETRY_NS);
}

/* Count packets of the backlog as sent or, with @reason, as lost; the transmit node is not run. */
static void count_waiting(struct worker *w, const struct memif_link *l, uint16_t reason)
{
	struct node *tx = &w->graph.node[l->memif->interface->tx_node];

	node_count(tx, reason, 1);
	interface_count_tx(w, l->memif->interface->index, 0, 0, 1);
}

/* Send what waits, as far as there is room now. */
static void send_waiting(struct worker *w, struct memif_link *l)
{
	unsigned n_sent = 0;
	uint64_t n_bytes = 0;
	uint32_t idx;

	while ((idx = backlog_first_or_zero(&l->backlog)) && !l->broken) {
		struct buf *b = buf_at(w->bufs.pool->base, idx);
		int err = memif_ring_put(&l->view, b);

		if (err == ERR_FULL)
			break;
		if (err == ERR_PROTOCOL)
			give_up(w, l);
		if (err)
			count_waiting(w, l, reason_of(err));
		n_sent += err == 0;
		n_bytes += err ? 0 : b->total_len;
		backlog_take(w, &l->backlog);
		buf_free_one(&w->bufs, idx);
	}
	if (n_sent == 0)
		return;
	l->moved_ns = w->now_ns;
	memif_ring_publish(&l->view);
	interface_count_tx(w, l->memif->interface->index, n_sent, n_bytes, 0);
}

/* Who sleeps learns of room by time; who is busy looks before each burst, at either end. */
static void retry_due(struct timer *t, uint64_t now_ns)
{
	struct memif_link *l = container_of(t, struct memif_link, retry);
	struct worker *w = l->memif->engine->worker[l->memif->owner];

	send_waiting(w, l);
	if (l->backlog.n == 0)
		return;
	if (l->broken || now_ns - l->moved_ns > STUCK_NS) { /* nobody reads: as a wire would */
		for (unsigned n = backlog_free(w, &l->backlog); n > 0; n--)
			count_waiting(w, l, TX_FULL);
		return;
	}
	timer_set(&w->wheel, t, now_ns + RETRY_NS);
}

void memif_release_backlog(struct worker *w, struct memif_link *l)
{
	timer_cancel(&w->wheel, &l->retry);
	for (unsigned n = backlog_free(w, &l->backlog); n > 0; n--)
		count_waiting(w, l, TX_NO_LINK);
}

/* Receive one packet; false when there is nothing more to do now. */
static bool take_one(struct worker *w, struct node *node, struct memif_link *l, struct frame *f)
{
	struct if_counters *counters = &w->if_counters[l->memif->interface->index];
	int got = memif_ring_take(&l->view, &w->bufs, &f->idx[f->n]);

	if (likely(got == 1)) {
		f->n++;
		return true;
	}
	switch (got) {
	case 0:
		return false;
	case ERR_FORMAT:
		node_count(node, RX_PACKET, 1);
		counters->rx_drops++;
		return true;
	case ERR_NOMEM:
		node_count(node, RX_NO_BUFFERS, 1);
		return false;
	default:
		node_count(node, RX_RING, 1);
		give_up(w, l);
		return false;
	}
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct memif_link *l = f->input->context;
	uint16_t began = l->view.rx.at;
	uint64_t n_bytes = 0;
	unsigned n_seen = 0;

	if (unlikely(l->broken))
		return 0;
	if (unlikely(l->backlog.n))
		send_waiting(w, l);
	while (f->n < FRAME_MAX && take_one(w, node, l, f))
		n_seen++;
	if (l->view.rx.at != began)
		memif_ring_release(&l->view);
	for (unsigned i = 0; i < f->n; i++)
		n_bytes += buf_at(f->base, f->idx[i])->total_len;
	interface_receive(w, node, f, l->memif->interface, n_bytes);
	return n_seen;
}

const struct node_type memif_input_node = {
	.name = "memif-input",
	.kind = NODE_INPUT,
	.run = input_run,
	.reasons = rx_reasons,
	.n_reasons = N_RX_REASONS,
};

static bool before_sleep(struct worker *w, struct input *in)
{
	struct memif_link *l = in->context;

	(void)w;
	if (l->broken)
		return false;
	memif_ring_sleepy(&l->view, true);
	return memif_ring_ready(&l->view);
}

static void after_sleep(struct worker *w, struct input *in)
{
	struct memif_link *l = in->context;

	(void)w;
	memif_ring_sleepy(&l->view, false);
}

void memif_init_input(struct memif_link *l)
{
	l->input = (struct input){
		.kind = INPUT_POLLED,
		.node = graph_node_id(&l->memif->engine->graph, memif_input_node.name),
		.fd = l->view.rx.bell_fd,
		.before_sleep = before_sleep,
		.after_sleep = after_sleep,
		.context = l,
	};
	backlog_init(&l->backlog, l->memif->interface);
	timer_init(&l->retry, retry_due);
}

static void hand_over(struct worker *w, const struct node *node, const struct frame *f,
		      uint32_t owner)
{
	for (unsigned i = 0; i < f->n; i++)
		handoff_send(w, owner, node->id, f->idx[i]);
}

/* Put the packet, or let it wait behind others. */
static uint16_t send_one(struct worker *w, struct memif_link *l, struct buf *b)
{
	int err = ERR_CLOSED;

	if (likely(l && !l->broken))
		err = l->backlog.n ? ERR_FULL : memif_ring_put(&l->view, b);
	if (err == ERR_FULL && backlog_add(w, &l->backlog, b)) {
		wait_for_room(w, l);
		return TX_WAITED;
	}
	if (err == ERR_PROTOCOL)
		give_up(w, l);
	return reason_of(err);
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	struct memif *m = i->device;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint32_t sent[FRAME_MAX];
	unsigned n_sent = 0, n_waiting = 0;
	uint64_t n_bytes = 0;

	if (unlikely(w->index != m->owner)) {
		hand_over(w, node, f, m->owner);
		return f->n;
	}
	frame_bufs(f, b);
	if (m->active)
		send_waiting(w, m->active);
	for (unsigned at = 0; at < f->n; at++) {
		uint16_t reason;

		buf_prefetch(b[at + PREFETCH_AHEAD]);
		buf_prefetch_data(b[at + PREFETCH_AHEAD / 2]);
		reason = send_one(w, m->active, b[at]);
		if (unlikely(reason == TX_WAITED)) {
			n_waiting++;
			continue;
		}
		if (unlikely(reason != N_TX_REASONS)) {
			node_drop(w, node, f->idx[at], reason);
			continue;
		}
		n_bytes += b[at]->total_len;
		sent[n_sent++] = f->idx[at];
	}
	if (n_sent)
		memif_ring_publish(&m->active->view);
	node_count(node, TX_WAITED, n_waiting);
	interface_count_tx(w, i->index, n_sent, n_bytes, f->n - n_sent - n_waiting);
	buf_free(&w->bufs, sent, n_sent);
	return f->n;
}

const struct node_type memif_tx_node = {
	.name = "memif-tx",
	.run = tx_run,
	.next_names = tx_next,
	.n_next = count_of(tx_next),
	.reasons = tx_reasons,
	.n_reasons = N_TX_REASONS,
};
