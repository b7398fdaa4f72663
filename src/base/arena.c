/* arena.c - memory that is given back all at once. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void arena_init(struct arena *a, size_t chunk_bytes, size_t limit_bytes)
{
	*a = (struct arena){ .chunk_bytes = (chunk_bytes + 15) & ~(size_t)15,
			     .limit_bytes = limit_bytes };
}

static void free_chunks(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_deinit(struct arena *a)
{
	free_chunks(a->chunks);
	arena_init(a, a->chunk_bytes, a->limit_bytes);
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *keep = a->chunks;

	while (keep && keep->size != a->chunk_bytes)
		keep = keep->next;
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		if (c != keep)
			free(c);
	}
	a->chunks = keep;
	a->at = a->end = NULL;
	a->used_bytes = 0;
	if (!keep)
		return;
	keep->next = NULL;
	a->at = keep->data;
	a->end = keep->data + keep->size;
	a->used_bytes = keep->size;
}

void *arena_alloc_slow_or_null(struct arena *a, size_t bytes)
{
	size_t rounded = arena_round(bytes);
	size_t size = rounded > a->chunk_bytes ? rounded : a->chunk_bytes;
	struct arena_chunk *c;

	if (rounded < bytes || size > a->limit_bytes - a->used_bytes)
		return NULL;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	a->used_bytes += size;
	/* A large request leaves the chunk in use as it is: what is left there still serves. */
	if (size == rounded && a->at)
		return c->data;
	a->at = c->data + rounded;
	a->end = c->data + size;
	return c->data;
}

char *arena_text_or_null(struct arena *a, struct slice s)
{
	char *copy = arena_alloc_or_null(a, s.len + 1);

	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.at, s.len);
	copy[s.len] = '\0';
	return copy;
}

char *arena_format_or_null(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return NULL;
	text = arena_alloc_or_null(a, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
