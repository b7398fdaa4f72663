/* send.c - build messages on main, have worker 0 send them. */
#include "l3/neighbor/send.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/neighbor/worker.h"

enum { FRAME_MAX_LEN = ETHERNET_HDR_LEN + IP6_HDR_LEN + ND_MESSAGE_MAX };

/* A frame on its way to the worker. */
struct order {
	uint32_t if_index;
	uint32_t len;
	uint8_t frame[FRAME_MAX_LEN];
};

static void carry_out(struct worker *w, void *arg)
{
	const struct order *order = arg;
	uint32_t idx = interface_get_or_null(w->engine, order->if_index)
			       ? buf_alloc_one_or_zero(&w->bufs)
			       : 0;
	struct buf *b;

	if (idx) {
		b = buf_at(w->bufs.pool->base, idx);
		memcpy(buf_append(b, order->len), order->frame, order->len);
		b->l2_at = b->at;
		b->flags |= BUF_LOCAL;
		b->tx_if = order->if_index;
		node_send_to(w, neighbor_worker_of(w)->output_node, idx);
	}
	free(arg);
}

static int send(struct engine *e, uint32_t if_index, struct slice frame)
{
	struct order *order = malloc(sizeof(*order));
	int err;

	if (!order)
		return ERR_NOMEM;
	order->if_index = if_index;
	order->len = (uint32_t)frame.len;
	memcpy(order->frame, frame.at, frame.len);
	err = worker_call(e->worker[0], carry_out, order);
	if (err != 0)
		free(order);
	return err;
}

static struct mac mac_of(const struct interface *i)
{
	struct mac m;

	memcpy(m.b, i->mac, MAC_BYTES);
	return m;
}

int arp_send_request(struct engine *e, uint32_t if_index, be32 sender, be32 target,
		     const struct mac *to)
{
	const struct interface *i = interface_get_or_null(e, if_index);
	uint8_t frame[ETHERNET_HDR_LEN + ARP_LEN];
	struct writer w = writer_of(frame, sizeof(frame));
	struct ethernet eth = { .dst = *to, .type = ETHERNET_ARP };
	struct arp_hdr arp;

	if (!i)
		return ERR_NOENT;
	eth.src = mac_of(i);
	arp = arp_of(ARP_REQUEST, eth.src, sender, (struct mac){ { 0 } }, target);
	eth.payload = slice_of(&arp, sizeof(arp));
	ethernet_emit(&w, &eth);
	return send(e, if_index, slice_of(frame, writer_len(&w)));
}

int nd_send(struct engine *e, uint32_t if_index, const struct nd *m, const struct ip6_addr *src,
	    const struct ip6_addr *dst, const struct mac *to)
{
	const struct interface *i = interface_get_or_null(e, if_index);
	struct ethernet eth = { .dst = to ? *to : nd_group_mac(dst), .type = ETHERNET_IP6 };
	struct ip6 ip = {
		.next_header = IP_ICMP6, .hop_limit = ND_HOP_LIMIT, .src = *src, .dst = *dst
	};
	uint8_t message[ND_MESSAGE_MAX], packet[IP6_HDR_LEN + ND_MESSAGE_MAX];
	uint8_t frame[FRAME_MAX_LEN];
	struct writer mw = writer_of(message, sizeof(message));
	struct writer pw = writer_of(packet, sizeof(packet));
	struct writer fw = writer_of(frame, sizeof(frame));

	if (!i)
		return ERR_NOENT;
	eth.src = mac_of(i);
	nd_emit(&mw, m, src, dst);
	ip.payload = slice_of(message, writer_len(&mw));
	ip6_emit(&pw, &ip);
	eth.payload = slice_of(packet, writer_len(&pw));
	ethernet_emit(&fw, &eth);
	return send(e, if_index, slice_of(frame, writer_len(&fw)));
}
