/* alike.h - is a word that nobody knows a slip of one that is known? */
#ifndef CONVOY_BASE_ALIKE_H
#define CONVOY_BASE_ALIKE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { ALIKE_MIN = 3 }; /* letters; shorter words are alike by chance */

/* is_slip - one letter more, less or other, or two that changed places. */
static inline bool is_slip(const char *typed, size_t len, const char *known, size_t known_len)
{
	size_t front = 0, back = 0;

	while (front < len && front < known_len && typed[front] == known[front])
		front++;
	while (back < len - front && back < known_len - front &&
	       typed[len - 1 - back] == known[known_len - 1 - back])
		back++;
	if (len - front - back <= 1 && known_len - front - back <= 1)
		return true;
	return len == known_len && len - front - back == 2 && typed[front] == known[front + 1] &&
	       typed[front + 1] == known[front];
}

/* is_alike - a slip, or the one begins with the other; the same if one is short. */
static inline bool is_alike(const char *typed, size_t len, const char *known, size_t known_len)
{
	size_t least = len < known_len ? len : known_len;

	if (least < ALIKE_MIN)
		return len == known_len && memcmp(typed, known, len) == 0;
	return is_slip(typed, len, known, known_len) || memcmp(typed, known, least) == 0;
}

#endif
