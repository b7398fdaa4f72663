/* layer.c - the applications' socket, and main's and the workers' ways to each other. */
#include "session/layer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "control/unix_socket.h"
#include "session/app.h"
#include "session/layer_private.h"
#include "session/session_worker.h"

enum { EVENTS = 64 };

struct session_layer {
	struct app_server server;
	struct unix_socket socket;
	struct session_worker *worker[WORKERS_MAX];
};

/* --- from workers to main --- */

struct errand {
	struct session_layer *layer;
	handle pair;
	uint32_t app, child, worker, client, server;
};

static int run_errand(struct session_layer *layer, void (*fn)(struct engine *e, void *arg),
		      const struct errand *what)
{
	struct errand *errand = malloc(sizeof(*errand));

	if (!errand)
		return ERR_NOMEM;
	*errand = *what;
	errand->layer = layer;
	if (engine_call_main(layer->server.engine, fn, errand) == 0)
		return 0;
	free(errand);
	return ERR_NOMEM;
}

static void on_kick(struct engine *e unused_arg, void *arg)
{
	struct errand *errand = arg;

	list_for_each(link, &errand->layer->server.apps) {
		struct app *a = container_of(link, struct app, of_server);

		if (a->id == errand->app)
			app_end(a);
	}
	free(errand);
}

void session_layer_kick(struct session_layer *layer, uint32_t app)
{
	if (run_errand(layer, on_kick, &(struct errand){ .app = app }))
		log_error("session.kick", "app=%u error=%s", app, err_text(ERR_NOMEM));
}

static void on_forked(struct engine *e unused_arg, void *arg)
{
	struct errand *errand = arg;

	family_told(&errand->layer->server, errand->app, errand->child);
	free(errand);
}

void session_layer_forked(struct session_layer *layer, uint32_t parent, uint32_t child)
{
	if (run_errand(layer, on_forked, &(struct errand){ .app = parent, .child = child }))
		log_error("session.fork", "app=%u error=%s", parent, err_text(ERR_NOMEM));
}

static void on_shared(struct engine *e unused_arg, void *arg)
{
	struct errand *errand = arg;

	family_shared(&errand->layer->server, errand->app);
	free(errand);
}

void session_layer_shared(struct session_layer *layer, uint32_t app)
{
	if (run_errand(layer, on_shared, &(struct errand){ .app = app }))
		log_error("session.share", "app=%u error=%s", app, err_text(ERR_NOMEM));
}

static void on_make_channel(struct engine *e unused_arg, void *arg)
{
	struct errand *errand = arg;

	broker_new(&errand->layer->server, errand->worker, errand->pair, errand->client,
		   errand->server);
	free(errand);
}

int session_layer_make_channel(struct session_layer *layer, uint32_t worker, handle pair,
			       uint32_t client_worker, uint32_t server_worker)
{
	return run_errand(layer, on_make_channel,
			  &(struct errand){ .pair = pair,
					    .worker = worker,
					    .client = client_worker,
					    .server = server_worker });
}

const struct transport *session_layer_transport(const struct session_layer *layer)
{
	return layer->server.options.transport;
}

bool session_layer_is_local(struct session_layer *layer, struct worker *w, uint32_t fib,
			    const struct shm_address *address)
{
	const struct session_host *host = &layer->server.options.host;

	return host->is_local && host->is_local(host->context, w, fib, address);
}

/* --- the socket --- */

static void accept_apps(struct session_layer *layer)
{
	int fd;

	while ((fd = accept4(layer->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (!app_new(&layer->server, fd, NULL)) {
			log_warn("app.refuse", "reason=limit applications=%u",
				 layer->server.n_apps);
			close(fd);
		}
	}
}

static void serve_app(struct app *a)
{
	struct rpc_request q;
	int fds[RPC_MAX_FDS];
	unsigned n_fds;
	pid_t sender;
	int err = rpc_receive_from(a->fd, &q, sizeof(q), fds, &n_fds, &sender);

	while (n_fds > 0)
		close(fds[--n_fds]);
	if (!err && sender)
		a->pid = sender;
	if (!err)
		err = app_request(a, &q);
	if (!err || err == ERR_AGAIN)
		return;
	if (err != ERR_CLOSED)
		log_warn("app.detach", "app=%u name=%s error=%s", a->id, a->name, err_text(err));
	app_end(a);
}

/* Whoever was ended while an earlier event of the batch was served is no longer in the list. */
static bool still_there(const struct session_layer *layer, const void *a)
{
	list_for_each(link, &layer->server.apps)
		if (container_of(link, struct app, of_server) == a)
			return true;
	return false;
}

void session_layer_run(struct session_layer *layer)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(layer->server.epoll_fd, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == layer)
			accept_apps(layer);
		else if (still_there(layer, events[i].data.ptr))
			serve_app(events[i].data.ptr);
	}
}

struct app_server *session_layer_server(struct session_layer *layer)
{
	return &layer->server;
}

int session_layer_fd(const struct session_layer *layer)
{
	return layer->server.epoll_fd;
}

/* --- life --- */

static int init_workers(struct session_layer *layer, struct engine *e)
{
	uint16_t node = graph_node_id(&e->graph, session_input_node.name);

	invariant(node != NODE_NONE);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		int err;

		layer->worker[i] = calloc(1, sizeof(*layer->worker[i]));
		if (!layer->worker[i])
			return ERR_NOMEM;
		err = session_worker_init(layer->worker[i], layer, e->worker[i], node);
		if (err)
			return err;
	}
	return 0;
}

static int open_socket(struct session_layer *layer)
{
	const struct session_options *o = &layer->server.options;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = layer };
	char why[256];
	int err = unix_socket_listen(&layer->socket, o->socket_path, SOCK_SEQPACKET, o->socket_mode,
				     why, sizeof(why));

	if (err) {
		log_error("session.socket", "%s", why);
		return err;
	}
	layer->server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (layer->server.epoll_fd < 0 ||
	    epoll_ctl(layer->server.epoll_fd, EPOLL_CTL_ADD, layer->socket.fd, &event) < 0)
		return ERR_IO;
	return 0;
}

static int copy_options(struct app_server *s, const struct session_options *o)
{
	s->options = *o;
	s->options.socket_path = strdup(o->socket_path);
	if (o->n_namespaces) {
		s->namespaces = calloc(o->n_namespaces, sizeof(*s->namespaces));
		if (!s->namespaces)
			return ERR_NOMEM;
		memcpy(s->namespaces, o->namespaces, o->n_namespaces * sizeof(*s->namespaces));
	}
	return s->options.socket_path ? 0 : ERR_NOMEM;
}

int session_layer_new(struct engine *e, const struct session_options *options,
		      struct session_layer **out)
{
	struct session_layer *layer = calloc(1, sizeof(*layer));
	int err;

	if (!layer)
		return ERR_NOMEM;
	layer->socket.fd = -1;
	layer->server.epoll_fd = -1;
	layer->server.layer = layer;
	layer->server.engine = e;
	list_init(&layer->server.apps);
	list_init(&layer->server.brokers);
	bindings_init(&layer->server.bindings);
	err = copy_options(&layer->server, options);
	if (!err)
		err = open_socket(layer);
	if (!err)
		err = init_workers(layer, e);
	if (err) {
		session_layer_free(layer);
		return err;
	}
	*out = layer;
	return 0;
}

/* Workers are silent: what they and main still have to tell each other happens here. */
static void deliver_the_last(struct engine *e)
{
	unsigned n;

	do {
		n = engine_run_main(e);
		for (uint32_t i = 0; i < e->n_workers; i++)
			n += mailbox_run(&e->worker[i]->mailbox, e->worker[i]);
	} while (n > 0);
}

void session_layer_free(struct session_layer *layer)
{
	if (!layer)
		return;
	if (layer->socket.fd >= 0)
		unix_socket_close(&layer->socket);
	while (!list_empty(&layer->server.apps))
		app_end(container_of(layer->server.apps.next, struct app, of_server));
	if (layer->worker[0])
		deliver_the_last(layer->server.engine);
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		if (layer->worker[i])
			session_worker_deinit(layer->worker[i]);
		free(layer->worker[i]);
	}
	bindings_deinit(&layer->server.bindings);
	if (layer->server.epoll_fd >= 0)
		close(layer->server.epoll_fd);
	free(layer->server.namespaces);
	free((char *)(uintptr_t)layer->server.options.socket_path);
	free(layer);
}
