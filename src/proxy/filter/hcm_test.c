/* hcm_test.c - conversations through the whole proxy: a client, the connection manager, a host. */
#include "proxy/filter/hcm_talk.h"

#include <stdio.h>
#include <stdlib.h>

static void forwards_and_keeps_connections(void **state unused_arg)
{
	struct peer *c;

	start("", "");
	c = connect_client();
	for (int i = 0; i < 3; i++) {
		say(c, GET);
		assert_int_equal(talk.n_hosts, 1);
		heard(talk.hosts[0], UP);
		say(talk.hosts[0], OK);
		heard(c, OK_DOWN);
	}
	counted("cluster.web.upstream_cx_total", 1);
	counted("cluster.web.upstream_rq_total", 3);
	counted("cluster.web.upstream_rq_active", 0);
	counted("cluster.web.upstream_rq_2xx", 3);
	counted("cluster.web.upstream_rq_200", 3);
	counted("http.test.downstream_rq_2xx", 3);
	counted("http.test.downstream_rq_active", 0);
	counted("http.test.downstream_cx_active", 1);
	stop("GET /p 200 - via_upstream 0 2\nGET /p 200 - via_upstream 0 2\n"
	     "GET /p 200 - via_upstream 0 2\n");
}

static void answers_by_itself(void **state unused_arg)
{
	struct peer *c;

	start("", "");
	c = connect_client();
	say(c, "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n");
	heard(c, "HTTP/1.1 203 Non-Authoritative Information\r\ncontent-length: 5\r\n"
		 "content-type: text/plain\r\nserver: envoy\r\ndate: *GMT\r\n\r\nhello");
	say(c, "HEAD /direct HTTP/1.1\r\nHost: a\r\n\r\n");
	heard(c, "HTTP/1.1 203 *\r\ncontent-length: 5\r\n*GMT\r\n\r\n");
	say(c, "GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
	heard(c, "HTTP/1.1 404 Not Found\r\nserver: envoy\r\ndate: *GMT\r\ncontent-length: 0\r\n"
		 "\r\n");
	say(c, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
	heard(c, "HTTP/1.1 503 *\r\n\r\nno healthy upstream");
	say(c, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	heard(c, "HTTP/1.1 503 *\r\n\r\nupstream connect error or disconnect/reset before headers. "
		 "reset reason: remote connection failure");
	counted("http.test.no_route", 1);
	counted("http.test.rq_direct_response", 2);
	counted("cluster.empty.upstream_cx_none_healthy", 1);
	counted("cluster.dead.upstream_cx_connect_fail", 1);
	stop("GET /direct 203 - direct_response 0 5\nHEAD /direct 203 - direct_response 0 0\n"
	     "GET /other 404 NR route_not_found 0 0\n"
	     "GET /empty 503 UH no_healthy_upstream 0 19\n"
	     "GET /none 503 UF upstream_reset_before_response_started{remote_connection_failure} "
	     "0 98\n");
}

static void refuses_what_envoy_refuses(void **state unused_arg)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
		{ "GET /p HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 426 *connection: close\r\n\r\n" },
		{ "GET /p HTTP/1.1\r\n\r\n", "HTTP/1.1 400 *" },
		{ "GET /p#x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 *" },
		{ "GET /p HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
		  "HTTP/1.1 403 *" },
		{ "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 403 *" },
		{ "GET /p HTTP/1.1\r\nHost : a\r\n\r\n",
		  "HTTP/1.1 400 Bad Request\r\ncontent-length: 11\r\ncontent-type: text/plain\r\n"
		  "server: envoy\r\ndate: *\r\nconnection: close\r\n\r\nBad Request" },
		{ "\nGET", "HTTP/1.1 400 *connection: close\r\n\r\nBad Request" },
	};

	start("", "");
	for (size_t i = 0; i < count_of(cases); i++) {
		struct peer *c = connect_client();

		say(c, cases[i].request);
		heard(c, cases[i].status);
	}
	assert_int_equal(talk.n_hosts, 0);
	counted("http.test.downstream_cx_protocol_error", 2);
	assert_true(talk.clients[5]->ended);
	stop("GET /p 426 - low_version 0 0\nGET /p 400 - missing_host_header 0 0\n"
	     "GET /p#x 400 - path_normalization_failed 0 0\nGET /p 403 - upgrade_failed 0 0\n"
	     "CONNECT - 403 - upgrade_failed 0 0\n"
	     "GET /p 400 DPE http1.codec_error 0 11\n- - 400 DPE http1.codec_error 0 11\n");
}

static void carries_bodies_both_ways(void **state unused_arg)
{
	struct peer *c;

	start("          http_protocol_options: { enable_trailers: true }\n",
	      "    typed_extension_protocol_options:\n"
	      "      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
	      "        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3."
	      "HttpProtocolOptions\n"
	      "        explicit_http_config: { http_protocol_options: { enable_trailers: true } "
	      "}\n");
	c = connect_client();
	say(c, "POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	heard(c, "HTTP/1.1 100 Continue\r\n\r\n");
	say(c, "he");
	heard(talk.hosts[0], "POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n*\r\n\r\nhe");
	say(c, "llo");
	heard(talk.hosts[0], "llo");
	say(talk.hosts[0],
	    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
	    "\r\n\r\n3\r\nabc\r\n");
	heard(c, "HTTP/1.1 200 OK\r\n*transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
	say(talk.hosts[0], "0\r\nX-T: 1\r\n\r\n");
	heard(c, "0\r\nx-t: 1\r\n\r\n");
	say(c, "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
	heard(talk.hosts[0], "*transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
	say(c, "0\r\nX-U: 2\r\n\r\n");
	heard(talk.hosts[0], "0\r\nx-u: 2\r\n\r\n");
	say(talk.hosts[0], "HTTP/1.1 200 OK\r\n\r\nuntil the end");
	hang_up(talk.hosts[0], CONNECTION_FLUSH);
	heard(c, "HTTP/1.1 200 OK\r\n*chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n");
	assert_false(c->ended);
	stop("POST /p 200 - via_upstream 5 3\nPOST /p 200 - via_upstream 2 13\n");
}

static void answers_pipelined_requests_in_order(void **state unused_arg)
{
	struct peer *c;

	start("", "");
	c = connect_client();
	say(c, GET GET "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n");
	heard(talk.hosts[0], UP);
	say(talk.hosts[0], OK);
	heard(talk.hosts[0], UP);
	heard(c, OK_DOWN);
	say(talk.hosts[0], OK);
	heard(c, OK_DOWN "HTTP/1.1 203 *hello");
	assert_int_equal(talk.n_hosts, 1);
	stop(NULL);
}

/* Many at once are answered a few per turn, and not one is lost. */
static void many_pipelined_requests_take_turns(void **state unused_arg)
{
	static const char one[] = "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n";
	enum { N = 300 };
	char *all = calloc(N + 1, sizeof(one));
	struct peer *c;
	unsigned n = 0;

	assert_non_null(all);
	for (unsigned i = 0; i < N; i++)
		memcpy(all + i * (sizeof(one) - 1), one, sizeof(one));
	start("", "");
	c = connect_client();
	say(c, all);
	for (const char *at = c->heard; (at = strstr(at, "HTTP/1.1 203 ")); at++)
		n++;
	assert_int_equal(n, N);
	counted("http.test.downstream_rq_total", N);
	say(c, one);
	free(all);
	stop(NULL);
}

static void closes_when_asked(void **state unused_arg)
{
	struct peer *c;

	start("          http_protocol_options: { accept_http_10: true }\n", "");
	c = connect_client();
	say(c, "GET /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	heard(talk.hosts[0], UP);
	say(talk.hosts[0], OK);
	heard(c, "HTTP/1.1 200 OK\r\n*\r\nconnection: close\r\n\r\nhi");
	assert_true(c->ended);
	/* 1.0: no chunks, and the end of the connection ends the body */
	c = connect_client();
	say(c, "GET /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
	say(talk.hosts[0], OK);
	heard(c, "HTTP/1.1 200 OK\r\n*connection: keep-alive\r\n\r\nhi");
	say(c, "GET /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
	say(talk.hosts[0],
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
	heard(c, "HTTP/1.1 200 OK\r\n*connection: close\r\n\r\nhi");
	assert_true(c->ended);
	/* a host that closes after its answer */
	c = connect_client();
	say(c, GET);
	say(talk.hosts[0], "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
	assert_true(talk.hosts[0]->ended);
	heard(c, OK_DOWN);
	say(c, GET);
	assert_int_equal(talk.n_hosts, 2);
	say(talk.hosts[1], OK);
	heard(c, OK_DOWN);
	stop(NULL);
}

static void a_host_that_closes_early(void **state unused_arg)
{
	struct peer *c;

	start("", "");
	c = connect_client();
	say(c, GET);
	hang_up(talk.hosts[0], CONNECTION_FLUSH); /* a fresh connection: not sent again */
	heard(c, "HTTP/1.1 503 *\r\n\r\nupstream connect error or disconnect/reset before headers. "
		 "reset reason: connection termination");
	say(c, GET);
	say(talk.hosts[1], "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
	hang_up(talk.hosts[1], CONNECTION_FLUSH); /* in the middle of its answer */
	heard(c, "HTTP/1.1 200 OK\r\n*hi");
	assert_true(c->ended);
	c = connect_client();
	say(c, GET);
	say(talk.hosts[2], "FTP/1.1 200 OK\r\n\r\n");
	heard(c, "HTTP/1.1 502 *protocol error");
	assert_true(talk.hosts[2]->ended);
	counted("cluster.web.upstream_cx_protocol_error", 1);
	counted("cluster.web.upstream_rq_rx_reset", 3);
	counted("cluster.web.upstream_cx_active", 0);
	stop("GET /p 503 UC upstream_reset_before_response_started{connection_termination} 0 95\n"
	     "GET /p 200 UC upstream_reset_after_response_started{connection_termination} 0 2\n"
	     "GET /p 502 UPE upstream_reset_before_response_started{protocol_error} 0 87\n");
}

/* The host closes a kept connection just when a request is on its way to it. */
static void repeats_only_what_is_safe(void **state unused_arg)
{
	struct peer *c;

	start("", "");
	c = connect_client();
	say(c, GET);
	say(talk.hosts[0], OK);
	heard(c, OK_DOWN);
	say(c, GET);
	hang_up(talk.hosts[0], CONNECTION_FLUSH);
	assert_int_equal(talk.n_hosts, 2);
	heard(talk.hosts[1], UP);
	say(talk.hosts[1], OK);
	heard(c, OK_DOWN);
	counted("cluster.web.upstream_rq_retry", 1);
	counted("cluster.web.upstream_rq_retry_success", 1);
	say(c, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
	hang_up(talk.hosts[1], CONNECTION_FLUSH);
	heard(c, "HTTP/1.1 503 *connection termination");
	assert_int_equal(talk.n_hosts, 2);
	stop(NULL);
}

static void a_client_that_leaves(void **state unused_arg)
{
	struct peer *c;

	start("", "");
	c = connect_client();
	say(c, GET);
	hang_up(c, CONNECTION_FLUSH);
	assert_true(talk.hosts[0]->ended);
	c = connect_client();
	say(c, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhal");
	hang_up(c, CONNECTION_ABORT);
	assert_true(talk.hosts[1]->ended);
	counted("http.test.downstream_cx_destroy_remote_active_rq", 2);
	counted("cluster.web.upstream_rq_active", 0);
	counted("cluster.web.upstream_rq_tx_reset", 2);
	stop("GET /p 0 DC downstream_remote_disconnect 0 0\n"
	     "POST /p 0 DC downstream_remote_disconnect 3 0\n");
}

static void limits_hold(void **state unused_arg)
{
	struct peer *a, *b, *c;

	start("", "    circuit_breakers: { thresholds: [ { max_connections: 1, "
		  "max_pending_requests: 1 } ] }\n");
	a = connect_client();
	b = connect_client();
	c = connect_client();
	say(a, GET);
	say(b, GET); /* waits for the one connection */
	say(c, GET); /* one too many */
	heard(c, "HTTP/1.1 503 *\r\nx-envoy-overloaded: true\r\n*reset reason: overflow");
	assert_int_equal(talk.n_hosts, 1);
	counted("cluster.web.upstream_rq_pending_active", 1);
	counted("cluster.web.circuit_breakers.default.rq_pending_open", 1);
	counted("cluster.web.circuit_breakers.default.cx_open", 1);
	counted("cluster.web.circuit_breakers.high.cx_open", 0);
	counted("cluster.web.upstream_rq_pending_overflow", 1);
	heard(talk.hosts[0], UP);
	say(talk.hosts[0], OK);
	heard(a, OK_DOWN);
	heard(talk.hosts[0], UP);
	say(talk.hosts[0], "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
	heard(b, OK_DOWN);
	say(c, GET);
	assert_int_equal(talk.n_hosts, 2);
	say(talk.hosts[1], OK);
	heard(c, OK_DOWN);
	counted("cluster.web.circuit_breakers.default.rq_pending_open", 0);
	stop(NULL);
}

/* A slow reader on either side stops the other; nothing is lost when it goes on. */
static void watermarks_run_end_to_end(void **state unused_arg)
{
	enum { BODY = 600 * 1000 };
	char *body = malloc(BODY + 1), head[200];
	struct peer *c;
	size_t written = 0;

	assert_non_null(body);
	for (size_t i = 0; i < BODY; i++)
		body[i] = (char)('a' + i % 23);
	body[BODY] = '\0';
	start("", "    per_connection_buffer_limit_bytes: 65536\n");
	c = connect_client();
	say(c, GET);
	connection_read_disable(c->c, true);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
	say(talk.hosts[0], head);
	say(talk.hosts[0], body);
	counted("cluster.web.upstream_flow_control_paused_reading_total", 1);
	connection_read_disable(c->c, false);
	turns();
	for (int i = 0; i < 20; i++)
		turns();
	assert_memory_equal(c->heard + c->n_heard - BODY, body, BODY);
	heard(c, "*");
	/* the other way */
	snprintf(head, sizeof(head), "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
		 BODY);
	heard(talk.hosts[0], "*");
	connection_read_disable(talk.hosts[0]->c, true);
	say(c, head);
	say(c, body);
	assert_true(stats_value(talk.stats,
				"http.test.downstream_flow_control_paused_reading_total",
				&written) &&
		    written >= 1);
	connection_read_disable(talk.hosts[0]->c, false);
	for (int i = 0; i < 20; i++)
		turns();
	assert_memory_equal(talk.hosts[0]->heard + talk.hosts[0]->n_heard - BODY, body, BODY);
	say(talk.hosts[0], OK);
	heard(c, OK_DOWN);
	free(body);
	stop(NULL);
}

static void believes_only_whom_it_should(void **state unused_arg)
{
	struct peer *c;

	start("          use_remote_address: true\n          via: proxy\n", "");
	c = connect_client();
	say(c, "GET /p HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: "
	       "https\r\nX-Envoy-Force-Trace: 1\r\nX-Envoy-Internal: true\r\n"
	       "X-Forwarded-Client-Cert: x\r\n\r\n");
	heard(talk.hosts[0], "GET /p HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 8.8.8.8,*\r\n"
			     "x-forwarded-proto: http\r\nx-envoy-external-address: *\r\n"
			     "via: proxy\r\nx-envoy-expected-rq-timeout-ms: 15000\r\n\r\n");
	say(talk.hosts[0], OK);
	heard(c, "*via: proxy\r\n\r\nhi");
	stop(NULL);
}

static void drains(void **state unused_arg)
{
	struct peer *idle, *busy;

	start("", "");
	idle = connect_client();
	busy = connect_client();
	say(busy, GET);
	listener_drain(talk.proxy_listener);
	turns();
	assert_true(idle->ended);
	assert_false(busy->ended);
	say(talk.hosts[0], OK);
	heard(busy, "HTTP/1.1 200 OK\r\n*connection: close\r\n\r\nhi");
	assert_true(busy->ended);
	stop(NULL);
}

/* An answer before the whole request was read: the rest of it is not taken for a request. */
static void early_answers_end_the_connection(void **state unused_arg)
{
	struct peer *c;

	start("", "");
	c = connect_client();
	say(c, "POST /direct HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /p");
	heard(c, "HTTP/1.1 203 *connection: close\r\n\r\nhello");
	assert_int_equal(talk.n_hosts, 0);
	c = connect_client();
	say(c, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /p");
	say(talk.hosts[0], OK);
	heard(c, "HTTP/1.1 200 OK\r\n*hi");
	assert_true(talk.hosts[0]->ended);
	stop(NULL);
}

/* A request that waits for a connection when its host leaves the cluster still gets one. */
static void waiting_requests_outlive_their_host(void **state unused_arg)
{
	struct peer *a, *b;
	struct host_spec none[1];

	start("", "    circuit_breakers: { thresholds: [ { max_connections: 1 } ] }\n");
	a = connect_client();
	b = connect_client();
	say(a, GET);
	say(b, GET);
	assert_int_equal(talk.n_hosts, 1);
	assert_int_equal(clusters_set_hosts(talk.dispatcher, 0, none, 0), 0);
	turns();
	say(talk.hosts[0], OK);
	heard(a, OK_DOWN);
	assert_false(talk.hosts[0]->ended);
	say(talk.hosts[0], OK);
	heard(b, OK_DOWN);
	assert_true(talk.hosts[0]->ended);
	stop(NULL);
}

static void large_heads_pass(void **state unused_arg)
{
	char *request = malloc(60000), *wanted = malloc(60000);
	struct peer *c;

	assert_true(request && wanted);
	memset(wanted, 0, 60000);
	memset(wanted, 'x', 50000);
	snprintf(request, 60000, "GET /p HTTP/1.1\r\nHost: a\r\nX-Large: %s\r\n\r\n", wanted);
	start("", "");
	c = connect_client();
	say(c, request);
	snprintf(request, 60000, "GET /p *x-large: %s\r\n*", wanted);
	heard(talk.hosts[0], request);
	snprintf(request, 60000, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Large: %s\r\n\r\nhi",
		 wanted);
	say(talk.hosts[0], request);
	snprintf(request, 60000, "HTTP/1.1 200 *x-large: %s\r\n*hi", wanted);
	heard(c, request);
	free(request);
	free(wanted);
	stop(NULL);
}

static void hosts_come_and_go(void **state unused_arg)
{
	const struct endpoint_config *e;
	struct host_spec none[1];
	struct peer *c;

	start("", "");
	c = connect_client();
	say(c, GET);
	e = &snapshot_bootstrap(talk.snapshot)->clusters[0].endpoints[0];
	assert_int_equal(clusters_set_hosts(talk.dispatcher, 0, none, 0), 0);
	turns();
	say(talk.hosts[0], OK); /* what is under way ends well */
	heard(c, OK_DOWN);
	assert_true(talk.hosts[0]->ended);
	say(c, GET);
	heard(c, "HTTP/1.1 503 *no healthy upstream");
	none[0].endpoint = e;
	assert_int_equal(address_parse(&none[0].address, "10.0.0.2:81"), 0);
	assert_int_equal(clusters_set_hosts(talk.dispatcher, 0, none, 1), 0);
	say(c, GET);
	say(talk.hosts[1], OK);
	heard(c, OK_DOWN);
	counted("cluster.web.membership_change", 3);
	stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forwards_and_keeps_connections),
		cmocka_unit_test(answers_by_itself),
		cmocka_unit_test(refuses_what_envoy_refuses),
		cmocka_unit_test(carries_bodies_both_ways),
		cmocka_unit_test(answers_pipelined_requests_in_order),
		cmocka_unit_test(many_pipelined_requests_take_turns),
		cmocka_unit_test(closes_when_asked),
		cmocka_unit_test(a_host_that_closes_early),
		cmocka_unit_test(repeats_only_what_is_safe),
		cmocka_unit_test(a_client_that_leaves),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(watermarks_run_end_to_end),
		cmocka_unit_test(believes_only_whom_it_should),
		cmocka_unit_test(drains),
		cmocka_unit_test(early_answers_end_the_connection),
		cmocka_unit_test(hosts_come_and_go),
		cmocka_unit_test(waiting_requests_outlive_their_host),
		cmocka_unit_test(large_heads_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
