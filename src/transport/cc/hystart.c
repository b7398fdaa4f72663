/* hystart.c - when to leave slow start. RFC 9406 §4.2 */
#include "transport/cc/hystart.h"

static uint32_t threshold_us(uint32_t rtt_us)
{
	uint32_t part = rtt_us / HYSTART_DIVISOR;

	if (part < HYSTART_MIN_US)
		return HYSTART_MIN_US;
	return part > HYSTART_MAX_US ? HYSTART_MAX_US : part;
}

static enum hystart_pace cautious(struct hystart *h, uint32_t rtt_us)
{
	if (rtt_us < h->baseline_us) {
		h->baseline_us = 0;
		return HYSTART_FAST;
	}
	return ++h->n_rounds >= HYSTART_ROUNDS ? HYSTART_OVER : HYSTART_SLOWLY;
}

enum hystart_pace hystart_round(struct hystart *h, uint32_t rtt_us)
{
	uint32_t last_us = h->last_us;

	h->last_us = rtt_us;
	if (h->baseline_us)
		return cautious(h, rtt_us);
	if (last_us == 0 || rtt_us < last_us + threshold_us(last_us))
		return HYSTART_FAST;
	h->baseline_us = rtt_us;
	h->n_rounds = 0;
	return HYSTART_SLOWLY;
}
