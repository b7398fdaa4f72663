/*
 * bvi.c - the routed interface of a bridge: its link is the bridge domain.
 *
 *   l3 ──> interface-output ──> bvi-tx ──> bridge-input, as from a port
 *   bridge-input, bridge-flood ──> bridge_deliver() ──> [device-input] ──> ethernet-input ──> l3
 *
 * Its MAC address is fixed in the table. It passes super-segments and unfinished checksums on: the
 * port that they leave by sees to them.
 */
#include "l2/bridge/bridge_private.h"
#include "l2/l2_trace.h"

enum { MTU_DEFAULT = 1500 };

uint16_t bridge_deliver(struct worker *w, struct buf *b, const struct interface *bvi)
{
	struct if_counters *c = &w->if_counters[bvi->index];

	c->rx_packets++;
	c->rx_bytes += b->total_len;
	b->rx_if = bvi->index;
	return feature_start(w, b, ARC_DEVICE_INPUT,
			     next_node(__atomic_load_n(&bvi->input_node, __ATOMIC_RELAXED)));
}

enum { NEXT_BRIDGE };
static const char *const next_names[] = { [NEXT_BRIDGE] = "bridge-input" };

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		buf_prefetch(b[i + PREFETCH_AHEAD]);
		interface_count_tx(w, b[i]->tx_if, 1, b[i]->total_len, 0);
		b[i]->rx_if = b[i]->tx_if;
	}
	node_send_all(w, node, f, NEXT_BRIDGE);
	return f->n;
}

static void trace_tx(struct writer *out, const struct engine *e, const struct trace_hop *hop)
{
	l2_trace_interface(out, e, trace_buf(hop)->tx_if);
	l2_trace_macs(out, hop);
}

const struct node_type bvi_tx_node = {
	.name = "bvi-tx",
	.run = tx_run,
	.trace_print = trace_tx,
	.next_names = next_names,
	.n_next = count_of(next_names),
};

static void close_bvi(struct interface *i)
{
	struct bridge *b = bridge_of_port_or_null(i);
	struct mac mac;

	if (!b)
		return;
	memcpy(mac.b, i->mac, MAC_BYTES);
	bridge_take_mac(b, &mac);
	b->bvi = 0;
	bridge_leave(i);
}

static void free_bvi(struct interface *i)
{
	(void)i; /* there is no device */
}

/* As bridge-flood does it; last words go to groups. */
static void emit_below(const struct interface *i, struct slice frame, interface_emit *emit,
		       void *context)
{
	const struct bridge *b = bridge_of_port_or_null(i);

	if (!b || b->flags & BRIDGE_DROP_MULTICAST)
		return;
	list_for_each(link, &b->ports) {
		const struct bridge_port *to = container_of(link, struct bridge_port, link);
		const struct interface *port = interface_get_or_null(b->engine, to->if_index);

		if (port && port != i && port->up &&
		    frame.len <= ETHERNET_HDR_LEN + port->mtu_bytes)
			emit(context, port, frame);
	}
}

static void describe(const struct interface *i, struct writer *out)
{
	const struct bridge *b = bridge_of_port_or_null(i);

	put_format(out, "bridge %s\n", b ? b->name : "gone");
}

const struct interface_driver bvi_driver = {
	.name = "bvi",
	.tx = &bvi_tx_node,
	.shared_tx = true,
	.close = close_bvi,
	.free = free_bvi,
	.emit_below = emit_below,
	.describe = describe,
};

int bridge_create_bvi(struct bridge *b, const char *name, const uint8_t *mac, uint32_t mtu_bytes,
		      struct interface **out)
{
	const struct interface_params params = {
		.name = name,
		.mac = mac,
		.mtu_bytes = mtu_bytes ? mtu_bytes : MTU_DEFAULT,
		.caps = CAP_CSUM | CAP_TSO | CAP_RX_CSUM,
		.driver = &bvi_driver,
	};
	const struct bridge_port_config port = { .no_learn = true };
	struct interface *i;
	struct mac own;
	int err;

	if (b->bvi)
		return ERR_BUSY;
	err = interface_add(b->engine, &params, &i);
	if (err != 0)
		return err;
	memcpy(own.b, i->mac, MAC_BYTES);
	err = bridge_join(b, i, &port, true);
	if (err == 0)
		err = bridge_put_mac(b, &own, i->index);
	if (err != 0) {
		interface_remove(i);
		return err;
	}
	b->bvi = i->index;
	interface_set_link(i, true);
	*out = i;
	return 0;
}
