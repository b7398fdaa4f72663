/* impair_line.c - fates and the heap of packets under way. */
#include <stdlib.h>

#include "base/clock.h"
#include "functions/impair/impair_line.h"

enum { REORDER_DEFAULT_NS = 5 * NS_PER_MS, BITS = 8 };

/* A packet cannot be under way for longer. */
#define DELAY_MAX_NS ((uint64_t)60 * NS_PER_S)

static bool in_range(const struct impair_config *c)
{
	return c->delay_ns <= DELAY_MAX_NS && c->jitter_ns <= c->delay_ns &&
	       c->reorder_ns <= DELAY_MAX_NS && c->loss_ppm <= IMPAIR_PPM &&
	       c->duplicate_ppm <= IMPAIR_PPM && c->corrupt_ppm <= IMPAIR_PPM &&
	       c->reorder_ppm <= IMPAIR_PPM && c->held_max <= IMPAIR_HELD_MAX;
}

int impair_line_init(struct impair_line *l, const struct impair_config *config)
{
	if (!in_range(config))
		return ERR_INVAL;
	*l = (struct impair_line){ .config = *config };
	if (!l->config.held_max)
		l->config.held_max = IMPAIR_HELD_DEFAULT;
	if (!l->config.reorder_ns)
		l->config.reorder_ns = REORDER_DEFAULT_NS;
	if (!l->config.seed)
		l->config.seed = 1;
	random_seed(&l->random, l->config.seed);
	l->held_size = 2 * l->config.held_max; /* a copy of each */
	l->held = malloc(l->held_size * sizeof(*l->held));
	return l->held ? 0 : ERR_NOMEM;
}

void impair_line_deinit(struct impair_line *l)
{
	free(l->held);
	l->held = NULL;
}

static bool strikes(struct impair_line *l, uint32_t ppm)
{
	return ppm && random_below(&l->random, IMPAIR_PPM) < ppm;
}

/* Uniform in delay - jitter … delay + jitter. */
static uint64_t delay_ns(struct impair_line *l)
{
	const struct impair_config *c = &l->config;

	if (!c->jitter_ns)
		return c->delay_ns;
	return c->delay_ns - c->jitter_ns + random_u64(&l->random) % (2 * c->jitter_ns + 1);
}

unsigned impair_line_judge(struct impair_line *l, uint64_t now_ns, uint32_t len,
			   uint64_t *release_ns)
{
	const struct impair_config *c = &l->config;
	uint64_t at_ns = now_ns;
	unsigned fate = 0;

	if (strikes(l, c->loss_ppm))
		return IMPAIR_LOST;
	if (l->n_held >= c->held_max)
		return IMPAIR_FULL;
	if (strikes(l, c->duplicate_ppm))
		fate |= IMPAIR_DUPLICATED;
	if (strikes(l, c->corrupt_ppm))
		fate |= IMPAIR_CORRUPTED;
	if (c->rate_bps) {
		if (l->wire_free_ns > at_ns)
			at_ns = l->wire_free_ns;
		at_ns += (uint64_t)len * BITS * NS_PER_S / c->rate_bps;
		l->wire_free_ns = at_ns;
	}
	at_ns += delay_ns(l);
	if (at_ns < l->last_release_ns)
		at_ns = l->last_release_ns;
	if (strikes(l, c->reorder_ppm)) {
		fate |= IMPAIR_REORDERED;
		at_ns += c->reorder_ns;
	} else {
		l->last_release_ns = at_ns;
	}
	*release_ns = at_ns;
	return fate;
}

static bool before(const struct impair_held *a, const struct impair_held *b)
{
	if (a->release_ns != b->release_ns)
		return a->release_ns < b->release_ns;
	return a->order < b->order;
}

bool impair_line_hold(struct impair_line *l, uint32_t packet, uint64_t release_ns)
{
	struct impair_held new = { release_ns, l->n_arrived++, packet };
	uint32_t at;

	if (l->n_held == l->held_size)
		return false;
	for (at = l->n_held++; at && before(&new, &l->held[(at - 1) / 2]); at = (at - 1) / 2)
		l->held[at] = l->held[(at - 1) / 2];
	l->held[at] = new;
	return true;
}

bool impair_line_due(struct impair_line *l, uint64_t now_ns, uint32_t *packet)
{
	struct impair_held last;
	uint32_t at = 0;

	if (impair_line_next_ns(l) > now_ns || l->n_held == 0)
		return false;
	*packet = l->held[0].packet;
	last = l->held[--l->n_held];
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= l->n_held)
			break;
		if (child + 1 < l->n_held && before(&l->held[child + 1], &l->held[child]))
			child++;
		if (!before(&l->held[child], &last))
			break;
		l->held[at] = l->held[child];
		at = child;
	}
	l->held[at] = last;
	return true;
}
