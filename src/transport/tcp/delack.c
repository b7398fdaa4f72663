/* delack.c - the acknowledgement policy. */
#include "transport/tcp/delack.h"

void tcp_delack_init(struct tcp_delack *d, uint16_t mss)
{
	*d = (struct tcp_delack){ .peer_mss = mss, .quick = TCP_QUICK_ACKS };
}

enum tcp_ack_when tcp_delack_received(struct tcp_delack *d, const struct tcp_received *r)
{
	d->bytes += r->len;
	if (r->segment > d->peer_mss)
		d->peer_mss = r->segment > UINT16_MAX ? UINT16_MAX : (uint16_t)r->segment;
	if (d->quick) {
		d->quick--;
		return r->segment < d->peer_mss && d->bytes < 2u * d->peer_mss ? TCP_ACK_SOON
									       : TCP_ACK_NOW;
	}
	if (d->bytes < 2u * d->peer_mss)
		return TCP_ACK_LATER;
	return r->push && d->bytes < r->window / TCP_DELACK_WINDOW ? TCP_ACK_SOON : TCP_ACK_NOW;
}

void tcp_delack_sent(struct tcp_delack *d, bool with_data)
{
	d->bytes = 0;
	if (with_data)
		d->quick = 0;
}
