/*
 * dpdk_node.c - dpdk-input and NAME-tx, and how a worker sleeps beside a device that is polled.
 *
 * A device that interrupts is armed, looked at once more, and then slept on. Others are looked at
 * again after 1, 2, 4 … milliseconds up to `poll_ms`; where at least a descriptor says that packets
 * may have come, this ends when it gets there.
 */
#include "drivers/dpdk/dpdk_private.h"
#include "engine/handoff.h"

enum {
	ETHERNET_BYTES = 14,
	LINGER_NS = 50 * NS_PER_US, /* after a packet, before the first sleep */
};

enum { RX_SHORT, RX_FOREIGN, RX_MISSED, RX_BAD, N_RX_REASONS };
static const struct reason rx_reasons[] = {
	[RX_SHORT] = { "short", "less than an Ethernet header" },
	[RX_FOREIGN] = { "foreign", "it lay in memory that is not ours" },
	[RX_MISSED] = { "missed", "the device had no room for it, or no buffer" },
	[RX_BAD] = { "bad", "the device found it damaged" },
};
_Static_assert(count_of(rx_reasons) == N_RX_REASONS, "every reason has a text");

enum { TX_DROP };
static const char *const tx_next[] = { [TX_DROP] = "drop" };

enum { TX_GONE, TX_CHAIN, TX_OFFLOAD, TX_FULL, TX_REFUSED, N_TX_REASONS };
static const struct reason tx_reasons[] = {
	[TX_GONE] = { "gone", "the device does not exist at present" },
	[TX_CHAIN] = { "chain", "several buffers, which the device cannot send" },
	[TX_OFFLOAD] = { "offload", "offload lanes contradict the packet" },
	[TX_FULL] = { "full", "the queue has no room: the device is slow, or has no link" },
	[TX_REFUSED] = { "refused", "the device cannot send such a packet" },
};
_Static_assert(count_of(tx_reasons) == N_TX_REASONS, "every reason has a text");

/* --- receive --- */

/* Main saw that the device lost some: the worker of the first queue counts them. */
static no_inline void count_lost(struct worker *w, struct node *node, struct dpdk_rx_queue *q)
{
	static const uint16_t reason_of[] = { [DPDK_MISSED] = RX_MISSED, [DPDK_BAD] = RX_BAD };
	struct dpdk *d = q->owner;

	for (unsigned i = 0; i < count_of(reason_of); i++) {
		uint64_t lost = __atomic_load_n(&d->lost[i], __ATOMIC_RELAXED);

		node_count(node, reason_of[i], lost - q->n_seen[i]);
		w->if_counters[d->interface->index].rx_drops += lost - q->n_seen[i];
		q->n_seen[i] = lost;
	}
}

static inline bool lost_more(const struct dpdk_rx_queue *q)
{
	const struct dpdk *d = q->owner;

	return q->index == 0 &&
	       (__atomic_load_n(&d->lost[DPDK_MISSED], __ATOMIC_RELAXED) != q->n_seen[0] ||
		__atomic_load_n(&d->lost[DPDK_BAD], __ATOMIC_RELAXED) != q->n_seen[1]);
}

static no_inline void disarm(struct dpdk_rx_queue *q)
{
	q->armed = false;
	(void)q->owner->module->rx_arm(q->owner->port, q->index, false); /* one wake-up too many */
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct dpdk_rx_queue *q = container_of(f->input, struct dpdk_rx_queue, input);
	struct dpdk *d = q->owner;
	struct interface *i = d->interface;
	uint64_t n_bytes = 0, n_foreign = 0;
	unsigned n, n_good = 0;

	n = d->module->receive(d->port, q->index, &w->bufs, f->idx, FRAME_MAX, &n_foreign);
	if (unlikely(n_foreign)) {
		node_count(node, RX_FOREIGN, n_foreign);
		w->if_counters[i->index].rx_drops += n_foreign;
	}
	if (unlikely(lost_more(q)))
		count_lost(w, node, q);
	if (n == 0)
		return 0;
	q->last_ns = w->now_ns;
	q->wait_ms = 1;
	if (unlikely(q->armed))
		disarm(q);
	for (unsigned k = 0; k < n; k++) {
		struct buf *b = buf_at(f->base, f->idx[k]);

		if (unlikely(b->len < ETHERNET_BYTES)) {
			node_drop(w, node, f->idx[k], RX_SHORT);
			w->if_counters[i->index].rx_drops++;
			continue;
		}
		n_bytes += b->total_len;
		f->idx[n_good++] = f->idx[k];
	}
	f->n = n_good;
	interface_receive(w, node, f, i, n_bytes);
	return n;
}

const struct node_type dpdk_input_node = {
	.name = "dpdk-input",
	.kind = NODE_INPUT,
	.run = input_run,
	.reasons = rx_reasons,
	.n_reasons = N_RX_REASONS,
};

/* --- sleep --- */

/* True: once more, now that the device would interrupt. */
static bool arm(struct dpdk_rx_queue *q)
{
	if (q->armed)
		return false;
	q->armed = q->owner->module->rx_arm(q->owner->port, q->index, true);
	return true;
}

static bool before_sleep(struct worker *w, struct input *in)
{
	struct dpdk_rx_queue *q = container_of(in, struct dpdk_rx_queue, input);
	uint64_t most = q->owner->config.poll_ms ? q->owner->config.poll_ms : DPDK_POLL_MS;

	if (q->can_arm)
		return arm(q);
	if (in->rang)
		q->wait_ms = 1; /* what it told may not be there to be seen yet */
	in->rang = false;
	if (w->now_ns - q->last_ns < LINGER_NS)
		return true;
	if (in->fd >= 0 && q->wait_ms > most)
		return false; /* its descriptor tells */
	timer_set(&w->wheel, &q->timer,
		  w->now_ns + (q->wait_ms < most ? q->wait_ms : most) * NS_PER_MS);
	if (q->wait_ms <= most)
		q->wait_ms *= 2;
	return false;
}

static void look_again(struct timer *t unused_arg, uint64_t now_ns unused_arg)
{
	/* The turn after the one in which it fires looks. */
}

void dpdk_init_queue(const struct engine *e, struct dpdk_rx_queue *q)
{
	timer_init(&q->timer, look_again);
	q->input = (struct input){
		.kind = INPUT_POLLED,
		.node = graph_node_id(&e->graph, dpdk_input_node.name),
		.fd = -1,
		.before_sleep = before_sleep,
	};
}

void dpdk_attach(struct worker *w, struct dpdk *d)
{
	for (uint32_t at = 0; at < d->n_queues; at++) {
		struct dpdk_rx_queue *q = &d->queue[at];

		if (interface_queue_worker(d->interface, at) != w->index)
			continue;
		q->input.fd = d->module->rx_fd(d->port, at);
		q->can_arm = q->input.fd >= 0 && d->module->rx_arm(d->port, at, false);
		q->armed = false;
		q->wait_ms = 1;
		q->attached = worker_add_input(w, &q->input) == 0;
	}
	d->tx_attached[w->index] = true;
}

void dpdk_detach(struct worker *w, struct dpdk *d)
{
	for (uint32_t at = 0; at < d->n_queues; at++) {
		struct dpdk_rx_queue *q = &d->queue[at];

		if (interface_queue_worker(d->interface, at) != w->index)
			continue;
		if (q->attached)
			worker_remove_input(w, &q->input);
		q->attached = false;
		timer_cancel(&w->wheel, &q->timer);
	}
	d->tx_attached[w->index] = false;
}

/* --- send --- */

/* The device has fewer queues than there are workers: one serves several. */
static no_inline unsigned pass_on(struct worker *w, struct node *node, const struct frame *f,
				  uint32_t owner)
{
	for (unsigned i = 0; i < f->n; i++)
		handoff_send(w, owner, node->id, f->idx[i]);
	return f->n;
}

static inline bool must_join(const struct dpdk *d, const struct buf *b)
{
	return b->next && !d->chains;
}

/* Leave in @idx what the device can send; the others are dropped. */
static no_inline unsigned join_chains(struct worker *w, struct node *node, const struct dpdk *d,
				      uint32_t *idx, unsigned n, void *base)
{
	unsigned n_left = 0;

	for (unsigned i = 0; i < n; i++) {
		struct buf *b = buf_at(base, idx[i]);

		if (must_join(d, b) && buf_linear(&w->bufs, b, b->total_len) < 0)
			node_drop(w, node, idx[i], TX_CHAIN);
		else
			idx[n_left++] = idx[i];
	}
	return n_left;
}

static void count_sent(struct worker *w, struct node *node, const struct interface *i,
		       const struct dpdk_sent *sent, unsigned n_dropped)
{
	if (unlikely(sent->n_full))
		node_count(node, TX_FULL, sent->n_full);
	if (unlikely(sent->n_refused))
		node_count(node, TX_REFUSED, sent->n_refused);
	if (unlikely(sent->n_offload))
		node_count(node, TX_OFFLOAD, sent->n_offload);
	interface_count_tx(w, i->index, sent->n_sent, sent->n_bytes,
			   n_dropped + sent->n_full + sent->n_refused + sent->n_offload);
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	struct dpdk *d = i->device;
	struct dpdk_sent sent;
	unsigned n = f->n;
	uint32_t queue = w->index % d->n_tx_queues;

	if (unlikely(queue != w->index))
		return pass_on(w, node, f, queue);
	if (unlikely(!d->tx_attached[w->index])) {
		node_drop_all(w, node, f, TX_GONE);
		interface_count_tx(w, i->index, 0, 0, f->n);
		return f->n;
	}
	if (unlikely(!d->chains))
		n = join_chains(w, node, d, f->idx, n, f->base);
	sent = d->module->send(d->port, queue, &w->bufs, f->idx, n);
	count_sent(w, node, i, &sent, f->n - n);
	return f->n;
}

const struct node_type dpdk_tx_node = {
	.name = "dpdk-tx",
	.run = tx_run,
	.next_names = tx_next,
	.n_next = count_of(tx_next),
	.reasons = tx_reasons,
	.n_reasons = N_TX_REASONS,
};
