/* backlog.c - a bounded queue of packets before a full ring. */
#include "engine/backlog.h"

#include "engine/engine.h"

void backlog_init(struct backlog *b, struct interface *i)
{
	b->interface = i;
	b->head = b->n = b->n_bufs = 0;
}

/* Buffers in the chain, not too few; told from its length, so that it need not be walked. */
static uint32_t n_buffers(const struct buf *p)
{
	return 1 + p->total_len / BUF_DATA;
}

bool backlog_add(struct worker *w, struct backlog *b, const struct buf *p)
{
	uint32_t max = w->engine->bufs.n_buffers / BACKLOG_SHARE;

	if (b->n == BACKLOG_PACKETS || (b->n && b->n_bufs + n_buffers(p) > max))
		return false;
	b->at[(b->head + b->n) & (BACKLOG_PACKETS - 1)] = p->self;
	if (b->n++ == 0)
		interface_set_busy(b->interface, true);
	b->n_bufs += n_buffers(p);
	return true;
}

void backlog_take(struct worker *w, struct backlog *b)
{
	const struct buf *p = buf_at(w->bufs.pool->base, backlog_first_or_zero(b));

	invariant(b->n > 0);
	b->n_bufs -= n_buffers(p);
	b->head++;
	if (--b->n == 0)
		interface_set_busy(b->interface, false);
}

unsigned backlog_free(struct worker *w, struct backlog *b)
{
	unsigned n = b->n;

	for (uint32_t idx; (idx = backlog_first_or_zero(b));) {
		backlog_take(w, b);
		buf_free_one(&w->bufs, idx);
	}
	return n;
}
