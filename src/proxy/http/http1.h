/*
 * http1.h - HTTP/1.1 behind the codec seam. RFC 9112; essay in http1.c.
 */
#ifndef CONVOY_PROXY_HTTP_HTTP1_H
#define CONVOY_PROXY_HTTP_HTTP1_H

#include "proxy/http/codec.h"

enum http1_role { HTTP1_SERVER, HTTP1_CLIENT };
enum http1_underscores {
	HTTP1_UNDERSCORES_ALLOW,
	HTTP1_UNDERSCORES_REJECT,
	HTTP1_UNDERSCORES_DROP
};

struct http1_settings {
	uint32_t max_head_bytes; /* start line, fields and line ends together */
	uint32_t max_headers;
	uint8_t underscores; /* enum http1_underscores: of names in requests */
	bool allow_absolute_url;
	bool enable_trailers;	   /* otherwise they are read and dropped */
	bool allow_chunked_length; /* both lengths: drop Content-Length instead of an error */
	bool proper_case_words;	   /* write Content-Type, not content-type */
};

struct http1 {
	struct codec codec;
	const struct http1_settings *settings;
	struct http_head *head;	      /* of the message that is read; begin() sets it */
	struct header_map *trailers;  /* likewise */
	uint64_t left;		      /* body or chunk bytes still to come */
	uint8_t *line;		      /* an incomplete line, in the arena */
	uint32_t line_len, line_room; /* bytes of it, and room there */
	uint32_t head_bytes;	      /* of the head, or of the trailers, so far */
	uint32_t n_headers;
	uint8_t role;	       /* enum http1_role */
	uint8_t state;	       /* enum state in http1.c */
	uint8_t n_digits;      /* of the chunk size */
	uint8_t n_empty_lines; /* before the start line */
	uint8_t extension_len; /* of the chunk size line */
	bool chunked;	       /* the message that is read; from Transfer-Encoding */
	bool bad_coding;       /* Transfer-Encoding that we do not know */
	bool says_close, says_keep_alive, says_upgrade; /* Connection */
	bool nominates;					/* and names fields that end here */
	bool absolute;					/* the authority came from the target */
	bool out_chunked;				/* the message that is written */
	uint8_t request_method; /* of the exchange, as written by a client, read by a server */
	uint8_t request_minor;
};

/* http1_init - @settings must outlive @h. The codec to use is @h->codec. */
void http1_init(struct http1 *h, enum http1_role role, const struct http1_settings *settings);

/* http1_idle - true between messages: nothing of the next one was read. */
bool http1_idle(const struct http1 *h);

#endif
