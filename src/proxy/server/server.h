/*
 * server.h - convoy-proxy put together: what the main thread owns, and how it starts and ends.
 *
 *   configuration ──> statistics, socket interfaces, access logs, clusters, listeners
 *   main thread:   signals · admin page · DNS · draining
 *   each worker:   its sockets, clusters and connection managers; see worker.c
 *
 *   PRE_INITIALIZING ─> INITIALIZING (names resolve) ─> LIVE (workers run) ─> DRAINING ─> end
 *
 * Everything here is for the main thread.
 */
#ifndef CONVOY_PROXY_SERVER_SERVER_H
#define CONVOY_PROXY_SERVER_SERVER_H

#include "control/config_tree.h"
#include "proxy/config/snapshot.h"
#include "proxy/filter/access_log.h"
#include "proxy/filter/hcm.h"
#include "proxy/listener/listener.h"
#include "proxy/listener/worker.h"
#include "proxy/server/options.h"
#include "proxy/server/server_stats.h"
#include "proxy/upstream/clusters.h"

struct admin;
struct discovery;
struct server;

enum server_state {
	SERVER_LIVE,
	SERVER_DRAINING,
	SERVER_PRE_INITIALIZING,
	SERVER_INITIALIZING,
}; /* Envoy's numbers */

/* A listener as configured, ready to be opened on each worker. */
struct server_listener {
	const struct listener_config *config;
	struct network_filter_factory *factory;
	struct filter_chain chain;
	struct listener_spec spec;
	struct stat_group *stats;
	bool stopped; /* no worker accepts any more */
};

struct server_worker {
	struct server *server;
	struct proxy_worker *thread;
	struct listener **listeners; /* by index; NULL once freed */
	struct config_error error;   /* why it did not start */
};

struct server {
	const struct proxy_options *options;
	struct config_error error; /* why server_open() or server_run() failed, as one line */
	struct snapshot *snapshot;
	const struct bootstrap_config *bootstrap;
	struct dispatcher *dispatcher;
	struct socket_registry sockets;
	bool sockets_started;
	struct stats *stats;
	struct server_stats *own_stats;
	struct cluster_manager_stats *cluster_stats;
	struct listener_manager_stats *listener_stats;
	struct access_logs *logs;
	struct clusters *clusters;
	struct server_listener *listeners; /* one per configured listener */
	struct server_worker *workers;	   /* options->concurrency of them */
	unsigned n_workers_running;
	struct discovery *discovery;
	struct admin *admin;
	struct signal_event *signals[4];
	struct timer flush_timer;
	struct timer drain_timer;
	uint64_t drain_deadline_ns; /* 0: not ending */
	uint64_t started_ns;
	enum server_state state;
	bool failed;
};

/*
 * server_open - load the configuration and make everything that can fail early: logs, statistics,
 * addresses that are in use. Nothing listens yet but the admin page.
 * Returns 0, ERR_INVAL for a configuration that does not hold, others for what the system refused;
 * @s->error says it. server_close() in either case.
 */
must_check
int server_open(struct server *s, const struct proxy_options *options);

/* server_run - resolve, start the workers, serve until told to end. 0 or what failed. */
must_check
int server_run(struct server *s);
void server_close(struct server *s);

/* server_drain_and_end - stop listening, let requests finish, then end. Again: end at once. */
void server_drain_and_end(struct server *s);

/* server_drain_listeners - stop listening and close connections when their requests are done.
 * @inbound_only: only listeners with traffic_direction INBOUND */
void server_drain_listeners(struct server *s, bool inbound_only);

/* server_reopen_logs - after they were rotated. */
void server_reopen_logs(struct server *s);

/* server_update_stats - bring gauges up to date that are taken when somebody looks. */
void server_update_stats(struct server *s);

/* Parts of server_open(), each in its own file. */
must_check
int server_make_listeners(struct server *s);
void server_free_listeners(struct server *s);
must_check
int server_start_workers(struct server *s);
void server_stop_workers(struct server *s);

/* server_on_workers - run @fn(worker, @argument) on every running worker, soon and not waiting. */
void server_on_workers(struct server *s, void (*fn)(struct server_worker *w, void *argument),
		       void *argument);

/* server_interface_name - which socket interface serves @a: its own choice, or the default; the
 * kernel for pipes and for an admin page that does not choose. */
const char *server_interface_name(const struct server *s, const struct address_config *a);

/* server_check_interface - 0 if the socket interface that @a asks for exists; ERR_INVAL, noted. */
must_check
int server_check_interface(struct server *s, const struct address_config *a);

/* server_cannot_listen - note in @error why @a cannot be listened on; returns @err. */
int server_cannot_listen(const struct server *s, struct config_error *error,
			 const struct address_config *a, int err);

#endif
