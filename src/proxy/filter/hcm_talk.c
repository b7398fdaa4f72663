/* hcm_talk.c - the proxy, the client and the host of hcm_talk.h. */
#include "proxy/filter/hcm_talk.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "control/config_tree.h"
#include "proxy/filter/access_log.h"
#include "proxy/net/memory_sockets.h"

enum { TURNS = 40 };

struct talk talk;

static uint64_t time_ns;
static struct socket_registry sockets;
static struct socket_interface *memory;
static struct access_logs *logs;
static struct clusters *clusters;
static struct listener *host_listener;
static struct filter_chain proxy_chain, host_chain;
static const struct network_filter_factory *proxy_filters[1], *host_filters[1];
static struct listener_spec proxy_spec, host_spec_of_listener;
static char log_path[64];

static uint64_t now(void *context unused_arg)
{
	return time_ns;
}

static const struct clock test_clock = { now, NULL };

void turns(void)
{
	for (int i = 0; i < TURNS; i++)
		dispatcher_run_once(talk.dispatcher);
}

void pass_ms(uint64_t ms)
{
	for (uint64_t step = ms / 20 + 1; ms; ms -= step) {
		if (step > ms)
			step = ms;
		time_ns += step * NS_PER_MS;
		turns();
	}
}

static enum network_filter_status peer_data(struct network_filter *f, struct buffer *b,
					    bool end_stream unused_arg)
{
	struct peer *p = container_of(f, struct peer, filter);
	size_t n = buffer_len(b);

	assert_true(p->n_heard + n < HEARD_MAX);
	buffer_copy_out(b, 0, p->heard + p->n_heard, n);
	p->n_heard += n;
	p->heard[p->n_heard] = '\0';
	buffer_drain_all(b);
	return NETWORK_FILTER_CONTINUE;
}

static void peer_free(struct network_filter *f unused_arg)
{
}

static const struct network_filter_ops peer_ops = { .name = "peer",
						    .on_data = peer_data,
						    .free = peer_free };

static void peer_event(struct connection_observer *o, struct connection *c,
		       enum connection_event event)
{
	struct peer *p = container_of(o, struct peer, observer);

	if (event == CONNECTION_CONNECTED)
		return;
	p->ended = true;
	p->reset = connection_detected_close(c) == CONNECTION_CLOSE_REMOTE_RESET;
	p->c = NULL;
}

static const struct connection_observer_ops peer_observer = { .event = peer_event };

static struct peer *new_peer(struct connection *c)
{
	struct peer *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->filter.ops = &peer_ops;
	p->c = c;
	p->heard = calloc(1, HEARD_MAX);
	assert_non_null(p->heard);
	connection_add_observer(c, &p->observer, &peer_observer);
	return p;
}

static void free_peer(struct peer *p)
{
	if (p->c)
		connection_close(p->c, CONNECTION_NO_FLUSH);
	turns();
	free(p->heard);
	free(p);
}

static struct network_filter *new_host(const struct network_filter_factory *f unused_arg,
				       struct connection *c)
{
	assert_true(talk.n_hosts < PEERS_MAX);
	talk.hosts[talk.n_hosts] = new_peer(c);
	return &talk.hosts[talk.n_hosts++]->filter;
}

static const struct network_filter_factory_ops host_factory_ops = {
	.name = "host", .terminal = true, .new_filter_or_null = new_host
};
static const struct network_filter_factory host_factory = { &host_factory_ops };

static void listen_at(const char *address, struct listener_spec *spec, struct filter_chain *chain,
		      const struct network_filter_factory **filters, uint32_t limit,
		      struct listener **out)
{
	*chain = (struct filter_chain){ "", &transport_plain, filters, 1 };
	*spec = (struct listener_spec){ .name = "test",
					.interface = memory,
					.buffer_limit_bytes = limit,
					.bind_to_port = true,
					.chain = chain };
	assert_int_equal(address_parse(&spec->address, address), 0);
	assert_int_equal(listener_open(talk.dispatcher, spec, NULL, NULL, NULL, out), 0);
}

struct peer *connect_client(void)
{
	struct connection_options options = { .buffer_limit_bytes = 1 << 20 };
	struct transport_socket *t = transport_plain.ops->new_socket(
		&transport_plain, talk.dispatcher, slice_of(NULL, 0));
	struct connection *c;
	struct address to;
	struct peer *p;
	int err;

	assert_int_equal(address_parse(&to, "10.0.0.1:80"), 0);
	c = connection_new_client_or_null(talk.dispatcher, memory, t, &to, NULL, &options, &err);
	assert_non_null(c);
	p = new_peer(c);
	connection_add_filter(c, &p->filter);
	assert_true(connection_start_filters(c));
	connection_connect(c);
	turns();
	assert_true(talk.n_clients < PEERS_MAX);
	talk.clients[talk.n_clients++] = p;
	return p;
}

void say(struct peer *p, const char *text)
{
	struct buffer b;

	assert_non_null(p->c);
	buffer_init(&b, dispatcher_memory(talk.dispatcher));
	buffer_append_text(&b, text);
	connection_write(p->c, &b, false);
	turns();
}

void heard(struct peer *p, const char *pattern)
{
	if (fnmatch(pattern, p->heard, 0) != 0)
		fail_msg("wanted\n%s\ngot\n%s", pattern, p->heard);
	p->n_heard = 0;
	p->heard[0] = '\0';
}

void hang_up(struct peer *p, enum connection_close how)
{
	connection_close(p->c, how);
	turns();
}

void counted(const char *name, uint64_t wanted)
{
	uint64_t value = UINT64_MAX;

	if (!stats_value(talk.stats, name, &value))
		fail_msg("no statistic %s", name);
	if (value != wanted)
		fail_msg("%s is %llu, not %llu", name, (unsigned long long)value,
			 (unsigned long long)wanted);
}

/* @hcm_lines and @cluster_lines are YAML that goes into the connection manager and the cluster. */
static const char frame[] =
	"static_resources:\n"
	"  listeners:\n"
	"  - address: { socket_address: { address: 10.0.0.1, port_value: 80 } }\n"
	"    filter_chains:\n"
	"    - filters:\n"
	"      - name: envoy.filters.network.http_connection_manager\n"
	"        typed_config:\n"
	"          \"@type\": type.googleapis.com/envoy.extensions.filters.network."
	"http_connection_manager.v3.HttpConnectionManager\n"
	"          stat_prefix: test\n"
	"          generate_request_id: false\n"
	"          access_log:\n"
	"          - name: file\n"
	"            typed_config:\n"
	"              \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3."
	"FileAccessLog\n"
	"              path: %s\n"
	"              log_format: { text_format_source: { inline_string: \"%%REQ(:METHOD)%% "
	"%%REQ(:PATH)%% %%RESPONSE_CODE%% %%RESPONSE_FLAGS%% %%RESPONSE_CODE_DETAILS%% "
	"%%BYTES_RECEIVED%% %%BYTES_SENT%%\\n\" } }\n"
	"%s"
	"          route_config:\n"
	"            virtual_hosts:\n"
	"            - name: all\n"
	"              domains: \"*\"\n"
	"              routes:\n"
	"              - match: { path: /direct }\n"
	"                direct_response: { status: 203, body: { inline_string: hello } }\n"
	"              - match: { prefix: /short }\n"
	"                route: { cluster: web, timeout: 0.5s }\n"
	"              - match: { prefix: /empty }\n"
	"                route: { cluster: empty }\n"
	"              - match: { prefix: /none }\n"
	"                route: { cluster: dead }\n"
	"              - match: { prefix: /p }\n"
	"                route: { cluster: web }\n"
	"          http_filters:\n"
	"          - name: envoy.filters.http.router\n"
	"            typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http."
	"router.v3.Router }\n"
	"  clusters:\n"
	"  - name: web\n"
	"%s"
	"    load_assignment: { cluster_name: web, endpoints: [ { lb_endpoints: [ { endpoint: "
	"{ address: { socket_address: { address: 10.0.0.2, port_value: 81 } } } } ] } ] }\n"
	"  - name: empty\n"
	"  - name: dead\n"
	"    load_assignment: { cluster_name: dead, endpoints: [ { lb_endpoints: [ { endpoint: "
	"{ address: { socket_address: { address: 10.0.0.3, port_value: 81 } } } } ] } ] }\n";

void start(const char *hcm_lines, const char *cluster_lines)
{
	const struct bootstrap_config *b;
	struct config_error error;
	char *yaml;

	snprintf(log_path, sizeof(log_path), "/tmp/hcm_test.%d.log", (int)getpid());
	unlink(log_path);
	assert_true(asprintf(&yaml, frame, log_path, hcm_lines, cluster_lines) > 0);
	talk.snapshot =
		snapshot_load_or_null(&(struct snapshot_source){ .overlay_yaml = yaml }, &error);
	if (!talk.snapshot)
		fail_msg("%s\n%s", error.text, yaml);
	free(yaml);
	b = snapshot_bootstrap(talk.snapshot);
	time_ns = 1000 * (uint64_t)NS_PER_S;
	talk.dispatcher = dispatcher_new_or_null("test", &test_clock);
	assert_non_null(talk.dispatcher);
	socket_registry_init(&sockets);
	memory = memory_sockets_new();
	assert_int_equal(socket_registry_add(&sockets, memory), 0);
	talk.stats = stats_new_or_null(1);
	logs = access_logs_new_or_null(1);
	clusters = clusters_new_or_null(b, talk.stats, &sockets);
	assert_non_null(clusters);
	talk.hcm = hcm_factory_new_or_null(b->listeners[0].filter_chains[0].filters[0].hcm,
					   &(struct hcm_services){ talk.stats, logs, 1 << 16 });
	assert_non_null(talk.hcm);
	assert_int_equal(clusters_worker_start(clusters, talk.dispatcher, 0), 0);
	assert_int_equal(http_worker_start(talk.dispatcher, 0), 0);
	access_logs_worker_start(logs, talk.dispatcher, 0);
	proxy_filters[0] = talk.hcm;
	host_filters[0] = &host_factory;
	listen_at("10.0.0.1:80", &proxy_spec, &proxy_chain, proxy_filters, 1 << 16,
		  &talk.proxy_listener);
	listen_at("10.0.0.2:81", &host_spec_of_listener, &host_chain, host_filters, 1 << 20,
		  &host_listener);
	talk.n_clients = talk.n_hosts = 0;
}

void stop(const char *log)
{
	char text[4096];
	FILE *f;
	size_t n;

	listener_free(talk.proxy_listener);
	turns();
	clusters_worker_stop(talk.dispatcher);
	if (host_listener)
		listener_free(host_listener);
	for (unsigned i = 0; i < talk.n_clients; i++)
		free_peer(talk.clients[i]);
	for (unsigned i = 0; i < talk.n_hosts; i++)
		free_peer(talk.hosts[i]);
	access_logs_worker_stop(logs, 0);
	http_worker_stop(talk.dispatcher);
	turns();
	talk.hcm->ops->free(talk.hcm);
	clusters_free(clusters);
	access_logs_free(logs);
	dispatcher_free(talk.dispatcher);
	socket_registry_deinit(&sockets);
	stats_free(talk.stats);
	snapshot_put(talk.snapshot);
	f = fopen(log_path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	unlink(log_path);
	if (log)
		assert_string_equal(text, log);
}
