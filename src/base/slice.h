/* slice.h - a borrowed run of bytes. The owner is whoever made it; a slice never frees. */
#ifndef CONVOY_BASE_SLICE_H
#define CONVOY_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *at;
	size_t len;
};

static inline struct slice slice_of(const void *at, size_t len)
{
	return (struct slice){ at, len };
}

static inline struct slice slice_of_text(const char *text)
{
	return (struct slice){ (const uint8_t *)text, strlen(text) };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* slice_is - true if @s holds exactly the bytes of @text. */
static inline bool slice_is(struct slice s, const char *text)
{
	return slice_equal(s, slice_of_text(text));
}

/* slice_from - what follows the first @n bytes; empty when there are fewer. */
static inline struct slice slice_from(struct slice s, size_t n)
{
	return n >= s.len ? slice_of(s.at + s.len, 0) : slice_of(s.at + n, s.len - n);
}

/* slice_first - the first @n bytes, or all when there are fewer. */
static inline struct slice slice_first(struct slice s, size_t n)
{
	return slice_of(s.at, n < s.len ? n : s.len);
}

#endif
