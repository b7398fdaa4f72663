/* cc.c - what the algorithms have in common. */
#include "transport/cc/cc.h"

#include <string.h>

static const struct cc_ops *const algorithms[] = { &cc_cubic, &cc_newreno };

const struct cc_ops *cc_find_or_null(const char *name)
{
	for (unsigned i = 0; i < count_of(algorithms); i++)
		if (strcmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
	return NULL;
}

void cc_init(struct cc *cc, const struct cc_ops *ops, uint32_t mss)
{
	*cc = (struct cc){ .ops = ops, .mss = mss, .ssthresh = CC_SSTHRESH_NONE };
	ops->init(cc);
}

uint32_t cc_initial_window(uint32_t mss)
{
	uint32_t floor = 2 * mss > 14600 ? 2 * mss : 14600;

	return 10 * mss < floor ? 10 * mss : floor;
}

/* Octets by which the window may grow while nothing is known about the path. */
static uint32_t first_growth(struct cc *cc, const struct cc_ack *ack)
{
	enum hystart_pace pace = hystart_pace_of(&cc->hystart);

	if (ack->rtt_us && cc->cwnd >= CC_HYSTART_SEGMENTS * cc->mss)
		pace = hystart_round(&cc->hystart, ack->rtt_us);
	if (pace == HYSTART_OVER)
		cc->ssthresh = cc->cwnd;
	return pace == HYSTART_FAST ? ack->acked : ack->acked / HYSTART_SLOWER;
}

uint32_t cc_slow_start(struct cc *cc, const struct cc_ack *ack)
{
	uint32_t most = cc->ssthresh == CC_SSTHRESH_NONE ? first_growth(cc, ack) : ack->acked;
	uint32_t room = cc->ssthresh > cc->cwnd ? cc->ssthresh - cc->cwnd : 0;
	uint32_t take = most < room ? most : room;

	cc->cwnd += take;
	return most - take;
}

void cc_set_mss(struct cc *cc, uint32_t mss)
{
	cc->mss = mss;
	if (cc->cwnd < mss)
		cc->cwnd = mss;
}
