/*
 * hcm_fuzz.c - a whole proxy between a hostile client and a hostile host: the HTTP connection
 * manager, router and connection pools over in-memory sockets. No crash, no leak, no buffer left,
 * whatever both say and whenever they leave.
 *
 * Input: steps of {what:3 bits, which:5 bits, length, bytes}.
 */
#include <stdlib.h>

#include "base/log.h"
#include "control/config_tree.h"
#include "proxy/config/snapshot.h"
#include "proxy/filter/access_log.h"
#include "proxy/filter/hcm.h"
#include "proxy/listener/listener.h"
#include "proxy/net/memory_sockets.h"
#include "proxy/upstream/clusters.h"

enum { PEERS = 4, TURNS = 8, LIMIT = 2048 };
enum step {
	CLIENT_SAYS,
	HOST_SAYS,
	CLIENT_LEAVES,
	HOST_LEAVES,
	TIME_PASSES,
	CLIENT_STALLS,
	N_STEPS
};

struct peer {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *c;
	bool stalled;
};

static const char config[] =
	"static_resources:\n"
	"  listeners:\n"
	"  - address: { socket_address: { address: 10.0.0.1, port_value: 80 } }\n"
	"    filter_chains:\n"
	"    - filters:\n"
	"      - name: hcm\n"
	"        typed_config:\n"
	"          \"@type\": type.googleapis.com/envoy.extensions.filters.network."
	"http_connection_manager.v3.HttpConnectionManager\n"
	"          stat_prefix: fuzz\n"
	"          stream_idle_timeout: 5s\n"
	"          request_headers_timeout: 2s\n"
	"          http_protocol_options: { accept_http_10: true, enable_trailers: true }\n"
	"          access_log:\n"
	"          - name: file\n"
	"            typed_config:\n"
	"              \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3."
	"FileAccessLog\n"
	"              path: /dev/null\n"
	"          route_config:\n"
	"            virtual_hosts:\n"
	"            - name: all\n"
	"              domains: [ \"*\" ]\n"
	"              routes:\n"
	"              - match: { path: /d }\n"
	"                direct_response: { status: 200, body: { inline_string: hello } }\n"
	"              - match: { prefix: / }\n"
	"                route: { cluster: web, timeout: 3s }\n"
	"          http_filters:\n"
	"          - name: router\n"
	"            typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http."
	"router.v3.Router }\n"
	"  clusters:\n"
	"  - name: web\n"
	"    connect_timeout: 1s\n"
	"    circuit_breakers: { thresholds: [ { max_connections: 2, max_pending_requests: 2 } ] "
	"}\n"
	"    load_assignment: { cluster_name: web, endpoints: [ { lb_endpoints: [ { endpoint: "
	"{ address: { socket_address: { address: 10.0.0.2, port_value: 81 } } } } ] } ] }\n";

static struct snapshot *snapshot;
static uint64_t time_ns;
static struct dispatcher *d;
static struct socket_interface *memory;
static struct peer clients[PEERS], hosts[PEERS];
static unsigned n_hosts;

static uint64_t now(void *context unused_arg)
{
	return time_ns;
}

static const struct clock test_clock = { now, NULL };

static void turns(void)
{
	for (int i = 0; i < TURNS; i++)
		dispatcher_run_once(d);
}

static enum network_filter_status drop_data(struct network_filter *f unused_arg, struct buffer *b,
					    bool end_stream unused_arg)
{
	buffer_drain_all(b);
	return NETWORK_FILTER_CONTINUE;
}

static void keep(struct network_filter *f unused_arg)
{
}

static const struct network_filter_ops peer_ops = { .name = "peer",
						    .on_data = drop_data,
						    .free = keep };

static void peer_event(struct connection_observer *o, struct connection *c unused_arg,
		       enum connection_event event)
{
	if (event != CONNECTION_CONNECTED)
		container_of(o, struct peer, observer)->c = NULL;
}

static const struct connection_observer_ops peer_observer = { .event = peer_event };

static void attach(struct peer *p, struct connection *c)
{
	*p = (struct peer){ .filter.ops = &peer_ops, .c = c };
	connection_add_observer(c, &p->observer, &peer_observer);
}

static struct network_filter *new_host(const struct network_filter_factory *f unused_arg,
				       struct connection *c)
{
	for (unsigned i = 0; i < PEERS; i++) {
		struct peer *p = &hosts[(n_hosts + i) % PEERS];

		if (p->c)
			continue;
		n_hosts++;
		attach(p, c);
		return &p->filter;
	}
	return NULL;
}

static const struct network_filter_factory_ops host_factory_ops = {
	.name = "host", .terminal = true, .new_filter_or_null = new_host
};
static const struct network_filter_factory host_factory = { &host_factory_ops };

static void connect_client(struct peer *p)
{
	struct connection_options options = { .buffer_limit_bytes = LIMIT };
	struct address to;
	int err = address_parse(&to, "10.0.0.1:80");

	attach(p, connection_new_client_or_null(
			  d, memory,
			  transport_plain.ops->new_socket(&transport_plain, d, slice_of(NULL, 0)),
			  &to, NULL, &options, &err));
	connection_add_filter(p->c, &p->filter);
	if (connection_start_filters(p->c))
		connection_connect(p->c);
	turns();
}

static void say(struct peer *p, struct slice s)
{
	struct buffer b;

	if (!p->c)
		return;
	buffer_init(&b, dispatcher_memory(d));
	buffer_append_slice(&b, s);
	connection_write(p->c, &b, false);
	turns();
}

static void leave(struct peer *p, bool abort)
{
	if (p->c)
		connection_close(p->c, abort ? CONNECTION_ABORT : CONNECTION_FLUSH);
	turns();
}

static void stall(struct peer *p)
{
	if (!p->c)
		return;
	p->stalled = !p->stalled;
	connection_read_disable(p->c, p->stalled);
	turns();
}

static void do_step(unsigned what, unsigned which, struct slice bytes)
{
	struct peer *client = &clients[which % PEERS], *host = &hosts[which % PEERS];

	switch ((enum step)(what % N_STEPS)) {
	case CLIENT_SAYS:
		if (!client->c)
			connect_client(client);
		say(client, bytes);
		break;
	case HOST_SAYS:
		say(host, bytes);
		break;
	case CLIENT_LEAVES:
		leave(client, which & 16);
		break;
	case HOST_LEAVES:
		leave(host, which & 16);
		break;
	case TIME_PASSES:
		time_ns += (uint64_t)(which + 1) * 200 * NS_PER_MS;
		turns();
		break;
	default:
		stall(client);
		break;
	}
}

static void run_steps(struct slice in)
{
	while (in.len >= 2) {
		unsigned op = in.at[0];
		size_t n = in.at[1];

		in = slice_from(in, 2);
		do_step(op >> 5, op & 31, slice_first(in, n));
		in = slice_from(in, n);
	}
}

static struct listener *listen_at(const char *text, struct listener_spec *spec)
{
	struct listener *l;

	spec->name = "fuzz";
	spec->interface = memory;
	spec->buffer_limit_bytes = LIMIT;
	spec->bind_to_port = true;
	invariant(address_parse(&spec->address, text) == 0);
	invariant(listener_open(d, spec, NULL, NULL, NULL, &l) == 0);
	return l;
}

static void load(void)
{
	struct config_error error;

	log_set_level(LOG_LEVEL_OFF);
	snapshot =
		snapshot_load_or_null(&(struct snapshot_source){ .overlay_yaml = config }, &error);
	invariant(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct network_filter_factory *proxy_filters[1], *host_filters[] = { &host_factory };
	struct filter_chain chains[] = { { "", &transport_plain, proxy_filters, 1 },
					 { "", &transport_plain, host_filters, 1 } };
	struct listener_spec specs[] = { { .chain = &chains[0] }, { .chain = &chains[1] } };
	const struct bootstrap_config *b;
	struct network_filter_factory *hcm;
	struct listener *listeners[2];
	struct socket_registry sockets;
	struct access_logs *logs;
	struct clusters *clusters;
	struct stats *stats;

	if (!snapshot)
		load();
	b = snapshot_bootstrap(snapshot);
	time_ns = 1000 * (uint64_t)NS_PER_S;
	d = dispatcher_new_or_null("fuzz", &test_clock);
	socket_registry_init(&sockets);
	memory = memory_sockets_new();
	memory_sockets_options(memory)->capacity_bytes = LIMIT;
	invariant(d && socket_registry_add(&sockets, memory) == 0);
	stats = stats_new_or_null(1);
	logs = access_logs_new_or_null(1);
	clusters = clusters_new_or_null(b, stats, &sockets);
	hcm = hcm_factory_new_or_null(b->listeners[0].filter_chains[0].filters[0].hcm,
				      &(struct hcm_services){ stats, logs, LIMIT });
	invariant(clusters_worker_start(clusters, d, 0) == 0 && http_worker_start(d, 0) == 0);
	access_logs_worker_start(logs, d, 0);
	proxy_filters[0] = hcm;
	listeners[0] = listen_at("10.0.0.1:80", &specs[0]);
	listeners[1] = listen_at("10.0.0.2:81", &specs[1]);

	run_steps(slice_of(data, len));

	listener_free(listeners[0]);
	turns();
	clusters_worker_stop(d);
	listener_free(listeners[1]);
	for (unsigned i = 0; i < PEERS; i++) {
		leave(&clients[i], true);
		leave(&hosts[i], true);
	}
	access_logs_worker_stop(logs, 0);
	http_worker_stop(d);
	turns();
	hcm->ops->free(hcm);
	clusters_free(clusters);
	access_logs_free(logs);
	dispatcher_free(d); /* asserts that every buffer came back */
	socket_registry_deinit(&sockets);
	stats_free(stats);
	return 0;
}
