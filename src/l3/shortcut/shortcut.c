/*
 * shortcut.c - from packets that were forwarded to slots in the table, and back.
 *
 * Neighbours age by the packets that were sent to them, so those that took shortcuts are added
 * (ip4_stack.sent_by_shortcut): who is used is asked whether it is still there, as ever, and the
 * answer or its absence changes the route.
 */
#include "l3/shortcut/shortcut.h"

#include <stdlib.h>
#include <string.h>

#include "l3/ip4/ip4.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

struct policy {
	uint64_t n_refused[N_SHORTCUT_FAULTS];
};

static struct policy *policy_of(const struct engine *e)
{
	return e->module[MODULE_SHORTCUT];
}

int shortcut_init(struct engine *e)
{
	e->module[MODULE_SHORTCUT] = calloc(1, sizeof(struct policy));
	return e->module[MODULE_SHORTCUT] ? 0 : ERR_NOMEM;
}

void shortcut_deinit(struct engine *e)
{
	free(policy_of(e));
	e->module[MODULE_SHORTCUT] = NULL;
}

const uint64_t *shortcut_refusals(const struct engine *e)
{
	return policy_of(e)->n_refused;
}

static struct shortcut_sample sample_of(const struct shortcuts *s, uint32_t at)
{
	const struct shortcut_slot *slot = &s->table->slot[at];
	struct shortcut_sample sample = { .in = s->of[at].in,
					  .family = slot->ingress & SHORTCUT_IP6 ? 6 : 4 };

	memcpy(sample.address, slot->address, sizeof(sample.address));
	return sample;
}

/* Is what @at says still what should be done? */
static bool still_holds(const struct engine *e, const struct shortcuts *s, uint32_t at)
{
	const struct shortcut_slot *slot = &s->table->slot[at];
	struct shortcut_sample sample = sample_of(s, at);
	struct shortcut_slot now;
	struct shortcut record;

	return shortcut_judge(e, &sample, &now, &record) == SHORTCUT_PLAIN &&
	       record.out == s->of[at].out && record.adjacency == s->of[at].adjacency &&
	       now.ingress == slot->ingress && now.egress == slot->egress &&
	       now.mtu_bytes == slot->mtu_bytes &&
	       memcmp(now.macs, slot->macs, sizeof(now.macs)) == 0;
}

static void check(struct engine *e, struct shortcuts *s, uint32_t at, bool watched)
{
	struct shortcut *r = &s->of[at];
	uint64_t n_packets;

	if (r->state != SHORTCUT_USED)
		return;
	n_packets = shortcut_count(s, at);
	ip4_stack_of(e)->sent_by_shortcut[r->adjacency] += n_packets;
	r->n_idle_ticks = n_packets ? 0 : r->n_idle_ticks + 1;
	if (r->n_idle_ticks > SHORTCUT_IDLE_TICKS)
		shortcut_drop(s, at);
	else if (s->table->slot[at].epoch == s->table->epoch || watched)
		return;
	else if (still_holds(e, s, at))
		shortcut_confirm(s, at);
	else
		shortcut_drop(s, at);
}

static void learn(struct engine *e, struct shortcuts *s, const struct shortcut_sample *sample)
{
	const struct interface *in = interface_get_or_null(e, sample->in);
	struct shortcut_slot slot = { 0 };
	struct shortcut record;
	enum shortcut_fault fault;

	if (in)
		slot.ingress = in->shortcut_port | (sample->family == 6 ? SHORTCUT_IP6 : 0);
	memcpy(slot.address, sample->address, sizeof(slot.address));
	if (shortcut_find_or_none(s, &slot) < SHORTCUT_SLOTS)
		return;
	fault = shortcut_judge(e, sample, &slot, &record);
	if (fault != SHORTCUT_PLAIN)
		policy_of(e)->n_refused[fault]++;
	else if (shortcut_put(s, &slot, &record) < 0)
		return; /* counted there; goes through the graph until there is room */
}

void shortcut_tick(struct engine *e)
{
	struct shortcuts *s = shortcuts_of_or_null(e);
	struct shortcut_sample sample;
	bool watched;

	if (!s)
		return;
	watched = shortcut_is_watched(e);
	shortcuts_sweep(s);
	for (uint32_t n = 0; n < s->n_used; n++)
		check(e, s, s->used[n], watched);
	for (uint32_t w = 0; w < e->n_workers; w++) {
		for (unsigned n = 0; n < SHORTCUT_SAMPLES; n++) {
			if (!shortcut_next_sample(s, w, &sample))
				break;
			if (watched)
				policy_of(e)->n_refused[SHORTCUT_WATCHED]++;
			else
				learn(e, s, &sample);
		}
	}
}

void shortcuts_clear(struct engine *e)
{
	struct shortcuts *s = shortcuts_of_or_null(e);

	memset(policy_of(e), 0, sizeof(struct policy));
	if (!s)
		return;
	for (uint32_t n = 0; n < s->n_used; n++)
		if (s->of[s->used[n]].state == SHORTCUT_USED)
			shortcut_drop(s, s->used[n]);
	s->n_learnt = s->n_no_room = 0;
}

void shortcut_offer4(const struct worker *w, const struct buf *b)
{
	const struct ip4_hdr *ip = (const struct ip4_hdr *)(const void *)(b->room + b->l3_at);
	struct shortcut_sample sample = { .in = b->rx_if, .family = 4 };

	memcpy(sample.address, &ip->dst, sizeof(ip->dst));
	shortcut_sample(shortcuts_of_or_null(w->engine), w, &sample);
}

void shortcut_offer6(const struct worker *w, const struct buf *b)
{
	const struct ip6_hdr *ip = (const struct ip6_hdr *)(const void *)(b->room + b->l3_at);
	struct shortcut_sample sample = { .in = b->rx_if, .family = 6 };

	memcpy(sample.address, &ip->dst, sizeof(ip->dst));
	shortcut_sample(shortcuts_of_or_null(w->engine), w, &sample);
}
