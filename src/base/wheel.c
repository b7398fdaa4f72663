/* wheel.c - hierarchical timer wheel (Varghese and Lauck 1987, scheme 7). */
#include "base/wheel.h"

enum { SLOT_BITS = 8, SLOT_MASK = WHEEL_SLOTS - 1 };

void wheel_init(struct wheel *w, uint64_t now_ns)
{
	w->tick = now_ns / WHEEL_TICK_NS;
	w->n_set = 0;
	for (unsigned level = 0; level < WHEEL_LEVELS; level++)
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
}

/* The level whose slot width still tells the deadline from now. */
static void place(struct wheel *w, struct timer *t)
{
	uint64_t ahead = t->deadline_tick - w->tick;
	uint64_t at = t->deadline_tick;
	unsigned level = 0;

	while (level < WHEEL_LEVELS - 1 && ahead >= (uint64_t)1 << (SLOT_BITS * (level + 1)))
		level++;
	if (ahead >> (SLOT_BITS * WHEEL_LEVELS))
		at = w->tick + UINT32_MAX;
	list_push(&w->slots[level][(at >> (SLOT_BITS * level)) & SLOT_MASK], &t->link);
}

void timer_set(struct wheel *w, struct timer *t, uint64_t deadline_ns)
{
	uint64_t tick = (deadline_ns + WHEEL_TICK_NS - 1) / WHEEL_TICK_NS;

	timer_cancel(w, t);
	t->deadline_tick = tick > w->tick ? tick : w->tick + 1;
	w->n_set++;
	place(w, t);
}

void timer_cancel(struct wheel *w, struct timer *t)
{
	if (!timer_is_set(t))
		return;
	list_remove(&t->link);
	w->n_set--;
}

/* Bring the slots of the higher levels that begin at this tick down. */
static void cascade(struct wheel *w)
{
	for (unsigned level = 1; level < WHEEL_LEVELS; level++) {
		struct list due;
		struct list *link;

		if (w->tick & (((uint64_t)1 << (SLOT_BITS * level)) - 1))
			return;
		list_init(&due);
		list_splice(&due, &w->slots[level][(w->tick >> (SLOT_BITS * level)) & SLOT_MASK]);
		while ((link = list_pop_or_null(&due)))
			place(w, container_of(link, struct timer, link));
	}
}

unsigned wheel_advance(struct wheel *w, uint64_t now_ns)
{
	uint64_t target = now_ns / WHEEL_TICK_NS;
	unsigned fired = 0;

	if (w->n_set == 0 && target > w->tick)
		w->tick = target;
	while (w->tick < target) {
		struct list due;
		struct list *link;

		w->tick++;
		cascade(w);
		list_init(&due);
		list_splice(&due, &w->slots[0][w->tick & SLOT_MASK]);
		while ((link = list_pop_or_null(&due))) {
			struct timer *t = container_of(link, struct timer, link);

			w->n_set--;
			fired++;
			t->expired(t, now_ns);
		}
	}
	return fired;
}

uint64_t wheel_next_ns(const struct wheel *w)
{
	if (w->n_set == 0)
		return UINT64_MAX;
	for (uint64_t tick = w->tick + 1;; tick++) {
		if (!list_empty(&w->slots[0][tick & SLOT_MASK]) || (tick & SLOT_MASK) == 0)
			return tick * WHEEL_TICK_NS;
	}
}
