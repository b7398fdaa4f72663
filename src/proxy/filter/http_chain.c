/*
 * http_chain.c - heads, bodies and trailers through the filters of a stream, both ways.
 *
 * A pass remembers the one filter that holds things up, whether the head waits there too, and the
 * body that has collected. Letting go sends on what waits, in order, and may stop again at a later
 * filter.
 */
#include "proxy/filter/hcm_internal.h"

/* One direction. Filters first, first + step, … up to but without @end, then the sink. */
struct way {
	int step;
	struct chain_pass *(*pass)(struct hcm_stream *s);
	int (*end)(const struct hcm_stream *s);
	enum http_filter_status (*head)(struct http_filter *f, bool end_stream);
	enum http_filter_status (*data)(struct http_filter *f, struct buffer *body, bool end);
	enum http_filter_status (*trailers)(struct http_filter *f);
	/* NULL: the last filter, the router, takes it */
	void (*sink_head)(struct hcm_stream *s, bool end_stream);
	void (*sink_data)(struct hcm_stream *s, struct buffer *body, bool end_stream);
	void (*sink_trailers)(struct hcm_stream *s);
	void (*overflow)(struct hcm_stream *s);
};

static struct chain_pass *decode_pass(struct hcm_stream *s)
{
	return &s->decode;
}

static struct chain_pass *encode_pass(struct hcm_stream *s)
{
	return &s->encode;
}

static int decode_end(const struct hcm_stream *s)
{
	return (int)s->n_filters;
}

static int encode_end(const struct hcm_stream *s unused_arg)
{
	return -1;
}

static enum http_filter_status decode_head(struct http_filter *f, bool end_stream)
{
	if (!f->ops->decode_head)
		return HTTP_FILTER_CONTINUE;
	return f->ops->decode_head(f, &f->stream->request, end_stream);
}

static enum http_filter_status decode_data(struct http_filter *f, struct buffer *body, bool end)
{
	return f->ops->decode_data ? f->ops->decode_data(f, body, end) : HTTP_FILTER_CONTINUE;
}

static enum http_filter_status decode_trailers(struct http_filter *f)
{
	if (!f->ops->decode_trailers)
		return HTTP_FILTER_CONTINUE;
	return f->ops->decode_trailers(f, &f->stream->request_trailers);
}

static enum http_filter_status encode_head(struct http_filter *f, bool end_stream)
{
	if (!f->ops->encode_head)
		return HTTP_FILTER_CONTINUE;
	return f->ops->encode_head(f, &f->stream->response, end_stream);
}

static enum http_filter_status encode_data(struct http_filter *f, struct buffer *body, bool end)
{
	return f->ops->encode_data ? f->ops->encode_data(f, body, end) : HTTP_FILTER_CONTINUE;
}

static enum http_filter_status encode_trailers(struct http_filter *f)
{
	if (!f->ops->encode_trailers)
		return HTTP_FILTER_CONTINUE;
	return f->ops->encode_trailers(f, &f->stream->response_trailers);
}

static void request_too_large(struct hcm_stream *s)
{
	stat_inc(&s->stats->downstream_rq_too_large);
	http_stream_reply(&s->base,
			  &(struct local_reply){ .status = 413,
						 .body = slice_of_text("Payload Too Large"),
						 .details = "request_payload_too_large" });
}

static void response_too_large(struct hcm_stream *s)
{
	stat_inc(&s->stats->rs_too_large);
	buffer_drain_all(&s->encode.held); /* what has collected there is given up */
	s->encode.at = -1;
	s->encode.head_held = s->encode.end_seen = false;
	http_stream_reply(&s->base,
			  &(struct local_reply){ .status = 500,
						 .body = slice_of_text("Internal Server Error"),
						 .details = "response_payload_too_large" });
}

static const struct way decoding = {
	.step = 1,
	.pass = decode_pass,
	.end = decode_end,
	.head = decode_head,
	.data = decode_data,
	.trailers = decode_trailers,
	.overflow = request_too_large,
};

static const struct way encoding = {
	.step = -1,
	.pass = encode_pass,
	.end = encode_end,
	.head = encode_head,
	.data = encode_data,
	.trailers = encode_trailers,
	.sink_head = stream_write_head,
	.sink_data = stream_write_data,
	.sink_trailers = stream_write_trailers,
	.overflow = response_too_large,
};

/* Nothing more goes this way: the stream is over, or its request was answered by ourselves. */
static bool stopped_for_good(const struct hcm_stream *s, const struct way *w)
{
	return s->over || s->response_done || (w == &decoding && s->answered);
}

static void let_go(struct hcm_stream *s, const struct way *w);

static void head_from(struct hcm_stream *s, const struct way *w, int i, bool end_stream)
{
	struct chain_pass *p = w->pass(s);

	for (; i != w->end(s); i += w->step) {
		enum http_filter_status status = w->head(s->filters[i], end_stream);

		if (stopped_for_good(s, w))
			return;
		if (status == HTTP_FILTER_CONTINUE)
			continue;
		p->at = i;
		p->head_held = true;
		p->end_in_head = end_stream;
		return;
	}
	if (w->sink_head)
		w->sink_head(s, end_stream);
}

static void hold(struct hcm_stream *s, const struct way *w, struct buffer *body)
{
	struct chain_pass *p = w->pass(s);

	buffer_move(&p->held, body);
	if (buffer_len(&p->held) > s->factory->buffer_limit_bytes)
		w->overflow(s);
}

static void data_from(struct hcm_stream *s, const struct way *w, int i, struct buffer *body,
		      bool end_stream)
{
	struct chain_pass *p = w->pass(s);

	for (; i != w->end(s); i += w->step) {
		enum http_filter_status status = w->data(s->filters[i], body, end_stream);
		bool here = p->at == i;

		if (stopped_for_good(s, w))
			return;
		if (status == HTTP_FILTER_CONTINUE && !here)
			continue;
		p->end_seen = end_stream;
		p->at = i;
		hold(s, w, body);
		if (status == HTTP_FILTER_CONTINUE && !stopped_for_good(s, w))
			let_go(s, w);
		return;
	}
	if (w->sink_data)
		w->sink_data(s, body, end_stream);
}

static void trailers_from(struct hcm_stream *s, const struct way *w, int i)
{
	struct chain_pass *p = w->pass(s);

	for (; i != w->end(s); i += w->step) {
		enum http_filter_status status = w->trailers(s->filters[i]);
		bool here = p->at == i;

		if (stopped_for_good(s, w))
			return;
		if (status == HTTP_FILTER_CONTINUE && !here)
			continue;
		p->trailers_seen = true;
		p->at = i;
		if (status == HTTP_FILTER_CONTINUE)
			let_go(s, w);
		return;
	}
	if (w->sink_trailers)
		w->sink_trailers(s);
}

/* What waits at a filter goes on with the next one. */
static void let_go(struct hcm_stream *s, const struct way *w)
{
	struct chain_pass *p = w->pass(s);
	int next = p->at + w->step;
	bool trailers = p->trailers_seen, end = p->end_seen;
	struct buffer body;

	p->at = -1;
	p->trailers_seen = p->end_seen = false;
	buffer_init(&body, p->held.memory);
	buffer_move(&body, &p->held);
	if (p->head_held) {
		p->head_held = false;
		head_from(s, w, next, p->end_in_head);
	}
	if ((buffer_len(&body) || end) && !stopped_for_good(s, w))
		data_from(s, w, next, &body, end);
	if (trailers && !stopped_for_good(s, w))
		trailers_from(s, w, next);
	buffer_deinit(&body);
}

void chain_init(struct hcm_stream *s)
{
	struct buffer_memory *memory = dispatcher_memory(s->base.dispatcher);

	s->decode.at = s->encode.at = -1;
	buffer_init(&s->decode.held, memory);
	buffer_init(&s->encode.held, memory);
}

void chain_deinit(struct hcm_stream *s)
{
	buffer_deinit(&s->decode.held);
	buffer_deinit(&s->encode.held);
}

void chain_decode_head(struct hcm_stream *s, bool end_stream)
{
	head_from(s, &decoding, 0, end_stream);
}

void chain_decode_data(struct hcm_stream *s, struct buffer *body, bool end_stream)
{
	data_from(s, &decoding, 0, body, end_stream);
}

void chain_decode_trailers(struct hcm_stream *s)
{
	trailers_from(s, &decoding, 0);
}

void http_stream_continue_decoding(struct http_filter *f)
{
	struct hcm_stream *s = hcm_stream_of(f->stream);

	if (s->decode.at == (int)f->index && !stopped_for_good(s, &decoding))
		let_go(s, &decoding);
}

void http_stream_continue_encoding(struct http_filter *f)
{
	struct hcm_stream *s = hcm_stream_of(f->stream);

	if (s->encode.at == (int)f->index && !stopped_for_good(s, &encoding))
		let_go(s, &encoding);
}

/* What still comes from a host after we have answered ourselves goes nowhere. */
void http_stream_encode_head(struct http_filter *f, bool end_stream)
{
	struct hcm_stream *s = hcm_stream_of(f->stream);

	if (!s->answered)
		head_from(s, &encoding, (int)f->index - 1, end_stream);
}

void http_stream_encode_data(struct http_filter *f, struct buffer *body, bool end_stream)
{
	struct hcm_stream *s = hcm_stream_of(f->stream);

	if (!s->answered)
		data_from(s, &encoding, (int)f->index - 1, body, end_stream);
}

void http_stream_encode_trailers(struct http_filter *f)
{
	struct hcm_stream *s = hcm_stream_of(f->stream);

	if (!s->answered)
		trailers_from(s, &encoding, (int)f->index - 1);
}

/* @f is the filter before which the answer starts: all of them see a local reply. */
static void reply_through_filters(struct hcm_stream *s, struct slice body)
{
	struct buffer b;

	head_from(s, &encoding, (int)s->n_filters - 1, body.len == 0);
	if (body.len == 0 || s->over)
		return;
	buffer_init(&b, dispatcher_memory(s->base.dispatcher));
	buffer_append_slice(&b, body);
	data_from(s, &encoding, (int)s->n_filters - 1, &b, true);
	buffer_deinit(&b);
}

static int fill_reply(struct hcm_stream *s, const struct local_reply *reply)
{
	struct http_head *h = &s->base.response;
	char *length = arena_format_or_null(&s->arena, "%zu", reply->body.len);
	int err;

	http_head_init(h, &s->arena);
	h->status = (uint16_t)reply->status;
	if (!length)
		return ERR_NOMEM;
	if (!reply->body.len)
		goto extra;
	h->content_length = reply->body.len;
	err = header_map_add(&h->headers, HEADER_CONTENT_LENGTH, slice_of_text(length));
	if (!err)
		err = header_map_add(&h->headers, HEADER_CONTENT_TYPE, slice_of_text("text/plain"));
	if (err)
		return err;
extra:
	if (reply->extra == HEADER_OTHER)
		return 0;
	return header_map_add(&h->headers, reply->extra, slice_of_text("true"));
}

void http_stream_reply(struct http_stream *base, const struct local_reply *reply)
{
	struct hcm_stream *s = hcm_stream_of(base);
	bool head_only = base->request.method_id == METHOD_HEAD;

	if (s->over)
		return;
	if (base->response_started || s->answered || s->encode.head_held || !s->c->connection ||
	    fill_reply(s, reply)) {
		http_stream_reset(base, reply->details);
		return;
	}
	s->answered = true;
	base->info.details = reply->details;
	/* The rest of a request that is answered already will not be read. */
	s->close_after |= reply->close || !s->request_done;
	reply_through_filters(s, head_only ? slice_of(NULL, 0) : reply->body);
}
