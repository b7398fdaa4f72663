/* spread_fuzz.c - frames by which flows are spread: any bytes, and both directions of a flow alike.
 */
#include <stdlib.h>
#include <string.h>

#include "functions/spread/spread.h"

enum { MAC_BYTES = 6, TYPE_AT = 12, HEADER_BYTES = 14 };
enum {
	IP4_SRC_AT = HEADER_BYTES + 12,
	IP4_BYTES = 20,
	IP6_SRC_AT = HEADER_BYTES + 8,
	IP6_BYTES = 40
};

static void swap(uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t kept = at[i];

		at[i] = at[n + i];
		at[n + i] = kept;
	}
}

/* The frame that answers, as far as addresses and ports go; false if nobody could answer it. */
static bool turn_around(uint8_t *frame, size_t len)
{
	unsigned type = (unsigned)frame[TYPE_AT] << 8 | frame[TYPE_AT + 1];
	size_t l4_at = len;

	swap(frame, MAC_BYTES);
	if (type == 0x0800 && len >= HEADER_BYTES + IP4_BYTES) {
		swap(frame + IP4_SRC_AT, 4);
		l4_at = HEADER_BYTES + (frame[HEADER_BYTES] & 15u) * 4;
	} else if (type == 0x86dd && len >= HEADER_BYTES + IP6_BYTES) {
		swap(frame + IP6_SRC_AT, 16);
		l4_at = HEADER_BYTES + IP6_BYTES;
	}
	if (l4_at < len && l4_at < HEADER_BYTES + IP4_BYTES)
		return false; /* an IPv4 header shorter than it may be */
	if (l4_at + 4 <= len)
		swap(frame + l4_at, 2);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame = malloc(size ? size : 1); /* nothing behind it may be read */
	uint32_t hash;

	if (!frame)
		return 0;
	if (size)
		memcpy(frame, data, size);
	hash = spread_hash(slice_of(frame, size));
	if (size >= HEADER_BYTES && turn_around(frame, size))
		invariant(spread_hash(slice_of(frame, size)) == hash);
	free(frame);
	return 0;
}
