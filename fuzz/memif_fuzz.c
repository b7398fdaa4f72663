/*
 * memif_fuzz.c - rings that the other side fills with whatever it likes, in either role.
 * Input: {role and header flag:8, log2 of the ring:8}, then the shared memory. Packets are taken
 * and put in turns while the memory changes; nothing may be read or written outside the regions,
 * and no buffer may be lost.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drivers/memif/memif_private.h"

enum { REGION = 16384, BUFFER = 256, ROUNDS = 8, N_BUFFERS = 512 };

static struct buf_pool pool;
static int bell_fd = -1;

static void place(struct memif_view *v, uint8_t *memory, uint32_t size)
{
	uint32_t ring_bytes =
		(uint32_t)(sizeof(struct memif_ring) + size * sizeof(struct memif_descriptor));

	v->region[0] = (struct memif_region){ memory, REGION };
	v->n_regions = 1;
	v->buffer_bytes = BUFFER;
	v->rx = (struct memif_queue){ .ring = (void *)memory, .size = size, .bell_fd = bell_fd };
	v->tx = (struct memif_queue){ .ring = (void *)(memory + ring_bytes),
				      .size = size,
				      .bell_fd = bell_fd };
	v->rx.buffers_at = 2 * ring_bytes;
	v->tx.buffers_at = 2 * ring_bytes + size * BUFFER;
}

static void take_and_put(struct memif_view *v, struct buf_cache *cache)
{
	for (unsigned n = 0; n < 64; n++) {
		uint32_t idx;
		int got = memif_ring_take(v, cache, &idx);

		if (got == 1) {
			int put = memif_ring_put(v, buf_at(pool.base, idx));

			invariant(put == 0 || put == ERR_FULL || put == ERR_FORMAT ||
				  put == ERR_UNSUPPORTED || put == ERR_PROTOCOL ||
				  put == ERR_RANGE);
			buf_free_one(cache, idx);
		} else if (got != ERR_FORMAT) {
			break;
		}
	}
	memif_ring_release(v);
	memif_ring_publish(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[REGION] cacheline_aligned;
	struct buf_cache cache;
	struct memif_view v = { 0 };

	if (size < 2)
		return 0;
	if (bell_fd < 0) {
		bell_fd = eventfd(0, EFD_NONBLOCK);
		invariant(buf_pool_init(&pool, N_BUFFERS) == 0);
	}
	buf_cache_init(&cache, &pool);
	v.is_client = data[0] & 1;
	v.vnet = data[0] & 2;
	memset(memory, 0, sizeof(memory));
	place(&v, memory, 4u << (data[1] % 3));
	if (v.is_client)
		memif_ring_prepare(&v);
	memif_ring_release(&v);
	data += 2;
	size -= 2;
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t step = size / ROUNDS, at = (round * 977) % (REGION / 2);

		if (step > REGION - at)
			step = REGION - at;
		memcpy(memory + at, data + round * (size / ROUNDS), step);
		if (round == 0 && size < REGION)
			memcpy(memory, data, size);
		take_and_put(&v, &cache);
	}
	invariant(cache.n_taken == cache.n_given);
	buf_cache_deinit(&cache);
	return 0;
}
