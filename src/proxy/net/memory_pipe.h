/*
 * memory_pipe.h - one direction of an in-memory stream: a ring of bytes that the reader borrows.
 *
 *   0 ........ retired ........ lent ........ written ........ retired + capacity
 *              borrowed by       readable      room for the
 *              the reader                      writer
 *
 * Loans end in any order and are retired in the order of the ring, as in a shared-memory fifo. When
 * the ring is three-quarters full, what is lent is copied out, so that a reader who keeps bytes
 * does not stop the writer.
 */
#ifndef CONVOY_PROXY_NET_MEMORY_PIPE_H
#define CONVOY_PROXY_NET_MEMORY_PIPE_H

#include "base/err.h"
#include "proxy/net/buffer.h"

struct memory_loan;

struct memory_pipe {
	unsigned refs; /* reader, writer, each loan */
	size_t capacity;
	uint64_t retired, lent, written;
	bool ended;	  /* nothing more will be written */
	bool reset;	  /* what was written is void */
	bool reader_gone; /* nothing more will be read */
	struct memory_loan *first_loan, *last_loan;
	void (*has_room)(void *writer); /* NULL without a writer; called when room appears */
	void *writer;
	uint8_t bytes[];
};

/* memory_pipe_new - with two references, for a reader and a writer. */
struct memory_pipe *memory_pipe_new(size_t capacity);
void memory_pipe_put(struct memory_pipe *p);

/* memory_pipe_read - lend up to @max bytes to @b; 0 at the end, ERR_AGAIN, ERR_CLOSED when reset.
 */
int64_t memory_pipe_read(struct memory_pipe *p, struct buffer *b, size_t max);

/* memory_pipe_peek - copy up to @len bytes without taking them; results as memory_pipe_read(). */
int64_t memory_pipe_peek(const struct memory_pipe *p, uint8_t *out, size_t len);

/* memory_pipe_write - copy as much as there is room for; ERR_AGAIN, ERR_CLOSED without a reader. */
int64_t memory_pipe_write(struct memory_pipe *p, const uint8_t *data, size_t len);

static inline bool memory_pipe_readable(const struct memory_pipe *p)
{
	return p->written > p->lent || p->ended || p->reset;
}

static inline size_t memory_pipe_room(const struct memory_pipe *p)
{
	return p->capacity - (size_t)(p->written - p->retired);
}

#endif
