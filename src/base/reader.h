/*
 * reader.h - take big-endian fields off a slice; the first overrun is remembered.
 * Past the end every take returns zero, so a parser reads all its fields and tests
 * reader_ok() once.
 */
#ifndef CONVOY_BASE_READER_H
#define CONVOY_BASE_READER_H

#include "base/bytes.h"
#include "base/slice.h"

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool overrun;
};

static inline struct reader reader_of(struct slice in)
{
	return (struct reader){ in.at, in.at + in.len, false };
}

static inline bool reader_ok(const struct reader *r)
{
	return !r->overrun;
}

static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

/* take_bytes - the next @n bytes, borrowed from the input; empty after an overrun. */
static inline struct slice take_bytes(struct reader *r, size_t n)
{
	struct slice s = { r->at, n };

	if (n > reader_left(r)) {
		r->overrun = true;
		r->at = r->end;
		return slice_of(r->end, 0);
	}
	r->at += n;
	return s;
}

static inline uint8_t take_u8(struct reader *r)
{
	struct slice s = take_bytes(r, 1);

	return s.len ? s.at[0] : 0;
}

static inline uint16_t take_u16(struct reader *r)
{
	struct slice s = take_bytes(r, 2);
	be16 v = { { 0, 0 } };

	if (s.len)
		memcpy(v.b, s.at, 2);
	return host16(v);
}

static inline uint32_t take_u32(struct reader *r)
{
	struct slice s = take_bytes(r, 4);
	be32 v = { { 0 } };

	if (s.len)
		memcpy(v.b, s.at, 4);
	return host32(v);
}

static inline uint64_t take_u64(struct reader *r)
{
	struct slice s = take_bytes(r, 8);
	be64 v = { { 0 } };

	if (s.len)
		memcpy(v.b, s.at, 8);
	return host64(v);
}

#endif
