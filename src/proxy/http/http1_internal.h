/* http1_internal.h - what the parts of the HTTP/1 codec share. */
#ifndef CONVOY_PROXY_HTTP_HTTP1_INTERNAL_H
#define CONVOY_PROXY_HTTP_HTTP1_INTERNAL_H

#include "proxy/http/http1.h"

/* What a part of a message turned out to be; error_text() in http1.c has the words for each. */
enum http1_verdict {
	HTTP1_OK,
	HTTP1_END_OF_FIELDS,
	HTTP1_BAD_START_LINE,
	HTTP1_BAD_METHOD,
	HTTP1_BAD_TARGET,
	HTTP1_BAD_VERSION,
	HTTP1_BAD_STATUS,
	HTTP1_BAD_LINE_END,
	HTTP1_BAD_NAME,
	HTTP1_BAD_VALUE,
	HTTP1_FOLDED,
	HTTP1_UNDERSCORE,
	HTTP1_HEAD_TOO_LARGE,
	HTTP1_TOO_MANY_HEADERS,
	HTTP1_TWO_HOSTS,
	HTTP1_BAD_HOST,
	HTTP1_TWO_LENGTHS,
	HTTP1_BAD_LENGTH,
	HTTP1_LENGTH_AND_CHUNKED,
	HTTP1_LENGTH_NOT_ALLOWED,
	HTTP1_UNKNOWN_CODING,
	HTTP1_CODING_NOT_ALLOWED,
	HTTP1_UNASKED_UPGRADE,
	HTTP1_BAD_CHUNK,
	HTTP1_CUT_SHORT,
	HTTP1_NO_MEMORY,
	N_HTTP1_VERDICTS,
};

/* http1_start_line - read the request or status line, without its line end. */
enum http1_verdict http1_start_line(struct http1 *h, struct slice line);

/* http1_start_line_kept - the same, of a line that lies in the message's arena. */
enum http1_verdict http1_start_line_kept(struct http1 *h, struct slice line);

/* http1_field - read one field line, without its line end, into @to: headers or trailers. */
enum http1_verdict http1_field(struct http1 *h, struct slice line, struct header_map *to);

/* http1_field_kept - the same for the headers, of a line in the message's arena that CR LF follows.
 */
enum http1_verdict http1_field_kept(struct http1 *h, uint8_t *line, size_t len);

/* http1_finish_head - after the last field: settle framing, authority and what is hop-by-hop. */
enum http1_verdict http1_finish_head(struct http1 *h);

/* http1_body_allowed - false for responses that never have a body. RFC 9112 §6.3. */
bool http1_body_allowed(const struct http1 *h, unsigned status);

size_t http1_head_bound(const struct codec *c, const struct http_head *head);
size_t http1_write_head(struct codec *c, uint32_t stream, const struct http_head *head,
			bool end_stream, uint8_t *out);
void http1_frame_data(struct codec *c, uint32_t stream, size_t len, bool end_stream,
		      struct codec_frame *frame);
size_t http1_trailers_bound(const struct codec *c, const struct header_map *trailers);
size_t http1_write_trailers(struct codec *c, uint32_t stream, const struct header_map *trailers,
			    uint8_t *out);

static inline struct http1 *http1_of(struct codec *c)
{
	return container_of(c, struct http1, codec);
}

#endif
