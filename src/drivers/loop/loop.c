/* loop.c - the interface that hears itself. */
#include "drivers/loop/loop.h"

enum { MTU_DEFAULT = INTERFACE_MTU_MAX };

static void free_device(struct interface *i)
{
	(void)i; /* there is none */
}

static const struct interface_driver loop_driver = {
	.name = "loop",
	.tx = &loop_tx_node,
	.free = free_device,
};

int loop_create(struct engine *e, const char *name, const uint8_t *mac, uint32_t mtu_bytes,
		struct interface **out)
{
	const struct interface_params params = {
		.name = name,
		.mac = mac,
		.mtu_bytes = mtu_bytes ? mtu_bytes : MTU_DEFAULT,
		.caps = CAP_CSUM | CAP_TSO | CAP_RX_CSUM | CAP_LRO,
		.driver = &loop_driver,
	};
	int err = interface_add(e, &params, out);

	if (!err)
		interface_set_link(*out, true);
	return err;
}

/* What a device would forget on the wire. */
static void arrive(struct buf *b)
{
	b->flags &= BUF_NEED_L4_CSUM;
	if (b->flags)
		b->flags |= BUF_L4_CSUM_OK;
	b->l2_at = b->at;
	b->fib = 0;
	b->adjacency = 0;
	b->flow_hash = 0;
	b->tx_if = 0;
}

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct interface *i = node->instance;
	uint64_t n_bytes = 0;

	frame_bufs(f, b);
	for (unsigned at = 0; at < f->n; at++) {
		buf_prefetch(b[at + PREFETCH_AHEAD]);
		n_bytes += b[at]->total_len;
		arrive(b[at]);
	}
	interface_count_tx(w, i->index, f->n, n_bytes, 0);
	interface_receive(w, node, f, i, n_bytes);
	return f->n;
}

const struct node_type loop_tx_node = { .name = "loop-tx", .run = tx_run };
