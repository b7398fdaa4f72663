/*
 * forward_test.c - a byte-forwarding proxy in miniature, to prove back-pressure from end to end:
 * client <─> front listener ─ filter ─ upstream connection <─> echo listener, on one dispatcher.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proxy/listener/listener.h"
#include "proxy/net/memory_sockets.h"

enum { LIMIT = 32 * 1024, BODY = 12 << 20 };

static struct dispatcher *d;
static struct socket_interface *interfaces[2];

/* What reads on one side goes to the other; each side's write marks stop the other's reading. */
struct side {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *c; /* NULL once ended */
	struct side *other;
};

/* Both halves of one forwarded connection; freed with the second. */
struct forward {
	struct side down, up;
	unsigned n_alive;
};

static struct forward *of_side(struct side *s)
{
	return s->other > s ? container_of(s, struct forward, down)
			    : container_of(s, struct forward, up);
}

static enum network_filter_status forward_data(struct network_filter *f, struct buffer *b,
					       bool end_stream)
{
	struct side *s = container_of(f, struct side, filter);

	if (s->other->c)
		connection_write(s->other->c, b, end_stream);
	else
		buffer_drain_all(b);
	return NETWORK_FILTER_CONTINUE;
}

static void forward_free(struct network_filter *f)
{
	struct forward *fw = of_side(container_of(f, struct side, filter));

	if (--fw->n_alive == 0)
		free(fw);
}

static const struct network_filter_ops forward_ops = { .name = "forward",
						       .on_data = forward_data,
						       .free = forward_free };

static void side_event(struct connection_observer *o, struct connection *c unused_arg,
		       enum connection_event event)
{
	struct side *s = container_of(o, struct side, observer);

	if (event == CONNECTION_CONNECTED)
		return;
	s->c = NULL;
	if (s->other->c)
		connection_close(s->other->c, CONNECTION_FLUSH);
}

static void side_above(struct connection_observer *o, struct connection *c unused_arg)
{
	struct side *s = container_of(o, struct side, observer);

	if (s->other->c)
		connection_read_disable(s->other->c, true);
}

static void side_below(struct connection_observer *o, struct connection *c unused_arg)
{
	struct side *s = container_of(o, struct side, observer);

	if (s->other->c)
		connection_read_disable(s->other->c, false);
}

static const struct connection_observer_ops side_ops = { .event = side_event,
							 .above_write_mark = side_above,
							 .below_write_mark = side_below };

static struct address upstream;
static struct socket_interface *upstream_interface;

static const struct connection_options options = { .buffer_limit_bytes = LIMIT,
						   .connect_timeout_ns = 5ull * NS_PER_S,
						   .no_delay = true };

/* The kernel would take the whole body into its own buffers. */
static void use_small_buffers(struct connection *c)
{
	io_handle_set_option(connection_handle(c), IO_OPT_RECEIVE_BYTES, 64 * 1024);
	io_handle_set_option(connection_handle(c), IO_OPT_SEND_BYTES, 64 * 1024);
}

static struct connection *dial(struct socket_interface *si, const struct address *to)
{
	int err;
	struct connection *c = connection_new_client_or_null(
		d, si, transport_plain.ops->new_socket(&transport_plain, d, slice_of(NULL, 0)), to,
		NULL, &options, &err);

	assert_non_null(c);
	use_small_buffers(c);
	return c;
}

static struct network_filter *new_forward(const struct network_filter_factory *factory unused_arg,
					  struct connection *c)
{
	struct forward *fw = calloc(1, sizeof(*fw));

	assert_non_null(fw);
	fw->n_alive = 2;
	fw->down.other = &fw->up;
	fw->up.other = &fw->down;
	fw->down.c = c;
	fw->up.c = dial(upstream_interface, &upstream);
	fw->down.filter.ops = fw->up.filter.ops = &forward_ops;
	connection_set_half_close(c, true);
	connection_set_half_close(fw->up.c, true);
	use_small_buffers(c);
	connection_add_observer(c, &fw->down.observer, &side_ops);
	connection_add_observer(fw->up.c, &fw->up.observer, &side_ops);
	connection_add_filter(fw->up.c, &fw->up.filter);
	connection_start_filters(fw->up.c);
	connection_connect(fw->up.c);
	return &fw->down.filter;
}

/* Sends back what it reads, and reads no more than it can send. */
struct echo {
	struct network_filter filter;
	struct connection_observer observer;
};

static enum network_filter_status echo_data(struct network_filter *f, struct buffer *b,
					    bool end_stream)
{
	connection_write(f->connection, b, end_stream);
	return NETWORK_FILTER_CONTINUE;
}

static void echo_free(struct network_filter *f)
{
	free(container_of(f, struct echo, filter));
}

static const struct network_filter_ops echo_ops = { .name = "echo",
						    .on_data = echo_data,
						    .free = echo_free };

static void echo_above(struct connection_observer *o unused_arg, struct connection *c)
{
	connection_read_disable(c, true);
}

static void echo_below(struct connection_observer *o unused_arg, struct connection *c)
{
	connection_read_disable(c, false);
}

static const struct connection_observer_ops echo_observer_ops = { .above_write_mark = echo_above,
								  .below_write_mark = echo_below };

static struct network_filter *new_echo(const struct network_filter_factory *factory unused_arg,
				       struct connection *c)
{
	struct echo *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->filter.ops = &echo_ops;
	connection_set_half_close(c, true);
	connection_add_observer(c, &e->observer, &echo_observer_ops);
	use_small_buffers(c);
	return &e->filter;
}

static const struct network_filter_factory_ops forward_factory_ops = {
	.name = "forward", .terminal = true, .new_filter_or_null = new_forward
};
static const struct network_filter_factory_ops echo_factory_ops = {
	.name = "echo", .terminal = true, .new_filter_or_null = new_echo
};
static const struct network_filter_factory forward_factory = { &forward_factory_ops };
static const struct network_filter_factory echo_factory = { &echo_factory_ops };
static const struct network_filter_factory *const forward_filters[] = { &forward_factory };
static const struct network_filter_factory *const echo_filters[] = { &echo_factory };
static const struct filter_chain forward_chain = { "", &transport_plain, forward_filters, 1 };
static const struct filter_chain echo_chain = { "", &transport_plain, echo_filters, 1 };

/* Sends BODY pseudo-random bytes as room appears, and reads only while @reading. */
struct client {
	struct network_filter filter;
	struct connection_observer observer;
	struct connection *c;
	size_t n_sent, n_received;
	uint64_t sent_sum, received_sum;
	uint32_t x;
	bool full, end_stream, ended;
};

static uint64_t add_up(uint64_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + at[i];
	return sum;
}

static void send_more(struct client *client)
{
	struct buffer b;
	uint8_t bytes[4096];

	buffer_init(&b, dispatcher_memory(d));
	while (!client->full && client->n_sent < BODY) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((client->x = client->x * 1664525 + 1013904223) >> 24);
		client->sent_sum = add_up(client->sent_sum, bytes, sizeof(bytes));
		client->n_sent += sizeof(bytes);
		buffer_append(&b, bytes, sizeof(bytes));
		connection_write(client->c, &b, client->n_sent == BODY);
	}
}

static enum network_filter_status client_data(struct network_filter *f, struct buffer *b,
					      bool end_stream)
{
	struct client *client = container_of(f, struct client, filter);

	client->end_stream |= end_stream;
	while (buffer_len(b)) {
		struct slice s = buffer_front(b);

		client->received_sum = add_up(client->received_sum, s.at, s.len);
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
	if (event != CONNECTION_CONNECTED)
		container_of(o, struct client, observer)->ended = true;
}

static void client_above(struct connection_observer *o, struct connection *c unused_arg)
{
	container_of(o, struct client, observer)->full = true;
}

static void client_below(struct connection_observer *o, struct connection *c unused_arg)
{
	struct client *client = container_of(o, struct client, observer);

	client->full = false;
	send_more(client);
}

static const struct connection_observer_ops client_observer_ops = {
	.event = client_event, .above_write_mark = client_above, .below_write_mark = client_below
};

static void start_client(struct client *client, struct socket_interface *si,
			 const struct address *to)
{
	client->x = 1;
	client->c = dial(si, to);
	client->filter.ops = &client_ops;
	connection_set_half_close(client->c, true);
	connection_add_observer(client->c, &client->observer, &client_observer_ops);
	connection_add_filter(client->c, &client->filter);
	connection_start_filters(client->c);
	connection_connect(client->c);
}

static struct listener *listen_on(const char *address, struct socket_interface *si,
				  const struct filter_chain *chain)
{
	static struct listener_spec specs[2];
	struct listener_spec *spec = &specs[chain == &echo_chain];
	struct listener *l;

	*spec = (struct listener_spec){ .name = "test",
					.interface = si,
					.buffer_limit_bytes = LIMIT,
					.bind_to_port = true,
					.chain = chain };
	assert_int_equal(address_parse(&spec->address, address), 0);
	assert_int_equal(listener_open(d, spec, NULL, NULL, NULL, &l), 0);
	return l;
}

static uint64_t deadline_ns;

static void turn_before_deadline(void)
{
	dispatcher_run_once(d);
	if (clock_now_ns(&clock_monotonic) > deadline_ns)
		fail_msg("no end in sight");
}

/* While the client does not read, everything fills up and then stops: memory stays bounded. */
static void stall(struct client *client)
{
	size_t before;
	unsigned quiet = 0;

	connection_read_disable(client->c, true);
	while (quiet < 200) {
		before = client->n_sent;
		turn_before_deadline();
		quiet = client->n_sent == before ? quiet + 1 : 0;
		usleep(20);
	}
	assert_true(client->n_sent > 0 && client->n_sent < BODY);
	assert_true(dispatcher_memory(d)->n_large * BUFFER_LARGE_BLOCK_BYTES < 4 << 20);
	connection_read_disable(client->c, false);
}

static void forward(struct socket_interface *down, struct socket_interface *up)
{
	static struct client client;
	struct listener *back = listen_on("127.0.0.1:0", up, &echo_chain);
	struct listener *front = listen_on("127.0.0.1:0", down, &forward_chain);

	deadline_ns = clock_now_ns(&clock_monotonic) + 30ull * NS_PER_S;
	client = (struct client){ 0 };
	upstream = *listener_local(back);
	upstream_interface = up;
	start_client(&client, down, listener_local(front));
	send_more(&client);
	stall(&client);
	while (!client.ended)
		turn_before_deadline();
	assert_true(client.end_stream);
	assert_int_equal(client.n_received, BODY);
	assert_int_equal(client.received_sum, client.sent_sum);
	for (unsigned i = 0; i < 4; i++)
		dispatcher_run_once(d);
	assert_int_equal(listener_n_connections(front), 0);
	assert_int_equal(listener_n_connections(back), 0);
	listener_free(front);
	listener_free(back);
	dispatcher_run_once(d);
}

static void test_over_the_kernel(void **state unused_arg)
{
	forward(interfaces[0], interfaces[0]);
}

static void test_over_memory(void **state unused_arg)
{
	forward(interfaces[1], interfaces[1]);
}

/* Fragments lent by one kind of socket are sent through the other. */
static void test_from_memory_to_the_kernel(void **state unused_arg)
{
	forward(interfaces[1], interfaces[0]);
}

/* The client vanishes in the middle of it: nothing is left behind. */
static void test_reset_in_the_middle(void **state unused_arg)
{
	static struct client client;
	struct listener *back = listen_on("127.0.0.1:0", interfaces[0], &echo_chain);
	struct listener *front = listen_on("127.0.0.1:0", interfaces[0], &forward_chain);

	deadline_ns = clock_now_ns(&clock_monotonic) + 30ull * NS_PER_S;
	client = (struct client){ 0 };
	upstream = *listener_local(back);
	upstream_interface = interfaces[0];
	start_client(&client, interfaces[0], listener_local(front));
	send_more(&client);
	while (client.n_received < 1 << 20)
		turn_before_deadline();
	connection_close(client.c, CONNECTION_ABORT);
	while (listener_n_connections(front) || listener_n_connections(back))
		turn_before_deadline();
	listener_free(front);
	listener_free(back);
	dispatcher_run_once(d);
}

static int set_up(void **state unused_arg)
{
	d = dispatcher_new_or_null("test", &clock_monotonic);
	interfaces[0] = kernel_sockets_new();
	interfaces[1] = memory_sockets_new();
	return d ? 0 : -1;
}

static int tear_down(void **state unused_arg)
{
	dispatcher_run_once(d);
	dispatcher_free(d);
	for (unsigned i = 0; i < 2; i++)
		interfaces[i]->ops->free(interfaces[i]);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_over_the_kernel),
		TEST(test_over_memory),
		TEST(test_from_memory_to_the_kernel),
		TEST(test_reset_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
