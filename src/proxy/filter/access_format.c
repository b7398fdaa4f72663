/*
 * access_format.c - compiles "[%START_TIME%] %REQ(:METHOD)% …" into pieces.
 *
 *   %NAME%  %NAME(argument)%  %NAME(argument):length%  %%
 *   REQ, RESP, TRAILER take "name" or "name?other"
 *
 * The grammar and the default are Envoy's.
 */
#include "proxy/filter/access_format.h"

#include <stdio.h>
#include <stdlib.h>

#include "proxy/http/chars.h"

struct access_format {
	struct format_piece *pieces;
	unsigned n;
	char *text; /* what the pieces point into */
};

static const char default_format[] =
	"[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
	"%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
	"%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
	"\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

static bool add_piece(struct access_format *f, struct format_piece piece)
{
	struct format_piece *at = reallocarray(f->pieces, f->n + 1, sizeof(*at));

	if (!at)
		return false;
	f->pieces = at;
	f->pieces[f->n++] = piece;
	return true;
}

static struct slice lower(char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (char)char_lower((uint8_t)at[i]);
	return slice_of(at, len);
}

/* "name" or "name?other" */
static void set_names(struct format_piece *p, char *at, size_t len)
{
	char *question = memchr(at, '?', len);
	size_t n = question ? (size_t)(question - at) : len;

	p->name = lower(at, n);
	if (question)
		p->other = lower(question + 1, len - n - 1);
}

static int bad(char *error, size_t size, const char *what, const char *at, size_t len)
{
	snprintf(error, size, "%s: %%%.*s%%", what, (int)(len > 60 ? 60 : len), at);
	return ERR_FORMAT;
}

/* ":n" after an operator: at most n bytes. */
static bool read_max_len(const char *at, size_t len, size_t *max_len)
{
	if (len == 0 || len > 6)
		return false;
	*max_len = 0;
	for (size_t i = 0; i < len; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*max_len = *max_len * 10 + (size_t)(at[i] - '0');
	}
	return *max_len > 0;
}

/* One operator, between its '%' signs. */
static int compile_operator(struct access_format *f, char *at, size_t len, char *error, size_t size)
{
	struct format_piece piece = { .print = NULL };
	const struct access_operator *op;
	size_t n = strcspn(at, "(:%");
	char *rest = at + n, *end = at + len, *close = NULL;

	op = access_operator_find_or_null(slice_of(at, n));
	if (!op)
		return bad(error, size, "unknown operator", at, len);
	piece.print = op->print;
	if (*rest == '(') {
		close = memrchr(rest, ')', (size_t)(end - rest));
		if (!close || op->argument == ARGUMENT_NONE)
			return bad(error, size, "unexpected argument", at, len);
		if (op->argument == ARGUMENT_HEADERS)
			set_names(&piece, rest + 1, (size_t)(close - rest - 1));
		else if (close > rest + 1)
			piece.time_format = strndup(rest + 1, (size_t)(close - rest - 1));
		rest = close + 1;
	}
	if (op->argument == ARGUMENT_HEADERS && piece.name.len == 0)
		return bad(error, size, "header name is missing", at, len);
	if (rest < end &&
	    (*rest != ':' || !read_max_len(rest + 1, (size_t)(end - rest - 1), &piece.max_len))) {
		free(piece.time_format);
		return bad(error, size, "malformed length", at, len);
	}
	return add_piece(f, piece) ? 0 : ERR_NOMEM;
}

/* The '%' that ends an operator: not one inside of its parentheses (a time format has some). */
static char *operator_end(char *at)
{
	bool inside = false;

	for (; *at; at++) {
		if (*at == '(')
			inside = true;
		else if (*at == ')')
			inside = false;
		else if (*at == '%' && !inside)
			return at;
	}
	return NULL;
}

static int compile(struct access_format *f, char *error, size_t size)
{
	char *at = f->text;

	while (*at) {
		size_t n = strcspn(at, "%");
		char *end;
		int err = 0;

		if (n) {
			if (!add_piece(f, (struct format_piece){ .text = slice_of(at, n) }))
				return ERR_NOMEM;
			at += n;
			continue;
		}
		end = operator_end(at + 1);
		if (!end)
			return bad(error, size, "operator without an end", at + 1, strlen(at + 1));
		if (end == at + 1)
			err = add_piece(f, (struct format_piece){ .text = slice_of(at, 1) })
				      ? 0
				      : ERR_NOMEM;
		else
			err = compile_operator(f, at + 1, (size_t)(end - at - 1), error, size);
		if (err)
			return err;
		at = end + 1;
	}
	return 0;
}

struct access_format *access_format_new_or_null(const char *format, char *error, size_t error_size)
{
	struct access_format *f = calloc(1, sizeof(*f));

	snprintf(error, error_size, "out of memory");
	if (!f)
		return NULL;
	f->text = strdup(format ? format : default_format);
	if (f->text && compile(f, error, error_size) == 0)
		return f;
	access_format_free(f);
	return NULL;
}

void access_format_free(struct access_format *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < f->n; i++)
		free(f->pieces[i].time_format);
	free(f->pieces);
	free(f->text);
	free(f);
}

void log_put(struct log_out *out, const void *at, size_t len)
{
	size_t room = (size_t)(out->end - out->at);

	if (len > room)
		len = room;
	if (len)
		memcpy(out->at, at, len);
	out->at += len;
}

void log_put_text(struct log_out *out, const char *text)
{
	log_put(out, text, strlen(text));
}

void log_put_number(struct log_out *out, uint64_t n)
{
	char digits[20], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	log_put(out, p, (size_t)(digits + sizeof(digits) - p));
}

static void print_piece(struct log_out *out, const struct format_piece *p,
			const struct http_stream *s)
{
	char *start = out->at;

	if (!p->print) {
		log_put(out, p->text.at, p->text.len);
		return;
	}
	if (!p->print(out, p, s)) {
		out->at = start;
		log_put(out, "-", 1);
	}
	if (p->max_len && (size_t)(out->at - start) > p->max_len)
		out->at = start + p->max_len;
}

size_t access_format_print(const struct access_format *f, const struct http_stream *s, char *at,
			   size_t room)
{
	struct log_out out = { at, at + room };

	for (unsigned i = 0; i < f->n; i++)
		print_piece(&out, &f->pieces[i], s);
	return (size_t)(out.at - at);
}
