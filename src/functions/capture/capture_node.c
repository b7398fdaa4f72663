/*
 * capture_node.c - the features "capture-in" and "capture-out": copy, then pass everything on.
 *
 *   driver ──> capture-in ──> …          … ──> capture-out ──> the interface's transmit node
 *
 * At any other node a tap does the same: capture_seen().
 */
#include "functions/capture/capture_private.h"
#include "functions/capture/pcapng.h"
#include "wire/ethernet.h"

enum { LINK_HEADER_MAX = ETHERNET_HDR_LEN + 8 /* two tags */ };

enum { LOST, N_REASONS };
static const struct reason reasons[] = {
	[LOST] = { "lost", "copies that found the ring full (the packets went on)" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/*
 * The link header of a packet that begins with IP, so that a file has frames only: the one that was
 * taken off, tags and all, which is still there; of a packet made here, one without addresses.
 */
static uint32_t copy_link_header(const struct buf *b, uint8_t to[LINK_HEADER_MAX])
{
	uint32_t len = (uint32_t)(b->at - b->l2_at);
	be16 type = be16_of(b->room[b->at] >> 4 == 6 ? ETHERNET_IP6 : ETHERNET_IP4);

	if (b->at >= b->l2_at && len >= ETHERNET_HDR_LEN && len <= LINK_HEADER_MAX) {
		memcpy(to, b->room + b->l2_at, len);
		return len;
	}
	memset(to, 0, ETHERNET_HDR_LEN);
	memcpy(to + ETHERNET_HDR_LEN - sizeof(type), &type, sizeof(type));
	return ETHERNET_HDR_LEN;
}

/* False: there was no room. */
static bool copy(struct worker *w, struct capture *c, const struct buf *b, unsigned direction)
{
	struct record_ring *ring = &c->ring[w->index];
	struct packet_view v = packet_view(b);
	uint8_t header[LINK_HEADER_MAX];
	uint32_t n_header = 0, len, snap = c->config.snap_bytes;
	struct capture_record *r;

	if (c->filter && !packet_filter_match(c->filter, b))
		return true;
	if (v.is_ip || v.total != b->total_len)
		n_header = copy_link_header(b, header);
	len = n_header + b->total_len;
	len = len < snap ? len : snap;
	r = record_ring_reserve_or_null(ring, (uint32_t)sizeof(*r) + len);
	if (!r) {
		c->n_lost[w->index]++;
		return false;
	}
	r->wire_len = n_header + b->total_len;
	n_header = n_header < len ? n_header : len;
	memcpy(r->bytes, header, n_header);
	len = n_header + buf_copy_out(b, 0, r->bytes + n_header, len - n_header);
	r->at_ns = w->now_ns;
	r->direction = direction;
	record_ring_commit(ring, (uint32_t)sizeof(*r) + len);
	return true;
}

void capture_seen(struct worker *w, struct node *node, const struct frame *f, struct node_tap *tap)
{
	struct capture *c = container_of(tap, struct capture, tap);

	(void)node;
	if (__atomic_load_n(&c->ended, __ATOMIC_RELAXED))
		return;
	for (unsigned i = 0; i < f->n; i++)
		copy(w, c, buf_at(f->base, f->idx[i]), 0);
	mailbox_wake(&c->bell);
}

static unsigned run(struct worker *w, struct node *node, struct frame *f, unsigned direction)
{
	const struct captures *all = w->engine->module[MODULE_CAPTURE];
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];
	struct capture *last = NULL;

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		uint32_t index = direction == PCAPNG_IN ? b[i]->rx_if : b[i]->tx_if;
		struct capture *c = rcu_load(all->by_interface[index]);

		if (c && !__atomic_load_n(&c->ended, __ATOMIC_RELAXED)) {
			if (!copy(w, c, b[i], direction))
				node_count(node, LOST, 1);
			if (last && last != c)
				mailbox_wake(&last->bell);
			last = c;
		}
		next[i] = feature_next(w, b[i]);
	}
	if (last)
		mailbox_wake(&last->bell);
	node_send(w, node, f, next);
	return f->n;
}

static unsigned run_in(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, PCAPNG_IN);
}

static unsigned run_out(struct worker *w, struct node *node, struct frame *f)
{
	return run(w, node, f, PCAPNG_OUT);
}

const struct node_type capture_in_node = {
	.name = "capture-in",
	.run = run_in,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

const struct node_type capture_out_node = {
	.name = "capture-out",
	.run = run_out,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};
