/*
 * buf_share.c - chains that have a tail in common: buf.h.
 *
 * Counting up is for the worker that makes the chains, before it gives any of them away, and so
 * needs no atomic operation; counting down (buf_free_one()) may happen on any worker.
 */
#include "engine/buf.h"

/* Lanes, headroom and the first @n bytes of @from, in a buffer of its own that has no next yet. */
static uint32_t copy_head(struct buf_cache *c, const struct buf *from, unsigned n)
{
	uint32_t idx = buf_alloc_one_or_zero(c);
	struct buf *head;

	if (!idx)
		return 0;
	head = buf_at(c->pool->base, idx);
	memcpy(head, from, offsetof(struct buf, room));
	memcpy(head->room + from->at, from->room + from->at, n);
	head->self = idx;
	head->len = (uint16_t)n;
	return idx;
}

uint32_t buf_share_or_zero(struct buf_cache *c, struct buf *b, unsigned n_head)
{
	uint32_t idx;

	invariant(n_head < b->len);
	idx = copy_head(c, b, n_head);
	if (!idx)
		return 0;
	buf_at(c->pool->base, idx)->next = b->self;
	buf_pull(b, n_head);
	b->flags |= BUF_SHARED;
	__atomic_store_n(&b->n_holders, 1, __ATOMIC_RELAXED);
	return idx;
}

uint32_t buf_clone_head_or_zero(struct buf_cache *c, const struct buf *b)
{
	uint32_t idx = copy_head(c, b, b->len);
	struct buf *tail = buf_next_or_null(b);

	if (!idx)
		return 0;
	buf_at(c->pool->base, idx)->trace = 0;
	/* The worker has all of them: who gives them to others releases what is written here. */
	__atomic_store_n(&tail->n_holders, __atomic_load_n(&tail->n_holders, __ATOMIC_RELAXED) + 1,
			 __ATOMIC_RELAXED);
	return idx;
}

int buf_unshare(struct buf_cache *c, struct buf *b)
{
	struct buf *last = b, *next;
	uint32_t own;

	while ((next = buf_next_or_null(last)) != NULL && !(next->flags & BUF_SHARED))
		last = next;
	if (!next)
		return 0;
	own = buf_clone_or_zero(c, next);
	if (!own)
		return ERR_NOMEM;
	last->next = own;
	buf_free_one(c, next->self);
	return 0;
}
