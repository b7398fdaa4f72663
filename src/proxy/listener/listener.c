/* listener.c - one worker's half of a listener: accept, build filter chains, count. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/listener/listener.h"
#include "proxy/stats/stats.h"

/* Out of descriptors or sessions: connections that end in the meantime make room. */
enum { RETRY_NS = 100 * NS_PER_MS };

struct listener {
	struct dispatcher *dispatcher;
	const struct listener_spec *spec;
	struct listener_stats *stats;
	const struct listener_hooks *hooks;
	void *hook_context;
	struct io_handle *handle; /* NULL: stopped, or never bound */
	struct address local;
	struct timer retry; /* accepting failed: again a little later */
	struct list connections;
	unsigned n_connections;
	bool paused;
	struct listener_stats unread; /* where counts go if nobody wants them */
	struct deferred deletion;
};

/* One accepted connection, from its first to its last event. */
struct member {
	struct connection_observer observer;
	struct list link;
	struct listener *listener;
	struct connection *connection;
};

static void connection_event(struct connection_observer *o, struct connection *c,
			     enum connection_event event)
{
	struct member *m = container_of(o, struct member, observer);
	struct listener *l = m->listener;

	if (event == CONNECTION_CONNECTED)
		return;
	list_remove(&m->link);
	l->n_connections--;
	stat_dec(&l->stats->downstream_cx_active);
	stat_inc(&l->stats->downstream_cx_destroy);
	if (l->hooks && l->hooks->connection_ended)
		l->hooks->connection_ended(l->hook_context, dispatcher_now_ns(l->dispatcher) -
								    connection_start_ns(c));
	free(m);
}

static const struct connection_observer_ops member_ops = { .event = connection_event };

static void add_member(struct listener *l, struct connection *c)
{
	struct member *m = calloc(1, sizeof(*m));

	invariant(m);
	m->listener = l;
	m->connection = c;
	list_push(&l->connections, &m->link);
	connection_add_observer(c, &m->observer, &member_ops);
	l->n_connections++;
	stat_inc(&l->stats->downstream_cx_total);
	stat_inc(&l->stats->downstream_cx_active);
}

static void build_chain(struct listener *l, struct connection *c)
{
	const struct filter_chain *chain = l->spec->chain;

	for (unsigned i = 0; i < chain->n_filters; i++) {
		const struct network_filter_factory *factory = chain->filters[i];
		struct network_filter *f = factory->ops->new_filter_or_null(factory, c);

		if (!f) {
			connection_close(c, CONNECTION_NO_FLUSH);
			return;
		}
		connection_add_filter(c, f);
	}
	connection_start_filters(c);
}

static void take_connection(struct listener *l, struct io_handle *h, const struct address *peer)
{
	const struct connection_options options = {
		.buffer_limit_bytes = l->spec->buffer_limit_bytes,
		/* TCP_NODELAY was set on the listening handle, and is inherited. */
	};
	const struct transport_factory *transport = l->spec->chain->transport;
	struct connection *c;

	if (l->spec->max_connections && l->n_connections >= l->spec->max_connections) {
		stat_inc(&l->stats->downstream_cx_overflow);
		io_handle_close(h, IO_CLOSE_RESET);
		return;
	}
	c = connection_new_server(
		l->dispatcher, h,
		transport->ops->new_socket(transport, l->dispatcher, slice_of(NULL, 0)), peer,
		&options);
	add_member(l, c);
	build_chain(l, c);
}

static void accept_some(void *context, unsigned events unused_arg)
{
	struct listener *l = context;

	for (unsigned i = 0; i < LISTENER_ACCEPT_BUDGET; i++) {
		struct io_handle *h;
		struct address peer;
		int err;

		if (!l->handle || l->paused)
			return;
		err = io_handle_accept(l->handle, &h, &peer);
		if (err == ERR_AGAIN)
			return;
		if (err) {
			stat_inc(&l->stats->accept_errors);
			log_warn("listener.accept", "name=%s error=\"%s\"", l->spec->name,
				 err_text(err));
			dispatcher_timer_set(l->dispatcher, &l->retry, RETRY_NS);
			return;
		}
		take_connection(l, h, &peer);
	}
	io_handle_activate(l->handle, IO_READ);
}

static void retry_accept(struct timer *t, uint64_t now_ns unused_arg)
{
	accept_some(container_of(t, struct listener, retry), IO_READ);
}

static void set_options(const struct listener_spec *spec, struct io_handle *h)
{
	/* Refusals are not fatal here: bind() says what matters. */
	(void)io_handle_set_option(h, IO_OPT_REUSE_ADDRESS, 1);
	if (spec->address.family == ADDRESS_UNIX)
		return;
	if (spec->reuse_port)
		(void)io_handle_set_option(h, IO_OPT_REUSE_PORT, 1);
	if (spec->address.family == ADDRESS_IP6)
		(void)io_handle_set_option(h, IO_OPT_V6_ONLY, spec->v6_only);
	(void)io_handle_set_option(h, IO_OPT_NO_DELAY, 1);
}

static bool is_path(const struct address *a)
{
	return a->family == ADDRESS_UNIX && a->path[0] != '\0';
}

static int open_handle(struct listener *l)
{
	const struct listener_spec *spec = l->spec;
	unsigned backlog = spec->backlog ? spec->backlog : LISTENER_BACKLOG_DEFAULT;
	struct io_handle *h;
	int err = socket_interface_open(spec->interface, l->dispatcher, IO_STREAM,
					spec->address.family, &h);

	if (err)
		return err;
	set_options(spec, h);
	if (is_path(&spec->address))
		unlink(spec->address.path); /* left by an earlier run; bind() would refuse it */
	err = io_handle_bind(h, &spec->address);
	if (!err && is_path(&spec->address) && spec->unix_mode &&
	    chmod(spec->address.path, spec->unix_mode))
		err = ERR_PERM;
	if (!err)
		err = io_handle_listen(h, backlog);
	if (!err)
		err = io_handle_local_address(h, &l->local);
	if (!err)
		err = io_handle_open_events(h, l->dispatcher, IO_READ, accept_some, l);
	if (err)
		io_handle_close(h, IO_CLOSE_NORMAL);
	else
		l->handle = h;
	return err;
}

int listener_open(struct dispatcher *d, const struct listener_spec *spec,
		  struct listener_stats *stats, const struct listener_hooks *hooks,
		  void *hook_context, struct listener **out)
{
	struct listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return ERR_NOMEM;
	l->dispatcher = d;
	l->spec = spec;
	l->stats = stats ? stats : &l->unread;
	l->hooks = hooks;
	l->hook_context = hook_context;
	l->local = spec->address;
	list_init(&l->connections);
	timer_init(&l->retry, retry_accept);
	err = spec->bind_to_port ? open_handle(l) : 0;
	if (err)
		free(l);
	else
		*out = l;
	return err;
}

const struct address *listener_local(const struct listener *l)
{
	return &l->local;
}

void listener_pause(struct listener *l, bool pause)
{
	l->paused = pause;
	if (l->handle)
		io_handle_enable_events(l->handle, pause ? 0 : IO_READ);
}

void listener_stop(struct listener *l)
{
	if (!l->handle)
		return;
	dispatcher_timer_cancel(l->dispatcher, &l->retry);
	io_handle_close(l->handle, IO_CLOSE_NORMAL);
	l->handle = NULL;
}

void listener_drain(struct listener *l)
{
	struct member mark;

	listener_stop(l);
	/* Draining may end connections, any of them: a mark keeps the place. */
	list_insert_before(l->connections.next, &mark.link);
	while (mark.link.next != &l->connections) {
		struct list *next = mark.link.next;

		list_remove(&mark.link);
		list_insert_before(next->next, &mark.link);
		connection_drain(container_of(next, struct member, link)->connection);
	}
	list_remove(&mark.link);
}

unsigned listener_n_connections(const struct listener *l)
{
	return l->n_connections;
}

static void free_listener(struct deferred *x)
{
	free(container_of(x, struct listener, deletion));
}

void listener_free(struct listener *l)
{
	listener_stop(l);
	while (!list_empty(&l->connections))
		connection_close(container_of(l->connections.next, struct member, link)->connection,
				 CONNECTION_NO_FLUSH);
	dispatcher_delete(l->dispatcher, &l->deletion, free_listener);
}
