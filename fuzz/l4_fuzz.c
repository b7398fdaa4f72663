/* l4_fuzz.c - frames as drivers look into them: two bytes of segment size, then the frame. */
#include <stdlib.h>
#include <string.h>

#include "drivers/l4.h"

enum { DATAGRAMS_MAX = 256 };

static struct buf_pool pool;
static struct buf_cache cache;

static void start_once(void)
{
	if (pool.base)
		return;
	invariant(buf_pool_init(&pool, 2048) == 0);
	buf_cache_init(&cache, &pool);
}

/* What is cut has headers and payload of the whole, each buffer of it once. */
static void split(const uint8_t *frame, uint32_t len, uint16_t gso_size)
{
	uint32_t idx[DATAGRAMS_MAX], n_bytes = 0;
	struct l4 l4;
	int n = l4_split_udp(&cache, frame, len, gso_size, idx, DATAGRAMS_MAX);

	invariant(n >= 0 || n == ERR_NOMEM);
	if (n <= 0)
		return;
	invariant(l4_find(frame, len, &l4));
	for (int i = 0; i < n; i++) {
		const struct buf *b = buf_at(pool.base, idx[i]);

		invariant(b->total_len <= l4.l4_off + 8u + gso_size);
		n_bytes += b->total_len - l4.l4_off - 8u;
	}
	invariant(n_bytes == l4.l4_len - 8);
	buf_free(&cache, idx, (unsigned)n);
}

static void mark(const uint8_t *frame, uint32_t len)
{
	struct buf *b = buf_at(pool.base, buf_alloc_one_or_zero(&cache));

	memcpy(buf_append(b, len), frame, len);
	l4_mark_partial(b);
	if (b->flags & BUF_NEED_L4_CSUM)
		invariant(b->l4_at + b->csum_off + 2u <= (unsigned)b->at + b->len);
	buf_free_one(&cache, b->self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame;
	uint32_t len;

	if (size < 2 || size > 65536)
		return 0;
	start_once();
	len = (uint32_t)size - 2;
	frame = malloc(len ? len : 1); /* of just this size: what reads past it is found */
	invariant(frame);
	memcpy(frame, data + 2, len);
	split(frame, len, (uint16_t)(data[0] << 8 | data[1]));
	if (len <= BUF_DATA)
		mark(frame, len);
	free(frame);
	invariant(cache.n_taken == cache.n_given);
	return 0;
}
