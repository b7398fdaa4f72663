/* pcap_node.c - pcap-input plays a file, NAME-tx hands what is sent to the writer. */
#include <string.h>

#include "drivers/pcap/pcap_private.h"

enum { RX_NO_BUFFERS, N_RX_REASONS };
static const struct reason rx_reasons[] = {
	[RX_NO_BUFFERS] = { "no-buffers", "the buffer pool is empty, the packet waits" },
};
_Static_assert(count_of(rx_reasons) == N_RX_REASONS, "every reason has a text");

enum { TX_LOST, N_TX_REASONS };
static const struct reason tx_reasons[] = {
	[TX_LOST] = { "lost", "not written: the disk is slower than the packets" },
};
_Static_assert(count_of(tx_reasons) == N_TX_REASONS, "every reason has a text");

static bool copy_packet(struct worker *w, const struct pcap_interface *p, struct buf *b)
{
	const struct pcap_packet *packet = &p->recording.packet[p->player.next];
	const uint8_t *bytes = p->recording.bytes + packet->at;
	uint32_t head = packet->len < BUF_DATA ? packet->len : BUF_DATA;

	b->l2_at = b->at;
	memcpy(buf_append(b, head), bytes, head);
	return head == packet->len ||
	       buf_append_bytes(&w->bufs, b, bytes + head, packet->len - head) == 0;
}

static void finish(struct worker *w, struct pcap_interface *p)
{
	worker_remove_input(w, &p->input);
	p->attached = false;
}

static unsigned input_run(struct worker *w, struct node *node, struct frame *f)
{
	struct pcap_interface *p = container_of(f->input, struct pcap_interface, input);
	uint64_t due_ns = 0, n_bytes = 0;
	uint64_t before = p->player.n_loops;

	while (f->n < FRAME_MAX) {
		uint32_t idx;

		due_ns = pcap_player_due(&p->player, &p->recording, &p->config);
		if (due_ns > w->now_ns)
			break;
		idx = buf_alloc_one_or_zero(&w->bufs);
		if (unlikely(!idx || !copy_packet(w, p, buf_at(f->base, idx)))) {
			node_count(node, RX_NO_BUFFERS, 1);
			if (idx)
				buf_free_one(&w->bufs, idx);
			break;
		}
		pcap_player_advance(&p->player, &p->recording, &p->config);
		n_bytes += buf_at(f->base, idx)->total_len;
		f->idx[f->n++] = idx;
	}
	__atomic_store_n(&p->n_played, p->n_played + f->n, __ATOMIC_RELAXED);
	__atomic_store_n(&p->n_finished, p->n_finished + p->player.n_loops - before,
			 __ATOMIC_RELAXED);
	if (due_ns == UINT64_MAX)
		finish(w, p);
	before = f->n;
	interface_receive(w, node, f, p->interface, n_bytes);
	return (unsigned)before;
}

const struct node_type pcap_input_node = {
	.name = "pcap-input",
	.kind = NODE_INPUT,
	.run = input_run,
	.reasons = rx_reasons,
	.n_reasons = N_RX_REASONS,
};

/* Sleep until the next packet is due; one that only lacked a buffer is tried again soon. */
bool pcap_input_sleep(struct worker *w, struct input *in)
{
	struct pcap_interface *p = container_of(in, struct pcap_interface, input);
	uint64_t due_ns = pcap_player_due(&p->player, &p->recording, &p->config);

	if (due_ns <= w->now_ns)
		due_ns = w->now_ns + WHEEL_TICK_NS;
	timer_set(&w->wheel, &p->timer, due_ns);
	return false;
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	struct pcap_interface *p = i->device;
	unsigned n_lost = 0;
	uint64_t n_bytes = 0;

	for (unsigned at = 0; at < f->n; at++) {
		const struct buf *b = buf_at(f->base, f->idx[at]);

		if (p->writer && !pcap_writer_put(p->writer, w->index, b, w->now_ns))
			n_lost++;
		else
			n_bytes += b->total_len;
	}
	if (p->writer)
		pcap_writer_wake(p->writer);
	node_count(node, TX_LOST, n_lost);
	interface_count_tx(w, i->index, f->n - n_lost, n_bytes, n_lost);
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

const struct node_type pcap_tx_node = {
	.name = "pcap-tx",
	.run = tx_run,
	.reasons = tx_reasons,
	.n_reasons = N_TX_REASONS,
};
