/* rtt.c - RFC 6298. */
#include "transport/tcp/rtt.h"

enum { BACKOFF_MAX = 16 };

void tcp_rtt_init(struct tcp_rtt *r)
{
	*r = (struct tcp_rtt){ .min_us = UINT32_MAX };
}

void tcp_rtt_sample(struct tcp_rtt *r, uint32_t rtt_us)
{
	uint32_t error;

	if (rtt_us == 0)
		rtt_us = 1; /* 0 stands for no sample yet */
	if (rtt_us > TCP_RTO_MAX_US)
		rtt_us = TCP_RTO_MAX_US;
	if (rtt_us < r->min_us)
		r->min_us = rtt_us;
	r->n_backoff = 0;
	if (r->srtt_us == 0) { /* (2.2) */
		r->srtt_us = rtt_us;
		r->var_us = rtt_us / 2;
		return;
	}
	/* (2.3): the variance first, with the old estimate; rounding keeps small values alive. */
	error = r->srtt_us > rtt_us ? r->srtt_us - rtt_us : rtt_us - r->srtt_us;
	r->var_us = (3 * r->var_us + error + 2) / 4;
	r->srtt_us = (uint32_t)((7ull * r->srtt_us + rtt_us + 4) / 8);
}

void tcp_rtt_back_off(struct tcp_rtt *r)
{
	if (r->n_backoff < BACKOFF_MAX)
		r->n_backoff++;
}

void tcp_rtt_acked(struct tcp_rtt *r)
{
	r->n_backoff = 0;
}

uint32_t tcp_rtt_rto_us(const struct tcp_rtt *r)
{
	uint64_t rto_us = TCP_RTO_INITIAL_US;
	uint32_t spread_us = 4 * r->var_us;

	if (r->srtt_us != 0)
		rto_us = r->srtt_us +
			 (uint64_t)(spread_us < TCP_RTO_MIN_US ? TCP_RTO_MIN_US : spread_us);
	rto_us <<= r->n_backoff;
	return rto_us > TCP_RTO_MAX_US ? TCP_RTO_MAX_US : (uint32_t)rto_us;
}
