/*
 * http_filter.h - what works on one request and its response: the router, and each filter.
 *
 *   connection ──> decode: filter 0 ──> filter 1 ──> … ──> router ──> upstream
 *   connection <── encode: filter 0 <── filter 1 <── … <── router <── upstream
 *
 * A seam: struct http_filter_ops. A filter is made for one stream in the stream's arena and lives
 * as long; destroy() says that the stream is over, and memory goes at the end of the turn. A filter
 * may answer or reset the stream inside any of its calls; what it returns is then ignored.
 */
#ifndef CONVOY_PROXY_FILTER_HTTP_FILTER_H
#define CONVOY_PROXY_FILTER_HTTP_FILTER_H

#include "proxy/config/http.h"
#include "proxy/filter/stream_info.h"
#include "proxy/http/message.h"
#include "proxy/net/buffer.h"
#include "proxy/net/dispatcher.h"

enum http_filter_status {
	HTTP_FILTER_CONTINUE,
	/*
	 * Head: it waits here; body and trailers are still shown to this filter. Body: it is held
	 * for later (up to the buffer limit, then 413 or 500). The filter lets all of it go by
	 * returning CONTINUE for a later piece, or by http_stream_continue_*().
	 */
	HTTP_FILTER_STOP,
};

struct http_filter;
struct http_stream;
struct connection;

/* Members may be NULL: pass on unchanged. @end_stream: nothing follows. */
struct http_filter_ops {
	const char *name;
	enum http_filter_status (*decode_head)(struct http_filter *f, struct http_head *h,
					       bool end_stream);
	enum http_filter_status (*decode_data)(struct http_filter *f, struct buffer *body,
					       bool end_stream);
	enum http_filter_status (*decode_trailers)(struct http_filter *f, struct header_map *t);
	enum http_filter_status (*encode_head)(struct http_filter *f, struct http_head *h,
					       bool end_stream);
	enum http_filter_status (*encode_data)(struct http_filter *f, struct buffer *body,
					       bool end_stream);
	enum http_filter_status (*encode_trailers)(struct http_filter *f, struct header_map *t);
	/* The downstream connection has too much to send (@above), and no more. */
	void (*write_mark)(struct http_filter *f, bool above);
	/* The deadline of http_stream_set_deadline() has passed. */
	void (*expired)(struct http_filter *f);
	/* The stream is over: let go of everything outside of it. Never NULL. */
	void (*destroy)(struct http_filter *f);
};

/* First member of every filter. */
struct http_filter {
	const struct http_filter_ops *ops;
	struct http_stream *stream;
	unsigned index; /* in the chain */
};

/* What a filter sees of its stream; the rest is the connection manager's. */
struct http_stream {
	struct dispatcher *dispatcher;
	struct connection *connection; /* downstream; NULL once it is gone */
	struct arena *arena;
	struct http_head request, response;
	struct header_map request_trailers, response_trailers;
	struct stream_info info;
	const struct virtual_host_config *host; /* NULL: none matched */
	const struct route_config *route;	/* likewise */
	const struct hcm_config *config;
	const struct address *client; /* as trusted: the peer, or from x-forwarded-for */
	const struct address *peer;   /* the other end of the connection */
	const struct address *local;  /* our end; NULL if nothing logs it */
	uint64_t connection_id;
	bool response_started; /* its head was sent downstream */
};

/* Makes filters from configuration; immutable, shared by the workers. */
struct http_filter_factory {
	const struct http_filter_factory_ops *ops;
};

struct http_filter_factory_ops {
	const char *name; /* "envoy.filters.http.router" */
	/* A filter in the arena of @s; NULL when memory is exhausted. */
	struct http_filter *(*new_filter_or_null)(const struct http_filter_factory *f,
						  struct http_stream *s);
	void (*free)(struct http_filter_factory *f);
};

/* Answers: from a filter that stops the request (usually the router). The head is s->response. */
void http_stream_encode_head(struct http_filter *f, bool end_stream);
void http_stream_encode_data(struct http_filter *f, struct buffer *body, bool end_stream);
void http_stream_encode_trailers(struct http_filter *f);

struct local_reply {
	unsigned status;
	struct slice body;    /* text/plain; may be empty */
	const char *details;  /* response code details; must outlive the stream */
	enum header_id extra; /* a header to add with value "true"; HEADER_OTHER: none */
	bool close;	      /* the connection ends with it */
};

/*
 * http_stream_reply - answer in place of what would have come; if an answer is already under way,
 * reset the stream instead.
 */
void http_stream_reply(struct http_stream *s, const struct local_reply *reply);

/* http_stream_reset - end the stream now; the connection closes, since its framing is lost. */
void http_stream_reset(struct http_stream *s, const char *details);

/* http_stream_continue_decoding, _encoding - what @f has stopped goes on with the next filter. */
void http_stream_continue_decoding(struct http_filter *f);
void http_stream_continue_encoding(struct http_filter *f);

/* http_stream_pause_request - stop reading the request, or go on; counted. */
void http_stream_pause_request(struct http_stream *s, bool pause);

/*
 * http_stream_set_deadline - call expired() of @f at @at_ns, or a tick later; 0: no more. One per
 * stream; setting it costs no timer operation.
 */
void http_stream_set_deadline(struct http_filter *f, uint64_t at_ns);

/* http_stream_buffer_limit - most that may be held of a body. */
uint32_t http_stream_buffer_limit(const struct http_stream *s);

/* http_stream_request_done - the whole request has been received. */
bool http_stream_request_done(const struct http_stream *s);

#endif
