/* access_format.h - the pieces of a compiled access log format; access_log.h has the calls. */
#ifndef CONVOY_PROXY_FILTER_ACCESS_FORMAT_H
#define CONVOY_PROXY_FILTER_ACCESS_FORMAT_H

#include "proxy/filter/access_log.h"
#include "proxy/filter/http_filter.h"

/* Where an operator writes; what does not fit is left out. */
struct log_out {
	char *at, *end;
};

struct format_piece;

/* Prints what an operator stands for; "-" is printed when it returns false. */
typedef bool (*operator_fn)(struct log_out *out, const struct format_piece *p,
			    const struct http_stream *s);

struct format_piece {
	operator_fn print; /* NULL: @text as it is */
	struct slice text;
	/* REQ, RESP, TRAILER: lower-case names; @other is tried when the first is absent */
	struct slice name, other;
	char *time_format; /* START_TIME */
	size_t max_len;	   /* "%OPERATOR:n%"; 0: all of it */
};

enum operator_argument { ARGUMENT_NONE, ARGUMENT_HEADERS, ARGUMENT_TIME };

struct access_operator {
	const char *name;
	operator_fn print;
	enum operator_argument argument;
};

/* access_operator_find_or_null - by the name between '%' and '(' or ':'. */
const struct access_operator *access_operator_find_or_null(struct slice name);

void log_put(struct log_out *out, const void *at, size_t len);
void log_put_text(struct log_out *out, const char *text);
void log_put_number(struct log_out *out, uint64_t n);

#endif
