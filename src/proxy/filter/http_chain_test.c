/*
 * http_chain_test.c - filters that stop heads and bodies, let them go, and answer themselves: one
 * in front of the router, told by the test what to do.
 */
#include "proxy/filter/hcm_talk.h"

#include <stdio.h>
#include <stdlib.h>

#include "proxy/filter/hcm_internal.h"

/* What the filter returns, per call, and what it has seen. */
static struct script {
	enum http_filter_status decode_head, decode_data, decode_trailers;
	enum http_filter_status encode_head, encode_data;
	bool data_continues_at_end; /* CONTINUE for the last piece of a body */
	const char *answer;	    /* to give for a head */
	struct http_filter *filter;
	char seen[256];
} script;

static void note(const char *what, size_t n, bool end_stream)
{
	size_t len = strlen(script.seen);

	snprintf(script.seen + len, sizeof(script.seen) - len, "%s%zu%s ", what, n,
		 end_stream ? "." : "");
}

static enum http_filter_status decode_head(struct http_filter *f, struct http_head *h,
					   bool end_stream)
{
	script.filter = f;
	note("H", h->headers.n, end_stream);
	if (script.answer)
		http_stream_reply(f->stream,
				  &(struct local_reply){ .status = 418,
							 .body = slice_of_text(script.answer),
							 .details = "test" });
	return script.decode_head;
}

static enum http_filter_status decode_data(struct http_filter *f unused_arg, struct buffer *body,
					   bool end_stream)
{
	note("D", buffer_len(body), end_stream);
	return end_stream && script.data_continues_at_end ? HTTP_FILTER_CONTINUE
							  : script.decode_data;
}

static enum http_filter_status decode_trailers(struct http_filter *f unused_arg,
					       struct header_map *t)
{
	note("T", t->n, true);
	return script.decode_trailers;
}

static enum http_filter_status encode_head(struct http_filter *f, struct http_head *h,
					   bool end_stream)
{
	script.filter = f;
	note("h", h->status, end_stream);
	return script.encode_head;
}

static enum http_filter_status encode_data(struct http_filter *f unused_arg, struct buffer *body,
					   bool end_stream)
{
	note("d", buffer_len(body), end_stream);
	return end_stream && script.data_continues_at_end ? HTTP_FILTER_CONTINUE
							  : script.encode_data;
}

static void destroy(struct http_filter *f unused_arg)
{
	note("x", 0, false);
	script.filter = NULL;
}

static const struct http_filter_ops ops = {
	.name = "test",
	.decode_head = decode_head,
	.decode_data = decode_data,
	.decode_trailers = decode_trailers,
	.encode_head = encode_head,
	.encode_data = encode_data,
	.destroy = destroy,
};

static struct http_filter *new_filter(const struct http_filter_factory *f unused_arg,
				      struct http_stream *s)
{
	struct http_filter *filter = arena_zalloc_or_null(s->arena, sizeof(*filter));

	filter->ops = &ops;
	return filter;
}

static void keep_factory(struct http_filter_factory *f unused_arg)
{
}

static const struct http_filter_factory_ops factory_ops = { "test", new_filter, keep_factory };
static struct http_filter_factory factory = { &factory_ops };

/* A proxy with the scripted filter in front of its router. */
static struct peer *start_with(struct script s)
{
	struct hcm_factory *f;

	script = s;
	start("          http_protocol_options: { enable_trailers: true }\n", "");
	f = container_of(talk.hcm, struct hcm_factory, base);
	f->filters[f->n_filters++] = f->filters[0];
	f->filters[0] = &factory;
	return connect_client();
}

static void saw(const char *wanted)
{
	assert_string_equal(script.seen, wanted);
	script.seen[0] = '\0';
}

#define POST "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static void passes_everything_on(void **state unused_arg)
{
	struct peer *c = start_with((struct script){ .answer = NULL });

	say(c, POST "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");
	saw("H1 D3 T1. ");
	heard(talk.hosts[0], "POST /p *\r\n3\r\nabc\r\n0\r\n\r\n");
	say(talk.hosts[0], OK);
	saw("h200 d2. x0 ");
	heard(c, OK_DOWN);
	stop(NULL);
}

static void a_head_waits_until_it_is_let_go(void **state unused_arg)
{
	struct peer *c = start_with((struct script){ .decode_head = HTTP_FILTER_STOP,
						     .decode_data = HTTP_FILTER_STOP });

	say(c, POST "3\r\nabc\r\n");
	saw("H1 D3 ");
	assert_int_equal(talk.n_hosts, 0);
	http_stream_continue_decoding(script.filter);
	turns();
	heard(talk.hosts[0], "POST /p *\r\n3\r\nabc\r\n");
	script.decode_data = HTTP_FILTER_CONTINUE;
	say(c, "2\r\nde\r\n0\r\n\r\n");
	saw("D2 D0. ");
	heard(talk.hosts[0], "2\r\nde\r\n0\r\n\r\n");
	say(talk.hosts[0], OK);
	heard(c, OK_DOWN);
	stop(NULL);
}

/* What a filter that wants the whole body does. */
static void a_body_collects_until_its_end(void **state unused_arg)
{
	struct peer *c = start_with((struct script){ .decode_head = HTTP_FILTER_STOP,
						     .decode_data = HTTP_FILTER_STOP,
						     .data_continues_at_end = true,
						     .encode_head = HTTP_FILTER_STOP,
						     .encode_data = HTTP_FILTER_STOP });

	say(c, POST "3\r\nabc\r\n");
	say(c, "2\r\nde\r\n");
	assert_int_equal(talk.n_hosts, 0);
	say(c, "0\r\n\r\n");
	saw("H1 D3 D2 D0. ");
	heard(talk.hosts[0], "POST /p *\r\n5\r\nabcde\r\n0\r\n\r\n");
	say(talk.hosts[0], "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhi");
	heard(c, "");
	say(talk.hosts[0], "ho");
	saw("h200 d2 d2. x0 ");
	heard(c, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n*hiho");
	stop(NULL);
}

static void trailers_may_let_go(void **state unused_arg)
{
	struct peer *c = start_with((struct script){ .decode_head = HTTP_FILTER_STOP,
						     .decode_data = HTTP_FILTER_STOP });

	say(c, POST "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");
	saw("H1 D3 T1. ");
	heard(talk.hosts[0], "POST /p *\r\n3\r\nabc\r\n0\r\n\r\n");
	say(talk.hosts[0], OK);
	heard(c, OK_DOWN);
	stop(NULL);
}

static void too_much_is_not_held(void **state unused_arg)
{
	struct peer *c = start_with((struct script){ .decode_head = HTTP_FILTER_STOP,
						     .decode_data = HTTP_FILTER_STOP });
	char *piece = malloc(40001);

	assert_non_null(piece);
	memset(piece, 'x', 40000);
	piece[40000] = '\0';
	say(c, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
	say(c, piece);
	heard(c, "");
	say(c, piece);
	heard(c, "HTTP/1.1 413 *connection: close\r\n\r\nPayload Too Large");
	assert_int_equal(talk.n_hosts, 0);
	counted("http.test.downstream_rq_too_large", 1);
	stop(NULL);
	/* and the other way */
	c = start_with((struct script){ .encode_head = HTTP_FILTER_STOP,
					.encode_data = HTTP_FILTER_STOP });
	say(c, GET);
	say(talk.hosts[0], "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	say(talk.hosts[0], piece);
	heard(c, "");
	script.encode_head = HTTP_FILTER_CONTINUE;
	say(talk.hosts[0], piece);
	http_stream_continue_encoding(script.filter);
	turns();
	heard(c, "HTTP/1.1 500 *Internal Server Error");
	counted("http.test.rs_too_large", 1);
	free(piece);
	stop(NULL);
}

static void a_filter_may_answer(void **state unused_arg)
{
	struct peer *c = start_with((struct script){ .answer = "teapot" });

	say(c, GET);
	saw("H1. h418 d6. x0 ");
	heard(c, "HTTP/1.1 418 Unknown\r\ncontent-length: 6\r\n*teapot");
	assert_int_equal(talk.n_hosts, 0);
	/* an answer that waits itself, while the request goes on coming */
	script.encode_head = script.encode_data = HTTP_FILTER_STOP;
	say(c, POST "3\r\nabc\r\n");
	saw("H1 h418 d6. ");
	heard(c, "");
	http_stream_continue_encoding(script.filter);
	turns();
	heard(c, "HTTP/1.1 418 *connection: close\r\n\r\nteapot");
	assert_int_equal(talk.n_hosts, 0);
	stop("GET /p 418 - test 0 6\nPOST /p 418 - test 3 6\n");
}

/* An answer of the host that begins before the request has ended does not cut the request. */
static void both_ways_at_once(void **state unused_arg)
{
	struct peer *c = start_with((struct script){ .answer = NULL });

	say(c, POST "3\r\nabc\r\n");
	heard(talk.hosts[0], "POST /p *\r\n3\r\nabc\r\n");
	say(talk.hosts[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
	heard(c, "HTTP/1.1 200 OK\r\n*\r\n2\r\nhi\r\n");
	say(c, "2\r\nde\r\n0\r\n\r\n");
	heard(talk.hosts[0], "2\r\nde\r\n0\r\n\r\n");
	say(talk.hosts[0], "0\r\n\r\n");
	heard(c, "0\r\n\r\n");
	assert_false(c->ended);
	assert_false(talk.hosts[0]->ended);
	stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_everything_on),
		cmocka_unit_test(a_head_waits_until_it_is_let_go),
		cmocka_unit_test(a_body_collects_until_its_end),
		cmocka_unit_test(trailers_may_let_go),
		cmocka_unit_test(too_much_is_not_held),
		cmocka_unit_test(a_filter_may_answer),
		cmocka_unit_test(both_ways_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
