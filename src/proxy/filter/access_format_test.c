/* access_format_test.c - the access log's format language, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "proxy/filter/access_format.h"

static void fill(struct http_stream *s, struct arena *arena)
{
	static const struct virtual_host_config host = { .name = "all" };
	static const struct route_config route = { .name = "first" };
	static struct address peer, local;

	memset(s, 0, sizeof(*s));
	arena_init(arena, 1024, SIZE_MAX);
	http_head_init(&s->request, arena);
	http_head_init(&s->response, arena);
	header_map_init(&s->response_trailers, arena);
	s->request.method = slice_of_text("GET");
	s->request.path = slice_of_text("/p?q");
	s->request.authority = slice_of_text("a.b:80");
	assert_int_equal(
		header_map_add(&s->request.headers, HEADER_USER_AGENT, slice_of_text("test/1")), 0);
	assert_int_equal(header_map_add(&s->response.headers, HEADER_CONTENT_TYPE,
					slice_of_text("text/plain")),
			 0);
	assert_int_equal(address_parse(&peer, "10.1.2.3:4567"), 0);
	assert_int_equal(address_parse(&local, "10.0.0.1:80"), 0);
	assert_int_equal(address_parse(&s->info.upstream_host, "10.0.0.2:81"), 0);
	s->peer = s->client = &peer;
	s->local = &local;
	s->host = &host;
	s->route = &route;
	s->connection_id = 7;
	s->info.start_ns = 1000;
	s->info.start_wall_ns = 1700000000ull * NS_PER_S + 42 * NS_PER_MS;
	s->info.request_end_ns = s->info.start_ns + 2 * NS_PER_MS;
	s->info.upstream_first_rx_ns = s->info.start_ns + 5 * NS_PER_MS;
	s->info.end_ns = s->info.start_ns + 9 * NS_PER_MS;
	s->info.bytes_received = 1;
	s->info.bytes_sent = 1234567890123ull;
	s->info.status = 200;
	s->info.details = "via_upstream";
	s->info.cluster = "web";
	s->info.transport_failure = "";
	s->info.n_attempts = 1;
	stream_info_flag(&s->info, FLAG_UPSTREAM_TIMEOUT);
	stream_info_flag(&s->info, FLAG_NO_ROUTE);
}

static void prints_operators(void **state unused_arg)
{
	static const struct {
		const char *format, *line;
	} cases[] = {
		{ "plain", "plain" },
		{ "100%%", "100%" },
		{ "%START_TIME%", "2023-11-14T22:13:20.042Z" },
		{ "%START_TIME(%d/%b/%Y %H:%M)%|", "14/Nov/2023 22:13|" },
		{ "%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)%", "GET /p?q a.b:80" },
		{ "%REQ(User-Agent)% %REQ(USER-AGENT):4%", "test/1 test" },
		{ "%REQ(X-NONE)% %REQ(X-NONE?:PATH)% %REQ(X-NONE?X-OTHER)%", "- /p?q -" },
		{ "%RESP(content-type)% %RESP(:status)% %TRAILER(x)%", "text/plain 200 -" },
		{ "%PROTOCOL% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%",
		  "HTTP/1.1 200 via_upstream" },
		{ "%RESPONSE_FLAGS%", "NR,UT" },
		{ "%BYTES_RECEIVED% %BYTES_SENT%", "1 1234567890123" },
		{ "%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%",
		  "9 2 5 4" },
		{ "%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS%",
		  "10.0.0.2:81 web -" },
		{ "%UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_REQUEST_ATTEMPT_COUNT%", "- 1" },
		{ "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
		  "10.1.2.3:4567 10.1.2.3" },
		{ "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%", "10.0.0.1:80 80" },
		{ "%ROUTE_NAME% %VIRTUAL_HOST_NAME% %CONNECTION_ID%", "first all 7" },
		{ NULL, "[2023-11-14T22:13:20.042Z] \"GET /p?q HTTP/1.1\" 200 NR,UT 1 "
			"1234567890123 9 - \"-\" \"test/1\" \"-\" \"a.b:80\" \"10.0.0.2:81\"\n" },
	};
	struct http_stream s;
	struct arena arena;

	fill(&s, &arena);
	for (size_t i = 0; i < count_of(cases); i++) {
		char error[128], line[512];
		struct access_format *f =
			access_format_new_or_null(cases[i].format, error, sizeof(error));

		if (!f)
			fail_msg("%s: %s", cases[i].format, error);
		line[access_format_print(f, &s, line, sizeof(line) - 1)] = '\0';
		assert_string_equal(line, cases[i].line);
		/* a line that does not fit is cut */
		assert_int_equal(access_format_print(f, &s, line, 3), 3);
		access_format_free(f);
	}
	arena_deinit(&arena);
}

static void refuses_what_it_does_not_know(void **state unused_arg)
{
	static const struct {
		const char *format, *error;
	} cases[] = {
		{ "%NOPE%", "unknown operator: %NOPE%" },
		{ "%nope", "operator without an end: %nope%" },
		{ "%REQ%", "header name is missing: %REQ%" },
		{ "%REQ()%", "header name is missing: %REQ()%" },
		{ "%PROTOCOL(x)%", "unexpected argument: %PROTOCOL(x)%" },
		{ "%REQ(a):x%", "malformed length: %REQ(a):x%" },
		{ "%REQ(a):%", "malformed length: %REQ(a):%" },
		{ "%START_TIME(%Y%", "operator without an end: %START_TIME(%Y%%" },
	};

	for (size_t i = 0; i < count_of(cases); i++) {
		char error[128];

		assert_null(access_format_new_or_null(cases[i].format, error, sizeof(error)));
		assert_string_equal(error, cases[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_operators),
		cmocka_unit_test(refuses_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
