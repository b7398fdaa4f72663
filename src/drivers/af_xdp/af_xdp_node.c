/*
 * af_xdp_node.c - af-xdp-input and NAME-tx: descriptors in and out of the rings. A system call is
 * made to have packets sent, once for a frame, and where the kernel says that it wants one.
 */
#include <errno.h>
#include <sys/socket.h>

#include "drivers/af_xdp/af_xdp_private.h"
#include "drivers/l4.h"
#include "engine/handoff.h"

enum {
	ETHERNET_BYTES = 14,
	KICKS_MAX = 16,			  /* calls for one frame, where each sends a few only */
	STATS_EVERY_NS = 100 * NS_PER_MS, /* and the kernel is asked what it lost */
};

enum { RX_NO_BUFFERS, RX_SHORT, RX_KERNEL, N_RX_REASONS };
static const struct reason rx_reasons[] = {
	[RX_NO_BUFFERS] = { "no-buffers", "the pool is empty: the kernel gets none to fill" },
	[RX_SHORT] = { "short", "less than an Ethernet header" },
	[RX_KERNEL] = { "kernel", "the kernel dropped it: no buffer, or the ring was full" },
};
_Static_assert(count_of(rx_reasons) == N_RX_REASONS, "every reason has a text");

enum { TX_DROP };
static const char *const tx_next[] = { [TX_DROP] = "drop" };

enum { TX_GONE, TX_CHAIN, TX_OFFLOAD, TX_FULL, TX_REFUSED, TX_KICK, N_TX_REASONS };
static const struct reason tx_reasons[] = {
	[TX_GONE] = { "gone", "the device does not exist at present" },
	[TX_CHAIN] = { "chain", "several buffers, which the socket cannot send or not so many" },
	[TX_OFFLOAD] = { "offload", "it asks for an offload; there are none" },
	[TX_FULL] = { "full", "the ring has no room: the device is slow" },
	[TX_REFUSED] = { "refused", "the kernel did not take it: down, or larger than the MTU" },
	[TX_KICK] = { "kick", "not a packet: the kernel could not send now and is asked again" },
};
_Static_assert(count_of(tx_reasons) == N_TX_REASONS, "every reason has a text");

/* --- buffers that the kernel has --- */

/* Give the kernel buffers to receive into, as many as it lacks. False if the pool has fewer. */
static bool refill(struct worker *w, struct xdp_queue *q)
{
	uint32_t room = xdp_ring_room(&q->fill, q->n_lacking);
	uint32_t want = q->n_lacking < room ? q->n_lacking : room;

	while (want > 0) {
		uint32_t idx[FRAME_MAX], at = q->fill.mine;
		unsigned n = buf_alloc(&w->bufs, idx, want < FRAME_MAX ? want : FRAME_MAX);

		for (unsigned i = 0; i < n; i++) {
			*xdp_ring_address(&q->fill, at + i) = (uint64_t)idx[i] * BUF_LINE;
			q->owner->lent[af_xdp_number(idx[i])] = 1;
		}
		xdp_ring_produced(&q->fill, at + n);
		q->n_lacking -= n;
		want -= n;
		if (n == 0)
			return false;
	}
	return true;
}

static uint32_t buffer_of(struct af_xdp *x, uint64_t address)
{
	uint32_t idx = (uint32_t)((address & XSK_UNALIGNED_BUF_ADDR_MASK) / BUF_LINE);

	x->lent[af_xdp_number(idx)] = 0;
	return idx;
}

/* Free what has been sent. */
static void reap(struct worker *w, struct xdp_queue *q)
{
	uint32_t n = xdp_ring_waiting(&q->completion, q->completion.mask + 1);
	uint32_t at = q->completion.mine;

	for (uint32_t i = 0; i < n; i++)
		buf_free_one(&w->bufs,
			     buffer_of(q->owner, *xdp_ring_address(&q->completion, at + i)));
	if (n)
		xdp_ring_consumed(&q->completion, at + n);
}

/*
 * Have the kernel send what is in the ring. What it cannot send for want of room is tried again in
 * the next turn; what it refuses (the device is down) waits for the next packet to be sent.
 */
static void kick(struct xdp_queue *q, struct node *node)
{
	q->unsent = false;
	for (unsigned n = 0; n < KICKS_MAX; n++) {
		if (xdp_ring_unconsumed(&q->tx) == 0 || !xdp_ring_wants_wakeup(&q->tx))
			return;
		if (sendto(q->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno == EAGAIN)
			continue;
		if (node)
			node_count(node, TX_KICK, 1);
		q->unsent = errno == EBUSY || errno == ENOBUFS;
		return;
	}
	q->unsent = true;
}

void af_xdp_take(struct worker *w, struct xdp_queue *q)
{
	q->n_lacking = q->fill.mask + 1;
	q->chain = 0;
	q->n_kernel_lost = 0;
	q->unsent = false;
	(void)refill(w, q); /* what the pool lacks now it may have in a later turn */
}

void af_xdp_leave(struct worker *w, struct xdp_queue *q)
{
	if (q->chain)
		buf_free_one(&w->bufs, q->chain);
	q->chain = 0;
	timer_cancel(&w->wheel, &q->timer);
}

/* --- receive --- */

static no_inline void ask_stats(struct worker *w, struct node *node, struct xdp_queue *q)
{
	struct xdp_statistics stats = { 0 };
	socklen_t len = sizeof(stats);
	uint64_t lost;

	q->stats_ns = w->now_ns;
	if (getsockopt(q->fd, SOL_XDP, XDP_STATISTICS, &stats, &len) < 0)
		return;
	lost = stats.rx_dropped + stats.rx_ring_full;
	node_count(node, RX_KERNEL, lost - q->n_kernel_lost);
	w->if_counters[q->owner->interface->index].rx_drops += lost - q->n_kernel_lost;
	__atomic_store_n(&q->n_kernel_lost, lost, __ATOMIC_RELAXED);
}

/* Hang @b, a later piece of the packet @first, behind it. */
static void extend(struct buf *first, struct buf *b)
{
	struct buf *last = first, *next;

	while ((next = buf_next_or_null(last)) != NULL)
		last = next;
	last->next = b->self;
	first->total_len += b->len;
}

/*
 * The packet that the descriptor @d completes; 0 when it is only a part of one. The buffer's lanes
 * are as buf_alloc() left them.
 */
static inline uint32_t take(struct xdp_queue *q, const struct xdp_desc *d, void *base)
{
	uint32_t idx = buffer_of(q->owner, d->addr);
	struct buf *b = buf_at(base, idx);
	uint32_t start = (uint32_t)(d->addr >> XSK_UNALIGNED_BUF_OFFSET_SHIFT);

	b->at = (uint16_t)(start - offsetof(struct buf, room));
	b->len = (uint16_t)d->len;
	b->total_len = d->len;
	b->l2_at = b->at;
	if (likely(!q->chain && !(d->options & AF_XDP_CONTINUES)))
		return idx;
	if (q->chain)
		extend(buf_at(base, q->chain), b);
	else
		q->chain = idx;
	if (d->options & AF_XDP_CONTINUES)
		return 0;
	idx = q->chain;
	q->chain = 0;
	return idx;
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct xdp_queue *q = container_of(f->input, struct xdp_queue, input);
	struct interface *i = q->owner->interface;
	uint32_t n = xdp_ring_waiting(&q->rx, FRAME_MAX), at = q->rx.mine;
	uint64_t n_bytes = 0;

	if (n == 0 && q->owner->config.busy_poll_us)
		recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	if (unlikely(q->unsent))
		kick(q, NULL);
	reap(w, q);
	if (unlikely(w->now_ns - q->stats_ns > STATS_EVERY_NS))
		ask_stats(w, node, q);
	n = n < FRAME_MAX ? n : FRAME_MAX;
	for (uint32_t k = 0; k < n; k++) {
		const struct xdp_desc *d = xdp_ring_desc(&q->rx, at + k);
		uint32_t idx;

		if (likely(k + PREFETCH_AHEAD < n)) {
			uint64_t ahead = xdp_ring_desc(&q->rx, at + k + PREFETCH_AHEAD)->addr;

			buf_prefetch((struct buf *)((uint8_t *)f->base +
						    (ahead & XSK_UNALIGNED_BUF_ADDR_MASK)));
		}
		idx = take(q, d, f->base);
		if (unlikely(!idx))
			continue;
		if (unlikely(buf_at(f->base, idx)->len < ETHERNET_BYTES)) {
			node_drop(w, node, idx, RX_SHORT);
			w->if_counters[i->index].rx_drops++;
			continue;
		}
		if (q->owner->partial)
			l4_mark_partial(buf_at(f->base, idx));
		n_bytes += buf_at(f->base, idx)->total_len;
		f->idx[f->n++] = idx;
	}
	if (n)
		xdp_ring_consumed(&q->rx, at + n);
	q->n_lacking += n;
	if (q->n_lacking) {
		if (unlikely(!refill(w, q)))
			node_count(node, RX_NO_BUFFERS, 1);
		if (xdp_ring_wants_wakeup(&q->fill))
			recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	}
	interface_receive(w, node, f, i, n_bytes);
	return n;
}

const struct node_type af_xdp_input_node = {
	.name = "af-xdp-input",
	.kind = NODE_INPUT,
	.run = input_run,
	.reasons = rx_reasons,
	.n_reasons = N_RX_REASONS,
};

/* Work is left where packets wait either way. */
static bool before_sleep(struct worker *w, struct input *in)
{
	struct xdp_queue *q = container_of(in, struct xdp_queue, input);

	if (q->n_lacking > q->fill.mask / 2) /* the pool may have some again then */
		timer_set(&w->wheel, &q->timer, w->now_ns + WHEEL_TICK_NS);
	return q->unsent || xdp_ring_waiting(&q->rx, 1) > 0;
}

static void woken(struct timer *t unused_arg, uint64_t now_ns unused_arg)
{
}

void af_xdp_init_input(const struct engine *e, struct xdp_queue *q)
{
	timer_init(&q->timer, woken);
	q->input = (struct input){
		.kind = INPUT_POLLED,
		.node = graph_node_id(&e->graph, af_xdp_input_node.name),
		.fd = -1,
		.before_sleep = before_sleep,
	};
}

/* --- send --- */

/* The first queue of the worker's own; without one, another's, who then sends what is passed on. */
static struct xdp_queue *queue_of(struct af_xdp *x, const struct worker *w)
{
	for (uint32_t q = 0; q < x->n_queues; q++)
		if (interface_queue_worker(x->interface, q) == w->index)
			return &x->queue[q];
	return &x->queue[w->index % x->n_queues];
}

/* Put @b's buffers into the ring from *@at on; N_TX_REASONS, or why not. */
static inline uint16_t put(struct xdp_queue *q, struct buf *b, uint32_t *at)
{
	uint32_t n = *at, n_pieces = 1;

	if (unlikely((b->flags & BUF_NEED_L4_CSUM) || b->gso_type != GSO_NONE))
		return TX_OFFLOAD;
	if (unlikely(b->next)) {
		n_pieces = buf_chain_count(b);
		if (!q->owner->chains || n_pieces > AF_XDP_PIECES_MAX)
			return TX_CHAIN;
	}
	if (unlikely(xdp_ring_room(&q->tx, n - q->tx.mine + n_pieces) < n - q->tx.mine + n_pieces))
		return TX_FULL;
	for (struct buf *next; b; b = next) {
		struct xdp_desc *d = xdp_ring_desc(&q->tx, n++);

		next = buf_next_or_null(b);
		d->addr = (uint64_t)b->self * BUF_LINE |
			  (uint64_t)(offsetof(struct buf, room) + b->at)
				  << XSK_UNALIGNED_BUF_OFFSET_SHIFT;
		d->len = b->len;
		d->options = next ? AF_XDP_CONTINUES : 0;
		q->owner->lent[af_xdp_number(b->self)] = 1;
		b->next = 0; /* each comes back by itself */
	}
	*at = n;
	return N_TX_REASONS;
}

static no_inline unsigned pass_on(struct worker *w, struct node *node, const struct frame *f,
				  const struct xdp_queue *q)
{
	for (unsigned i = 0; i < f->n; i++)
		handoff_send(w, interface_queue_worker(node->instance, q->index), node->id,
			     f->idx[i]);
	return f->n;
}

struct sending {
	struct worker *worker;
	struct node *node;
	struct xdp_queue *queue;
	unsigned n_sent;
	uint64_t n_bytes;
};

/* Into the ring, from the buffers themselves; they come back by the completion ring. */
static void send_by_ring(struct sending *s, const struct frame *f, struct buf **b)
{
	struct xdp_queue *q = s->queue;
	uint32_t at = q->tx.mine;

	reap(s->worker, q);
	for (unsigned k = 0; k < f->n; k++) {
		uint32_t bytes = b[k]->total_len;
		uint16_t reason;

		buf_prefetch(b[k + PREFETCH_AHEAD]);
		reason = put(q, b[k], &at);
		if (unlikely(reason != N_TX_REASONS)) {
			node_drop(s->worker, s->node, f->idx[k], reason);
			continue;
		}
		s->n_bytes += bytes;
		s->n_sent++;
	}
	xdp_ring_produced(&q->tx, at);
	kick(q, s->node);
}

/* N_TX_REASONS if it waits in the program's batch, or why not. */
static inline uint16_t put_copy(struct sending *s, const struct buf *b, struct bpf_sent *sent)
{
	struct bpf_sender *sender = &s->queue->sender;

	if (unlikely((b->flags & BUF_NEED_L4_CSUM) || b->gso_type != GSO_NONE))
		return TX_OFFLOAD;
	if (unlikely(b->total_len < BPF_SENDER_FRAME_MIN || b->total_len > BPF_SENDER_FRAME_MAX))
		return TX_REFUSED;
	if (likely(bpf_sender_put(sender, b)))
		return N_TX_REASONS;
	bpf_sender_flush(sender, sent);
	return bpf_sender_put(sender, b) ? N_TX_REASONS : TX_FULL;
}

/* Copied into the program's batch: the buffers are free at once. */
static void send_by_program(struct sending *s, const struct frame *f, struct buf **b)
{
	struct bpf_sent sent = { 0 };
	uint32_t copied[FRAME_MAX];
	unsigned n_copied = 0;

	for (unsigned k = 0; k < f->n; k++) {
		uint16_t reason;

		buf_prefetch(b[k + PREFETCH_AHEAD]);
		reason = put_copy(s, b[k], &sent);
		if (likely(reason == N_TX_REASONS))
			copied[n_copied++] = f->idx[k];
		else
			node_drop(s->worker, s->node, f->idx[k], reason);
	}
	bpf_sender_flush(&s->queue->sender, &sent);
	buf_free(&s->worker->bufs, copied, n_copied);
	s->n_sent = sent.n_sent;
	s->n_bytes = sent.n_bytes;
	node_count(s->node, TX_FULL, sent.n_full);
	node_count(s->node, TX_GONE, sent.n_gone);
	node_count(s->node, TX_REFUSED, sent.n_refused);
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	struct sending s = { w, node, queue_of(i->device, w), 0, 0 };
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];

	if (unlikely(w->index != interface_queue_worker(i, s.queue->index)))
		return pass_on(w, node, f, s.queue);
	if (unlikely(!s.queue->attached)) {
		node_drop_all(w, node, f, TX_GONE);
		interface_count_tx(w, i->index, 0, 0, f->n);
		return f->n;
	}
	frame_bufs(f, b);
	if (s.queue->sender.batch)
		send_by_program(&s, f, b);
	else
		send_by_ring(&s, f, b);
	interface_count_tx(w, i->index, s.n_sent, s.n_bytes, f->n - s.n_sent);
	return f->n;
}

const struct node_type af_xdp_tx_node = {
	.name = "af-xdp-tx",
	.run = tx_run,
	.next_names = tx_next,
	.n_next = count_of(tx_next),
	.reasons = tx_reasons,
	.n_reasons = N_TX_REASONS,
};
