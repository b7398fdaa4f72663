/* buffer.c - queues of slices. Where slices come from is in buffer_memory.c. */
#include "proxy/net/buffer.h"
#include "proxy/net/buffer_memory.h"

/* Up to so many bytes are copied rather than moved when they fit behind the last slice: one piece
 * fewer to send, and the block that they came from is free at once. */
enum { COPY_RATHER_THAN_MOVE = 512 };

void buffer_init(struct buffer *b, struct buffer_memory *m)
{
	*b = (struct buffer){ .memory = m };
}

static void drop_all(struct buffer *b)
{
	struct buffer_slice *s = b->first;

	b->first = b->last = NULL;
	b->len = 0;
	while (s) {
		struct buffer_slice *next = s->next;

		slice_give(b->memory, s);
		s = next;
	}
}

void buffer_deinit(struct buffer *b)
{
	b->watermark_ops = NULL;
	b->high = 0;
	drop_all(b);
}

static inline void grew(struct buffer *b)
{
	if (likely(b->len <= b->high || b->high == 0 || b->above_high))
		return;
	b->above_high = true;
	b->watermark_ops->above_high(b->watermark_context);
}

static inline void shrank(struct buffer *b)
{
	if (likely(!b->above_high || (b->len > b->low && b->high != 0)))
		return;
	b->above_high = false;
	b->watermark_ops->below_low(b->watermark_context);
}

void buffer_set_watermarks(struct buffer *b, size_t high, const struct buffer_watermark_ops *ops,
			   void *context)
{
	b->high = high;
	b->low = high / 2;
	if (high == 0)
		shrank(b); /* told to those who heard of the rise */
	b->watermark_ops = ops;
	b->watermark_context = context;
	shrank(b);
	grew(b);
}

static inline void link_last(struct buffer *b, struct buffer_slice *s)
{
	s->next = NULL;
	if (b->last)
		b->last->next = s;
	else
		b->first = s;
	b->last = s;
}

static inline void fill(struct buffer_slice *s, const void *data, size_t len)
{
	memcpy(s->at + s->len, data, len);
	s->len += (uint32_t)len;
	s->room -= (uint32_t)len;
}

static void append(struct buffer *b, const uint8_t *data, size_t len)
{
	b->len += len;
	if (b->last && b->last->room) {
		size_t n = len < b->last->room ? len : b->last->room;

		fill(b->last, data, n);
		data += n;
		len -= n;
	}
	while (len) {
		size_t n = len < LARGE_ROOM ? len : LARGE_ROOM;

		link_last(b, slice_take(b->memory, n));
		fill(b->last, data, n);
		data += n;
		len -= n;
	}
}

void buffer_append(struct buffer *b, const void *data, size_t len)
{
	append(b, data, len);
	grew(b);
}

void buffer_append_text(struct buffer *b, const char *text)
{
	buffer_append(b, text, strlen(text));
}

void buffer_append_slice(struct buffer *b, struct slice s)
{
	buffer_append(b, s.at, s.len);
}

uint8_t *buffer_reserve(struct buffer *b, size_t len)
{
	invariant(len <= LARGE_ROOM);
	if (!b->last || b->last->room < len)
		link_last(b, slice_take(b->memory, len));
	return b->last->at + b->last->len;
}

void buffer_commit(struct buffer *b, size_t len)
{
	invariant(b->last && len <= b->last->room && len > 0);
	b->last->len += (uint32_t)len;
	b->last->room -= (uint32_t)len;
	b->len += len;
	grew(b);
}

unsigned buffer_reserve_blocks(struct buffer *b, struct buffer_reservation *r, struct iovec *iov,
			       unsigned n_max, size_t bytes)
{
	struct buffer_slice **tail = &r->fresh;
	size_t room = b->last ? b->last->room : 0;
	unsigned n = 0;

	r->tail_room = 0;
	if (room >= BUFFER_MIN_READ_ROOM || room >= bytes) {
		r->tail_room = room < bytes ? room : bytes;
		iov[n++] = (struct iovec){ b->last->at + b->last->len, r->tail_room };
		bytes -= r->tail_room;
	}
	for (; bytes && n < n_max; n++) {
		struct buffer_slice *s = slice_take(b->memory, LARGE_ROOM);
		size_t len = bytes < LARGE_ROOM ? bytes : LARGE_ROOM;

		iov[n] = (struct iovec){ s->at, len };
		bytes -= len;
		*tail = s;
		tail = &s->next;
	}
	*tail = NULL;
	return n;
}

void buffer_commit_blocks(struct buffer *b, struct buffer_reservation *r, size_t bytes)
{
	struct buffer_slice *s = r->fresh;
	size_t n = bytes < r->tail_room ? bytes : r->tail_room;

	b->len += bytes;
	if (n) {
		b->last->len += (uint32_t)n;
		b->last->room -= (uint32_t)n;
		bytes -= n;
	}
	while (s) {
		struct buffer_slice *next = s->next;

		if (bytes) {
			n = bytes < LARGE_ROOM ? bytes : LARGE_ROOM;
			s->len = (uint32_t)n;
			s->room = (uint32_t)(LARGE_ROOM - n);
			bytes -= n;
			link_last(b, s);
		} else {
			slice_give(b->memory, s);
		}
		s = next;
	}
	invariant(bytes == 0);
	grew(b);
}

struct buffer_block *buffer_append_fragment(struct buffer *b, const uint8_t *data, size_t len,
					    buffer_release_fn release, void *context)
{
	invariant(len > 0);
	link_last(b, slice_lend(b->memory, data, len, release, context));
	b->len += len;
	grew(b);
	return b->last->block;
}

static void move_all(struct buffer *to, struct buffer *from)
{
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->len += from->len;
	from->first = from->last = NULL;
	from->len = 0;
}

static bool copy_is_better(const struct buffer *to, size_t len)
{
	return len <= COPY_RATHER_THAN_MOVE && to->last && to->last->room >= len;
}

/* Take @len bytes off the front, no callbacks. */
static void drop(struct buffer *b, size_t len)
{
	b->len -= len;
	while (len) {
		struct buffer_slice *s = b->first;

		if (len < s->len) {
			s->at += len;
			s->len -= (uint32_t)len;
			return;
		}
		len -= s->len;
		b->first = s->next;
		if (!b->first)
			b->last = NULL;
		slice_give(b->memory, s);
	}
}

static void copy_first(struct buffer *to, struct buffer *from, size_t len)
{
	size_t left = len;

	for (struct buffer_slice *s = from->first; left; s = s->next) {
		size_t n = left < s->len ? left : s->len;

		fill(to->last, s->at, n);
		left -= n;
	}
	to->len += len;
	drop(from, len);
}

void buffer_move(struct buffer *to, struct buffer *from)
{
	if (from->len == 0)
		return;
	if (copy_is_better(to, from->len))
		copy_first(to, from, from->len);
	else
		move_all(to, from);
	shrank(from);
	grew(to);
}

static void move_slices(struct buffer *to, struct buffer *from, size_t len)
{
	from->len -= len;
	to->len += len;
	while (len) {
		struct buffer_slice *s = from->first;

		if (len < s->len)
			slice_split(from->memory, s, len);
		len -= s->len;
		from->first = s->next;
		link_last(to, s);
	}
	if (!from->first)
		from->last = NULL;
	else if (!from->first->next)
		from->last = from->first;
}

void buffer_move_first(struct buffer *to, struct buffer *from, size_t len)
{
	invariant(len <= from->len);
	if (len == 0)
		return;
	if (copy_is_better(to, len))
		copy_first(to, from, len);
	else if (len == from->len)
		move_all(to, from);
	else
		move_slices(to, from, len);
	shrank(from);
	grew(to);
}

void buffer_drain(struct buffer *b, size_t len)
{
	invariant(len <= b->len);
	drop(b, len);
	shrank(b);
}

void buffer_drain_all(struct buffer *b)
{
	drop_all(b);
	shrank(b);
}

struct slice buffer_front(const struct buffer *b)
{
	return b->first ? slice_of(b->first->at, b->first->len) : slice_of(NULL, 0);
}

struct slice buffer_linearize(struct buffer *b, size_t len)
{
	struct buffer_slice *s;

	invariant(len <= b->len);
	if (len == 0)
		return slice_of(b->first ? b->first->at : NULL, 0);
	if (likely(b->first->len >= len && b->first->block->kind != BLOCK_LENT))
		return buffer_front(b);
	s = slice_take(b->memory, len);
	buffer_copy_out(b, 0, s->at, len);
	s->len = (uint32_t)len;
	s->room -= (uint32_t)len;
	drop(b, len);
	s->next = b->first;
	b->first = s;
	if (!b->last)
		b->last = s;
	b->len += len;
	return buffer_front(b);
}

size_t buffer_copy_out(const struct buffer *b, size_t offset, void *out, size_t len)
{
	uint8_t *to = out;
	size_t left = len;

	for (struct buffer_slice *s = b->first; s && left; s = s->next) {
		size_t n;

		if (offset >= s->len) {
			offset -= s->len;
			continue;
		}
		n = s->len - offset < left ? s->len - offset : left;
		memcpy(to, s->at + offset, n);
		to += n;
		left -= n;
		offset = 0;
	}
	return len - left;
}

unsigned buffer_gather(const struct buffer *b, struct iovec *iov, unsigned n_max, size_t max_bytes)
{
	unsigned n = 0;

	for (struct buffer_slice *s = b->first; s && n < n_max && max_bytes; s = s->next) {
		size_t len = s->len < max_bytes ? s->len : max_bytes;

		iov[n++] = (struct iovec){ s->at, len };
		max_bytes -= len;
	}
	return n;
}

size_t buffer_find(const struct buffer *b, uint8_t c, size_t from)
{
	size_t base = 0;

	for (struct buffer_slice *s = b->first; s; base += s->len, s = s->next) {
		size_t skip = from > base ? from - base : 0;
		const uint8_t *at;

		if (skip >= s->len)
			continue;
		at = memchr(s->at + skip, c, s->len - skip);
		if (at)
			return base + (size_t)(at - s->at);
	}
	return SIZE_MAX;
}
