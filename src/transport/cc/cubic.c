/*
 * cubic.c - CUBIC, RFC 9438: after a loss the window returns along a cubic curve of time to where
 * the loss happened, stays there for a while, and then probes further.
 *
 *   cwnd │        W_max ............______....../
 *        │                      ,--'           '   W_cubic(t) = C (t - K)^3 + W_max
 *        │                    ,'
 *        │  β W_max ────────.'
 *        └──────────────────┬───────┬──────────── t
 *                           0       K
 *
 * Integer arithmetic: time in milliseconds, windows in octets, C = 0.4 segments/s³, β = 0.7.
 */
#include "transport/cc/cc.h"

enum {
	BETA_PERCENT = 70,
	ALPHA_PERMILLE = 529,  /* 3 (1 - β) / (1 + β), §4.3 */
	TIME_MAX_MS = 1 << 20, /* from K; its cube fits */
};

struct cubic {
	uint64_t epoch_us;   /* start of this congestion avoidance; 0 when none has begun */
	uint32_t w_max;	     /* window at the last reduction */
	uint32_t w_est;	     /* what Reno would have by now, §4.3 */
	uint32_t k_ms;	     /* time at which the curve is back at w_max */
	uint32_t origin;     /* plateau of the curve */
	uint32_t cwnd_prior; /* window before the last reduction */
	uint32_t credit;     /* octets counted toward the next increase */
	uint32_t ssthresh_before, w_max_before;
	uint32_t est_credit;
};
_Static_assert(sizeof(struct cubic) <= sizeof(((struct cc *)0)->private), "fits");

static struct cubic *state(struct cc *cc)
{
	return (struct cubic *)cc->private;
}

static void init(struct cc *cc)
{
	cc->cwnd = cc_initial_window(cc->mss);
}

/* The integer cube root, rounded down: one bit at a time. */
static uint32_t cube_root(uint64_t v)
{
	uint64_t root = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t next = root | 1u << bit;

		if (next * next * next <= v)
			root = next;
	}
	return (uint32_t)root;
}

/* K = cbrt((W_max - cwnd) / C), §4.2. With ms: K³ = segments · 10⁹ / 0.4. */
static uint32_t time_to_plateau_ms(const struct cc *cc, uint32_t w_max)
{
	uint64_t milli_segments = (uint64_t)(w_max - cc->cwnd) * 1000 / cc->mss;

	return cube_root(milli_segments * 2500000);
}

static void begin_epoch(struct cc *cc, uint64_t now_us)
{
	struct cubic *s = state(cc);

	s->epoch_us = now_us;
	s->credit = 0;
	s->est_credit = 0;
	s->w_est = cc->cwnd;
	if (cc->cwnd < s->w_max) {
		s->k_ms = time_to_plateau_ms(cc, s->w_max);
		s->origin = s->w_max;
	} else {
		s->k_ms = 0;
		s->origin = cc->cwnd;
	}
}

static uint32_t curve(const struct cc *cc, const struct cubic *s, uint64_t t_us)
{
	uint64_t t_ms = t_us / 1000;
	bool before = t_ms < s->k_ms;
	uint64_t d = before ? s->k_ms - t_ms : t_ms - s->k_ms;
	uint64_t delta;

	if (d > TIME_MAX_MS)
		d = TIME_MAX_MS;
	delta = d * d * d / 2500000; /* C d³ in thousandths of a segment */
	delta = delta * cc->mss / 1000;
	if (before)
		return delta < s->origin ? s->origin - (uint32_t)delta : 0;
	if (delta > CC_SSTHRESH_NONE - s->origin)
		delta = CC_SSTHRESH_NONE - s->origin;
	return s->origin + (uint32_t)delta;
}

/* §4.3: the window that Reno with CUBIC's β would have; from cwnd_prior on with Reno's slope. */
static void advance_estimate(const struct cc *cc, struct cubic *s, uint32_t acked)
{
	uint64_t permille = s->w_est < s->cwnd_prior ? ALPHA_PERMILLE : 1000;
	uint64_t gain = s->est_credit + permille * acked / 1000;

	/* w_est grows by mss · gain / cwnd. */
	s->w_est += (uint32_t)(gain * cc->mss / cc->cwnd);
	s->est_credit = (uint32_t)(gain * cc->mss % cc->cwnd / cc->mss);
}

static void avoid(struct cc *cc, const struct cc_ack *ack, uint32_t acked)
{
	struct cubic *s = state(cc);
	uint32_t target, ceiling = cc->cwnd + cc->cwnd / 2;
	uint64_t t_us, gain;

	if (s->epoch_us == 0)
		begin_epoch(cc, ack->now_us);
	t_us = ack->now_us - s->epoch_us;
	advance_estimate(cc, s, acked);
	if (curve(cc, s, t_us) < s->w_est) { /* §4.3: Reno-friendly region */
		if (s->w_est > cc->cwnd)
			cc->cwnd = s->w_est;
		return;
	}
	target = curve(cc, s, t_us + ack->srtt_us); /* §4.4, §4.5 */
	if (target > ceiling)
		target = ceiling;
	if (target <= cc->cwnd)
		return;
	/* (target - cwnd) / cwnd for each octet acknowledged, with the remainder kept. */
	gain = (uint64_t)(target - cc->cwnd) * acked + s->credit;
	cc->cwnd += (uint32_t)(gain / cc->cwnd);
	s->credit = (uint32_t)(gain % cc->cwnd);
}

static void acked(struct cc *cc, const struct cc_ack *ack)
{
	struct cubic *s = state(cc);
	uint32_t left;

	if (!ack->was_limited) {
		/* §5.8: time in which the application held back does not move the curve. */
		s->epoch_us = 0;
		return;
	}
	left = cc_slow_start(cc, ack);
	if (left && cc->cwnd < CC_SSTHRESH_NONE / 2)
		avoid(cc, ack, left);
}

static void reduce(struct cc *cc, uint32_t in_flight)
{
	struct cubic *s = state(cc);
	uint32_t floor = 2 * cc->mss;
	uint32_t ssthresh = (uint32_t)((uint64_t)in_flight * BETA_PERCENT / 100);

	s->epoch_us = 0;
	s->cwnd_prior = cc->cwnd;
	s->ssthresh_before = cc->ssthresh;
	s->w_max_before = s->w_max;
	/* §4.7: a window that shrinks makes room for others at once. */
	if (cc->cwnd < s->w_max)
		s->w_max = (uint32_t)((uint64_t)cc->cwnd * (100 + BETA_PERCENT) / 200);
	else
		s->w_max = cc->cwnd;
	cc->ssthresh = ssthresh > floor ? ssthresh : floor; /* §4.6 */
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
	struct cubic *s = state(cc);

	if (s->cwnd_prior > cc->cwnd)
		cc->cwnd = s->cwnd_prior;
	cc->ssthresh = s->ssthresh_before;
	s->w_max = s->w_max_before;
	s->epoch_us = 0;
}

static void idle(struct cc *cc, uint64_t idle_us unused_arg)
{
	uint32_t restart = cc_initial_window(cc->mss);

	state(cc)->epoch_us = 0;
	if (cc->cwnd > restart)
		cc->cwnd = restart;
}

const struct cc_ops cc_cubic = {
	.name = "cubic",
	.init = init,
	.acked = acked,
	.lost = lost,
	.timed_out = timed_out,
	.undone = undone,
	.idle = idle,
};
