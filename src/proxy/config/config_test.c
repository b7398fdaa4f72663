/* config_test.c - whole configurations: what they become, and the one line that refuses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "control/config_tree.h"
#include "proxy/config/snapshot.h"

#define HCM    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
#define ROUTER "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"

/* Pieces in flow style, so that a case fits a line; @hcm and @routes are what is under test. */
static char *with(const char *hcm, const char *routes, const char *listener, const char *rest)
{
	char *text = NULL;

	if (asprintf(&text,
		     "static_resources:\n"
		     "  listeners:\n"
		     "  - address: {socket_address: {address: 127.0.0.1, port_value: 8080}}\n"
		     "    %s\n"
		     "    filter_chains:\n"
		     "    - filters:\n"
		     "      - name: hcm\n"
		     "        typed_config:\n"
		     "          '@type': " HCM "HttpConnectionManager\n"
		     "          stat_prefix: web\n"
		     "          route_config: {virtual_hosts: [%s]}\n"
		     "          http_filters: [{name: envoy.filters.http.router}]\n"
		     "          %s\n"
		     "%s\n",
		     listener, routes, hcm, rest) < 0)
		abort();
	return text;
}

static struct snapshot *load(const char *text, struct config_error *error)
{
	struct snapshot_source source = { .overlay_yaml = text };

	return snapshot_load_or_null(&source, error);
}

static void fills_in_envoys_defaults(void **state unused_arg)
{
	char *text = with("",
			  "{name: v, domains: '*', routes: {match: {prefix: /}, route: "
			  "{cluster: c}}}",
			  "",
			  "  clusters: {name: 'c:1', alt_stat_name: 'c:1', load_assignment: "
			  "{cluster_name: x}}\n  # and c itself\n");
	struct config_error error;
	struct snapshot *s = load(text, &error);

	assert_null(s);
	assert_non_null(strstr(error.text, "there is no cluster \"c\""));
	free(text);
	text = with("",
		    "{name: v, domains: '*', routes: {match: {prefix: /}, route: {cluster: "
		    "'c:1'}}}",
		    "",
		    "  clusters: {name: 'c:1', load_assignment: {cluster_name: x, endpoints: "
		    "{lb_endpoints: {endpoint: {address: {socketAddress: {address: ::1, "
		    "portValue: '80'}}}}}}}\n");
	s = load(text, &error);
	assert_string_equal(error.text, "");
	const struct bootstrap_config *b = snapshot_bootstrap(s);
	const struct listener_config *l = &b->listeners[0];
	const struct hcm_config *h = l->filter_chains[0].filters[0].hcm;
	const struct route_config *r = &h->route_table->virtual_hosts[0].routes[0];
	const struct cluster_config *c = &b->clusters[0];
	struct address ip;

	assert_string_equal(l->name, "127.0.0.1:8080");
	assert_int_equal(l->per_connection_buffer_limit_bytes, 1 << 20);
	assert_int_equal(h->max_request_headers_kb, 60);
	assert_true(h->stream_idle_timeout_ns == 300ull * NS_PER_S);
	assert_true(h->common.idle_timeout_ns == 3600ull * NS_PER_S);
	assert_true(h->generate_request_id && h->http1.allow_absolute_url);
	assert_string_equal(h->server_name, "envoy");
	assert_string_equal(h->route_table->virtual_hosts[0].domains[0], "*");
	assert_int_equal(r->kind, ROUTE_FORWARD);
	assert_int_equal(r->forward.cluster_idx, 0);
	assert_true(r->forward.timeout_ns == 15ull * NS_PER_S);
	assert_true(r->forward.idle_timeout_ns == CONFIG_UNSET_NS);
	assert_true(r->match.case_sensitive);
	assert_string_equal(c->stat_name, "c_1");
	assert_int_equal(c->n_endpoints, 1);
	assert_int_equal(address_config_resolve(&c->endpoints[0].address, &ip), 0);
	assert_int_equal(ip.port, 80);
	assert_int_equal(c->breakers[ROUTE_PRIORITY_HIGH].max_requests, 1024);
	assert_true(c->dns_failure_refresh_rate_ns == 5ull * NS_PER_S);
	assert_int_equal(b->default_socket_interface, SOCKET_INTERFACE_KERNEL);
	assert_false(b->admin.enabled);
	snapshot_put(snapshot_get(s));
	snapshot_put(s);
	free(text);
}

static void chooses_socket_interfaces(void **state unused_arg)
{
	static const struct {
		const char *text;
		enum socket_interface_choice choice;
	} cases[] = {
		{ "{}", SOCKET_INTERFACE_KERNEL },
		{ "default_socket_interface: convoy", SOCKET_INTERFACE_CONVOY },
		{ "default_socket_interface: envoy.extensions.vcl.vcl_socket_interface",
		  SOCKET_INTERFACE_CONVOY },
		{ "bootstrap_extensions: [{name: envoy.extensions.vcl.vcl_socket_interface, "
		  "typed_config: {'@type': "
		  "type.googleapis.com/envoy.extensions.vcl.v3alpha.VclSocketInterface}}]\n"
		  "default_socket_interface: envoy.extensions.vcl.vcl_socket_interface",
		  SOCKET_INTERFACE_CONVOY },
		{ "default_socket_interface: "
		  "envoy.extensions.network.socket_interface.default_socket_interface",
		  SOCKET_INTERFACE_KERNEL },
	};
	struct config_error error;
	struct snapshot *s;

	for (unsigned i = 0; i < count_of(cases); i++) {
		s = load(cases[i].text, &error);
		assert_string_equal(error.text, "");
		assert_int_equal(snapshot_bootstrap(s)->default_socket_interface, cases[i].choice);
		snapshot_put(s);
	}
	s = load("bootstrap_extensions: {name: convoy, typed_config: {'@type': "
		 "a/convoy.extensions.v1.ConvoySocketInterface, control_socket: /x}}\n"
		 "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 1, "
		 "resolver_name: convoy}}}",
		 &error);
	assert_string_equal(error.text, "");
	assert_string_equal(snapshot_bootstrap(s)->convoy_interface.control_socket, "/x");
	assert_int_equal(snapshot_bootstrap(s)->admin.address.socket.socket_interface,
			 SOCKET_INTERFACE_CONVOY);
	snapshot_put(s);
}

static void expect_error(const char *text, const char *want)
{
	struct config_error error;
	struct snapshot *s = load(text, &error);

	assert_null(s);
	if (!strstr(error.text, want))
		fail_msg("wanted: %s\ngot:    %s", want, error.text);
	assert_null(strchr(error.text, '\n'));
}

static void refuses_bad_routes_and_managers(void **state unused_arg)
{
	static const struct {
		const char *hcm, *hosts, *listener, *error;
	} cases[] = {
		{ "", "{name: v, domains: [a.b, A.B]}", "",
		  ":11:61: domain \"a.b\" is given twice" },
		{ "", "{name: v, domains: [a]}, {name: w, domains: ['*', a]}", "",
		  "domain \"a\" is given twice" },
		{ "", "{name: v, domains: ['a*b']}", "", "\"a*b\": a wildcard stands at one end" },
		{ "", "{name: v, domains: ['*.x.*']}", "", "a wildcard stands at one end" },
		{ "", "{name: v, domains: ['']}", "", "a domain must not be empty" },
		{ "", "{name: v, domains: ['a b']}", "", "\"a b\" is not a domain" },
		{ "", "{name: v}", "", "\"domains\" is missing in VirtualHost" },
		{ "", "{domains: x}", "", "\"name\" is missing in VirtualHost" },
		{ "", "{name: v, domains: '*', routes: [{match: {prefix: /}}]}", "",
		  "\"route\" or \"direct_response\" is missing (at static_resources.listeners[0]."
		  "filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0]"
		  ")" },
		{ "", "{name: v, domains: '*', routes: [{route: {cluster: a}}]}", "",
		  "\"match\" is missing in Route" },
		{ "", "{name: v, domains: '*', routes: [{match: {}, route: {cluster: a}}]}", "",
		  "\"prefix\" or \"path\" is missing" },
		{ "", "{name: v, domains: '*', routes: [{match: {prefix: /}, route: {}}]}", "",
		  "\"cluster\" is missing" },
		{ "",
		  "{name: v, domains: '*', routes: [{match: {prefix: a, path: b}, route: "
		  "{cluster: a}}]}",
		  "", "\"prefix\" excludes \"path\"" },
		{ "",
		  "{name: v, domains: '*', routes: [{match: {prefix: /}, direct_response: "
		  "{status: 99}}]}",
		  "", "99 is not between 200 and 599" },
		{ "",
		  "{name: v, domains: '*', routes: [{match: {prefix: /}, direct_response: "
		  "{status: 200, body: {filename: /nowhere}}}]}",
		  "", "cannot open \"/nowhere\": No such file or directory" },
		{ "codec_type: http2", "", "", "HTTP/2: not supported yet" },
		{ "access_log: {name: a, typed_config: {'@type': "
		  "a/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: "
		  "{text_format_source: {inline_string: '%NONSENSE%'}}}}",
		  "", "", "access log format: " },
		{ "access_log: {name: a, filter: {}, typed_config: {'@type': a/x.Y}}", "", "",
		  "access log filters: not supported yet" },
		{ "drain_timeout: 5", "", "", "a duration like \"0.25s\" expected, not \"5\"" },
		{ "add_user_agent: true", "", "", "add_user_agent: not supported yet" },
		{ "early_header_mutation_extensions: [{}]", "", "",
		  "early_header_mutation_extensions: not supported yet" },
		{ "nonsense: 1", "", "",
		  ":13:11: unknown field \"nonsense\" in HttpConnectionManager" },
		{ "", "", "enable_reuse_port: false",
		  ":4:5: listeners without SO_REUSEPORT: not supported yet" },
		{ "", "", "tls_context: {}", "of the v2 API; v3 calls it \"transport_socket\"" },
	};

	for (unsigned i = 0; i < count_of(cases); i++) {
		char *text = with(cases[i].hcm, cases[i].hosts, cases[i].listener, "");

		expect_error(text, cases[i].error);
		free(text);
	}
}

static void refuses_bad_clusters_and_addresses(void **state unused_arg)
{
#define CLUSTER "static_resources: {clusters: ["
#define AT(address)                                                                                \
	"load_assignment: {cluster_name: a, endpoints: {lb_endpoints: {endpoint: "                 \
	"{address: " address "}}}}"
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ CLUSTER "{name: a}, {name: a}]}",
		  ":1:49: cluster \"a\" is given twice, first in line 1" },
		{ CLUSTER "{name: a, " AT("{socket_address: {address: web, port_value: 1}}") "}]}",
		  "\"web\" is not an IP address, as a STATIC cluster needs" },
		{ CLUSTER
		  "{name: a, " AT("{socket_address: {address: 1.2.3.4, port_value: 0}}") "}]}",
		  "an endpoint needs a port other than 0" },
		{ CLUSTER "{name: a, " AT("{socket_address: {address: 1.2.3.4}}") "}]}",
		  "\"port_value\" is missing in SocketAddress" },
		{ CLUSTER "{name: a, " AT("{}") "}]}",
		  "\"socket_address\" or \"pipe\" is missing" },
		{ CLUSTER "{name: a, type: strict_dns, " AT("{pipe: {path: /x}}") "}]}",
		  "a STRICT_DNS cluster needs socket addresses" },
		{ CLUSTER "{name: a, type: LOGICAL_DNS}]}",
		  "LOGICAL_DNS clusters: not supported yet" },
		{ CLUSTER "{name: a, common_http_protocol_options: {max_stream_duration: 1s}}]}",
		  "max_stream_duration of upstreams: not supported yet" },
		{ CLUSTER "{name: a, lb_policy: MAGLEV}]}",
		  "load balancing other than ROUND_ROBIN: not supported yet" },
		{ CLUSTER "{name: a, hosts: []}, {name: b, hosts: [{}]}]}",
		  "\"hosts\" is of the v2 API; v3 calls it \"load_assignment\"" },
		{ CLUSTER "{name: a, typed_extension_protocol_options: {x: {'@type': "
			  "a/envoy.extensions.upstreams.http.v3.HttpProtocolOptions}}}]}",
		  "\"explicit_http_config\" with its protocol is missing" },
		{ "admin: {address: {socket_address: {address: localhost, port_value: 1}}}",
		  "\"localhost\" is not an IP address" },
		{ "static_resources: {listeners: [{name: l, address: {socket_address: {address: "
		  "1.1.1.1, port_value: 1}}}]}",
		  "\"filter_chains\" is missing in Listener" },
		{ "default_socket_interface: dpdk", "no socket interface \"dpdk\"" },
		{ "typed_dns_resolver_config: {typed_config: {'@type': "
		  "a/"
		  "envoy.extensions.network.dns_resolver.getaddrinfo.v3."
		  "GetAddrInfoDnsResolverConfig}}",
		  "DNS resolver \"getaddrinfo\"" },
		{ "static_resources: []\nadmin: 7", "a map of fields expected (Admin)" },
		{ "[1]", "a map of fields expected (Bootstrap), not a list" },
	};

	for (unsigned i = 0; i < count_of(cases); i++)
		expect_error(cases[i].text, cases[i].error);
}

static void refuses_two_listeners_at_one_address(void **state unused_arg)
{
	char *text =
		with("", "", "name: x",
		     "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 8080}}}");

	expect_error(text, ":14:18: address \"127.0.0.1:8080\" is given twice, first in line 3 (at "
			   "admin.address)");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_envoys_defaults),
		cmocka_unit_test(chooses_socket_interfaces),
		cmocka_unit_test(refuses_bad_routes_and_managers),
		cmocka_unit_test(refuses_bad_clusters_and_addresses),
		cmocka_unit_test(refuses_two_listeners_at_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
