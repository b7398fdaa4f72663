/* message.h - the head of a request or response, in the form that every codec speaks. */
#ifndef CONVOY_PROXY_HTTP_MESSAGE_H
#define CONVOY_PROXY_HTTP_MESSAGE_H

#include "proxy/http/header.h"

/* Methods that the proxy treats apart; others are METHOD_OTHER and keep their text. */
enum method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_CONNECT,
	METHOD_OPTIONS,
	METHOD_TRACE,
	METHOD_PATCH,
};

/* No Content-Length was given. */
#define LENGTH_UNKNOWN UINT64_MAX

struct http_head {
	/* requests; all spans live in the arena of @headers or longer */
	struct slice method;
	struct slice path;	/* with query; starts with '/', or is "*" */
	struct slice authority; /* the Host field or the authority of an absolute URI */
	struct slice scheme;	/* of an absolute URI; empty otherwise */
	/* responses */
	uint16_t status;

	uint8_t method_id;     /* enum method */
	uint8_t version_minor; /* HTTP/1.x; set by the parser */
	bool has_host;	       /* a request that names its authority, even an empty one */
	bool upgrade;	       /* asks to change the protocol of the connection */
	uint64_t content_length;
	/*
	 * End-to-end fields only: a codec takes out what concerns one connection (RFC 9110 §7.6.1)
	 * and the pseudo fields above; Content-Length stays.
	 */
	struct header_map headers;
};

/* http_head_init - no fields yet; arrays grow in @arena. */
static inline void http_head_init(struct http_head *h, struct arena *arena)
{
	*h = (struct http_head){ .content_length = LENGTH_UNKNOWN, .version_minor = 1 };
	header_map_init(&h->headers, arena);
}

/* method_lookup - the id of @name, which is case-sensitive; -1 if no registered method. */
int method_lookup(struct slice name);

/* status_text - the reason phrase of RFC 9110 §15 or of the registry; "Unknown" for others. */
const char *status_text(unsigned status);

#endif
