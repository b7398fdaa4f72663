/*
 * memif_fuzz.c - rings that the other side fills with whatever it likes, in either role.
 * Input: {how:8, log2 of the rings:8}, then the shared memory; `how` has the role, whether offload
 * headers were agreed on, whether the buffers are the pool's (zero copy), whether packets go
 * in batches. Packets are taken and put in turns while the memory changes; nothing may be read or
 * written outside the regions, no buffer may be lost or be in two places.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drivers/memif/memif_ring.h"
#include "engine/node.h"

enum { CLIENT = 1, VNET = 2, ZERO_COPY = 4, BATCHES = 8 };
enum { REGION = 16384, BUFFER = 256, ROUNDS = 8, N_BUFFERS = 512, TURN = 64 };

static struct buf_pool pool;
static int bell_fd = -1;

static void make_queue(struct memif_queue *q, const struct memif_view *v, uint32_t ring_at,
		       uint32_t buffers_at, uint32_t size)
{
	*q = (struct memif_queue){ .ring = (void *)(v->region[0].base + ring_at),
				   .view = v,
				   .size = size,
				   .buffers_at = buffers_at,
				   .bell_fd = bell_fd };
	if (v->pool)
		q->lent = calloc(size, sizeof(*q->lent));
	if (v->is_client)
		memif_ring_prepare(q);
}

static void put_one(struct memif_queue *tx, struct buf_cache *cache, uint32_t idx)
{
	int put = memif_ring_put(tx, cache, buf_at(pool.base, idx));

	invariant(put == 0 || put == ERR_FULL || put == ERR_FORMAT || put == ERR_UNSUPPORTED ||
		  put == ERR_PROTOCOL || put == ERR_RANGE || put == ERR_NOMEM);
	if (put || !tx->lent)
		buf_free_one(cache, idx);
}

/* What was taken goes out again, the plain ones at once. */
static void put_all(struct memif_queue *tx, struct buf_cache *cache, const uint32_t *idx,
		    unsigned n, bool batches)
{
	struct buf *b[TURN + PREFETCH_AHEAD];
	uint64_t n_bytes = 0;
	unsigned n_put = 0;

	for (unsigned i = 0; i < n; i++)
		b[i] = buf_at(pool.base, idx[i]);
	for (unsigned i = 0; i < PREFETCH_AHEAD && n; i++)
		b[n + i] = b[n - 1];
	if (batches && n)
		n_put = memif_ring_put_plain(tx, cache, b, n, &n_bytes);
	invariant(n_put <= n);
	if (!tx->lent)
		buf_free(cache, idx, n_put);
	for (unsigned i = n_put; i < n; i++)
		put_one(tx, cache, idx[i]);
}

static void take_and_put(struct memif_queue *rx, struct memif_queue *tx, struct buf_cache *cache,
			 bool batches)
{
	uint32_t idx[TURN];
	struct memif_taken t;

	memif_ring_take(rx, cache, idx, TURN, &t);
	invariant(t.n <= TURN);
	put_all(tx, cache, idx, t.n, batches);
	(void)!memif_ring_release(rx, cache);
	memif_ring_publish(tx);
	(void)!memif_ring_reap(tx, cache);
}

static void end_queue(struct memif_queue *q, struct buf_cache *cache)
{
	uint32_t idx[TURN];

	if (q->lent)
		buf_free(cache, idx, memif_ring_reclaim(q, idx));
	free(q->lent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[REGION] cacheline_aligned;
	struct memif_view v = { .n_regions = 1, .region = { { memory, REGION } } };
	struct buf_cache cache;
	struct memif_queue rx, tx;
	uint32_t n, ring_bytes;
	bool batches;

	if (size < 2)
		return 0;
	if (bell_fd < 0) {
		bell_fd = eventfd(0, EFD_NONBLOCK);
		invariant(buf_pool_init(&pool, N_BUFFERS) == 0);
	}
	buf_cache_init(&cache, &pool);
	v.is_client = data[0] & CLIENT;
	v.vnet = data[0] & VNET;
	v.pool = v.is_client && (data[0] & ZERO_COPY) ? &pool : NULL;
	v.buffer_bytes = BUFFER;
	v.buffer_stride = BUFFER + BUF_LINE;
	batches = data[0] & BATCHES;
	memset(memory, 0, sizeof(memory));
	n = 4u << (data[1] % 3);
	ring_bytes = (uint32_t)(sizeof(struct memif_ring) + n * sizeof(struct memif_descriptor));
	make_queue(&rx, &v, 0, 2 * ring_bytes, n);
	make_queue(&tx, &v, ring_bytes, 2 * ring_bytes + n * v.buffer_stride, n);
	(void)!memif_ring_release(&rx, &cache);
	data += 2;
	size -= 2;
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t step = size / ROUNDS, at = (round * 977) % (REGION / 2);

		if (step > REGION - at)
			step = REGION - at;
		memcpy(memory + at, data + round * (size / ROUNDS), step);
		if (round == 0 && size < REGION)
			memcpy(memory, data, size);
		take_and_put(&rx, &tx, &cache, batches);
	}
	end_queue(&rx, &cache);
	end_queue(&tx, &cache);
	invariant(cache.n_taken == cache.n_given);
	buf_cache_deinit(&cache);
	return 0;
}
