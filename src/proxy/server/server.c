/* server.c - the life of the process: open, resolve, run, drain, close. */
#include "proxy/server/server.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/admin/admin.h"
#include "proxy/server/discovery.h"

enum { DRAIN_POLL_MS = 10 };

static int redirect_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return ERR_IO;
	log_set_fd(fd);
	return 0;
}

static void signal_came(void *context, int number)
{
	struct server *s = context;

	log_info("signal", "number=%d", number);
	if (number == SIGUSR1)
		server_reopen_logs(s);
	else if (number != SIGHUP) /* a terminal that closes does not end a server */
		server_drain_and_end(s);
}

static int take_signals(struct server *s)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };

	_Static_assert(count_of(numbers) <= count_of(s->signals), "a place for each");
	for (unsigned i = 0; i < count_of(numbers); i++) {
		s->signals[i] = signal_event_new_or_null(s->dispatcher, numbers[i], signal_came, s);
		if (!s->signals[i])
			return ERR_NOMEM;
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int add_interfaces(struct server *s)
{
	const char *control_socket = s->bootstrap->convoy_interface.control_socket;
	int err;

	/* The library reads it when the first socket is made; no thread runs yet. */
	if (control_socket && setenv("CONVOY_SOCKET", control_socket, 1))
		return ERR_NOMEM;
	err = socket_registry_add(&s->sockets, kernel_sockets_new());

	if (!err)
		err = socket_registry_add(&s->sockets, convoy_sockets_new());
	if (!err && s->bootstrap->default_socket_interface == SOCKET_INTERFACE_CONVOY)
		err = socket_registry_set_default(&s->sockets, SOCKET_NAME_CONVOY);
	if (err)
		return err;
	err = socket_registry_worker_start(&s->sockets, s->dispatcher);
	s->sockets_started = !err;
	return err;
}

static void *main_block_or_null(struct server *s, const char *scope,
				const struct stat_layout *layout)
{
	struct stat_group *g = stats_group_or_null(s->stats, stat_scope_plain(scope), layout);

	return g ? stat_group_block(g, STATS_MAIN) : NULL;
}

static int make_stats(struct server *s)
{
	s->stats = stats_new_or_null(s->options->concurrency);
	if (!s->stats)
		return ERR_NOMEM;
	s->own_stats = main_block_or_null(s, "server", &server_stats_layout);
	s->cluster_stats = main_block_or_null(s, "cluster_manager", &cluster_manager_stats_layout);
	s->listener_stats =
		main_block_or_null(s, "listener_manager", &listener_manager_stats_layout);
	return s->own_stats && s->cluster_stats && s->listener_stats ? 0 : ERR_NOMEM;
}

static void flush_stats(struct timer *t, uint64_t now_ns unused_arg)
{
	struct server *s = container_of(t, struct server, flush_timer);

	stats_flush(s->stats);
	dispatcher_timer_set(s->dispatcher, t, s->bootstrap->stats_flush_interval_ns);
}

static int check_endpoints(struct server *s)
{
	int err = 0;

	for (uint32_t i = 0; i < s->bootstrap->n_clusters; i++) {
		const struct cluster_config *c = &s->bootstrap->clusters[i];

		for (uint32_t k = 0; k < c->n_endpoints && !err; k++)
			err = server_check_interface(s, &c->endpoints[k].address);
	}
	return err;
}

static int make_services(struct server *s)
{
	int err = check_endpoints(s);

	if (err)
		return err;
	s->logs = access_logs_new_or_null(s->options->concurrency);
	if (!s->logs)
		return ERR_NOMEM;
	s->clusters = clusters_new_or_null(s->bootstrap, s->stats, &s->sockets);
	if (!s->clusters)
		return config_fail(&s->error, s->bootstrap->at,
				   "the clusters cannot be made; the log says why");
	stat_set(&s->cluster_stats->cluster_added, s->bootstrap->n_clusters);
	stat_set(&s->cluster_stats->active_clusters, s->bootstrap->n_clusters);
	return server_make_listeners(s);
}

static void poll_drained(struct timer *t, uint64_t now_ns);

static int load(struct server *s)
{
	const struct snapshot_source source = { s->options->config_path, s->options->config_yaml };

	s->snapshot = snapshot_load_or_null(&source, &s->error);
	if (!s->snapshot)
		return ERR_INVAL;
	s->bootstrap = snapshot_bootstrap(s->snapshot);
	return 0;
}

int server_open(struct server *s, const struct proxy_options *options)
{
	int err;

	*s = (struct server){ .options = options, .state = SERVER_PRE_INITIALIZING };
	timer_init(&s->flush_timer, flush_stats);
	timer_init(&s->drain_timer, poll_drained);
	socket_registry_init(&s->sockets);
	err = load(s);
	if (err)
		return err;
	if (options->log_path && redirect_log(options->log_path)) {
		config_fail_file(&s->error, options->log_path, 1, 1, "cannot open the log");
		return ERR_IO;
	}
	s->dispatcher = dispatcher_new_or_null("main_thread", &clock_monotonic);
	if (!s->dispatcher)
		return ERR_NOMEM;
	s->started_ns = clock_now_ns(&clock_monotonic);
	err = take_signals(s);
	if (!err)
		err = add_interfaces(s);
	if (!err)
		err = make_stats(s);
	if (!err)
		err = make_services(s);
	if (!err)
		err = admin_open(s, &s->admin);
	/* A configuration that read well but cannot be had here is not a bad one. */
	return err == ERR_INVAL ? ERR_IO : err;
}

static void names_resolved(struct server *s)
{
	int err;

	if (s->drain_deadline_ns)
		return;
	err = server_start_workers(s);
	if (err) {
		s->failed = true;
		if (!s->error.text[0])
			config_fail(&s->error, s->bootstrap->at, "cannot start a worker: %s",
				    err_text(err));
		dispatcher_stop(s->dispatcher);
		return;
	}
	s->state = SERVER_LIVE;
	stat_set(&s->listener_stats->workers_started, 1);
	stat_set(&s->listener_stats->total_listeners_active, s->bootstrap->n_listeners);
	stat_set(&s->listener_stats->listener_create_success,
		 (uint64_t)s->bootstrap->n_listeners * s->n_workers_running);
	log_info("proxy.ready", "workers=%u listeners=%u clusters=%u", s->n_workers_running,
		 s->bootstrap->n_listeners, s->bootstrap->n_clusters);
}

int server_run(struct server *s)
{
	s->state = SERVER_INITIALIZING;
	s->discovery = discovery_new_or_null(s, names_resolved);
	if (!s->discovery)
		return ERR_NOMEM;
	stat_set(&s->cluster_stats->warming_clusters, discovery_n_waiting(s->discovery));
	dispatcher_timer_set(s->dispatcher, &s->flush_timer, s->bootstrap->stats_flush_interval_ns);
	dispatcher_run(s->dispatcher);
	return s->failed ? ERR_IO : 0;
}

static uint64_t n_connections(const struct server *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->bootstrap->n_listeners; i++)
		for (unsigned w = 0; w < s->n_workers_running; w++) {
			const struct server_listener_stats *st =
				stat_group_block(s->listeners[i].stats, w);

			n += __atomic_load_n(&st->counts.downstream_cx_active, __ATOMIC_RELAXED);
		}
	return n;
}

static void drain_on_worker(struct server_worker *w, void *argument)
{
	const bool inbound_only = argument != NULL;

	for (unsigned i = 0; i < w->server->bootstrap->n_listeners; i++)
		if (w->listeners[i] &&
		    (!inbound_only ||
		     w->server->listeners[i].config->traffic_direction == TRAFFIC_INBOUND))
			listener_drain(w->listeners[i]);
}

void server_drain_listeners(struct server *s, bool inbound_only)
{
	uint64_t active = 0;

	server_on_workers(s, drain_on_worker, inbound_only ? s : NULL);
	for (unsigned i = 0; i < s->bootstrap->n_listeners; i++) {
		struct server_listener *l = &s->listeners[i];

		if (!inbound_only || l->config->traffic_direction == TRAFFIC_INBOUND)
			l->stopped = true;
		active += !l->stopped;
	}
	stat_set(&s->listener_stats->total_listeners_active, active);
	stat_set(&s->listener_stats->total_listeners_draining, s->bootstrap->n_listeners - active);
	log_info("proxy.drain", "connections=%llu", (unsigned long long)n_connections(s));
}

static void poll_drained(struct timer *t, uint64_t now_ns)
{
	struct server *s = container_of(t, struct server, drain_timer);

	if (!n_connections(s) || now_ns >= s->drain_deadline_ns)
		dispatcher_stop(s->dispatcher);
	else
		dispatcher_timer_set(s->dispatcher, t, DRAIN_POLL_MS * (uint64_t)NS_PER_MS);
}

void server_drain_and_end(struct server *s)
{
	if (s->drain_deadline_ns || s->state != SERVER_LIVE) {
		dispatcher_stop(s->dispatcher);
		return;
	}
	s->state = SERVER_DRAINING;
	s->drain_deadline_ns = dispatcher_now_ns(s->dispatcher) +
			       (uint64_t)s->options->drain_time_s * NS_PER_S + 1;
	server_drain_listeners(s, false);
	/* The workers get the message before the first look, which is a tick away. */
	dispatcher_timer_set(s->dispatcher, &s->drain_timer, DRAIN_POLL_MS * (uint64_t)NS_PER_MS);
}

void server_reopen_logs(struct server *s)
{
	access_logs_reopen(s->logs);
	if (s->admin)
		admin_reopen_logs(s->admin);
	if (s->options->log_path && redirect_log(s->options->log_path))
		log_error("log.reopen", "path=%s", s->options->log_path);
}

void server_update_stats(struct server *s)
{
	struct mallinfo2 m = mallinfo2();
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (f) {
		if (fscanf(f, "%*u %lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	stat_set(&s->own_stats->live, s->state == SERVER_LIVE);
	stat_set(&s->own_stats->state, s->state);
	stat_set(&s->own_stats->uptime,
		 (clock_now_ns(&clock_monotonic) - s->started_ns) / NS_PER_S);
	stat_set(&s->own_stats->concurrency, s->options->concurrency);
	stat_set(&s->own_stats->total_connections, n_connections(s));
	stat_set(&s->own_stats->memory_allocated, m.uordblks + m.hblkhd);
	stat_set(&s->own_stats->memory_heap_size, m.arena + m.hblkhd);
	stat_set(&s->own_stats->memory_physical_size, pages * (uint64_t)sysconf(_SC_PAGESIZE));
	if (s->discovery)
		stat_set(&s->cluster_stats->warming_clusters, discovery_n_waiting(s->discovery));
}

void server_close(struct server *s)
{
	server_stop_workers(s);
	admin_close(s->admin);
	discovery_free(s->discovery);
	if (s->listeners)
		server_free_listeners(s);
	if (s->clusters)
		clusters_free(s->clusters);
	if (s->logs)
		access_logs_free(s->logs);
	if (s->dispatcher) {
		dispatcher_timer_cancel(s->dispatcher, &s->flush_timer);
		dispatcher_timer_cancel(s->dispatcher, &s->drain_timer);
		dispatcher_run_once(s->dispatcher);
	}
	if (s->sockets_started)
		socket_registry_worker_stop(&s->sockets, s->dispatcher);
	socket_registry_deinit(&s->sockets);
	for (unsigned i = 0; i < count_of(s->signals); i++)
		if (s->signals[i])
			signal_event_free(s->signals[i]);
	if (s->dispatcher)
		dispatcher_free(s->dispatcher);
	stats_free(s->stats);
	if (s->snapshot)
		snapshot_put(s->snapshot);
}
