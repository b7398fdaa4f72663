/*
 * offload_fuzz.c - segmentation, checksums and coalescing of frames that nobody has checked.
 * Input: a virtio-net header of 10 bytes, then records {length:16, frame}: what a device hands
 * over.
 */
#include <string.h>

#include "drivers/vnet.h"
#include "functions/offload/gro.h"
#include "functions/offload/gso.h"

enum { N_BUFFERS = 2048, BURST = 32, SEGMENTS_MAX = 512, FRAME_MAX_BYTES = 20000 };

static struct buf_pool pool;
static struct buf_cache cache;

static void cut(struct buf *b)
{
	struct gso g;

	b->l3_at = (uint16_t)(b->at + 14);
	if (b->gso_type == GSO_NONE || !gso_begin(&g, b, false))
		return;
	for (unsigned n = 0; gso_more(&g) && n < SEGMENTS_MAX; n++) {
		uint32_t idx = gso_next_or_zero(&g, &cache);
		struct buf *s;

		if (!idx)
			break;
		s = buf_at(pool.base, idx);
		invariant(s->total_len > 0 && s->gso_type == GSO_NONE);
		buf_free_one(&cache, idx);
	}
}

static struct buf *take_frame(const uint8_t **data, size_t *size)
{
	size_t len;
	struct buf *b;

	if (*size < 2 || cache.n_taken - cache.n_given > N_BUFFERS / 2)
		return NULL;
	len = (size_t)((*data)[0] << 8 | (*data)[1]) % FRAME_MAX_BYTES;
	*data += 2;
	*size -= 2;
	len = len < *size ? len : *size;
	b = buf_at(pool.base, buf_alloc_one_or_zero(&cache));
	invariant(buf_append_bytes(&cache, b, *data, (uint32_t)len) == 0);
	*data += len;
	*size -= len;
	return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_net_hdr header;
	struct buf *frame[BURST];
	struct gro g = { .n = 0 };
	unsigned n = 0;

	if (!pool.base) {
		invariant(buf_pool_init(&pool, N_BUFFERS) == 0);
		buf_cache_init(&cache, &pool);
	}
	if (size < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	size -= sizeof(header);
	while (n < BURST) {
		struct buf *b = take_frame(&data, &size);

		if (!b)
			break;
		if (b->len >= 14 && vnet_to_buf(&header, b)) {
			struct virtio_net_hdr back;

			cut(b);
			if (b->flags & BUF_NEED_L4_CSUM)
				(void)!vnet_of_buf(&back, b);
			if (b->gso_type == GSO_NONE && (b->flags & BUF_NEED_L4_CSUM))
				(void)!csum_fill(b);
		}
		if (b->len < 14 || !gro_add(&g, b))
			frame[n++] = b;
	}
	gro_finish(&g);
	for (unsigned i = 0; i < n; i++) {
		cut(frame[i]);
		buf_free_one(&cache, frame[i]->self);
	}
	invariant(cache.n_taken == cache.n_given);
	return 0;
}
