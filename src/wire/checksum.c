/* checksum.c - summing and copying in blocks of 32 bytes. */
#include "wire/checksum.h"

enum { BLOCK_BYTES = 32, BLOCK_WORDS = BLOCK_BYTES / sizeof(uint64_t) };

/* Both halves of each word go to a sum of their own, so that no carry is ever lost. */
struct halves {
	uint64_t low[BLOCK_WORDS];
	uint64_t high[BLOCK_WORDS];
};

static inline void add_block(struct halves *h, const uint64_t *w)
{
	for (unsigned i = 0; i < BLOCK_WORDS; i++) {
		h->low[i] += (uint32_t)w[i];
		h->high[i] += w[i] >> 32;
	}
}

static inline uint64_t total(const struct halves *h)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BLOCK_WORDS; i++)
		sum += h->low[i] + h->high[i];
	return sum;
}

/* Fewer than 32 bytes; a missing last byte counts as zero. */
static inline uint64_t sum_tail(const uint8_t *at, size_t len)
{
	uint64_t sum = 0;
	uint32_t word;

	for (; len >= 4; at += 4, len -= 4) {
		memcpy(&word, at, 4);
		sum += word;
	}
	word = 0;
	memcpy(&word, at, len);
	return sum + word;
}

uint64_t checksum_sum(const void *from, size_t len)
{
	const uint8_t *at = from;
	struct halves h = { { 0 }, { 0 } };
	uint64_t w[BLOCK_WORDS];

	for (; len >= BLOCK_BYTES; at += BLOCK_BYTES, len -= BLOCK_BYTES) {
		memcpy(w, at, BLOCK_BYTES);
		add_block(&h, w);
	}
	return total(&h) + sum_tail(at, len);
}

uint64_t checksum_copy(void *to, const void *from, size_t len)
{
	const uint8_t *at = from;
	uint8_t *out = to;
	struct halves h = { { 0 }, { 0 } };
	uint64_t w[BLOCK_WORDS];

	for (; len >= BLOCK_BYTES; at += BLOCK_BYTES, out += BLOCK_BYTES, len -= BLOCK_BYTES) {
		memcpy(w, at, BLOCK_BYTES);
		memcpy(out, w, BLOCK_BYTES);
		add_block(&h, w);
	}
	/* Summed from the copy: the source may be memory that somebody else still writes. */
	memcpy(out, at, len);
	return total(&h) + sum_tail(out, len);
}
