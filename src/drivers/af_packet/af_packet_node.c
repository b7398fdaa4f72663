/*
 * af_packet_node.c - af-packet-input and NAME-tx. Receiving makes no system call while packets
 * wait in the ring; sending makes one for each batch.
 */
#include <errno.h>
#include <string.h>

#include "drivers/af_packet/af_packet_private.h"
#include "drivers/l4.h"

enum {
	ETHERNET_BYTES = 14,
	MACS_BYTES = 12,
	TAG_BYTES = 4,
	TPID_8021Q = 0x8100,
	GSO_UDP_L4 = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, newer than Debian 12's headers */
};

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

struct receiving {
	struct worker *worker;
	struct node *node;
	struct af_packet_queue *queue;
	struct frame *f;
	uint32_t fresh[FRAME_MAX]; /* buffers that await a packet, from @used on */
	unsigned n_fresh, used;
	uint64_t n_bytes;
	uint32_t status; /* of all packets, or'ed */
};

static const uint8_t *frame_of(const struct tpacket3_hdr *h)
{
	return (const uint8_t *)h + h->tp_mac;
}

/* The virtio-net header stands right before the frame. */
static struct virtio_net_hdr vnet_of(const struct tpacket3_hdr *h)
{
	struct virtio_net_hdr vnet;

	memcpy(&vnet, frame_of(h) - sizeof(vnet), sizeof(vnet));
	return vnet;
}

/* Put the tag back that the kernel took out, between the link addresses and the rest. */
static no_inline void put_tag(struct buf *b, const struct tpacket3_hdr *h)
{
	uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : TPID_8021Q;
	uint8_t *at = buf_push(b, TAG_BYTES);

	memmove(at, at + TAG_BYTES, MACS_BYTES);
	at += MACS_BYTES;
	at[0] = (uint8_t)(tpid >> 8);
	at[1] = (uint8_t)tpid;
	at[2] = (uint8_t)(h->hv1.tp_vlan_tci >> 8);
	at[3] = (uint8_t)h->hv1.tp_vlan_tci;
	b->l2_at = b->at;
}

static void arrived(struct receiving *r, struct buf *b, const struct tpacket3_hdr *h)
{
	if (unlikely(h->tp_status & TP_STATUS_VLAN_VALID))
		put_tag(b, h);
	r->n_bytes += b->total_len;
}

/* Copy the frame of @h into @b, and into more buffers where one is too small. */
static inline bool copy_frame(struct worker *w, struct buf *b, const struct tpacket3_hdr *h)
{
	if (unlikely(h->tp_snaplen > BUF_DATA))
		return buf_append_bytes(&w->bufs, b, frame_of(h), h->tp_snaplen) == 0;
	memcpy(buf_append(b, h->tp_snaplen), frame_of(h), h->tp_snaplen);
	return true;
}

/* Fill @b with the packet @h: N_RX_REASONS, RX_NO_BUFFERS to try again, or why it is dropped. */
static inline uint16_t fill(struct worker *w, const struct tpacket3_hdr *h, struct buf *b)
{
	struct virtio_net_hdr vnet = vnet_of(h);

	if (unlikely(h->tp_snaplen < ETHERNET_BYTES || h->tp_snaplen != h->tp_len))
		return RX_FRAME;
	if (unlikely(!copy_frame(w, b, h)))
		return RX_NO_BUFFERS;
	b->l2_at = b->at;
	return likely(vnet_to_buf(&vnet, b)) ? N_RX_REASONS : RX_OFFLOAD;
}

static void drop(struct receiving *r, uint16_t reason)
{
	node_count(r->node, reason, 1);
	r->worker->if_counters[r->queue->owner->interface->index].rx_drops++;
}

/* Take one packet; false if it has to wait. */
static inline bool take_packet(struct receiving *r, const struct tpacket3_hdr *h)
{
	struct worker *w = r->worker;
	struct buf *b;
	uint16_t reason;

	if (unlikely(r->used == r->n_fresh)) {
		unsigned room = FRAME_MAX - r->f->n, left = r->queue->ring.n_left;

		r->used = 0;
		r->n_fresh = buf_alloc(&w->bufs, r->fresh, left < room ? left : room);
	}
	if (unlikely(r->n_fresh == 0)) {
		node_count(r->node, RX_NO_BUFFERS, 1);
		return false;
	}
	b = buf_at(r->f->base, r->fresh[r->used++]);
	reason = fill(w, h, b);
	if (likely(reason == N_RX_REASONS)) {
		r->f->idx[r->f->n++] = b->self;
		arrived(r, b, h);
		return true;
	}
	buf_free_one(&w->bufs, b->self);
	if (reason == RX_NO_BUFFERS)
		node_count(r->node, reason, 1);
	else
		drop(r, reason);
	return reason != RX_NO_BUFFERS;
}

/* A program's datagrams in one piece (UDP_SEGMENT), which it left to its device to cut. */
static no_inline bool take_datagrams(struct receiving *r, const struct tpacket3_hdr *h)
{
	struct frame *f = r->f;
	unsigned room = FRAME_MAX - f->n;
	int n = 0;

	if (h->tp_snaplen == h->tp_len)
		n = l4_split_udp(&r->worker->bufs, frame_of(h), h->tp_snaplen, vnet_of(h).gso_size,
				 &f->idx[f->n], room);
	if (n < 0) {
		node_count(r->node, RX_NO_BUFFERS, 1);
		return false;
	}
	if (n == 0 && room < FRAME_MAX)
		return false; /* with all the room, next time */
	if (n == 0)
		drop(r, RX_OFFLOAD);
	for (int i = 0; i < n; i++)
		arrived(r, buf_at(f->base, f->idx[f->n++]), h);
	return true;
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

static unsigned take_packets(struct receiving *r)
{
	struct packet_ring *ring = &r->queue->ring;
	const struct tpacket3_hdr *h;
	unsigned n_seen = 0;

	for (; r->f->n < FRAME_MAX && (h = packet_ring_peek_or_null(ring)); n_seen++) {
		bool taken;

		prefetch_read((const uint8_t *)h + h->tp_next_offset);
		r->status |= h->tp_status;
		if (unlikely(vnet_of(h).gso_type == GSO_UDP_L4))
			taken = take_datagrams(r, h);
		else
			taken = take_packet(r, h);
		if (unlikely(!taken))
			break;
		packet_ring_advance(ring);
	}
	return n_seen;
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct af_packet_queue *q = container_of(f->input, struct af_packet_queue, input);
	struct receiving r;
	unsigned n_seen;

	if (!packet_ring_ready(&q->ring))
		return 0;
	r.worker = w;
	r.node = node;
	r.queue = q;
	r.f = f;
	r.n_fresh = r.used = 0;
	r.n_bytes = 0;
	r.status = 0;
	n_seen = take_packets(&r);
	buf_free(&w->bufs, &r.fresh[r.used], r.n_fresh - r.used);
	if (unlikely(r.status & TP_STATUS_LOSING))
		count_ring_drops(w, node, q);
	interface_receive(w, node, f, q->owner->interface, r.n_bytes);
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
	unsigned n_sent, n_copied;
	uint64_t n_bytes;
	uint32_t copied[FRAME_MAX]; /* into the ring: to be freed */
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
 * Gather @b as one more message, behind what is in the ring; its virtio-net header @h goes into the
 * headroom if there is some. N_TX_REASONS, or why it cannot be sent.
 */
static uint16_t gather(struct sending *s, const struct virtio_net_hdr *h, struct buf *b)
{
	struct af_packet_tx *tx = s->tx;
	unsigned n_iovs = tx->n_iovs;
	uint32_t idx = b->self;

	tx_ring_kick(&tx->ring, tx->ring_fd);
	if (likely(buf_headroom(b) >= sizeof(*h))) {
		uint8_t *start = buf_data(b) - sizeof(*h);

		memcpy(start, h, sizeof(*h));
		tx->iov[n_iovs++] = (struct iovec){ start, sizeof(*h) + b->len };
		b = buf_next_or_null(b);
	} else {
		tx->header[tx->n] = *h;
		tx->iov[n_iovs++] = (struct iovec){ &tx->header[tx->n], sizeof(*h) };
	}
	for (; b; b = buf_next_or_null(b)) {
		if (unlikely(n_iovs == AF_PACKET_TX_IOVS))
			return TX_CHAIN;
		tx->iov[n_iovs++] = (struct iovec){ buf_data(b), b->len };
	}
	tx->message[tx->n].msg_hdr = (struct msghdr){ .msg_iov = &tx->iov[tx->n_iovs],
						      .msg_iovlen = n_iovs - tx->n_iovs };
	tx->n_iovs = n_iovs;
	tx->idx[tx->n++] = idx;
	return N_TX_REASONS;
}

static no_inline uint16_t send_message(struct sending *s, const struct virtio_net_hdr *h,
				       struct buf *b)
{
	uint16_t reason;

	if (s->tx->n == AF_PACKET_TX_BATCH)
		flush(s);
	reason = gather(s, h, b);
	if (reason != TX_CHAIN || s->tx->n == 0)
		return reason;
	flush(s);
	return gather(s, h, b); /* again, with all the room */
}

static void count_sent(struct sending *s, const struct bpf_sent *sent)
{
	s->n_sent += sent->n_sent;
	s->n_bytes += sent->n_bytes;
	node_count(s->node, TX_FULL, sent->n_full);
	node_count(s->node, TX_GONE, sent->n_gone);
	node_count(s->node, TX_REFUSED, sent->n_refused);
}

/* Have what was put so far sent, by whichever way: what follows comes behind it. */
static void run_program(struct sending *s)
{
	struct bpf_sent sent = { 0 };

	if (!bpf_sender_waits(&s->tx->sender))
		return;
	bpf_sender_flush(&s->tx->sender, &sent);
	count_sent(s, &sent);
}

/* Into the program's batch, behind what the ring and the messages have. */
static inline uint16_t send_by_program(struct sending *s, const struct buf *b)
{
	struct af_packet_tx *tx = s->tx;

	tx_ring_kick(&tx->ring, tx->ring_fd);
	if (unlikely(tx->n))
		flush(s);
	if (unlikely(!bpf_sender_put(&tx->sender, b))) {
		run_program(s);
		if (!bpf_sender_put(&tx->sender, b))
			return TX_FULL;
	}
	s->copied[s->n_copied++] = b->self;
	return N_TX_REASONS;
}

/* Into the ring, behind what was gathered. The buffer is free at once. */
static inline uint16_t send_by_ring(struct sending *s, const struct virtio_net_hdr *h,
				    struct buf *b)
{
	struct af_packet_tx *tx = s->tx;

	if (unlikely(tx->n))
		flush(s);
	if (unlikely(!tx_ring_put(&tx->ring, h, b))) {
		tx_ring_kick(&tx->ring, tx->ring_fd);
		if (!tx_ring_put(&tx->ring, h, b)) /* the device is slow: who knows better waits */
			return send_message(s, h, b);
	}
	s->n_sent++;
	s->n_bytes += b->total_len;
	s->copied[s->n_copied++] = b->self;
	return N_TX_REASONS;
}

/* Nothing is left to the device, and the program can take it. */
static inline bool is_plain(const struct virtio_net_hdr *h, const struct buf *b)
{
	return h->gso_type == VIRTIO_NET_HDR_GSO_NONE && h->flags == 0 &&
	       b->total_len >= BPF_SENDER_FRAME_MIN && b->total_len <= BPF_SENDER_FRAME_MAX;
}

static inline uint16_t send_packet(struct sending *s, struct buf *b)
{
	struct virtio_net_hdr header;

	if (unlikely(!vnet_of_buf(&header, b)))
		return TX_OFFLOAD;
	if (s->tx->sender.batch) {
		if (likely(is_plain(&header, b)))
			return send_by_program(s, b);
		run_program(s);
	}
	if (likely(header.gso_type == VIRTIO_NET_HDR_GSO_NONE && b->total_len <= TX_RING_FRAME_MAX))
		return send_by_ring(s, &header, b);
	return send_message(s, &header, b);
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	struct af_packet *p = i->device;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct sending s;

	s.worker = w;
	s.node = node;
	s.tx = &p->tx[w->index];
	s.n_sent = s.n_copied = 0;
	s.n_bytes = 0;
	if (unlikely(!s.tx->attached)) {
		node_drop_all(w, node, f, TX_GONE);
		interface_count_tx(w, i->index, 0, 0, f->n);
		return f->n;
	}
	frame_bufs(f, b);
	for (unsigned at = 0; at < f->n; at++) {
		uint16_t reason;

		buf_prefetch(b[at + PREFETCH_AHEAD]);
		reason = send_packet(&s, b[at]);
		if (unlikely(reason != N_TX_REASONS))
			node_drop(w, node, f->idx[at], reason);
	}
	tx_ring_kick(&s.tx->ring, s.tx->ring_fd);
	flush(&s);
	run_program(&s);
	buf_free(&w->bufs, s.copied, s.n_copied);
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
