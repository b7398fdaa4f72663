/* chars.h - which bytes may stand where in HTTP. RFC 9110 §5, RFC 9112 §2.2, RFC 3986. */
#ifndef CONVOY_PROXY_HTTP_CHARS_H
#define CONVOY_PROXY_HTTP_CHARS_H

#include "base/compiler.h"
#include "base/slice.h"

/* The lower-case form of a token character (RFC 9110 §5.6.2); 0 for any other byte. */
extern const uint8_t token_lower[256];

/* Classes of a byte; see chars_all(). */
enum char_class {
	CHAR_TARGET = 1, /* visible ASCII: request target, RFC 9112 §3.2 */
	CHAR_HOST = 2,	 /* reg-name, IP literal and port of an authority, without user info */
	CHAR_HEX = 4,
};
extern const uint8_t char_class[256];

/* chars_all - true if every byte of @s is of class @c. */
static inline bool chars_all(struct slice s, enum char_class c)
{
	uint8_t all = (uint8_t)c;

	for (size_t i = 0; i < s.len; i++)
		all &= char_class[s.at[i]];
	return all == c;
}

/*
 * chars_value_ok - true if @s may be a field value: no control byte but HTAB, no DEL.
 * RFC 9110 §5.5.
 */
bool chars_value_ok(struct slice s);

static inline uint8_t char_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* chars_equal_nocase - @s equals @lower, which is in lower case, in any mix of cases. */
static inline bool chars_equal_nocase(struct slice s, const char *lower)
{
	size_t n = strlen(lower);

	if (s.len != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (char_lower(s.at[i]) != (uint8_t)lower[i])
			return false;
	return true;
}

/* chars_trim - @s without spaces and tabs at both ends. */
static inline struct slice chars_trim(struct slice s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = slice_from(s, 1);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/*
 * chars_next_item - take the next element of a comma-separated list off @list, trimmed.
 * Returns false when nothing is left; empty elements are passed over. RFC 9110 §5.6.1.
 */
bool chars_next_item(struct slice *list, struct slice *item);

#endif
