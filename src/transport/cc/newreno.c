/*
 * newreno.c - the standard congestion control: RFC 5681 with appropriate byte counting (RFC 3465).
 * What to send again is TCP's part; NewReno here is the window alone.
 */
#include "transport/cc/cc.h"

struct newreno {
	uint32_t acked;	      /* octets counted toward the next increase */
	uint32_t cwnd_before; /* to undo the last reduction */
	uint32_t ssthresh_before;
};
_Static_assert(sizeof(struct newreno) <= sizeof(((struct cc *)0)->private), "fits");

static struct newreno *state(struct cc *cc)
{
	return (struct newreno *)cc->private;
}

static void init(struct cc *cc)
{
	cc->cwnd = cc_initial_window(cc->mss);
}

static void acked(struct cc *cc, const struct cc_ack *ack)
{
	struct newreno *s = state(cc);

	if (!ack->was_limited)
		return;
	s->acked += cc_slow_start(cc, ack);
	/* One segment for each window of data, RFC 5681 §3.1. */
	if (s->acked >= cc->cwnd) {
		s->acked -= cc->cwnd;
		cc->cwnd += cc->mss;
	}
}

static void reduce(struct cc *cc, uint32_t in_flight)
{
	struct newreno *s = state(cc);
	uint32_t floor = 2 * cc->mss;

	s->cwnd_before = cc->cwnd;
	s->ssthresh_before = cc->ssthresh;
	s->acked = 0;
	cc->ssthresh = in_flight / 2 > floor ? in_flight / 2 : floor; /* RFC 5681 (4) */
}

static void lost(struct cc *cc, uint32_t in_flight, uint64_t now_us unused_arg)
{
	reduce(cc, in_flight);
	cc->cwnd = cc->ssthresh;
}

static void timed_out(struct cc *cc, uint32_t in_flight, uint64_t now_us unused_arg)
{
	reduce(cc, in_flight);
	cc->cwnd = cc->mss;
}

static void undone(struct cc *cc)
{
	struct newreno *s = state(cc);

	if (s->cwnd_before > cc->cwnd)
		cc->cwnd = s->cwnd_before;
	cc->ssthresh = s->ssthresh_before;
}

static void idle(struct cc *cc, uint64_t idle_us unused_arg)
{
	uint32_t restart = cc_initial_window(cc->mss);

	if (cc->cwnd > restart)
		cc->cwnd = restart;
}

const struct cc_ops cc_newreno = {
	.name = "newreno",
	.init = init,
	.acked = acked,
	.lost = lost,
	.timed_out = timed_out,
	.undone = undone,
	.idle = idle,
};
