/*
 * buffer.h - a queue of bytes made of counted slices, the only carrier of bodies in the proxy.
 *
 *   struct buffer ──> slice ──> slice ──> slice        at, len: where the bytes are
 *                       │         │         │
 *                     block     block    fragment      counted; a block is ours (2 or 16 KiB),
 *                                                      a fragment is lent by somebody else
 *
 * Slices move between buffers without copying. An empty buffer holds no memory. Blocks and slices
 * come from the worker's buffer_memory, which keeps them on free lists, so that nothing is
 * allocated in a steady state. Buffers of one buffer_memory belong to one thread.
 *
 * Running out of memory ends the process: limits and overload control act long before that.
 */
#ifndef CONVOY_PROXY_NET_BUFFER_H
#define CONVOY_PROXY_NET_BUFFER_H

#include <sys/uio.h>

#include "base/compiler.h"
#include "base/slice.h"

enum {
	BUFFER_SMALL_BLOCK_BYTES = 2048,  /* block with its header: header-sized writes */
	BUFFER_LARGE_BLOCK_BYTES = 16384, /* block with its header: reads and bodies */
	BUFFER_GATHER_MAX = 64,		  /* most iovecs that one write of a handle gathers */
	BUFFER_MIN_READ_ROOM = 1024,	  /* a read fills up a block only if it has so much left */
};

struct buffer_block;

struct buffer_slice {
	struct buffer_slice *next;
	uint8_t *at;
	uint32_t len;
	uint32_t room;		     /* bytes after at + len that only this slice may fill */
	struct buffer_block *block;  /* counted */
	struct buffer_slice *sharer; /* next slice of the same lent fragment */
};

/* The free lists and figures of one worker. */
struct buffer_memory {
	struct buffer_slice *free_slices;
	struct buffer_block *free_small;
	struct buffer_block *free_large;
	struct buffer_block *free_lent;
	struct buffer_chunk *chunks; /* what slices were cut from */
	uint64_t n_slices_used;
	uint32_t n_free_small, n_free_large;
	uint32_t spare_small, spare_large; /* fewest free ones since the last trim */
	uint64_t n_small, n_large;	   /* blocks in existence, free ones included */
	uint64_t bytes_borrowed;	   /* lent fragments not yet given back */
};

/* Called inside the append or drain that crosses a mark; may append, drain and pause reading. */
struct buffer_watermark_ops {
	void (*above_high)(void *context);
	void (*below_low)(void *context);
};

struct buffer {
	struct buffer_slice *first, *last;
	size_t len;
	struct buffer_memory *memory;
	size_t high, low; /* high 0: no marks */
	const struct buffer_watermark_ops *watermark_ops;
	void *watermark_context;
	bool above_high;
};

void buffer_memory_init(struct buffer_memory *m);

/* buffer_memory_deinit - asserts that every slice and block has come back. */
void buffer_memory_deinit(struct buffer_memory *m);

/* buffer_memory_trim - give blocks that were free all the time since the last trim back to the C
 * library, except for a small reserve. Called once a second, it follows the load. */
void buffer_memory_trim(struct buffer_memory *m);

/* buffer_init - an empty buffer without watermarks; allocates nothing. */
void buffer_init(struct buffer *b, struct buffer_memory *m);

/* buffer_deinit - drop what is left, without watermark callbacks. */
void buffer_deinit(struct buffer *b);

/*
 * buffer_set_watermarks - report crossing @high upwards and then falling to @low or under.
 * @high: bytes, 0 switches marks off (and reports below_low if the buffer was above)
 * The low mark is half of the high one, as Envoy has it.
 */
void buffer_set_watermarks(struct buffer *b, size_t high, const struct buffer_watermark_ops *ops,
			   void *context);

static inline size_t buffer_len(const struct buffer *b)
{
	return b->len;
}

/* buffer_append - copy @len bytes to the end. */
void buffer_append(struct buffer *b, const void *data, size_t len);
void buffer_append_text(struct buffer *b, const char *text);
void buffer_append_slice(struct buffer *b, struct slice s);

/*
 * buffer_reserve - room for at least @len more bytes in one piece, at the end.
 * @len: at most BUFFER_LARGE_BLOCK_BYTES - 64
 * Write there, then buffer_commit() with 1 to @len bytes before anything else touches the buffer.
 */
uint8_t *buffer_reserve(struct buffer *b, size_t len);
void buffer_commit(struct buffer *b, size_t len);

/*
 * buffer_reserve_blocks - room for a scattered read: first what is left in the last block, if that
 * is worth it (BUFFER_MIN_READ_ROOM), then whole large blocks.
 * @iov:    filled; @n_max entries at most
 * @bytes:  wanted
 * Returns the entries filled. buffer_commit_blocks() must follow, also with 0 bytes.
 */
struct buffer_reservation {
	struct buffer_slice *fresh; /* slices not yet in the buffer, in order */
	size_t tail_room;	    /* of the last slice, first in the iovec when not 0 */
};
unsigned buffer_reserve_blocks(struct buffer *b, struct buffer_reservation *r, struct iovec *iov,
			       unsigned n_max, size_t bytes);
void buffer_commit_blocks(struct buffer *b, struct buffer_reservation *r, size_t bytes);

/*
 * buffer_append_fragment - append bytes that stay where they are.
 * @data, @len: must stay readable until @release is called; the lender may change them meanwhile
 *              (shared memory), so parsers go through buffer_linearize()
 * @release:    called once, when the last slice of the fragment is drained or has been copied out;
 *              it must not touch any buffer
 * Returns the fragment, which the lender may pass to buffer_fragment_recall() until @release.
 */
typedef void (*buffer_release_fn)(void *context, const uint8_t *data, size_t len);
struct buffer_block *buffer_append_fragment(struct buffer *b, const uint8_t *data, size_t len,
					    buffer_release_fn release, void *context);

/*
 * buffer_fragment_recall - copy out what is left of a lent fragment, wherever its slices have gone,
 * and call its release before returning. Pointers got from buffer_front() become invalid.
 */
void buffer_fragment_recall(struct buffer_memory *m, struct buffer_block *fragment);

/* buffer_move - everything in @from goes to the end of @to; no copying. */
void buffer_move(struct buffer *to, struct buffer *from);

/* buffer_move_first - the first @len bytes; @len is at most buffer_len(@from). */
void buffer_move_first(struct buffer *to, struct buffer *from, size_t len);

/* buffer_drain - drop the first @len bytes; @len is at most buffer_len(). */
void buffer_drain(struct buffer *b, size_t len);
void buffer_drain_all(struct buffer *b);

/* buffer_front - the first contiguous bytes; empty when the buffer is. Valid until it changes. */
struct slice buffer_front(const struct buffer *b);

/*
 * buffer_linearize - the first @len bytes in one piece that nobody else can change.
 * Copies only if they are split or lie in a lent fragment. @len is at most buffer_len().
 * Returns at least @len bytes, more where they follow in the same block.
 */
struct slice buffer_linearize(struct buffer *b, size_t len);

/* buffer_copy_out - copy up to @len bytes from @offset to @out; returns how many there were. */
size_t buffer_copy_out(const struct buffer *b, size_t offset, void *out, size_t len);

/* buffer_gather - describe up to @max_bytes from the front; returns the number of iovecs. */
unsigned buffer_gather(const struct buffer *b, struct iovec *iov, unsigned n_max, size_t max_bytes);

/* buffer_find - offset of the first byte @c at or after @from; SIZE_MAX if there is none. */
size_t buffer_find(const struct buffer *b, uint8_t c, size_t from);

#endif
