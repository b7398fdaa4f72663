/*
 * af_packet_node.c - af-packet-input and NAME-tx. Receiving makes no system call while packets
 * wait in the ring; sending makes one for each batch.
 */
#include <errno.h>
#include <string.h>

#include "drivers/af_packet/af_packet_private.h"

enum { ETHERNET_BYTES = 14, MACS_BYTES = 12, TAG_BYTES = 4, TPID_8021Q = 0x8100 };

enum { RX_NO_BUFFERS, RX_FRAME, RX_OFFLOAD, RX_RING_FULL, N_RX_REASONS };
static const struct reason rx_reasons[] = {
	[RX_NO_BUFFERS] = { "no-buffers", "the buffer pool is empty, the packet waits" },
	[RX_FRAME] = { "frame", "shorter than an Ethernet header, or cut off by the kernel" },
	[RX_OFFLOAD] = { "offload", "an offload that we do not know, or one that contradicts it" },
	[RX_RING_FULL] = { "ring-full", "the kernel found no room in the receive ring" },
};
_Static_assert(count_of(rx_reasons) == N_RX_REASONS, "every reason has a text");

enum { TX_DROP };
static const char *const tx_next[] = { [TX_DROP] = "drop" };

enum { TX_GONE, TX_CHAIN, TX_OFFLOAD, TX_FULL, TX_REFUSED, N_TX_REASONS };
static const struct reason tx_reasons[] = {
	[TX_GONE] = { "gone", "the device does not exist at present" },
	[TX_CHAIN] = { "chain", "more buffers than one message takes" },
	[TX_OFFLOAD] = { "offload", "offload lanes contradict the packet" },
	[TX_FULL] = { "full", "the device or the socket has no room: it is slow" },
	[TX_REFUSED] = { "refused", "the kernel did not take it: down, or larger than the MTU" },
};
_Static_assert(count_of(tx_reasons) == N_TX_REASONS, "every reason has a text");

/* --- receive --- */

/* The virtio-net header stands right before the frame. */
static bool take_offload(const struct tpacket3_hdr *h, const uint8_t *frame, uint32_t tag_bytes,
			 struct buf *b)
{
	struct virtio_net_hdr vnet;

	memcpy(&vnet, frame - sizeof(vnet), sizeof(vnet));
	(void)h;
	if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		vnet.csum_start = (uint16_t)(vnet.csum_start + tag_bytes);
	return vnet_to_buf(&vnet, b);
}

/* Put the tag back that the kernel took out, between the link addresses and the rest. */
static void put_tag(struct buf *b, const struct tpacket3_hdr *h)
{
	uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : TPID_8021Q;
	uint8_t *at = buf_append(b, TAG_BYTES);

	at[0] = (uint8_t)(tpid >> 8);
	at[1] = (uint8_t)tpid;
	at[2] = (uint8_t)(h->hv1.tp_vlan_tci >> 8);
	at[3] = (uint8_t)h->hv1.tp_vlan_tci;
}

static void append(struct buf *b, const uint8_t *from, uint32_t n)
{
	memcpy(buf_append(b, n), from, n);
}

/* Copy the frame at @from behind what @b holds, into more buffers where one is too small. */
static bool copy_frame(struct worker *w, struct buf *b, const uint8_t *from, uint32_t n)
{
	uint32_t room = BUF_HEADROOM + BUF_DATA - b->at - b->len;

	if (likely(n <= room)) {
		append(b, from, n);
		return true;
	}
	return buf_append_bytes(&w->bufs, b, from, n) == 0;
}

/* Fill @b with the packet @h: N_RX_REASONS, RX_NO_BUFFERS to try again, or why it is dropped. */
static inline uint16_t take_packet(struct worker *w, const struct tpacket3_hdr *h, struct buf *b)
{
	const uint8_t *frame = (const uint8_t *)h + h->tp_mac;
	uint32_t tag_bytes = h->tp_status & TP_STATUS_VLAN_VALID ? TAG_BYTES : 0;
	uint32_t done = 0;

	if (unlikely(h->tp_snaplen < ETHERNET_BYTES || h->tp_snaplen != h->tp_len))
		return RX_FRAME;
	if (unlikely(tag_bytes)) {
		append(b, frame, MACS_BYTES);
		put_tag(b, h);
		done = MACS_BYTES;
	}
	if (unlikely(!copy_frame(w, b, frame + done, h->tp_snaplen - done)))
		return RX_NO_BUFFERS;
	b->l2_at = b->at;
	return take_offload(h, frame, tag_bytes, b) ? N_RX_REASONS : RX_OFFLOAD;
}

/* The kernel has dropped packets since it was asked last: how many? It forgets them then. */
static no_inline void count_ring_drops(struct worker *w, struct node *node,
				       struct af_packet_queue *q)
{
	struct tpacket_stats_v3 stats;
	socklen_t len = sizeof(stats);

	if (getsockopt(q->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0)
		return;
	node_count(node, RX_RING_FULL, stats.tp_drops);
	w->if_counters[q->owner->interface->index].rx_drops += stats.tp_drops;
	__atomic_store_n(&q->n_ring_drops, q->n_ring_drops + stats.tp_drops, __ATOMIC_RELAXED);
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct af_packet_queue *q = container_of(f->input, struct af_packet_queue, input);
	struct interface *i = q->owner->interface;
	uint32_t fresh[FRAME_MAX];
	unsigned n_seen = 0, n_fresh, used = 0;
	uint64_t n_bytes = 0;
	uint32_t status = 0;

	if (!packet_ring_ready(&q->ring))
		return 0;
	n_fresh = buf_alloc(&w->bufs, fresh, FRAME_MAX);
	for (; used < n_fresh; n_seen++) {
		const struct tpacket3_hdr *h = packet_ring_peek_or_null(&q->ring);
		struct buf *b = buf_at(f->base, fresh[used]);
		uint16_t reason;

		if (!h)
			break;
		prefetch_read((const uint8_t *)h + h->tp_next_offset);
		status |= h->tp_status;
		reason = take_packet(w, h, b);
		if (unlikely(reason != N_RX_REASONS)) {
			node_count(node, reason, 1);
			if (reason == RX_NO_BUFFERS)
				break;
			w->if_counters[i->index].rx_drops++;
			used++; /* partly written: freed below */
			buf_free_one(&w->bufs, b->self);
			packet_ring_advance(&q->ring);
			continue;
		}
		packet_ring_advance(&q->ring);
		n_bytes += b->total_len;
		f->idx[f->n++] = fresh[used++];
	}
	if (unlikely(n_fresh == 0))
		node_count(node, RX_NO_BUFFERS, 1);
	buf_free(&w->bufs, &fresh[used], n_fresh - used);
	if (unlikely(status & TP_STATUS_LOSING))
		count_ring_drops(w, node, q);
	interface_receive(w, node, f, i, n_bytes);
	return n_seen;
}

const struct node_type af_packet_input_node = {
	.name = "af-packet-input",
	.kind = NODE_INPUT,
	.run = input_run,
	.reasons = rx_reasons,
	.n_reasons = N_RX_REASONS,
};

static bool before_sleep(struct worker *w, struct input *in)
{
	const struct af_packet_queue *q = container_of(in, struct af_packet_queue, input);

	(void)w;
	return packet_ring_ready(&q->ring);
}

void af_packet_init_input(const struct engine *e, struct af_packet_queue *q)
{
	q->input = (struct input){
		.kind = INPUT_POLLED,
		.node = graph_node_id(&e->graph, af_packet_input_node.name),
		.fd = -1,
		.before_sleep = before_sleep,
	};
}

/* --- send --- */

struct sending {
	struct worker *worker;
	struct node *node;
	struct af_packet_tx *tx;
	unsigned n_sent;
	uint64_t n_bytes;
};

static uint16_t reason_of(int errno_value)
{
	switch (errno_value) {
	case EAGAIN:
	case ENOBUFS:
		return TX_FULL;
	case ENODEV:
	case ENXIO:
		return TX_GONE;
	default:
		return TX_REFUSED;
	}
}

/* Send what was gathered. A message that fails is dropped, those behind it go on. */
static void flush(struct sending *s)
{
	struct af_packet_tx *tx = s->tx;
	unsigned at = 0;

	while (at < tx->n) {
		int n = sendmmsg(tx->fd, &tx->message[at], tx->n - at, MSG_DONTWAIT);

		if (likely(n > 0)) {
			for (unsigned end = at + (unsigned)n; at < end; at++)
				s->n_bytes += tx->message[at].msg_len - sizeof(tx->header[0]);
			s->n_sent += (unsigned)n;
			continue;
		}
		node_count(s->node, reason_of(errno), 1);
		at++;
	}
	buf_free(&s->worker->bufs, tx->idx, tx->n);
	tx->n = tx->n_iovs = 0;
}

/*
 * Gather @b as one more message, its virtio-net header in the headroom if there is some.
 * N_TX_REASONS, or why it cannot be sent.
 */
static inline uint16_t gather(struct sending *s, struct buf *b)
{
	struct af_packet_tx *tx = s->tx;
	struct virtio_net_hdr *header = &tx->header[tx->n];
	unsigned n_iovs = tx->n_iovs;

	if (unlikely(!vnet_of_buf(header, b)))
		return TX_OFFLOAD;
	if (likely(buf_headroom(b) >= sizeof(*header))) {
		uint8_t *start = buf_data(b) - sizeof(*header);

		memcpy(start, header, sizeof(*header));
		tx->iov[n_iovs++] = (struct iovec){ start, sizeof(*header) + b->len };
		b = buf_next_or_null(b);
	} else {
		tx->iov[n_iovs++] = (struct iovec){ header, sizeof(*header) };
	}
	for (; b; b = buf_next_or_null(b)) {
		if (unlikely(n_iovs == AF_PACKET_TX_IOVS))
			return TX_CHAIN;
		tx->iov[n_iovs++] = (struct iovec){ buf_data(b), b->len };
	}
	tx->message[tx->n].msg_hdr = (struct msghdr){ .msg_iov = &tx->iov[tx->n_iovs],
						      .msg_iovlen = n_iovs - tx->n_iovs };
	tx->n_iovs = n_iovs;
	return N_TX_REASONS;
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	struct af_packet *p = i->device;
	struct sending s = { w, node, &p->tx[w->index], 0, 0 };
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];

	if (unlikely(!s.tx->attached)) {
		node_drop_all(w, node, f, TX_GONE);
		interface_count_tx(w, i->index, 0, 0, f->n);
		return f->n;
	}
	frame_bufs(f, b);
	for (unsigned at = 0; at < f->n; at++) {
		uint16_t reason;

		buf_prefetch(b[at + PREFETCH_AHEAD]);
		if (s.tx->n == AF_PACKET_TX_BATCH)
			flush(&s);
		reason = gather(&s, b[at]);
		if (unlikely(reason == TX_CHAIN && s.tx->n > 0)) { /* again, with all the room */
			flush(&s);
			reason = gather(&s, b[at]);
		}
		if (unlikely(reason != N_TX_REASONS)) {
			node_drop(w, node, f->idx[at], reason);
			continue;
		}
		s.tx->idx[s.tx->n++] = f->idx[at];
	}
	flush(&s);
	interface_count_tx(w, i->index, s.n_sent, s.n_bytes, f->n - s.n_sent);
	return f->n;
}

const struct node_type af_packet_tx_node = {
	.name = "af-packet-tx",
	.run = tx_run,
	.next_names = tx_next,
	.n_next = count_of(tx_next),
	.reasons = tx_reasons,
	.n_reasons = N_TX_REASONS,
};
