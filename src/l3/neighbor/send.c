/* send.c - build messages on main, have worker 0 send them. */
#include "l3/neighbor/send.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/neighbor/worker.h"
#include "wire/ip6_ext.h"

enum { ALERT_LEN = 8, FRAME_MAX_LEN = ETHERNET_HDR_LEN + IP6_MIN_MTU };

/* A frame on its way to the worker. */
struct order {
	uint32_t if_index;
	uint32_t len;
	const struct interface *leaving; /* a farewell's; NULL for all others */
	uint8_t frame[];
};

/* interface-output refuses what leaves by an interface that is down or gone. */
static bool is_too_late(const struct worker *w, const struct interface *i)
{
	return !i->driver->shared_tx &&
	       (__atomic_load_n(&w->engine->interfaces.going[i->index], __ATOMIC_RELAXED) ||
		!__atomic_load_n(&i->up, __ATOMIC_RELAXED));
}

/*
 * Past interface-output. The interface stays until this worker has read the mail that takes its
 * device away, which comes behind this one: so what is sent has to be sent now.
 */
static void send_last(struct worker *w, const struct interface *i, uint32_t idx)
{
	node_send_to(w, i->tx_node, idx);
	graph_dispatch(w);
}

static void carry_out(struct worker *w, void *arg)
{
	const struct order *order = arg;
	bool is_last = order->leaving && is_too_late(w, order->leaving);
	bool is_there = is_last || interface_get_or_null(w->engine, order->if_index);
	uint32_t idx = is_there ? buf_alloc_one_or_zero(&w->bufs) : 0;
	struct buf *b;

	if (idx) {
		b = buf_at(w->bufs.pool->base, idx);
		memcpy(buf_append(b, order->len), order->frame, order->len);
		b->l2_at = b->at;
		b->flags |= BUF_LOCAL;
		b->tx_if = order->if_index;
		if (is_last)
			send_last(w, order->leaving, idx);
		else
			node_send_to(w, neighbor_worker_of(w)->output_node, idx);
	}
	free(arg);
}

static int send(struct engine *e, uint32_t if_index, struct slice frame,
		const struct interface *leaving)
{
	struct order *order = malloc(sizeof(*order) + frame.len);
	int err;

	if (!order)
		return ERR_NOMEM;
	order->if_index = if_index;
	order->leaving = leaving;
	order->len = (uint32_t)frame.len;
	memcpy(order->frame, frame.at, frame.len);
	err = worker_call(e->worker[0], carry_out, order);
	if (err != 0)
		free(order);
	return err;
}

/* Of a farewell: by what stays, if the interface sends through others. */
struct farewell {
	struct engine *engine;
	int err;
};

static void send_below(void *context, const struct interface *i, struct slice frame)
{
	struct farewell *f = context;
	int err = 0;

	if (i->driver->emit_below)
		i->driver->emit_below(i, frame, send_below, f);
	else
		err = send(f->engine, i->index, frame, i);
	f->err = f->err ? f->err : err;
}

static int send_farewell(struct engine *e, const struct interface *i, struct slice frame)
{
	struct farewell f = { .engine = e };

	send_below(&f, i, frame);
	return f.err;
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
	return send(e, if_index, slice_of(frame, writer_len(&w)), NULL);
}

/* RFC 2711: a hop-by-hop header with the router alert "MLD", padded. */
static void put_alert(struct writer *w)
{
	static const uint8_t alert[ALERT_LEN] = { IP_ICMP6, 0, IP6_OPT_ROUTER_ALERT, 2,
						  0,	    0, IP6_OPT_PADN,	     0 };

	put_bytes(w, alert, sizeof(alert));
}

int icmp6_send_on(struct engine *e, uint32_t if_index, const struct icmp6_order *o)
{
	const struct interface *i = interface_get_or_null(e, if_index);
	struct ethernet eth = { .dst = o->to ? *o->to : nd_group_mac(&o->dst),
				.type = ETHERNET_IP6 };
	struct ip6 ip = { .next_header = o->has_router_alert ? IP_HOP_BY_HOP : IP_ICMP6,
			  .hop_limit = o->hop_limit,
			  .src = o->src,
			  .dst = o->dst };
	uint8_t payload[IP6_MIN_MTU], packet[IP6_MIN_MTU], frame[FRAME_MAX_LEN];
	struct writer mw = writer_of(payload, sizeof(payload));
	struct writer pw = writer_of(packet, sizeof(packet));
	struct writer fw = writer_of(frame, sizeof(frame));

	if (!i)
		return ERR_NOENT;
	if (o->has_router_alert)
		put_alert(&mw);
	put_bytes(&mw, o->message.at, o->message.len);
	eth.src = mac_of(i);
	ip.payload = slice_of(payload, writer_len(&mw));
	ip6_emit(&pw, &ip);
	eth.payload = slice_of(packet, writer_len(&pw));
	ethernet_emit(&fw, &eth);
	invariant(writer_ok(&mw) && writer_ok(&pw) && writer_ok(&fw));
	if (o->is_farewell)
		return send_farewell(e, i, slice_of(frame, writer_len(&fw)));
	return send(e, if_index, slice_of(frame, writer_len(&fw)), NULL);
}

static int send_nd(struct engine *e, uint32_t if_index, const struct nd *m,
		   struct icmp6_order *order)
{
	uint8_t message[ND_MESSAGE_MAX];
	struct writer w = writer_of(message, sizeof(message));

	nd_emit(&w, m, &order->src, &order->dst);
	order->message = slice_of(message, writer_len(&w));
	order->hop_limit = ND_HOP_LIMIT;
	return icmp6_send_on(e, if_index, order);
}

int nd_send(struct engine *e, uint32_t if_index, const struct nd *m, const struct ip6_addr *src,
	    const struct ip6_addr *dst, const struct mac *to)
{
	return send_nd(e, if_index, m, &(struct icmp6_order){ .src = *src, .dst = *dst, .to = to });
}

int nd_send_farewell(struct engine *e, uint32_t if_index, const struct nd *m,
		     const struct ip6_addr *src, const struct ip6_addr *dst)
{
	return send_nd(e, if_index, m,
		       &(struct icmp6_order){ .src = *src, .dst = *dst, .is_farewell = true });
}
