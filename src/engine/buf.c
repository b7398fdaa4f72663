/*
 * buf.c - the pool, workers' stocks, and what touches whole chains.
 *
 * Free buffers live in workers' caches and, in batches of 256, on one lock-free stack. A batch is
 * a free buffer whose data lists the indices of the other 255, so moving one costs a
 * compare-and-swap and a copy. The stack's head carries a tag that counts changes (the ABA
 * problem); a batch that another worker pops and writes over meanwhile is read in vain and the swap
 * fails. Buffers that were never used are cut from the end of the pool when the stack is empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memfd.h"
#include "engine/buf.h"

enum { HUGE_PAGE = 2 << 20 };

/* A free buffer that lists others; laid over `room`. */
struct batch {
	uint32_t below; /* next batch on the stack; atomic, may be read while it is overwritten */
	uint32_t n;
	uint32_t idx[BUF_BATCH - 1];
};
_Static_assert(sizeof(struct batch) <= BUF_ROOM, "a batch fits its buffer");

static struct batch *batch_at(const struct buf_pool *p, uint32_t idx)
{
	return (struct batch *)(void *)buf_at(p->base, idx)->room;
}

static uint64_t head_of(uint64_t old, uint32_t idx)
{
	return ((old >> 32) + 1) << 32 | idx;
}

static void batch_push(struct buf_pool *p, uint32_t idx)
{
	struct batch *batch = batch_at(p, idx);
	uint64_t old = __atomic_load_n(&p->free_batches, __ATOMIC_RELAXED);

	do {
		__atomic_store_n(&batch->below, (uint32_t)old, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&p->free_batches, &old, head_of(old, idx), true,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static uint32_t batch_pop_or_zero(struct buf_pool *p)
{
	uint64_t old = __atomic_load_n(&p->free_batches, __ATOMIC_ACQUIRE);
	uint32_t below;

	do {
		if ((uint32_t)old == 0)
			return 0;
		below = __atomic_load_n(&batch_at(p, (uint32_t)old)->below, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&p->free_batches, &old, head_of(old, below), true,
					      __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
	return (uint32_t)old;
}

/* Bytes of a pool of @n_buffers; 0 if there cannot be one. */
static size_t bytes_of(uint32_t n_buffers)
{
	size_t bytes = ((size_t)n_buffers + 1) * BUF_STRIDE;

	if (n_buffers == 0 || n_buffers > UINT32_MAX / BUF_STRIDE_LINES - 1)
		return 0;
	return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static int fill_in(struct buf_pool *p, void *base, size_t bytes, uint32_t n_buffers)
{
	if (base == MAP_FAILED)
		return ERR_NOMEM;
	p->base = base;
	p->map_bytes = bytes;
	p->n_buffers = n_buffers;
	log_debug("buf.pool", "buffers=%u bytes=%zu huge=%d shared=%d", n_buffers, bytes, p->huge,
		  p->fd >= 0);
	return 0;
}

int buf_pool_init(struct buf_pool *p, uint32_t n_buffers)
{
	size_t bytes = bytes_of(n_buffers);
	void *base;

	if (bytes == 0)
		return ERR_INVAL;
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		    -1, 0);
	p->huge = base != MAP_FAILED;
	if (!p->huge)
		base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return fill_in(p, base, bytes, n_buffers);
}

int buf_pool_init_shared(struct buf_pool *p, uint32_t n_buffers)
{
	size_t bytes = bytes_of(n_buffers);
	int err;

	if (bytes == 0)
		return ERR_INVAL;
	memset(p, 0, sizeof(*p));
	/* Not of huge pages: a hole punched there is a SIGBUS, which a careful peer refuses. */
	p->fd = memfd_new("convoy-buffers", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (p->fd < 0)
		return err_of_errno(errno);
	if (ftruncate(p->fd, (off_t)bytes) < 0 ||
	    fcntl(p->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		err = err_of_errno(errno);
	else
		err = fill_in(p,
			      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
				   p->fd, 0),
			      bytes, n_buffers);
	if (err)
		close(p->fd);
	return err;
}

void buf_pool_deinit(struct buf_pool *p)
{
	munmap(p->base, p->map_bytes);
	p->base = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

uint32_t buf_pool_free_count(const struct buf_pool *p)
{
	return p->n_buffers - __atomic_load_n(&p->n_carved, __ATOMIC_RELAXED) +
	       __atomic_load_n(&p->n_in_batches, __ATOMIC_RELAXED);
}

void buf_cache_init(struct buf_cache *c, struct buf_pool *p)
{
	memset(c, 0, sizeof(*c));
	c->pool = p;
}

/* Move @n ≤ 256 indices from the end of the cache to the stack, the first of them as their batch.
 */
static void give_batch(struct buf_cache *c, unsigned n)
{
	uint32_t head = c->idx[c->n - n];
	struct batch *batch = batch_at(c->pool, head);

	batch->n = n - 1;
	memcpy(batch->idx, &c->idx[c->n - n + 1], (n - 1) * sizeof(uint32_t));
	c->n -= n;
	__atomic_fetch_add(&c->pool->n_in_batches, n, __ATOMIC_RELAXED);
	batch_push(c->pool, head);
}

void buf_cache_deinit(struct buf_cache *c)
{
	while (c->n)
		give_batch(c, c->n < BUF_BATCH ? c->n : BUF_BATCH);
}

/* Cut buffers that nobody has used yet off the pool's end. */
static void carve(struct buf_cache *c)
{
	struct buf_pool *p = c->pool;
	uint32_t first = __atomic_load_n(&p->n_carved, __ATOMIC_RELAXED);
	uint32_t n;

	do {
		n = p->n_buffers - first;
		n = n < BUF_BATCH ? n : BUF_BATCH;
		if (n == 0)
			return;
	} while (!__atomic_compare_exchange_n(&p->n_carved, &first, first + n, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t idx = (first + n - i) * BUF_STRIDE_LINES;

		buf_at(p->base, idx)->self = idx;
		c->idx[c->n++] = idx;
	}
}

/* Called with at most BUF_CACHE - BUF_BATCH indices in stock. */
static no_inline void refill(struct buf_cache *c)
{
	uint32_t head = batch_pop_or_zero(c->pool);
	struct batch *batch;

	if (!head) {
		carve(c);
		return;
	}
	batch = batch_at(c->pool, head);
	memcpy(&c->idx[c->n], batch->idx, batch->n * sizeof(uint32_t));
	c->n += batch->n;
	c->idx[c->n++] = head;
	__atomic_fetch_sub(&c->pool->n_in_batches, batch->n + 1, __ATOMIC_RELAXED);
}

static inline void reset(struct buf *b)
{
	uint32_t self = b->self;

	memset(b, 0, offsetof(struct buf, transport));
	b->self = self;
	b->at = BUF_HEADROOM;
	b->reason = BUF_NO_REASON;
}

unsigned buf_alloc(struct buf_cache *c, uint32_t *idx, unsigned n)
{
	unsigned got = 0;

	while (got < n) {
		unsigned take = n - got;

		if (c->n == 0)
			refill(c);
		if (c->n == 0)
			break;
		take = take < c->n ? take : c->n;
		for (unsigned i = 0; i < take; i++) {
			idx[got] = c->idx[--c->n];
			reset(buf_at(c->pool->base, idx[got++]));
		}
	}
	c->n_taken += got;
	c->n_failed += n - got;
	return got;
}

uint32_t buf_alloc_one_or_zero(struct buf_cache *c)
{
	uint32_t idx;

	return buf_alloc(c, &idx, 1) ? idx : 0;
}

/* True if other chains still hold @b. Who finds itself alone needs no atomic operation. */
static bool let_go(struct buf *b)
{
	if (__atomic_load_n(&b->n_holders, __ATOMIC_ACQUIRE) == 1)
		return false;
	return __atomic_sub_fetch(&b->n_holders, 1, __ATOMIC_ACQ_REL) != 0;
}

static bool is_held_by_others(struct buf *b)
{
	return unlikely(b->flags & BUF_SHARED) && let_go(b);
}

void buf_free_one(struct buf_cache *c, uint32_t idx)
{
	while (idx && !is_held_by_others(buf_at(c->pool->base, idx))) {
		if (c->n == BUF_CACHE)
			give_batch(c, BUF_BATCH);
		c->idx[c->n++] = idx;
		c->n_given++;
		idx = buf_at(c->pool->base, idx)->next;
	}
}

void buf_free(struct buf_cache *c, const uint32_t *idx, unsigned n)
{
	uint8_t *base = c->pool->base;

	for (unsigned i = 0; i < n; i++) {
		if (unlikely(c->n == BUF_CACHE))
			give_batch(c, BUF_BATCH);
		if (unlikely(buf_at(base, idx[i])->next != 0)) {
			buf_free_one(c, idx[i]);
			continue;
		}
		c->idx[c->n++] = idx[i];
		c->n_given++;
	}
}

void buf_trim(struct buf_cache *c, struct buf *b, uint32_t n)
{
	uint32_t left = n;
	struct buf *last = b;

	invariant(n <= b->total_len);
	while (left > last->len) {
		left -= last->len;
		last = buf_next_or_null(last);
		invariant(!(last->flags & BUF_SHARED));
	}
	last->len = (uint16_t)left;
	if (last->next)
		buf_free_one(c, last->next);
	last->next = 0;
	b->total_len = n;
}

static struct buf *last_of(struct buf *b)
{
	struct buf *next;

	while ((next = buf_next_or_null(b)) != NULL)
		b = next;
	return b;
}

int buf_append_bytes(struct buf_cache *c, struct buf *b, const void *from, uint32_t n)
{
	uint32_t before = b->total_len;
	struct buf *last = last_of(b);
	const uint8_t *at = from;

	while (n) {
		uint32_t room = buf_tailroom(last);
		uint32_t step = n < room ? n : room;

		memcpy(buf_end(last), at, step);
		last->len = (uint16_t)(last->len + step);
		b->total_len += step;
		at += step;
		n -= step;
		if (n == 0)
			break;
		last->next = buf_alloc_one_or_zero(c);
		if (!last->next) {
			buf_trim(c, b, before);
			return ERR_NOMEM;
		}
		last = buf_next_or_null(last);
		last->at = 0; /* nothing is pushed before the middle of a packet */
	}
	return 0;
}

uint32_t buf_copy_out(const struct buf *b, uint32_t skip, void *to, uint32_t n)
{
	uint32_t copied = 0;

	for (; b && copied < n; b = buf_next_or_null(b)) {
		uint32_t step;

		if (skip >= b->len) {
			skip -= b->len;
			continue;
		}
		step = b->len - skip;
		step = step < n - copied ? step : n - copied;
		memcpy((uint8_t *)to + copied, b->room + b->at + skip, step);
		copied += step;
		skip = 0;
	}
	return copied;
}

uint32_t buf_clone_or_zero(struct buf_cache *c, const struct buf *b)
{
	uint32_t first = 0;
	struct buf *previous = NULL;

	for (; b; b = buf_next_or_null(b)) {
		uint32_t idx = buf_alloc_one_or_zero(c);
		struct buf *copy;

		if (!idx) {
			if (first)
				buf_free_one(c, first);
			return 0;
		}
		copy = buf_at(c->pool->base, idx);
		memcpy(copy, b, offsetof(struct buf, room));
		copy->self = idx;
		copy->next = 0;
		copy->trace = 0;
		copy->flags &= ~(uint32_t)BUF_SHARED;
		memcpy(copy->room + b->at, b->room + b->at, b->len);
		/* Headers that were pulled off are still readable in a copy. */
		if (!previous)
			memcpy(copy->room, b->room, b->at);
		if (previous)
			previous->next = idx;
		else
			first = idx;
		previous = copy;
	}
	return first;
}

unsigned buf_chain_count(const struct buf *b)
{
	unsigned n = 0;

	for (; b; b = buf_next_or_null(b))
		n++;
	return n;
}

int buf_linear(struct buf_cache *c, struct buf *b, uint32_t n)
{
	if (n <= b->len)
		return 0;
	if (n > b->total_len)
		return ERR_SHORT;
	if (n > (uint32_t)BUF_ROOM - b->at)
		return ERR_RANGE;
	while (b->len < n) {
		struct buf *second = buf_next_or_null(b);
		uint32_t step = n - b->len;

		step = step < second->len ? step : second->len;
		memcpy(buf_end(b), buf_data(second), step);
		b->len = (uint16_t)(b->len + step);
		second->at = (uint16_t)(second->at + step);
		second->len = (uint16_t)(second->len - step);
		if (second->len == 0) {
			b->next = second->next;
			second->next = 0;
			buf_free_one(c, second->self);
		}
	}
	return 0;
}
