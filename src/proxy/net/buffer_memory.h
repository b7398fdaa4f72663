/* buffer_memory.h - how slices and blocks are had and given back; for buffer*.c only. */
#ifndef CONVOY_PROXY_NET_BUFFER_MEMORY_H
#define CONVOY_PROXY_NET_BUFFER_MEMORY_H

#include "proxy/net/buffer.h"

enum block_kind {
	BLOCK_SMALL,
	BLOCK_LARGE,
	BLOCK_EXACT, /* of any size; not kept on a free list */
	BLOCK_LENT,  /* a fragment: bytes of somebody else */
};

struct buffer_block {
	uint32_t refs; /* slices that point into it */
	uint8_t kind;  /* enum block_kind */
	struct buffer_block *next_free;
};

struct owned_block {
	struct buffer_block block;
	uint8_t data[];
};

struct lent_block {
	struct buffer_block block;
	struct buffer_slice *sharers;
	buffer_release_fn release;
	void *context;
	const uint8_t *data;
	size_t len;
};

enum {
	SMALL_ROOM = BUFFER_SMALL_BLOCK_BYTES - sizeof(struct owned_block),
	LARGE_ROOM = BUFFER_LARGE_BLOCK_BYTES - sizeof(struct owned_block),
};

/* slice_take - a slice over a fresh block of ours with at least @len bytes of room, all unused. */
struct buffer_slice *slice_take(struct buffer_memory *m, size_t len);

/* slice_lend - a slice over a lent fragment. */
struct buffer_slice *slice_lend(struct buffer_memory *m, const uint8_t *data, size_t len,
				buffer_release_fn release, void *context);

/* slice_split - cut @s after @len bytes; returns the second part, which keeps the room. */
struct buffer_slice *slice_split(struct buffer_memory *m, struct buffer_slice *s, size_t len);

/* slice_give - the slice goes back, and its block with the last slice of it. */
void slice_give(struct buffer_memory *m, struct buffer_slice *s);

#endif
