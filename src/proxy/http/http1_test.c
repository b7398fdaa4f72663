/*
 * http1_test.c - the HTTP/1 codec as tables of bytes and transcripts.
 *
 * A transcript says what came out: the head in one line, the body in brackets, trailers, how the
 * message ended, or the details of the error. Every case is fed whole, split at every byte, and
 * byte by byte, from memory that ends at an unreadable page; the transcript must not change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/guard_page.h"
#include "base/writer.h"
#include "proxy/http/http1.h"

enum { TEXT_MAX = 16384 };

static const struct http1_settings defaults = {
	.max_head_bytes = 60 * 1024,
	.max_headers = 100,
	.allow_absolute_url = true,
};
static const struct http1_settings with_trailers = {
	.max_head_bytes = 60 * 1024,
	.max_headers = 100,
	.allow_absolute_url = true,
	.enable_trailers = true,
};

/* One connection's reading side and what it said. */
struct reading {
	struct http1 codec;
	struct arena arena;
	struct http_head head;
	struct header_map trailers;
	struct guarded page;
	struct writer out;
	char text[TEXT_MAX];
	bool in_body;
	bool failed;
};

static void put_slice(struct writer *w, struct slice s)
{
	put_bytes(w, s.at, s.len);
}

static void put_fields(struct writer *w, const struct header_map *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		put_text(w, " ");
		put_slice(w, header_name(&m->at[i]));
		put_text(w, "=");
		put_slice(w, header_value(&m->at[i]));
	}
}

static void put_head(struct reading *r, const char *mark)
{
	const struct http_head *h = &r->head;

	if (h->status) {
		put_format(&r->out, "%s%u", mark, h->status);
	} else {
		put_slice(&r->out, h->method);
		put_text(&r->out, " ");
		put_slice(&r->out, h->scheme);
		put_text(&r->out, h->scheme.len ? "://" : "");
		put_slice(&r->out, h->authority);
		put_text(&r->out, "|");
		put_slice(&r->out, h->path);
	}
	put_fields(&r->out, &h->headers);
}

static void begin(struct reading *r)
{
	arena_reset(&r->arena);
	http_head_init(&r->head, &r->arena);
	header_map_init(&r->trailers, &r->arena);
	r->codec.codec.ops->begin(&r->codec.codec, 0, &r->head, &r->trailers);
}

static void note_event(struct reading *r, const struct codec_event *ev, struct slice used)
{
	if (ev->kind == CODEC_DATA) {
		put_text(&r->out, r->in_body ? "" : " [");
		r->in_body = true;
		put_slice(&r->out, slice_from(used, used.len - ev->data_len));
	} else if (r->in_body && ev->kind != CODEC_MORE) {
		put_text(&r->out, "]");
		r->in_body = false;
	}
	if (ev->kind == CODEC_HEAD)
		put_head(r, "");
	if (ev->kind == CODEC_INTERIM)
		put_head(r, "interim ");
	if (ev->kind == CODEC_TRAILERS) {
		put_text(&r->out, " trailers");
		put_fields(&r->out, &r->trailers);
	}
	if (ev->kind == CODEC_ERROR) {
		put_format(&r->out, "%u %s", ev->status, ev->details);
		r->failed = true;
	}
	if (ev->kind == CODEC_END || ev->kind == CODEC_TRAILERS || ev->end_stream) {
		put_text(&r->out, r->in_body ? "]" : "");
		put_text(&r->out, r->codec.codec.peer_closes ? " end close;" : " end;");
		r->in_body = false;
	}
	if (ev->kind == CODEC_INTERIM)
		put_text(&r->out, "; ");
}

static void feed(struct reading *r, struct slice piece)
{
	struct slice in = guarded_copy(&r->page, piece);
	struct codec_event ev = { .kind = CODEC_BEGIN };

	while (!r->failed && ev.kind != CODEC_MORE) {
		size_t n = codec_read(&r->codec.codec, in, &ev);

		if (ev.kind == CODEC_BEGIN)
			begin(r);
		note_event(r, &ev, slice_first(in, n));
		in = slice_from(in, n);
	}
	if (!r->failed)
		assert_int_equal(in.len, 0);
}

static void start(struct reading *r, enum http1_role role, const struct http1_settings *settings)
{
	arena_init(&r->arena, 4096, SIZE_MAX);
	guarded_init(&r->page);
	http1_init(&r->codec, role, settings);
	r->out = writer_of(r->text, sizeof(r->text) - 1);
	r->in_body = r->failed = false;
	if (role == HTTP1_CLIENT)
		begin(r);
}

static void finish(struct reading *r)
{
	struct codec_event ev;

	if (!r->failed) {
		r->codec.codec.ops->read_eof(&r->codec.codec, &ev);
		if (ev.kind == CODEC_ERROR) {
			put_text(&r->out, r->in_body ? "] " : " ");
			put_text(&r->out, "cut");
		} else {
			note_event(r, &ev, slice_of(NULL, 0));
		}
	}
	assert_true(writer_ok(&r->out));
	*r->out.at = '\0';
	arena_deinit(&r->arena);
	guarded_deinit(&r->page);
}

struct read_case {
	const char *in, *transcript;
	uint8_t request_method; /* responses: what they answer */
	const struct http1_settings *settings;
	size_t in_len; /* 0: strlen */
};

static void run_case(const struct read_case *c, enum http1_role role, size_t first, size_t step)
{
	size_t len = c->in_len ? c->in_len : strlen(c->in);
	struct slice all = slice_of(c->in, len);
	struct reading r;

	start(&r, role, c->settings ? c->settings : &defaults);
	r.codec.request_method = c->request_method;
	feed(&r, slice_first(all, first));
	for (all = slice_from(all, first); all.len && !r.failed; all = slice_from(all, step))
		feed(&r, slice_first(all, step));
	finish(&r);
	if (strcmp(r.text, c->transcript) != 0)
		fail_msg("input  %s\nsplit  %zu\nwanted %s\ngot    %s", c->in, first, c->transcript,
			 r.text);
}

static void run_table(const struct read_case *cases, size_t n, enum http1_role role)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = cases[i].in_len ? cases[i].in_len : strlen(cases[i].in);

		for (size_t at = 0; at <= len; at++)
			run_case(&cases[i], role, at, len);
		run_case(&cases[i], role, 0, 1);
	}
}

#define H "Host: a\r\n"

static void reads_requests(void **state unused_arg)
{
	static const struct read_case cases[] = {
		{ "GET / HTTP/1.1\r\n" H "\r\n", "GET a|/ end;" },
		{ "GET /x?y=1 HTTP/1.1\r\nHost: b.c:80\r\nAccept: */*\r\nX-A:  v "
		  "\t\r\nX-A:\r\n\r\n",
		  "GET b.c:80|/x?y=1 accept=*/* x-a=v x-a= end;" },
		{ "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET a|/ end;" },
		{ "GET / HTTP/1.0\r\n" H "\r\n", "GET a|/ end close;" },
		{ "GET / HTTP/1.0\r\n" H "Connection: Keep-Alive\r\n\r\n", "GET a|/ end;" },
		{ "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "GET a|/ end close;" },
		{ "GET / HTTP/1.1\r\n\r\n", "GET |/ end;" },
		{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS a|* end;" },
		{ "CONNECT h:443 HTTP/1.1\r\n" H "\r\n", "CONNECT h:443| end;" },
		{ "GET http://b/p?q HTTP/1.1\r\n" H "\r\n", "GET http://b|/p?q end;" },
		{ "GET HTTPS://b HTTP/1.1\r\n" H "\r\n", "GET https://b|/ end;" },
		{ "GET http://b?q HTTP/1.1\r\n" H "\r\n", "GET http://b|/?q end;" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
		  "POST a|/ content-length=5 [hello] end;" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
		  "POST a|/ content-length=0 end;" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
		  "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
		  "POST a|/ [hello world] end;" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n000\r\n\r\n",
		  "POST a|/ end;" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
		  "1\r\nx\r\n0\r\nX-T: 1\r\n\r\n",
		  "POST a|/ [x] end;" },
		{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
		  "1\r\nx\r\n0\r\nX-T: 1\r\nContent-Length: 9\r\n\r\n",
		  "POST a|/ [x] trailers x-t=1 end;", 0, &with_trailers },
		{ "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
		  "GET a|/1 end;GET a|/2 end;" },
		{ "POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\n" H
		  "\r\n",
		  "POST a|/1 content-length=2 [hi] end;GET a|/2 end;" },
		{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel",
		  "POST a|/ content-length=5 [hel] cut" },
		{ "GET / HTT", " cut" },
		{ "", "" },
		/* what concerns one connection goes no further */
		{ "GET / HTTP/1.1\r\n" H "Connection: x-a, keep-alive\r\nX-A: 1\r\nX-B: 2\r\n"
		  "Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\n\r\n",
		  "GET a|/ x-b=2 end;" },
		{ "GET / HTTP/1.1\r\n" H "Connection: x-forwarded-for, Cookie\r\n"
		  "X-Forwarded-For: 1\r\nCookie: c\r\n\r\n",
		  "GET a|/ x-forwarded-for=1 cookie=c end;" },
		{ "GET / HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\n"
		  "HTTP2-Settings: x\r\n\r\n",
		  "GET a|/ end;" },
	};

	run_table(cases, count_of(cases), HTTP1_SERVER);
}

#define POST	"POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define ERROR	"400 http1.codec_error"

/* Every way known to us in which two parsers have disagreed about where a message ends. */
static void refuses_ambiguous_requests(void **state unused_arg)
{
	static const struct read_case cases[] = {
		/* both lengths, several lengths, odd lengths */
		{ POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		  "400 http1.content_length_and_chunked_not_allowed" },
		{ POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		  "400 http1.content_length_and_chunked_not_allowed" },
		{ POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", ERROR },
		{ POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", ERROR },
		{ POST "Content-Length: 5, 5\r\n\r\nhello", ERROR },
		{ POST "Content-Length: +5\r\n\r\nhello", ERROR },
		{ POST "Content-Length: -1\r\n\r\n", ERROR },
		{ POST "Content-Length: 0x5\r\n\r\nhello", ERROR },
		{ POST "Content-Length: 5 5\r\n\r\nhello", ERROR },
		{ POST "Content-Length: \r\n\r\n", ERROR },
		{ POST "Content-Length: 18446744073709551617\r\n\r\n", ERROR },
		/* codings */
		{ POST "Transfer-Encoding: gzip\r\n\r\n", "501 http1.invalid_transfer_encoding" },
		{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
		  "501 http1.invalid_transfer_encoding" },
		{ POST "Transfer-Encoding: chunked, gzip\r\n\r\n",
		  "501 http1.invalid_transfer_encoding" },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "501 http1.invalid_transfer_encoding" },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
		  "501 http1.invalid_transfer_encoding" },
		{ POST "Transfer-Encoding: xchunked\r\n\r\n",
		  "501 http1.invalid_transfer_encoding" },
		{ POST "Transfer-Encoding: \r\n\r\n", "501 http1.invalid_transfer_encoding" },
		{ POST "Transfer-Encoding: \vchunked\r\n\r\n", "400 http1.invalid_characters" },
		{ POST "Transfer-Encoding : chunked\r\n\r\n", ERROR },
		{ POST " Transfer-Encoding: chunked\r\n\r\n", ERROR },
		{ "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		  "400 http1.transfer_encoding_not_allowed" },
		/* chunks */
		{ CHUNKED "g\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED " 1\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "1 \r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "0x1\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "-1\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "1\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "1\rx", "POST a|/400 http1.codec_error" },
		{ CHUNKED "1;a\nb\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "1;\x01\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "1000000000000000\r\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "1\r\nxy\r\n", "POST a|/ [x]400 http1.codec_error" },
		{ CHUNKED "1\r\nx\n", "POST a|/ [x]400 http1.codec_error" },
		{ CHUNKED "0\r\n\n", "POST a|/400 http1.codec_error" },
		{ CHUNKED "0\r\nX : 1\r\n", "POST a|/400 http1.codec_error" },
		/* line ends, folding, characters */
		{ "GET / HTTP/1.1\nHost: a\n\n", ERROR },
		{ "GET / HTTP/1.1\r\nHost: a\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", "400 http1.invalid_characters" },
		{ "GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", "400 http1.invalid_characters" },
		{ "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X : a\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X\t: a\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H ": a\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X\x80: a\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X(y): a\r\n\r\n", ERROR },
		{ "GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", "400 http1.invalid_characters" },
		{ "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n", "400 http1.invalid_characters", 0, NULL,
		  34 },
		{ "GET / HTTP/1.1\r\n" H "X\0: ab\r\n\r\n", ERROR, 0, NULL, 34 },
		/* Host */
		{ "GET / HTTP/1.1\r\n" H H "\r\n", ERROR },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 http1.invalid_characters" },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 http1.invalid_characters" },
		{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400 http1.invalid_characters" },
		/* start lines */
		{ "G\0T / HTTP/1.1\r\n", ERROR, 0, NULL, 16 },
		{ "get / HTTP/1.1\r\n", ERROR },
		{ "FOO / HTTP/1.1\r\n", ERROR },
		{ " GET / HTTP/1.1\r\n", ERROR },
		{ "GET  / HTTP/1.1\r\n", ERROR },
		{ "GET\t/ HTTP/1.1\r\n", ERROR },
		{ "GET /a b HTTP/1.1\r\n", ERROR },
		{ "GET / HTTP/1.1 \r\n", ERROR },
		{ "GET / HTTP/1.2\r\n", ERROR },
		{ "GET / HTTP/2.0\r\n", ERROR },
		{ "GET / http/1.1\r\n", ERROR },
		{ "GET /\r\n", ERROR },
		{ "GET\r\n", ERROR },
		{ "GET /\x80 HTTP/1.1\r\n", "400 http1.invalid_url" },
		{ "GET x HTTP/1.1\r\n", "400 http1.invalid_url" },
		{ "GET * HTTP/1.1\r\n", "400 http1.invalid_url" },
		{ "GET ftp://a/b HTTP/1.1\r\n", "400 http1.invalid_url" },
		{ "GET http://u:p@a/ HTTP/1.1\r\n", "400 http1.invalid_url" },
		{ "GET http:///x HTTP/1.1\r\n", "400 http1.invalid_url" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ERROR },
		{ "\n\nGET / HTTP/1.1\r\n", ERROR },
		{ "\rGET / HTTP/1.1\r\n", ERROR },
		{ "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", ERROR },
	};

	run_table(cases, count_of(cases), HTTP1_SERVER);
}

static void keeps_to_its_limits(void **state unused_arg)
{
	static const struct http1_settings small = { .max_head_bytes = 64,
						     .max_headers = 3,
						     .allow_chunked_length = true };
	static const struct http1_settings no_underscores = {
		.max_head_bytes = 600, .max_headers = 9, .underscores = HTTP1_UNDERSCORES_REJECT
	};
	static const struct http1_settings drop_underscores = {
		.max_head_bytes = 600, .max_headers = 9, .underscores = HTTP1_UNDERSCORES_DROP
	};
	static const struct read_case cases[] = {
		{ "GET / HTTP/1.1\r\n" H "A: 1\r\nB: 2\r\n\r\n", "GET a|/ a=1 b=2 end;", 0,
		  &small },
		{ "GET / HTTP/1.1\r\n" H "A: 1\r\nB: 2\r\nC: 3\r\n\r\n",
		  "431 http1.too_many_headers", 0, &small },
		{ "GET / HTTP/1.1\r\n" H "A: 1234567890123456789012345678901234\r\n\r\n",
		  "431 http1.headers_too_large", 0, &small },
		{ "GET /12345678901234567890123456789012345678901234567890123456",
		  "431 http1.headers_too_large", 0, &small, 65 - 4 },
		{ "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "431 http1.headers_too_large", 0, &small },
		{ "GET http://b/ HTTP/1.1\r\n" H "\r\n", "400 http1.invalid_url", 0, &small },
		{ "GET / HTTP/1.1\r\n" H "x_y: 1\r\n\r\n", "400 http1.unexpected_underscore", 0,
		  &no_underscores },
		{ "GET / HTTP/1.1\r\n" H "x_y: 1\r\n\r\n", "GET a|/ end;", 0, &drop_underscores },
	};

	run_table(cases, 3, HTTP1_SERVER);
	run_table(cases + 4, count_of(cases) - 4, HTTP1_SERVER);
}

static void reads_responses(void **state unused_arg)
{
	static const struct read_case cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		  "200 content-length=2 [hi] end;" },
		{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 content-length=0 end;" },
		{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 content-length=0 end;" },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		  "200 content-length=0 end close;" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		  "200 [hi] end;" },
		{ "HTTP/1.1 200 OK\r\n\r\nall of it", "200 [all of it] end close;" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
		  "200 content-length=9 [hi] cut" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", "204 end;" },
		{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
		  "304 content-length=7 end;" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "200 content-length=7 end;",
		  METHOD_HEAD },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 end;",
		  METHOD_HEAD },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
		  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		  "interim 100; interim 103 link=x; 200 content-length=0 end;" },
		{ "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", ERROR },
		{ "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
		  "400 http1.content_length_not_allowed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "400 http1.content_length_and_chunked_not_allowed" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		  "501 http1.invalid_transfer_encoding" },
		{ "HTTP/1.1 20 OK\r\n\r\n", ERROR },
		{ "HTTP/1.1 2000 OK\r\n\r\n", ERROR },
		{ "HTTP/1.1  200 OK\r\n\r\n", ERROR },
		{ "HTTP/2 200\r\n\r\n", ERROR },
		{ "HTTP/1.1 099 x\r\n\r\n", ERROR },
		{ "HTTP/1.1 200 O\x01K\r\n\r\n", ERROR },
		{ "\r\nHTTP/1.1 200 OK\r\n\r\n", ERROR },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		  "200 content-length=0 end close;" },
	};

	run_table(cases, count_of(cases), HTTP1_CLIENT);
}

/* What is written: a head read by one codec and written by another, with its body. */
struct write_case {
	const char *in, *out;
	uint8_t request_method, request_minor; /* responses */
	bool announce_close;
};

static size_t write_body(struct codec *c, uint8_t *out, struct slice body, bool end)
{
	struct codec_frame frame;
	size_t n = 0;

	c->ops->frame_data(c, 0, body.len, end, &frame);
	memcpy(out, frame.before, frame.before_len);
	n += frame.before_len;
	if (body.len)
		memcpy(out + n, body.at, body.len);
	n += body.len;
	memcpy(out + n, frame.after, frame.after_len);
	return n + frame.after_len;
}

static void run_write_case(const struct write_case *c, enum http1_role reader)
{
	struct http1 writer;
	struct reading r;
	struct codec_event ev = { .kind = CODEC_BEGIN };
	struct slice in = slice_of_text(c->in);
	uint8_t out[4096];
	size_t n = 0;

	http1_init(&writer, reader == HTTP1_SERVER ? HTTP1_CLIENT : HTTP1_SERVER, &with_trailers);
	start(&r, reader, &with_trailers);
	r.codec.request_method = writer.request_method = c->request_method;
	if (reader == HTTP1_CLIENT)
		writer.request_minor = c->request_minor;
	writer.codec.announce_close = c->announce_close;
	while (ev.kind != CODEC_MORE) {
		size_t used = codec_read(&r.codec.codec, in, &ev);
		struct slice body = slice_of(in.at + used - ev.data_len, ev.data_len);

		in = slice_from(in, used);
		if (ev.kind == CODEC_BEGIN)
			begin(&r);
		if (ev.kind == CODEC_HEAD) {
			size_t bound = writer.codec.ops->head_bound(&writer.codec, &r.head);
			size_t len = writer.codec.ops->write_head(&writer.codec, 0, &r.head,
								  ev.end_stream, out + n);

			assert_true(len <= bound);
			n += len;
		}
		if (ev.kind == CODEC_DATA || ev.kind == CODEC_END)
			n += write_body(&writer.codec, out + n, body, ev.end_stream);
		if (ev.kind == CODEC_TRAILERS)
			n += writer.codec.ops->write_trailers(&writer.codec, 0, &r.trailers,
							      out + n);
	}
	out[n] = '\0';
	assert_string_equal((char *)out, c->out);
	finish(&r);
}

static void writes_requests(void **state unused_arg)
{
	static const struct write_case cases[] = {
		{ "GET /p HTTP/1.1\r\nX-B: 1\r\nHost: a\r\nx-c:2\r\n\r\n",
		  "GET /p HTTP/1.1\r\nhost: a\r\nx-b: 1\r\nx-c: 2\r\n\r\n" },
		{ "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
		  "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
		  "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "02\r\nhi\r\n0\r\nX-T: 1\r\n\r\n",
		  "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
		  "2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n" },
	};

	for (size_t i = 0; i < count_of(cases); i++)
		run_write_case(&cases[i], HTTP1_SERVER);
}

static void writes_responses(void **state unused_arg)
{
	static const struct write_case cases[] = {
		{ "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nhi",
		  "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 0, 1 },
		{ "HTTP/1.1 200 OK\r\n\r\n",
		  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 0, 1 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n0123456789abcdefg"
		  "\r\n0\r\n\r\n",
		  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11\r\n0123456789abcdefg"
		  "\r\n0\r\n\r\n",
		  0, 1 },
		/* to HTTP/1.0, nothing is chunked */
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		  "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhi", 0, 0, true },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		  "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi", 0,
		  0 },
		{ "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", 0, 1 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
		  "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", METHOD_HEAD, 1 },
		{ "HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n",
		  "HTTP/1.1 299 Unknown\r\ncontent-length: 0\r\n\r\n", 0, 1 },
	};

	for (size_t i = 0; i < count_of(cases); i++)
		run_write_case(&cases[i], HTTP1_CLIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_requests),      cmocka_unit_test(refuses_ambiguous_requests),
		cmocka_unit_test(keeps_to_its_limits), cmocka_unit_test(reads_responses),
		cmocka_unit_test(writes_requests),     cmocka_unit_test(writes_responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
