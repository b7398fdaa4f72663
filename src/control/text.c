/* text.c - growing text. */
#include "control/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum { FIRST_ROOM = 256 };

void text_deinit(struct text *t)
{
	free(t->at);
	*t = (struct text){ 0 };
}

static void reserve(struct text *t, size_t more)
{
	size_t room = t->room ? t->room : FIRST_ROOM;

	while (room - t->len <= more)
		room *= 2;
	if (room == t->room)
		return;
	t->at = realloc(t->at, room);
	invariant(t->at != NULL);
	t->room = room;
}

void text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	invariant(n >= 0);
	reserve(t, (size_t)n);
	va_start(args, format);
	vsnprintf(t->at + t->len, t->room - t->len, format, args);
	va_end(args);
	t->len += (size_t)n;
}

static bool starts_character(char c)
{
	return (c & 0xc0) != 0x80;
}

size_t text_columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += starts_character(*s);
	return n;
}

static size_t columns_of_last_line(const struct text *t)
{
	size_t n = 0;

	for (size_t i = t->len; i > 0 && t->at[i - 1] != '\n'; i--)
		n += starts_character(t->at[i - 1]);
	return n;
}

void text_pad(struct text *t, size_t column)
{
	size_t used = columns_of_last_line(t);

	if (used < column)
		text_add(t, "%*s", (int)(column - used), "");
}

void text_add_bytes(struct text *t, unsigned long long bytes)
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	unsigned unit = 0;

	if (bytes < 1024) {
		text_add(t, "%llu", bytes);
		return;
	}
	for (value /= 1024; value >= 1023.95 && unit < sizeof(units) - 2; unit++)
		value /= 1024;
	text_add(t, "%.1f%c", value, units[unit]);
}
