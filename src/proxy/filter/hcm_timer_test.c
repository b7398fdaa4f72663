/* hcm_timer_test.c - what ends by the clock: requests, responses, and connections on both sides. */
#include "proxy/filter/hcm_talk.h"

static void keeps_its_deadlines(void **state unused_arg)
{
	struct peer *c;

	start("          request_headers_timeout: 2s\n          stream_idle_timeout: 30s\n"
	      "          common_http_protocol_options: { idle_timeout: 100s }\n",
	      "");
	c = connect_client();
	say(c, "GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
	pass_ms(490);
	heard(c, "");
	pass_ms(20);
	heard(c, "HTTP/1.1 504 *upstream request timeout");
	assert_true(talk.hosts[0]->ended);
	counted("cluster.web.upstream_rq_timeout", 1);
	say(c, GET);
	pass_ms(14900);
	heard(c, "");
	pass_ms(200);
	heard(c, "HTTP/1.1 504 *upstream request timeout");
	/* a head that does not come to its end */
	say(c, "GET /p HTTP/1.1\r\n");
	pass_ms(1900);
	heard(c, "");
	pass_ms(200);
	heard(c, "HTTP/1.1 408 *request timeout");
	/* a body that stops */
	c = connect_client();
	say(c, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
	pass_ms(29000);
	say(c, "x");
	pass_ms(29500);
	heard(c, "");
	pass_ms(1000);
	heard(c, "HTTP/1.1 408 *stream timeout");
	/* nothing to do */
	c = connect_client();
	say(c, "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n");
	heard(c, "HTTP/1.1 203 *");
	pass_ms(99500);
	assert_false(c->ended);
	pass_ms(1000);
	assert_true(c->ended);
	counted("http.test.downstream_cx_idle_timeout", 1);
	counted("http.test.downstream_rq_header_timeout", 1);
	counted("http.test.downstream_rq_idle_timeout", 1);
	stop("GET /short 504 UT response_timeout 0 24\nGET /p 504 UT response_timeout 0 24\n"
	     "GET /p 408 - request_header_timeout 0 15\n"
	     "POST /p 408 SI stream_idle_timeout 1 14\n"
	     "GET /direct 203 - direct_response 0 5\n");
}

static void connections_end_by_count_and_age(void **state unused_arg)
{
	struct peer *c;

	start("          common_http_protocol_options: { max_requests_per_connection: 2, "
	      "max_connection_duration: 60s, max_stream_duration: 10s }\n",
	      "");
	c = connect_client();
	say(c, GET);
	say(talk.hosts[0], OK);
	heard(c, OK_DOWN);
	say(c, GET);
	say(talk.hosts[0], OK);
	heard(c, "*connection: close\r\n\r\nhi");
	assert_true(c->ended);
	c = connect_client();
	pass_ms(59000);
	assert_false(c->ended);
	pass_ms(2000);
	assert_true(c->ended);
	c = connect_client();
	say(c, GET);
	pass_ms(11000);
	heard(c, "HTTP/1.1 504 *");
	counted("http.test.downstream_cx_max_requests_reached", 1);
	counted("http.test.downstream_cx_max_duration_reached", 1);
	counted("http.test.downstream_rq_max_duration_reached", 1);
	stop("GET /p 200 - via_upstream 0 2\nGET /p 200 - via_upstream 0 2\n"
	     "GET /p 504 DT max_duration_timeout 0 15\n");
}

/* A host may ask for its connections to be used a few times only, and idle ones are let go. */
static void kept_connections_end_too(void **state unused_arg)
{
	struct peer *c;

	start("", "    typed_extension_protocol_options:\n"
		  "      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
		  "        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
		  "HttpProtocolOptions\n"
		  "        explicit_http_config: { http_protocol_options: {} }\n"
		  "        common_http_protocol_options: { idle_timeout: 20s, "
		  "max_requests_per_connection: 2 }\n");
	c = connect_client();
	say(c, GET);
	say(talk.hosts[0], OK);
	pass_ms(19000);
	say(c, GET);
	say(talk.hosts[0], OK);
	assert_true(talk.hosts[0]->ended);
	say(c, GET);
	say(talk.hosts[1], OK);
	pass_ms(19000);
	assert_false(talk.hosts[1]->ended);
	pass_ms(2000);
	assert_true(talk.hosts[1]->ended);
	counted("cluster.web.upstream_cx_max_requests", 1);
	counted("cluster.web.upstream_cx_idle_timeout", 1);
	counted("cluster.web.upstream_cx_active", 0);
	stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_deadlines),
		cmocka_unit_test(connections_end_by_count_and_age),
		cmocka_unit_test(kept_connections_end_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
