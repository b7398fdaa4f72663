/* memif_node.c - memif-input: each ring that we receive from is an input of the worker it has. */
#include "drivers/memif/memif_private.h"

enum { RX_NO_BUFFERS, RX_PACKET, RX_RING, N_RX_REASONS };
static const struct reason rx_reasons[] = {
	[RX_NO_BUFFERS] = { "no-buffers", "the buffer pool is empty, packets wait (not dropped)" },
	[RX_PACKET] = { "packet", "too long, too short, or its offload header contradicts it" },
	[RX_RING] = { "ring", "the other side broke the ring; the connection ends" },
};
_Static_assert(count_of(rx_reasons) == N_RX_REASONS, "every reason has a text");

/* What stopped the batch, or was left out of it. */
static no_inline void count_odd(struct worker *w, struct node *node, struct memif_rx *rx,
				const struct memif_taken *t)
{
	node_count(node, RX_PACKET, t->n_bad);
	w->if_counters[rx->link->memif->interface->index].rx_drops += t->n_bad;
	if (t->err == ERR_NOMEM) {
		node_count(node, RX_NO_BUFFERS, 1);
	} else if (t->err) {
		node_count(node, RX_RING, 1);
		memif_give_up(w, rx->link);
	}
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct memif_rx *rx = f->input->context;
	struct memif_tx *tx = rx->link->memif->way[w->index].tx;
	uint16_t began = rx->queue.at;
	struct memif_taken t;

	if (unlikely(memif_is_broken(rx->link)))
		return 0;
	if (unlikely(tx && tx->backlog.n))
		memif_send_waiting(w, tx);
	memif_ring_take(&rx->queue, &w->bufs, f->idx, FRAME_MAX, &t);
	if (unlikely(t.n_bad || t.err))
		count_odd(w, node, rx, &t);
	if (rx->queue.at != began || unlikely(rx->lacks))
		rx->lacks = !memif_ring_release(&rx->queue, &w->bufs);
	f->n = t.n;
	interface_receive(w, node, f, rx->link->memif->interface, t.n_bytes);
	return t.n + t.n_bad;
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
	struct memif_rx *rx = in->context;

	if (memif_is_broken(rx->link))
		return false;
	if (rx->lacks) /* the pool may have some again then */
		timer_set(&w->wheel, &rx->timer, w->now_ns + WHEEL_TICK_NS);
	memif_ring_sleepy(&rx->queue, true);
	return memif_ring_ready(&rx->queue);
}

static void after_sleep(struct worker *w, struct input *in)
{
	struct memif_rx *rx = in->context;

	(void)w;
	memif_ring_sleepy(&rx->queue, false);
}

static void woken(struct timer *t unused_arg, uint64_t now_ns unused_arg)
{
}

void memif_init_rx(struct memif_rx *rx)
{
	rx->input = (struct input){
		.kind = INPUT_POLLED,
		.node = graph_node_id(&rx->link->memif->engine->graph, memif_input_node.name),
		.fd = rx->queue.bell_fd,
		.before_sleep = before_sleep,
		.after_sleep = after_sleep,
		.context = rx,
	};
	timer_init(&rx->timer, woken);
}
