/* listener_test.c - accepting: over in-memory sockets for the rules, over the kernel's for truth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "proxy/listener/listener.h"
#include "proxy/listener/worker.h"
#include "proxy/net/memory_sockets.h"

static struct dispatcher *d;
static struct socket_registry sockets;
static struct socket_interface *memory, *kernel;

static int set_up(void **state unused_arg)
{
	d = dispatcher_new_or_null("test", &clock_monotonic);
	socket_registry_init(&sockets);
	kernel = kernel_sockets_new();
	memory = memory_sockets_new();
	return d && !socket_registry_add(&sockets, kernel) && !socket_registry_add(&sockets, memory)
		       ? 0
		       : -1;
}

static int tear_down(void **state unused_arg)
{
	dispatcher_run_once(d);
	dispatcher_free(d);
	socket_registry_deinit(&sockets);
	return 0;
}

static enum network_filter_status echo(struct network_filter *f, struct buffer *b, bool end_stream)
{
	connection_write(f->connection, b, end_stream);
	return NETWORK_FILTER_CONTINUE;
}

static void free_filter(struct network_filter *f)
{
	free(f);
}

static const struct network_filter_ops echo_ops = {
	.name = "echo",
	.on_data = echo,
	.free = free_filter,
};

static struct network_filter *new_echo(const struct network_filter_factory *factory unused_arg,
				       struct connection *c)
{
	struct network_filter *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->ops = &echo_ops;
	connection_set_half_close(c, true);
	return f;
}

static struct network_filter *
refuse_connection(const struct network_filter_factory *factory unused_arg,
		  struct connection *c unused_arg)
{
	return NULL;
}

static const struct network_filter_factory_ops echo_factory_ops = {
	.name = "echo", .terminal = true, .new_filter_or_null = new_echo
};
static const struct network_filter_factory_ops refusing_factory_ops = {
	.name = "refuse", .terminal = true, .new_filter_or_null = refuse_connection
};
static const struct network_filter_factory echo_factory = { &echo_factory_ops };
static const struct network_filter_factory refusing_factory = { &refusing_factory_ops };
static const struct network_filter_factory *const echo_filters[] = { &echo_factory };
static const struct network_filter_factory *const refusing_filters[] = { &refusing_factory };
static const struct filter_chain echo_chain = { "", &transport_plain, echo_filters, 1 };
static const struct filter_chain refusing_chain = { "", &transport_plain, refusing_filters, 1 };

static struct listener_spec spec_of(const char *address, struct socket_interface *si)
{
	struct listener_spec spec = { .name = "test",
				      .interface = si,
				      .buffer_limit_bytes = 64 * 1024,
				      .bind_to_port = true,
				      .chain = &echo_chain };

	assert_int_equal(address_parse(&spec.address, address), 0);
	return spec;
}

/* A client connection that remembers what it hears. */
struct client {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *c;
	size_t n_received;
	uint64_t sum;
	bool connected, ended, end_stream;
};

static enum network_filter_status client_data(struct network_filter *f, struct buffer *b,
					      bool end_stream)
{
	struct client *client = container_of(f, struct client, filter);

	client->end_stream |= end_stream;
	while (buffer_len(b)) {
		struct slice s = buffer_front(b);

		for (size_t i = 0; i < s.len; i++)
			client->sum = client->sum * 31 + s.at[i];
		client->n_received += s.len;
		buffer_drain(b, s.len);
	}
	return NETWORK_FILTER_CONTINUE;
}

static void client_free(struct network_filter *f unused_arg)
{
}

static const struct network_filter_ops client_ops = { .name = "client",
						      .on_data = client_data,
						      .free = client_free };

static void client_event(struct connection_observer *o, struct connection *c unused_arg,
			 enum connection_event event)
{
	struct client *client = container_of(o, struct client, observer);

	if (event == CONNECTION_CONNECTED)
		client->connected = true;
	else
		client->ended = true;
}

static const struct connection_observer_ops client_observer_ops = { .event = client_event };

static void connect_client(struct client *client, struct socket_interface *si,
			   const struct address *to)
{
	static const struct connection_options options = { .connect_timeout_ns = 5ull * NS_PER_S,
							   .no_delay = true };
	int err;

	memset(client, 0, sizeof(*client));
	client->c = connection_new_client_or_null(
		d, si, transport_plain.ops->new_socket(&transport_plain, d, slice_of(NULL, 0)), to,
		NULL, &options, &err);
	assert_non_null(client->c);
	client->filter.ops = &client_ops;
	connection_set_half_close(client->c, true);
	connection_add_observer(client->c, &client->observer, &client_observer_ops);
	connection_add_filter(client->c, &client->filter);
	assert_true(connection_start_filters(client->c));
	connection_connect(client->c);
}

/* Turn until *@what reaches @value. */
static void wait_for(const volatile void *what, size_t size, uint64_t value)
{
	uint64_t deadline = clock_now_ns(&clock_monotonic) + 10ull * NS_PER_S;

	for (;;) {
		uint64_t now = 0;

		memcpy(&now, (const void *)what, size);
		if (now == value)
			return;
		if (clock_now_ns(&clock_monotonic) > deadline)
			fail_msg("waited for %llu, have %llu", (unsigned long long)value,
				 (unsigned long long)now);
		dispatcher_run_once(d);
		usleep(50);
	}
}
#define wait_for_value(variable, value) wait_for(&(variable), sizeof(variable), (value))

static void send_text(struct client *client, const char *text, bool end_stream)
{
	struct buffer b;

	buffer_init(&b, dispatcher_memory(d));
	buffer_append_text(&b, text);
	connection_write(client->c, &b, end_stream);
}

static unsigned n_ended;

static void count_end(void *context unused_arg, uint64_t length_ns unused_arg)
{
	n_ended++;
}

static void test_accept_count_and_stop(void **state unused_arg)
{
	static const struct listener_hooks hooks = { .connection_ended = count_end };
	struct listener_spec spec = spec_of("127.0.0.1:80", memory);
	struct listener_stats stats = { 0 };
	static struct client a, b, late;
	struct listener *l;

	n_ended = 0;
	assert_int_equal(listener_open(d, &spec, &stats, &hooks, NULL, &l), 0);
	connect_client(&a, memory, &spec.address);
	connect_client(&b, memory, &spec.address);
	send_text(&a, "hello", false);
	wait_for_value(a.n_received, 5);
	assert_int_equal(stats.downstream_cx_total, 2);
	assert_int_equal(stats.downstream_cx_active, 2);
	connection_close(a.c, CONNECTION_NO_FLUSH);
	wait_for_value(n_ended, 1);
	assert_int_equal(stats.downstream_cx_active, 1);
	assert_int_equal(stats.downstream_cx_destroy, 1);

	listener_stop(l);
	connect_client(&late, memory, &spec.address);
	wait_for_value(late.ended, true);
	assert_false(late.connected);
	send_text(&b, "still here", false);
	wait_for_value(b.n_received, 10);

	listener_free(l);
	wait_for_value(b.end_stream, true);
	connection_close(b.c, CONNECTION_NO_FLUSH);
	assert_int_equal(n_ended, 2);
}

static void test_limits_and_refusals(void **state unused_arg)
{
	struct listener_spec spec = spec_of("127.0.0.1:80", memory);
	struct listener_stats stats = { 0 };
	static struct client a, b;
	struct listener *l;

	spec.max_connections = 1;
	assert_int_equal(listener_open(d, &spec, &stats, NULL, NULL, &l), 0);
	connect_client(&a, memory, &spec.address);
	connect_client(&b, memory, &spec.address);
	wait_for_value(b.ended, true);
	assert_false(a.ended);
	assert_int_equal(stats.downstream_cx_overflow, 1);
	assert_int_equal(stats.downstream_cx_total, 1);
	connection_close(a.c, CONNECTION_NO_FLUSH);
	wait_for_value(stats.downstream_cx_active, 0);

	spec.chain = &refusing_chain;
	connect_client(&a, memory, &spec.address);
	wait_for_value(a.end_stream, true);
	assert_int_equal(stats.downstream_cx_active, 0);
	connection_close(a.c, CONNECTION_NO_FLUSH);
	listener_free(l);
}

static void test_pause(void **state unused_arg)
{
	struct listener_spec spec = spec_of("127.0.0.1:80", memory);
	static struct client a;
	struct listener *l;

	assert_int_equal(listener_open(d, &spec, NULL, NULL, NULL, &l), 0);
	listener_pause(l, true);
	connect_client(&a, memory, &spec.address);
	for (unsigned i = 0; i < 5; i++)
		dispatcher_run_once(d);
	assert_int_equal(listener_n_connections(l), 0);
	listener_pause(l, false);
	dispatcher_run_once(d);
	assert_int_equal(listener_n_connections(l), 1);
	connection_close(a.c, CONNECTION_NO_FLUSH);
	listener_free(l);
}

static void close_when_drained(struct connection_observer *o unused_arg, struct connection *c)
{
	assert_true(connection_draining(c));
	connection_close(c, CONNECTION_FLUSH);
}

static enum network_filter_status watch_drain(struct network_filter *f)
{
	static const struct connection_observer_ops ops = { .draining = close_when_drained };
	struct connection_observer *o = (struct connection_observer *)(f + 1);

	connection_add_observer(f->connection, o, &ops);
	return NETWORK_FILTER_CONTINUE;
}

static const struct network_filter_ops drainable_ops = {
	.name = "drainable",
	.on_new_connection = watch_drain,
	.on_data = echo,
	.free = free_filter,
};

static struct network_filter *new_drainable(const struct network_filter_factory *factory unused_arg,
					    struct connection *c unused_arg)
{
	struct network_filter *f = calloc(1, sizeof(*f) + sizeof(struct connection_observer));

	assert_non_null(f);
	f->ops = &drainable_ops;
	return f;
}

static void test_drain(void **state unused_arg)
{
	static const struct network_filter_factory_ops ops = {
		.name = "drainable", .terminal = true, .new_filter_or_null = new_drainable
	};
	static const struct network_filter_factory factory = { &ops };
	static const struct network_filter_factory *const filters[] = { &factory };
	static const struct filter_chain chain = { "", &transport_plain, filters, 1 };
	struct listener_spec spec = spec_of("127.0.0.1:80", memory);
	static struct client a, b;
	struct listener *l;

	spec.chain = &chain;
	assert_int_equal(listener_open(d, &spec, NULL, NULL, NULL, &l), 0);
	connect_client(&a, memory, &spec.address);
	connect_client(&b, memory, &spec.address);
	wait_for_value(b.connected, true);
	dispatcher_run_once(d);
	assert_int_equal(listener_n_connections(l), 2);
	listener_drain(l);
	assert_int_equal(listener_n_connections(l), 0);
	wait_for_value(b.end_stream, true);
	connection_close(a.c, CONNECTION_NO_FLUSH);
	connection_close(b.c, CONNECTION_NO_FLUSH);
	listener_free(l);
}

static void test_addresses_that_fail(void **state unused_arg)
{
	struct listener_spec spec = spec_of("127.0.0.1:0", kernel);
	struct listener_spec foreign = spec_of("198.51.100.1:0", kernel);
	struct listener *l, *second;

	assert_int_equal(listener_open(d, &spec, NULL, NULL, NULL, &l), 0);
	assert_true(listener_local(l)->port != 0);
	spec.address = *listener_local(l);
	assert_int_equal(listener_open(d, &spec, NULL, NULL, NULL, &second), ERR_BUSY);
	assert_int_equal(listener_open(d, &foreign, NULL, NULL, NULL, &second), ERR_UNREACHABLE);
	listener_free(l);
}

/* Pseudo-random bytes out, the same back: order, completeness, back-pressure. */
static void exchange(const char *address, size_t bytes)
{
	struct listener_spec spec = spec_of(address, kernel);
	static struct client client;
	struct listener *l;
	uint64_t sum = 0;
	uint32_t x = 1;
	struct buffer b;

	spec.unix_mode = 0600;
	assert_int_equal(listener_open(d, &spec, NULL, NULL, NULL, &l), 0);
	connect_client(&client, kernel, listener_local(l));
	buffer_init(&b, dispatcher_memory(d));
	for (size_t i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);

		sum = sum * 31 + byte;
		buffer_append(&b, &byte, 1);
	}
	connection_write(client.c, &b, true);
	wait_for_value(client.end_stream, true);
	assert_int_equal(client.n_received, bytes);
	assert_int_equal(client.sum, sum);
	wait_for_value(client.ended, true);
	assert_int_equal(listener_n_connections(l), 0);
	listener_free(l);
	dispatcher_run_once(d);
}

static void test_kernel_tcp(void **state unused_arg)
{
	exchange("127.0.0.1:0", 1);
	exchange("127.0.0.1:0", 8 << 20);
	exchange("[::1]:0", 100000);
}

static void test_kernel_unix(void **state unused_arg)
{
	char address[64];
	struct stat st;

	snprintf(address, sizeof(address), "unix:@convoy-listener-test-%d", getpid());
	exchange(address, 1 << 20);
	snprintf(address, sizeof(address), "unix:/tmp/convoy-listener-test-%d", getpid());
	exchange(address, 1 << 20);
	assert_int_equal(stat(address + 5, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	exchange(address, 10); /* the path of an earlier run is no obstacle */
	unlink(address + 5);
}

static void test_kernel_refuses(void **state unused_arg)
{
	struct listener_spec spec = spec_of("127.0.0.1:0", kernel);
	static struct client client;
	struct listener *l;
	struct address gone;

	assert_int_equal(listener_open(d, &spec, NULL, NULL, NULL, &l), 0);
	gone = *listener_local(l);
	listener_free(l);
	dispatcher_run_once(d);
	connect_client(&client, kernel, &gone);
	wait_for_value(client.ended, true);
	assert_false(client.connected);
}

static void test_kernel_reset(void **state unused_arg)
{
	struct listener_spec spec = spec_of("127.0.0.1:0", kernel);
	static struct client client;
	struct listener *l;

	assert_int_equal(listener_open(d, &spec, NULL, NULL, NULL, &l), 0);
	connect_client(&client, kernel, listener_local(l));
	send_text(&client, "x", false);
	wait_for_value(client.n_received, 1);
	connection_close(client.c, CONNECTION_ABORT);
	for (unsigned i = 0; i < 1000 && listener_n_connections(l); i++) {
		dispatcher_run_once(d);
		usleep(1000);
	}
	assert_int_equal(listener_n_connections(l), 0);
	listener_free(l);
}

/* Without descriptors nothing is accepted, and nothing spins; with one again, it goes on. */
static void test_out_of_descriptors(void **state unused_arg)
{
	struct listener_spec spec = spec_of("127.0.0.1:0", kernel);
	struct listener_stats stats = { 0 };
	struct rlimit all, none;
	static struct client client;
	struct listener *l;

	assert_int_equal(listener_open(d, &spec, &stats, NULL, NULL, &l), 0);
	connect_client(&client, kernel, listener_local(l));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){ 3, all.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	wait_for_value(stats.accept_errors, 1);
	for (unsigned i = 0; i < 20; i++)
		dispatcher_run_once(d);
	assert_int_equal(stats.downstream_cx_total, 0);
	assert_in_range(stats.accept_errors, 1, 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	wait_for_value(stats.downstream_cx_total, 1);
	connection_close(client.c, CONNECTION_NO_FLUSH);
	listener_free(l);
}

/* Workers: each opens the same address; the kernel spreads connections over them. */
struct server {
	struct listener_spec spec;
	struct listener *listeners[2];
	struct listener_stats stats[2];
};

static int start_server(struct proxy_worker *w, void *context)
{
	struct server *s = context;
	unsigned i = proxy_worker_index(w);

	return listener_open(proxy_worker_dispatcher(w), &s->spec, &s->stats[i], NULL, NULL,
			     &s->listeners[i]);
}

static void stop_server(struct proxy_worker *w, void *context)
{
	struct server *s = context;

	listener_free(s->listeners[proxy_worker_index(w)]);
}

static const struct proxy_worker_ops server_ops = { .start = start_server, .stop = stop_server };

static void read_dispatcher(struct proxy_worker *w, void *argument)
{
	*(struct dispatcher **)argument = proxy_worker_dispatcher(w);
}

static void test_workers_share_a_port(void **state unused_arg)
{
	enum { N_CLIENTS = 64 };
	static struct client clients[N_CLIENTS];
	struct server server = { .spec = spec_of("127.0.0.1:0", kernel) };
	struct dispatcher *seen = NULL;
	struct proxy_worker *w[2];

	server.spec.reuse_port = true;
	for (unsigned i = 0; i < 2; i++) {
		w[i] = proxy_worker_new_or_null(i, &clock_monotonic, &sockets, &server_ops,
						&server);
		assert_non_null(w[i]);
		assert_int_equal(proxy_worker_start(w[i]), 0);
		server.spec.address = *listener_local(server.listeners[i]);
	}
	for (unsigned i = 0; i < N_CLIENTS; i++) {
		connect_client(&clients[i], kernel, &server.spec.address);
		send_text(&clients[i], "ping", true);
	}
	for (unsigned i = 0; i < N_CLIENTS; i++) {
		wait_for_value(clients[i].ended, true);
		assert_int_equal(clients[i].n_received, 4);
	}
	proxy_worker_call(w[1], read_dispatcher, &seen);
	assert_ptr_equal(seen, proxy_worker_dispatcher(w[1]));
	proxy_worker_free(w[0]);
	proxy_worker_free(w[1]);
	assert_int_equal(server.stats[0].downstream_cx_total + server.stats[1].downstream_cx_total,
			 N_CLIENTS);
	assert_true(server.stats[0].downstream_cx_total && server.stats[1].downstream_cx_total);
}

static void test_worker_reports_its_failure(void **state unused_arg)
{
	struct server server = { .spec = spec_of("127.0.0.1:0", kernel) };
	struct proxy_worker *w[2];

	for (unsigned i = 0; i < 2; i++)
		w[i] = proxy_worker_new_or_null(i, &clock_monotonic, &sockets, &server_ops,
						&server);
	assert_int_equal(proxy_worker_start(w[0]), 0);
	server.spec.address = *listener_local(server.listeners[0]);
	assert_int_equal(proxy_worker_start(w[1]), ERR_BUSY);
	proxy_worker_free(w[1]);
	proxy_worker_free(w[0]);
}

static void test_registry(void **state unused_arg)
{
	struct socket_interface *again = kernel_sockets_new();

	assert_ptr_equal(socket_registry_find_or_null(&sockets, NULL), kernel);
	assert_ptr_equal(socket_registry_find_or_null(&sockets, SOCKET_NAME_KERNEL), kernel);
	assert_ptr_equal(socket_registry_find_or_null(&sockets, SOCKET_NAME_MEMORY), memory);
	assert_null(socket_registry_find_or_null(&sockets, SOCKET_NAME_VCL));
	assert_int_equal(socket_registry_set_default(&sockets, "nobody"), ERR_NOENT);
	assert_int_equal(socket_registry_set_default(&sockets, SOCKET_NAME_MEMORY), 0);
	assert_ptr_equal(socket_registry_find_or_null(&sockets, ""), memory);
	assert_int_equal(socket_registry_add(&sockets, again), ERR_EXIST);
	again->ops->free(again);
	assert_true(kernel->ops->family_supported(kernel, ADDRESS_IP4));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_accept_count_and_stop),
		TEST(test_limits_and_refusals),
		TEST(test_pause),
		TEST(test_drain),
		TEST(test_addresses_that_fail),
		TEST(test_kernel_tcp),
		TEST(test_kernel_unix),
		TEST(test_kernel_refuses),
		TEST(test_kernel_reset),
		TEST(test_workers_share_a_port),
		TEST(test_worker_reports_its_failure),
		TEST(test_registry),
		TEST(test_out_of_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
