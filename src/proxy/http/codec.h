/*
 * codec.h - the seam between the bytes of a connection and the messages on it.
 *
 *      bytes ──> read() ──> HEAD · DATA · TRAILERS · END · ERROR        (pulled, one at a time)
 *      bytes <── write_head() · frame_data() · write_trailers()
 *
 * A codec is pure: it does no I/O, reads no clock, and allocates only from the arena of the
 * message that begin() gives it. Nothing calls back: the caller pulls one event at a time, so a
 * stream may be destroyed between any two of them. Body bytes are never copied; an event says
 * which of the bytes that were just read they are.
 */
#ifndef CONVOY_PROXY_HTTP_CODEC_H
#define CONVOY_PROXY_HTTP_CODEC_H

#include "proxy/http/message.h"

enum codec_event_kind {
	CODEC_MORE,	/* all input is used and nothing is complete */
	CODEC_BEGIN,	/* a message begins: call begin() before reading on */
	CODEC_HEAD,	/* the head given to begin() is filled in */
	CODEC_INTERIM,	/* the same, a 1xx response: reset by begin(), the final head follows */
	CODEC_DATA,	/* @data_len bytes of body: the last ones of what was used */
	CODEC_TRAILERS, /* the map given to begin() holds the trailers; ends the message */
	CODEC_END,	/* the message ended after its last data */
	CODEC_ERROR,	/* framing is lost: answer if possible, then close */
};

struct codec_event {
	uint8_t kind; /* enum codec_event_kind */
	/* HEAD and DATA: this is the end of the message; no END follows. */
	bool end_stream;
	uint32_t stream; /* which message; always 0 with HTTP/1 */
	size_t data_len;
	/* ERROR: what to answer, Envoy's response code details, and what was wrong for the log. */
	uint16_t status;
	const char *details;
	const char *reason;
};

/* Bytes to put around a piece of body. */
struct codec_frame {
	uint8_t before[20], after[8];
	uint8_t before_len, after_len;
};

struct codec;

struct codec_ops {
	const char *name; /* as in access logs: "HTTP/1.1" */

	/*
	 * read - use bytes of @in until there is one event; returns how many were used.
	 * After ERROR it must not be called again. An event may come without bytes used, so call
	 * until MORE even when all input is used.
	 */
	size_t (*read)(struct codec *c, struct slice in, struct codec_event *ev);

	/*
	 * read_eof - the peer sends no more. MORE: nothing was under way; END: a body that only
	 * this could end; ERROR: a message was cut short.
	 */
	void (*read_eof)(struct codec *c, struct codec_event *ev);

	/*
	 * begin - the next message on @stream goes into @head and @trailers, both initialised by
	 * the caller with an arena that lives until the message's last event. Clients call it
	 * before the response; servers after CODEC_BEGIN.
	 */
	void (*begin)(struct codec *c, uint32_t stream, struct http_head *head,
		      struct header_map *trailers);

	/*
	 * head_bound - room that write_head() may need for @h.
	 * write_head - encode @h into @out; returns the length.
	 * @end_stream: no body and no trailers follow
	 */
	size_t (*head_bound)(const struct codec *c, const struct http_head *h);
	size_t (*write_head)(struct codec *c, uint32_t stream, const struct http_head *h,
			     bool end_stream, uint8_t *out);

	/* frame_data - what stands around @len bytes of body; @len may be 0 with @end_stream. */
	void (*frame_data)(struct codec *c, uint32_t stream, size_t len, bool end_stream,
			   struct codec_frame *frame);

	/* trailers_bound, write_trailers - the same for @trailers, which end the message. */
	size_t (*trailers_bound)(const struct codec *c, const struct header_map *trailers);
	size_t (*write_trailers)(struct codec *c, uint32_t stream,
				 const struct header_map *trailers, uint8_t *out);
};

struct codec {
	const struct codec_ops *ops;
	/* Set by read(): the message under way is the last that the peer sends or wants. */
	bool peer_closes;
	/* Set by the caller before write_head(): announce that this message is our last. */
	bool announce_close;
};

static inline size_t codec_read(struct codec *c, struct slice in, struct codec_event *ev)
{
	return c->ops->read(c, in, ev);
}

#endif
