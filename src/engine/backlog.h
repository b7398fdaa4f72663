/*
 * backlog.h - packets that wait before a device whose ring is full.
 *
 * A driver that meets a full ring keeps the packet here and tries again later, instead of losing
 * it: a burst that a ring cannot take is no sign of a slow path. While anything waits the interface
 * is `busy`, and who makes traffic holds back (interface_busy()). So the backlog stays short; when
 * nobody listens it is bounded, and what comes then is lost.
 *
 * Belongs to the worker that owns the ring.
 */
#ifndef CONVOY_ENGINE_BACKLOG_H
#define CONVOY_ENGINE_BACKLOG_H

#include "engine/interface.h"

enum {
	BACKLOG_PACKETS = 1024,
	BACKLOG_SHARE = 8, /* it holds this part of all buffers at most */
};

struct backlog {
	struct interface *interface;
	uint32_t head, n; /* packets: at[head & mask] is the oldest */
	uint32_t n_bufs;
	uint32_t at[BACKLOG_PACKETS];
};

void backlog_init(struct backlog *b, struct interface *i);

/* backlog_add - @p waits behind all others; false if there is no room: the caller still owns it. */
must_check
bool backlog_add(struct worker *w, struct backlog *b, const struct buf *p);

/* backlog_first_or_zero - the packet to be tried next; it stays until backlog_take(). */
static inline uint32_t backlog_first_or_zero(const struct backlog *b)
{
	return b->n ? b->at[b->head & (BACKLOG_PACKETS - 1)] : 0;
}

/* backlog_take - the first packet is the caller's from now on. There must be one. */
void backlog_take(struct worker *w, struct backlog *b);

/* backlog_free - free every packet; returns how many there were. */
unsigned backlog_free(struct worker *w, struct backlog *b);

#endif
