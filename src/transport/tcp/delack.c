/* delack.c - the acknowledgement policy. */
#include "transport/tcp/delack.h"

void tcp_delack_init(struct tcp_delack *d, uint16_t mss)
{
	*d = (struct tcp_delack){ .peer_mss = mss, .quick = TCP_QUICK_ACKS };
}

enum tcp_ack_when tcp_delack_received(struct tcp_delack *d, uint32_t len, uint32_t segment)
{
	d->bytes += len;
	if (segment > d->peer_mss)
		d->peer_mss = segment > UINT16_MAX ? UINT16_MAX : (uint16_t)segment;
	if (d->quick) {
		d->quick--;
		return segment < d->peer_mss && d->bytes < 2u * d->peer_mss ? TCP_ACK_SOON
									    : TCP_ACK_NOW;
	}
	return d->bytes >= 2u * d->peer_mss ? TCP_ACK_NOW : TCP_ACK_LATER;
}

void tcp_delack_sent(struct tcp_delack *d, bool with_data)
{
	d->bytes = 0;
	if (with_data)
		d->quick = 0;
}
