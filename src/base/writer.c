/* writer.c - formatted output into bounded memory. */
#include "base/writer.h"

#include <stdarg.h>
#include <stdio.h>

void put_format(struct writer *w, const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		w->overrun = true;
	else
		put_bytes(w, text, (size_t)n);
}
