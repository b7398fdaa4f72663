/*
 * writer.h - append big-endian fields and text to caller's memory; never past its end.
 * The first field that does not fit is dropped with all that follow it, and remembered.
 */
#ifndef CONVOY_BASE_WRITER_H
#define CONVOY_BASE_WRITER_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/slice.h"

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool overrun;
};

static inline struct writer writer_of(void *memory, size_t size)
{
	uint8_t *p = memory;

	return (struct writer){ p, p, p + size, false };
}

static inline bool writer_ok(const struct writer *w)
{
	return !w->overrun;
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

static inline void put_bytes(struct writer *w, const void *from, size_t n)
{
	if (w->overrun || n > (size_t)(w->end - w->at)) {
		w->overrun = true;
		return;
	}
	if (n)
		memcpy(w->at, from, n);
	w->at += n;
}

static inline void put_u8(struct writer *w, uint8_t v)
{
	put_bytes(w, &v, 1);
}

static inline void put_u16(struct writer *w, uint16_t v)
{
	be16 b = be16_of(v);

	put_bytes(w, b.b, 2);
}

static inline void put_u32(struct writer *w, uint32_t v)
{
	be32 b = be32_of(v);

	put_bytes(w, b.b, 4);
}

static inline void put_text(struct writer *w, const char *text)
{
	put_bytes(w, text, strlen(text));
}

/* put_format - printf into the rest of the memory; no terminating zero is kept. */
void put_format(struct writer *w, const char *format, ...) printf_like(2, 3);

#endif
