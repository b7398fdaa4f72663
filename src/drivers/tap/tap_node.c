/*
 * tap_node.c - tap-input and NAME-tx: the only system calls of the data path, one per frame.
 *
 * A frame may be a super-segment of 64 KiB, so each read offers a whole chain of buffers; those
 * that it filled go on with the packet and their places are filled again before the next read.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/tap/tap_private.h"

enum { RX_NO_BUFFERS, RX_TOO_SHORT, RX_BAD_HEADER, RX_DEVICE, N_RX_REASONS };
static const struct reason rx_reasons[] = {
	[RX_NO_BUFFERS] = { "no-buffers", "the buffer pool is empty, the frame waits" },
	[RX_TOO_SHORT] = { "short", "less than an Ethernet header" },
	[RX_BAD_HEADER] = { "offload", "the offload header contradicts the frame" },
	[RX_DEVICE] = { "device", "the device is gone or failed" },
};
_Static_assert(count_of(rx_reasons) == N_RX_REASONS, "every reason has a text");

enum { TX_DROP };
static const char *const tx_next[] = { [TX_DROP] = "drop" };

enum { TX_GONE, TX_CHAIN, TX_OFFLOAD, TX_REFUSED, N_TX_REASONS };
static const struct reason tx_reasons[] = {
	[TX_GONE] = { "gone", "the device was deleted; it is made again" },
	[TX_CHAIN] = { "chain", "more buffers than one write takes" },
	[TX_OFFLOAD] = { "offload", "offload lanes contradict the packet" },
	[TX_REFUSED] = { "refused", "the kernel did not take it: its end is down or full" },
};
_Static_assert(count_of(tx_reasons) == N_TX_REASONS, "every reason has a text");

enum { ETHERNET_BYTES = 14 };

/* Fill the places of the chain that the last frame took; false if the pool cannot. */
static bool arm(struct worker *w, struct tap_queue *q)
{
	uint32_t fresh[TAP_RX_BUFS];
	unsigned n;

	if (q->n_missing == 0)
		return true;
	n = buf_alloc(&w->bufs, fresh, q->n_missing);
	for (unsigned i = 0; i < n; i++) {
		struct buf *b = buf_at(w->bufs.pool->base, fresh[i]);
		unsigned place = --q->n_missing;

		if (place)
			b->at = 0; /* only the first needs headroom */
		q->idx[place] = fresh[i];
		q->iov[1 + place].iov_base = buf_data(b);
		q->iov[1 + place].iov_len = place ? BUF_ROOM : BUF_DATA;
	}
	return q->n_missing == 0;
}

/* Chain up the buffers that @bytes of a read filled; returns the first one's index. */
static uint32_t take_filled(struct worker *w, struct tap_queue *q, uint32_t bytes)
{
	struct buf *first = buf_at(w->bufs.pool->base, q->idx[0]), *b = first;
	uint32_t left = bytes;
	unsigned n = 0;

	first->total_len = bytes;
	for (;;) {
		uint32_t step = (uint32_t)q->iov[1 + n].iov_len;

		step = step < left ? step : left;
		b->len = (uint16_t)step;
		left -= step;
		n++;
		if (left == 0)
			break;
		b->next = q->idx[n];
		b = buf_at(w->bufs.pool->base, b->next);
	}
	q->n_missing = n;
	return first->self;
}

static no_inline void device_failed(struct worker *w, struct node *node, struct tap_queue *q)
{
	node_count(node, RX_DEVICE, 1);
	if (q->gone)
		return;
	q->gone = true;
	engine_post_main(w->engine, &q->gone_mail);
}

/* Read one frame; 0 when there is none, with the input drained or waiting for buffers. */
static uint32_t read_frame(struct worker *w, struct node *node, struct tap_queue *q)
{
	ssize_t n;

	if (!arm(w, q)) {
		node_count(node, RX_NO_BUFFERS, 1);
		return 0;
	}
	n = readv(q->input.fd, q->iov, 1 + TAP_RX_BUFS);
	if (unlikely(n < (ssize_t)sizeof(q->header))) {
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			device_failed(w, node, q);
		input_drained(&q->input);
		return 0;
	}
	return take_filled(w, q, (uint32_t)n - (uint32_t)sizeof(q->header));
}

static bool check_frame(struct node *node, const struct tap_queue *q, struct buf *b)
{
	if (unlikely(b->len < ETHERNET_BYTES)) {
		node_count(node, RX_TOO_SHORT, 1);
		return false;
	}
	b->l2_at = b->at;
	if (unlikely(!vnet_to_buf(&q->header, b))) {
		node_count(node, RX_BAD_HEADER, 1);
		return false;
	}
	return true;
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct tap_queue *q = container_of(f->input, struct tap_queue, input);
	struct interface *i = q->tap->interface;
	unsigned n_read = 0;
	uint64_t n_bytes = 0;

	for (; n_read < TAP_RX_BURST; n_read++) {
		uint32_t idx = read_frame(w, node, q);
		struct buf *b;

		if (!idx)
			break;
		b = buf_at(f->base, idx);
		if (unlikely(!check_frame(node, q, b))) {
			w->if_counters[i->index].rx_drops++;
			buf_free_one(&w->bufs, idx);
			continue;
		}
		n_bytes += b->total_len;
		f->idx[f->n++] = idx;
	}
	interface_receive(w, node, f, i, n_bytes);
	return n_read;
}

const struct node_type tap_input_node = {
	.name = "tap-input",
	.kind = NODE_INPUT,
	.run = input_run,
	.reasons = rx_reasons,
	.n_reasons = N_RX_REASONS,
};

/* Write one frame; its reason if it cannot be sent, else N_TX_REASONS. */
static uint16_t write_frame(int fd, struct buf *b)
{
	struct virtio_net_hdr header;
	struct iovec iov[TAP_TX_IOVS];
	int n = 1;

	if (unlikely(!vnet_of_buf(&header, b)))
		return TX_OFFLOAD;
	iov[0] = (struct iovec){ &header, sizeof(header) };
	for (struct buf *part = b; part; part = buf_next_or_null(part)) {
		if (unlikely(n == TAP_TX_IOVS))
			return TX_CHAIN;
		iov[n++] = (struct iovec){ buf_data(part), part->len };
	}
	return likely(writev(fd, iov, n) >= 0) ? N_TX_REASONS : TX_REFUSED;
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	const struct tap *t = i->device;
	int fd = __atomic_load_n(&t->queue[w->index % t->n_queues].tx_fd, __ATOMIC_RELAXED);
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint32_t sent[FRAME_MAX];
	unsigned n_sent = 0;
	uint64_t n_bytes = 0;

	if (unlikely(fd < 0)) {
		node_drop_all(w, node, f, TX_GONE);
		interface_count_tx(w, i->index, 0, 0, f->n);
		return f->n;
	}
	frame_bufs(f, b);
	for (unsigned at = 0; at < f->n; at++) {
		uint16_t reason;

		buf_prefetch(b[at + PREFETCH_AHEAD]);
		reason = write_frame(fd, b[at]);
		if (unlikely(reason != N_TX_REASONS)) {
			node_drop(w, node, f->idx[at], reason);
			continue;
		}
		n_bytes += b[at]->total_len;
		sent[n_sent++] = f->idx[at];
	}
	interface_count_tx(w, i->index, n_sent, n_bytes, f->n - n_sent);
	buf_free(&w->bufs, sent, n_sent);
	return f->n;
}

const struct node_type tap_tx_node = {
	.name = "tap-tx",
	.run = tx_run,
	.next_names = tx_next,
	.n_next = count_of(tx_next),
	.reasons = tx_reasons,
	.n_reasons = N_TX_REASONS,
};
