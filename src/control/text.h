/* text.h - text that grows while it is written, for answers that people read. Control plane only.
 */
#ifndef CONVOY_CONTROL_TEXT_H
#define CONVOY_CONTROL_TEXT_H

#include <stddef.h>

#include "base/compiler.h"

/* Zeroed memory is an empty text. @at is NUL-terminated once something was added, NULL before. */
struct text {
	char *at;
	size_t len;
	size_t room;
};

void text_deinit(struct text *t);

/* text_add - append formatted text. Running out of memory ends the program. */
void text_add(struct text *t, const char *format, ...) printf_like(2, 3);

/* text_pad - append spaces until the current line is @column characters long (UTF-8 counted as
 * read). */
void text_pad(struct text *t, size_t column);

/* text_columns - how many columns @s takes on a terminal: UTF-8 characters, not bytes. */
size_t text_columns(const char *s);

/* text_add_bytes - append a size as people say it: "512", "4.0K", "1.5M", "2.3G". */
void text_add_bytes(struct text *t, unsigned long long bytes);

#endif
