/* worker.c - set up a worker's tables; send ARP requests for main. */
#include "l3/neighbor/worker.h"

#include <stdlib.h>

#include "base/err.h"
#include "wire/arp.h"

int neighbor_worker_init(struct worker *w, struct neighbors *table)
{
	struct neighbor_worker *nw = calloc(1, sizeof(*nw));
	const struct graph *g = &w->engine->graph;

	if (!nw)
		return ERR_NOMEM;
	nw->table = table;
	nw->lookup_node = graph_node_id(g, "ip4-lookup");
	nw->error_node = graph_node_id(g, "icmp4-error");
	nw->hold_node = graph_node_id(g, "ip4-hold");
	nw->output_node = graph_node_id(g, "interface-output");
	list_init(&nw->free_entries);
	list_init(&nw->free_news);
	for (unsigned i = 0; i < HOLD_BUCKETS; i++)
		list_init(&nw->bucket[i]);
	for (unsigned i = 0; i < HOLD_ENTRIES; i++) {
		nw->entry[i].worker = w;
		nw->entry[i].table = table;
		list_init(&nw->entry[i].waiter);
		list_push(&nw->free_entries, &nw->entry[i].link);
	}
	for (unsigned i = 0; i < NEWS_ENTRIES; i++) {
		nw->news[i].worker = w;
		nw->news[i].table = table;
		list_push(&nw->free_news, &nw->news[i].link);
	}
	w->module[MODULE_NEIGHBOR] = nw;
	return 0;
}

/* The buffers of packets that still wait go with the pool. */
void neighbor_worker_deinit(struct worker *w)
{
	free(w->module[MODULE_NEIGHBOR]);
	w->module[MODULE_NEIGHBOR] = NULL;
}

static struct mac mac_of(const struct interface *i)
{
	struct mac m;

	memcpy(m.b, i->mac, MAC_BYTES);
	return m;
}

static void send_request(struct worker *w, void *arg)
{
	const struct arp_order *order = arg;
	const struct interface *i = interface_get_or_null(w->engine, order->if_index);
	uint32_t idx = i ? buf_alloc_one_or_zero(&w->bufs) : 0;
	struct arp_hdr message;
	struct buf *b;

	if (idx) {
		b = buf_at(w->bufs.pool->base, idx);
		message = arp_of(ARP_REQUEST, mac_of(i), order->sender_ip, (struct mac){ { 0 } },
				 order->target_ip);
		memcpy(buf_append(b, ARP_LEN), &message, ARP_LEN);
		*(struct ethernet_hdr *)buf_push(b, ETHERNET_HDR_LEN) =
			(struct ethernet_hdr){ order->to, mac_of(i), be16_of(ETHERNET_ARP) };
		b->l2_at = b->at;
		b->flags |= BUF_LOCAL;
		b->tx_if = order->if_index;
		node_send_to(w, neighbor_worker_of(w)->output_node, idx);
	}
	free(arg);
}

int arp_send(struct engine *e, const struct arp_order *order)
{
	struct arp_order *copy = malloc(sizeof(*copy));
	int err;

	if (!copy)
		return ERR_NOMEM;
	*copy = *order;
	err = worker_call(e->worker[0], send_request, copy);
	if (err != 0)
		free(copy);
	return err;
}
