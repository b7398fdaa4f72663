/* rack.c - losses by time. RFC 8985 §6.2 */
#include "transport/tcp/rack.h"

void tcp_rack_arrived(struct tcp_rack *r, const struct tcp_sent_log *l, uint32_t end,
		      uint32_t now_us, uint32_t min_rtt_us)
{
	uint32_t xmit_us;

	if (!tcp_sent_when(l, end, &xmit_us) || now_us - xmit_us < min_rtt_us)
		return;
	if (r->known &&
	    (seq_lt(xmit_us, r->xmit_us) || (xmit_us == r->xmit_us && seq_le(end, r->end))))
		return;
	r->known = true;
	r->xmit_us = xmit_us;
	r->end = end;
	r->rtt_us = now_us - xmit_us;
}

void tcp_rack_too_short(struct tcp_rack *r)
{
	r->reordered = true;
	r->persist = TCP_RACK_PERSIST;
	if (r->mult < TCP_RACK_MULT_MAX)
		r->mult++;
}

void tcp_rack_recovered(struct tcp_rack *r)
{
	if (r->persist && --r->persist == 0)
		r->mult = 1;
}

uint32_t tcp_rack_window_us(const struct tcp_rack *r, uint32_t min_rtt_us, uint32_t srtt_us,
			    bool recovering)
{
	uint64_t us = (uint64_t)min_rtt_us / 4 * (r->mult ? r->mult : 1);

	if (recovering && !r->reordered)
		return 0;
	us = us < srtt_us ? us : srtt_us;
	return us > TCP_RACK_WINDOW_MIN_US ? (uint32_t)us : TCP_RACK_WINDOW_MIN_US;
}

uint32_t tcp_rack_lost(const struct tcp_rack *r, const struct tcp_sent_log *l, uint32_t una,
		       uint32_t now_us, uint32_t window_us, uint32_t *wait_us)
{
	uint32_t limit_us = now_us - r->rtt_us - window_us, lost, sent_us;

	*wait_us = 0;
	if (!r->known || seq_le(r->end, una))
		return una;
	if (seq_gt(limit_us, r->xmit_us))
		limit_us = r->xmit_us;
	lost = seq_min(tcp_sent_by(l, limit_us, una), r->end);
	if (seq_lt(lost, r->end) && tcp_sent_after(l, lost, &sent_us) &&
	    seq_le(sent_us, r->xmit_us))
		*wait_us = sent_us - limit_us ? sent_us - limit_us : 1;
	return lost;
}
