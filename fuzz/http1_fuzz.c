/*
 * http1_fuzz.c - HTTP/1 connections: no crash on any bytes, the same events however the bytes are
 * split, and what was read, written by the other side and read again, says the same.
 *
 * First byte: bit 0 the role, bit 1 a response to HEAD, bit 2 trailers on; second byte: where
 * reads end.
 */
#include <stdlib.h>

#include "base/writer.h"
#include "proxy/http/http1.h"

enum { ROOM = 1 << 20 };

static const struct http1_settings settings[2] = {
	{ .max_head_bytes = 4096, .max_headers = 20, .allow_absolute_url = true },
	{ .max_head_bytes = 4096,
	  .max_headers = 20,
	  .allow_absolute_url = true,
	  .enable_trailers = true },
};
/* The second reading may see a field more (framing), and longer lines ("x:y" gains a blank). */
static const struct http1_settings generous = { .max_head_bytes = 16384,
						.max_headers = 40,
						.allow_absolute_url = true,
						.enable_trailers = true };

static uint8_t said[3][ROOM], wire[ROOM];

struct side {
	struct http1 codec;
	struct arena arena;
	struct http_head head;
	struct header_map trailers;
	struct writer said;   /* what was read, canonically */
	struct http1 *writer; /* NULL: not written again */
	struct writer wire;
	bool failed, complete;
};

static void begin(struct side *s)
{
	arena_reset(&s->arena);
	http_head_init(&s->head, &s->arena);
	header_map_init(&s->trailers, &s->arena);
	s->codec.codec.ops->begin(&s->codec.codec, 0, &s->head, &s->trailers);
}

static void say(struct side *s, struct slice text)
{
	put_bytes(&s->said, text.at, text.len);
	put_u8(&s->said, '\n');
}

static void say_fields(struct side *s, const struct header_map *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->at[i].id == HEADER_CONTENT_LENGTH)
			continue;
		say(s, header_name(&m->at[i]));
		say(s, header_value(&m->at[i]));
	}
}

static void write_event(struct side *s, const struct codec_event *ev, struct slice body)
{
	struct codec *c = &s->writer->codec;
	struct codec_frame frame;

	if (ev->kind == CODEC_HEAD || ev->kind == CODEC_INTERIM) {
		size_t n, bound = c->ops->head_bound(c, &s->head);

		n = c->ops->write_head(c, 0, &s->head, ev->end_stream, s->wire.at);
		invariant(n <= bound);
		s->wire.at += n;
	} else if (ev->kind == CODEC_TRAILERS) {
		size_t n, bound = c->ops->trailers_bound(c, &s->trailers);

		n = c->ops->write_trailers(c, 0, &s->trailers, s->wire.at);
		invariant(n <= bound);
		s->wire.at += n;
	} else if (ev->kind == CODEC_DATA || ev->kind == CODEC_END) {
		c->ops->frame_data(c, 0, body.len, ev->end_stream, &frame);
		put_bytes(&s->wire, frame.before, frame.before_len);
		put_bytes(&s->wire, body.at, body.len);
		put_bytes(&s->wire, frame.after, frame.after_len);
	}
}

static void note(struct side *s, const struct codec_event *ev, struct slice body)
{
	if (ev->kind == CODEC_HEAD || ev->kind == CODEC_INTERIM) {
		say(s, s->head.method);
		say(s, s->head.path);
		say(s, s->head.authority);
		put_u16(&s->said, s->head.status);
		say_fields(s, &s->head.headers);
	}
	if (ev->kind == CODEC_DATA)
		put_bytes(&s->said, body.at, body.len);
	if (ev->kind == CODEC_TRAILERS)
		say_fields(s, &s->trailers);
	if (ev->end_stream) {
		put_text(&s->said, "end\n");
		s->complete = true;
	}
	if (ev->kind == CODEC_ERROR)
		s->failed = true;
	if (s->writer)
		write_event(s, ev, body);
}

/* Only the first exchange is followed: what comes after its end depends on who closes. */
static void feed(struct side *s, struct slice in)
{
	struct codec_event ev = { .kind = CODEC_BEGIN };

	while (!s->failed && !s->complete && ev.kind != CODEC_MORE) {
		size_t n = codec_read(&s->codec.codec, in, &ev);

		invariant(n <= in.len && ev.data_len <= n);
		if (ev.kind == CODEC_BEGIN)
			begin(s);
		note(s, &ev, slice_of(in.at + n - ev.data_len, ev.data_len));
		in = slice_from(in, n);
	}
}

static void end(struct side *s)
{
	struct codec_event ev;

	if (s->failed || s->complete)
		return;
	s->codec.codec.ops->read_eof(&s->codec.codec, &ev);
	note(s, &ev, slice_of(NULL, 0));
}

static void open_side(struct side *s, uint8_t mode, const struct http1_settings *set,
		      unsigned which)
{
	*s = (struct side){ .said = writer_of(said[which], ROOM), .wire = writer_of(wire, ROOM) };
	arena_init(&s->arena, 4096, SIZE_MAX);
	http1_init(&s->codec, mode & 1 ? HTTP1_CLIENT : HTTP1_SERVER, set);
	if (!(mode & 1))
		return;
	s->codec.request_method = mode & 2 ? METHOD_HEAD : METHOD_GET;
	begin(s);
}

static bool same(const struct side *a, const struct side *b)
{
	return slice_equal(slice_of(a->said.start, writer_len(&a->said)),
			   slice_of(b->said.start, writer_len(&b->said)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct side whole, split, again;
	struct http1 writer;
	struct slice in;
	uint8_t mode;

	if (len < 2 || len > 65536)
		return 0;
	mode = data[0];
	in = slice_of(data + 2, len - 2);
	http1_init(&writer, mode & 1 ? HTTP1_SERVER : HTTP1_CLIENT, &generous);
	writer.request_method = mode & 2 ? METHOD_HEAD : METHOD_GET;
	open_side(&whole, mode, &settings[mode >> 2 & 1], 0);
	whole.writer = &writer;
	feed(&whole, in);
	end(&whole);

	open_side(&split, mode, &settings[mode >> 2 & 1], 1);
	for (size_t at = 0; at < in.len; at += data[1] + 1u)
		feed(&split, slice_first(slice_from(in, at), data[1] + 1u));
	end(&split);
	invariant(whole.failed == split.failed && whole.complete == split.complete);
	invariant(same(&whole, &split));

	if (whole.complete) {
		open_side(&again, mode, &generous, 2);
		feed(&again, slice_of(wire, writer_len(&whole.wire)));
		end(&again);
		invariant(again.complete && same(&whole, &again));
		arena_deinit(&again.arena);
	}
	arena_deinit(&whole.arena);
	arena_deinit(&split.arena);
	return 0;
}
