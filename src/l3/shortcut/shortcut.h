/*
 * shortcut.h - which destinations may be forwarded by the kernel's devices themselves, and until
 * when: the policy behind engine/shortcut.h.
 *
 *   ip4-rewrite, ip6-rewrite ── a packet of each frame that was forwarded ──> main
 *   main, each tick: plain? ──> written to the table ── next tick, still plain? ──> in use
 */
#ifndef CONVOY_L3_SHORTCUT_H
#define CONVOY_L3_SHORTCUT_H

#include "engine/shortcut.h"
#include "l3/fib/adjacency.h"

/* Why packets to a destination have to go through the graph. */
enum shortcut_fault {
	SHORTCUT_PLAIN,	   /* they have not */
	SHORTCUT_WATCHED,  /* a trace, or a capture at a node */
	SHORTCUT_DEVICE,   /* one of the interfaces takes no shortcuts */
	SHORTCUT_STATE,	   /* … or does not run */
	SHORTCUT_L2,	   /* … or is a port, or has subinterfaces */
	SHORTCUT_FEATURE,  /* … or has something enabled that may not be passed by */
	SHORTCUT_ROUTE,	   /* no route to a neighbour that is known */
	SHORTCUT_PATHS,	   /* there are several paths: the flow decides */
	SHORTCUT_SAME_WAY, /* it leaves by the interface that it came by */
	N_SHORTCUT_FAULTS,
};

/* shortcut_init, shortcut_deinit - after ip6_init(), before ip6_deinit(). ERR_NOMEM. */
must_check
int shortcut_init(struct engine *e);
void shortcut_deinit(struct engine *e);

/* shortcut_tick - main, every SHORTCUT_TICK_MS. */
void shortcut_tick(struct engine *e);

/* shortcuts_clear - main: forget all of them, and what was counted about them. */
void shortcuts_clear(struct engine *e);

/*
 * shortcut_judge - main: what packets like @s need. @slot and @record are complete when the result
 * is SHORTCUT_PLAIN; whether somebody watches is the caller's to ask: shortcut_is_watched().
 */
enum shortcut_fault shortcut_judge(const struct engine *e, const struct shortcut_sample *s,
				   struct shortcut_slot *slot, struct shortcut *record);
bool shortcut_is_watched(const struct engine *e);

/* shortcut_fault_name - one word for people and tools. */
const char *shortcut_fault_name(enum shortcut_fault f);

/* shortcut_refusals - main: [N_SHORTCUT_FAULTS], how many samples had each of them. */
const uint64_t *shortcut_refusals(const struct engine *e);

/* Worker: @b was forwarded, its L3 header and rx_if are as they came. */
void shortcut_offer4(const struct worker *w, const struct buf *b);
void shortcut_offer6(const struct worker *w, const struct buf *b);

#endif
