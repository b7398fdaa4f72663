/*
 * worker.c - what each worker has of its own, in the order in which it comes and goes:
 * access log buffers, clusters with their hosts, HTTP state, listeners.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/server/discovery.h"

static void connection_ended(void *context, uint64_t length_ns)
{
	struct server_listener_stats *st = context;

	histogram_record(&st->downstream_cx_length_ms, length_ns / NS_PER_US);
}

static const struct listener_hooks hooks = { .connection_ended = connection_ended };

static int open_listeners(struct server_worker *w, struct dispatcher *d, unsigned idx)
{
	struct server *s = w->server;

	for (unsigned i = 0; i < s->bootstrap->n_listeners; i++) {
		struct server_listener *l = &s->listeners[i];
		struct server_listener_stats *st = stat_group_block(l->stats, idx);
		int err;

		if (idx && l->spec.address.family == ADDRESS_UNIX)
			continue; /* a path can be bound only once */
		err = listener_open(d, &l->spec, &st->counts, &hooks, st, &w->listeners[i]);

		if (err)
			return server_cannot_listen(s, &w->error, &l->config->address, err);
	}
	return 0;
}

static void free_listeners(struct server_worker *w, struct dispatcher *d)
{
	for (unsigned i = 0; i < w->server->bootstrap->n_listeners; i++) {
		if (w->listeners[i])
			listener_free(w->listeners[i]);
		w->listeners[i] = NULL;
	}
	dispatcher_run_once(d); /* connections go at the end of a turn */
}

static int worker_started(struct proxy_worker *thread, void *context)
{
	struct server_worker *w = context;
	struct server *s = w->server;
	struct dispatcher *d = proxy_worker_dispatcher(thread);
	unsigned idx = proxy_worker_index(thread);
	int err;

	access_logs_worker_start(s->logs, d, idx);
	err = clusters_worker_start(s->clusters, d, idx);
	if (err)
		goto no_clusters;
	err = discovery_apply(s->discovery, d);
	if (!err)
		err = http_worker_start(d, idx);
	if (err)
		goto no_http;
	err = open_listeners(w, d, idx);
	if (!err)
		return 0;
	free_listeners(w, d);
	http_worker_stop(d);
no_http:
	clusters_worker_stop(d);
	dispatcher_run_once(d);
no_clusters:
	access_logs_worker_stop(s->logs, idx);
	return err;
}

static void worker_ended(struct proxy_worker *thread, void *context)
{
	struct server_worker *w = context;
	struct dispatcher *d = proxy_worker_dispatcher(thread);

	free_listeners(w, d);
	http_worker_stop(d);
	clusters_worker_stop(d);
	dispatcher_run_once(d);
	access_logs_worker_stop(w->server->logs, proxy_worker_index(thread));
}

static const struct proxy_worker_ops worker_ops = { worker_started, worker_ended };

static int start_worker(struct server *s, unsigned idx)
{
	struct server_worker *w = &s->workers[idx];
	int err;

	w->server = s;
	w->listeners = calloc(s->bootstrap->n_listeners + 1, sizeof(*w->listeners));
	w->thread = proxy_worker_new_or_null(idx, &clock_monotonic, &s->sockets, &worker_ops, w);
	if (!w->listeners || !w->thread)
		return ERR_NOMEM;
	err = proxy_worker_start(w->thread);
	if (err && w->error.text[0])
		s->error = w->error;
	return err;
}

/* Port 0 is one free port for all workers: the first has found it, the others share it. */
static void take_bound_addresses(struct server *s)
{
	for (unsigned i = 0; i < s->bootstrap->n_listeners; i++)
		s->listeners[i].spec.address = *listener_local(s->workers[0].listeners[i]);
}

int server_start_workers(struct server *s)
{
	int err = 0;

	s->workers = calloc(s->options->concurrency, sizeof(*s->workers));
	if (!s->workers)
		return ERR_NOMEM;
	while (!err && s->n_workers_running < s->options->concurrency) {
		err = start_worker(s, s->n_workers_running);
		if (!err && !s->n_workers_running++)
			take_bound_addresses(s);
	}
	return err;
}

void server_stop_workers(struct server *s)
{
	for (unsigned i = 0; s->workers && i < s->options->concurrency; i++) {
		if (s->workers[i].thread)
			proxy_worker_free(s->workers[i].thread);
		free(s->workers[i].listeners);
	}
	free(s->workers);
	s->workers = NULL;
	s->n_workers_running = 0;
}

struct job {
	struct post post;
	struct server_worker *worker;
	void (*fn)(struct server_worker *w, void *argument);
	void *argument;
};

static void run_job(struct post *p)
{
	struct job *j = container_of(p, struct job, post);

	j->fn(j->worker, j->argument);
	free(j);
}

void server_on_workers(struct server *s, void (*fn)(struct server_worker *w, void *argument),
		       void *argument)
{
	for (unsigned i = 0; i < s->n_workers_running; i++) {
		struct job *j = malloc(sizeof(*j));

		invariant(j); /* without it a worker would miss a change */
		*j = (struct job){ .post = { .run = run_job },
				   .worker = &s->workers[i],
				   .fn = fn,
				   .argument = argument };
		dispatcher_post(proxy_worker_dispatcher(s->workers[i].thread), &j->post);
	}
}
