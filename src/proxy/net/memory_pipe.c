/* memory_pipe.c - a ring of bytes whose reader borrows in place. */
#include <stdlib.h>

#include "proxy/net/memory_pipe.h"

struct memory_loan {
	struct memory_loan *next;
	struct memory_pipe *pipe;
	struct buffer_memory *memory; /* of the borrower */
	struct buffer_block *fragment;
	size_t len;
	bool released;
};

struct memory_pipe *memory_pipe_new(size_t capacity)
{
	struct memory_pipe *p = calloc(1, sizeof(*p) + capacity);

	invariant(p);
	p->refs = 2;
	p->capacity = capacity;
	return p;
}

void memory_pipe_put(struct memory_pipe *p)
{
	if (--p->refs == 0)
		free(p);
}

static void end_loan(void *context, const uint8_t *data unused_arg, size_t len unused_arg)
{
	struct memory_loan *ended = context;
	struct memory_pipe *p = ended->pipe;

	ended->released = true;
	while (p->first_loan && p->first_loan->released) {
		struct memory_loan *loan = p->first_loan;

		p->retired += loan->len;
		p->first_loan = loan->next;
		if (!p->first_loan)
			p->last_loan = NULL;
		p->refs--;
		free(loan);
	}
	if (p->has_room && memory_pipe_room(p))
		p->has_room(p->writer);
	if (p->refs == 0)
		free(p);
}

static void recall_loans(struct memory_pipe *p)
{
	while (p->first_loan)
		buffer_fragment_recall(p->first_loan->memory, p->first_loan->fragment);
}

static void add_loan(struct memory_pipe *p, struct memory_loan *loan)
{
	if (p->last_loan)
		p->last_loan->next = loan;
	else
		p->first_loan = loan;
	p->last_loan = loan;
	p->refs++;
}

/* Readable bytes in one piece from @from, at most @max; or why there are none. */
static int64_t readable(const struct memory_pipe *p, uint64_t from, size_t max)
{
	size_t n = (size_t)(p->written - from);
	size_t to_wrap = p->capacity - (size_t)(from % p->capacity);

	if (p->reset)
		return ERR_CLOSED;
	if (n == 0)
		return p->ended ? 0 : ERR_AGAIN;
	if (n > max)
		n = max;
	return (int64_t)(n < to_wrap ? n : to_wrap);
}

int64_t memory_pipe_read(struct memory_pipe *p, struct buffer *b, size_t max)
{
	int64_t n = readable(p, p->lent, max);
	struct memory_loan *loan;

	if (n <= 0)
		return n;
	loan = calloc(1, sizeof(*loan));
	invariant(loan);
	loan->pipe = p;
	loan->memory = b->memory;
	loan->len = (size_t)n;
	add_loan(p, loan);
	loan->fragment = buffer_append_fragment(b, p->bytes + p->lent % p->capacity, (size_t)n,
						end_loan, loan);
	p->lent += (uint64_t)n;
	/* A writer that waits already will not come by to ask for its room. */
	if (memory_pipe_room(p) == 0)
		recall_loans(p);
	return n;
}

int64_t memory_pipe_peek(const struct memory_pipe *p, uint8_t *out, size_t len)
{
	uint64_t from = p->lent;
	size_t done = 0;

	while (done < len) {
		int64_t n = readable(p, from, len - done);

		if (n <= 0)
			return done ? (int64_t)done : n;
		memcpy(out + done, p->bytes + from % p->capacity, (size_t)n);
		done += (size_t)n;
		from += (uint64_t)n;
	}
	return (int64_t)done;
}

int64_t memory_pipe_write(struct memory_pipe *p, const uint8_t *data, size_t len)
{
	size_t done = 0;

	if (p->reader_gone || p->ended)
		return ERR_CLOSED;
	if (memory_pipe_room(p) < p->capacity / 4)
		recall_loans(p);
	if (len > memory_pipe_room(p))
		len = memory_pipe_room(p);
	while (done < len) {
		size_t at = (size_t)(p->written % p->capacity);
		size_t n = len - done < p->capacity - at ? len - done : p->capacity - at;

		memcpy(p->bytes + at, data + done, n);
		done += n;
		p->written += n;
	}
	return done ? (int64_t)done : ERR_AGAIN;
}
