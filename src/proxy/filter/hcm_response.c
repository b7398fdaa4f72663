/* hcm_response.c - a response after its last filter: onto the wire, and the end of the stream. */
#include "proxy/filter/codec_write.h"
#include "proxy/filter/hcm_internal.h"

/* True if the connection must not carry another request. */
static bool is_last(struct hcm_stream *s, bool end_stream)
{
	struct hcm_connection *c = s->c;
	uint32_t max = s->factory->config->common.max_requests_per_connection;

	if (c->draining) {
		stat_inc(&s->stats->downstream_cx_drain_close);
		return true;
	}
	if (max && c->n_requests >= max) {
		stat_inc(&s->stats->downstream_cx_max_requests_reached);
		return true;
	}
	/* An answer that does not wait for its request: the rest of it will not be read. */
	if (!s->request_done && end_stream) {
		stat_inc(&s->stats->downstream_rq_response_before_rq_complete);
		return true;
	}
	/* HTTP/1.0 knows the end of a body only by its length or the end of the connection. */
	if (c->codec.request_minor == 0 && !end_stream &&
	    !header_map_get_or_null(&s->base.response.headers, HEADER_CONTENT_LENGTH))
		return true;
	return s->close_after || c->codec.codec.peer_closes;
}

static void response_done(struct hcm_stream *s)
{
	s->response_done = true;
	stream_end(s);
}

void stream_write_head(struct hcm_stream *s, bool end_stream)
{
	struct hcm_connection *c = s->c;
	struct http_head *h = &s->base.response;

	if (headers_of_response(s)) {
		stream_info_flag(&s->base.info, FLAG_OVERLOAD);
		http_stream_reset(&s->base, "overload");
		return;
	}
	s->base.response_started = true;
	s->base.info.status = h->status;
	s->last_activity_ns = dispatcher_now_ns(s->base.dispatcher);
	s->close_after = c->codec.codec.announce_close = is_last(s, end_stream);
	codec_put_head(&c->codec.codec, 0, h, end_stream, hcm_write_buffer(c));
	hcm_flush(c);
	if (end_stream)
		response_done(s);
}

void stream_write_data(struct hcm_stream *s, struct buffer *body, bool end_stream)
{
	struct hcm_connection *c = s->c;

	s->base.info.bytes_sent += buffer_len(body);
	s->last_activity_ns = dispatcher_now_ns(s->base.dispatcher);
	codec_put_data(&c->codec.codec, 0, body, end_stream, hcm_write_buffer(c));
	hcm_flush(c);
	if (end_stream && !s->over)
		response_done(s);
}

void stream_write_trailers(struct hcm_stream *s)
{
	struct hcm_connection *c = s->c;

	codec_put_trailers(&c->codec.codec, 0, &s->base.response_trailers, hcm_write_buffer(c));
	hcm_flush(c);
	if (!s->over)
		response_done(s);
}

void stream_write_continue(struct hcm_stream *s)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	buffer_append(hcm_write_buffer(s->c), text, sizeof(text) - 1);
	hcm_flush(s->c);
}
