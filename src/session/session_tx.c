/* session_tx.c - what an application has written, as its transport reads it. */
#include <stdlib.h>

#include "session/link.h"
#include "session/session_worker.h"

uint32_t session_checked(struct session *s, uint32_t n)
{
	if (unlikely(s->end.broken))
		link_mark_due(s);
	return n;
}

/* First what an earlier owner has left, then the fifo. */

uint32_t session_tx_ready(struct session *s)
{
	return session_tx_kept(s) + (s->end.channel ? session_checked(s, fifo_poll(&s->end)) : 0);
}

static unsigned slices_of_kept(struct session *s, uint32_t offset, uint32_t n, struct slice *slices,
			       unsigned max)
{
	uint32_t kept = session_tx_kept(s);
	uint32_t len = n < kept - offset ? n : kept - offset;

	slices[0] = slice_of(s->kept + s->kept_from + offset, len);
	if (len == n || max == 1)
		return 1;
	return 1 + session_checked(s, fifo_segments(&s->end, 0, n - len, slices + 1, max - 1));
}

unsigned session_tx_slices(struct session *s, uint32_t offset, uint32_t n, struct slice *slices,
			   unsigned max)
{
	uint32_t kept = session_tx_kept(s);

	if (unlikely(offset < kept))
		return slices_of_kept(s, offset, n, slices, max);
	return session_checked(s, fifo_segments(&s->end, offset - kept, n, slices, max));
}

static uint32_t drop_kept(struct session *s, uint32_t n)
{
	uint32_t kept = session_tx_kept(s);
	uint32_t dropped = n < kept ? n : kept;

	s->kept_from += dropped;
	if (dropped == kept) {
		free(s->kept);
		s->kept = NULL;
		s->kept_len = s->kept_from = 0;
	}
	return n - dropped;
}

void session_tx_drop(struct worker *w, struct session *s, uint32_t n)
{
	if (unlikely(s->kept))
		n = drop_kept(s, n);
	if (!s->end.channel || n == 0)
		return;
	fifo_consume(&s->end, n);
	if (unlikely(s->publishes) && s->connection)
		session_publish(w, s);
	if (!s->due_room && fifo_drained_due(&s->end)) {
		s->due_room = true;
		link_mark_due(s);
	}
}

bool session_tx_finished(struct session *s)
{
	return fifo_finished(&s->end);
}

bool session_app_closed(struct session *s)
{
	return s->end.peer_state >= SHM_CLOSED || s->end.broken;
}
