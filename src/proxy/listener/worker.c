/* worker.c - the proxy's threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "proxy/listener/worker.h"

enum { WORKER_NAME_MAX = 16 }; /* what the kernel keeps of a thread's name */

struct proxy_worker {
	unsigned index;
	struct dispatcher *dispatcher;
	struct socket_registry *sockets;
	const struct proxy_worker_ops *ops;
	void *context;
	pthread_t thread;
	bool running;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool started; /* @start_result is valid */
	int start_result;
	char name[WORKER_NAME_MAX];
};

struct proxy_worker *proxy_worker_new_or_null(unsigned index, const struct clock *clock,
					      struct socket_registry *sockets,
					      const struct proxy_worker_ops *ops, void *context)
{
	struct proxy_worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->index = index;
	w->sockets = sockets;
	w->ops = ops;
	w->context = context;
	snprintf(w->name, sizeof(w->name), "worker_%u", index);
	w->dispatcher = dispatcher_new_or_null(w->name, clock);
	if (!w->dispatcher) {
		free(w);
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	return w;
}

static void tell_started(struct proxy_worker *w, int result)
{
	pthread_mutex_lock(&w->lock);
	w->started = true;
	w->start_result = result;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void *run(void *context)
{
	struct proxy_worker *w = context;
	int err;

	pthread_setname_np(pthread_self(), w->name);
	err = socket_registry_worker_start(w->sockets, w->dispatcher);
	if (err) {
		tell_started(w, err);
		return NULL;
	}
	err = w->ops->start ? w->ops->start(w, w->context) : 0;
	tell_started(w, err);
	if (!err) {
		dispatcher_run(w->dispatcher);
		if (w->ops->stop)
			w->ops->stop(w, w->context);
	}
	dispatcher_run_once(w->dispatcher); /* what was posted and deferred on the way out */
	socket_registry_worker_stop(w->sockets, w->dispatcher);
	return NULL;
}

int proxy_worker_start(struct proxy_worker *w)
{
	int err = pthread_create(&w->thread, NULL, run, w);

	if (err) {
		log_error("worker.start", "name=%s errno=%d", w->name, err);
		return err_of_errno(err);
	}
	w->running = true;
	pthread_mutex_lock(&w->lock);
	while (!w->started)
		pthread_cond_wait(&w->changed, &w->lock);
	err = w->start_result;
	pthread_mutex_unlock(&w->lock);
	if (err) {
		pthread_join(w->thread, NULL);
		w->running = false;
	}
	return err;
}

void proxy_worker_stop(struct proxy_worker *w)
{
	if (!w->running)
		return;
	dispatcher_stop(w->dispatcher);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void proxy_worker_free(struct proxy_worker *w)
{
	proxy_worker_stop(w);
	dispatcher_free(w->dispatcher);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

unsigned proxy_worker_index(const struct proxy_worker *w)
{
	return w->index;
}

struct dispatcher *proxy_worker_dispatcher(struct proxy_worker *w)
{
	return w->dispatcher;
}

struct call {
	struct post post;
	struct proxy_worker *worker;
	void (*fn)(struct proxy_worker *w, void *argument);
	void *argument;
	bool done;
};

static void run_call(struct post *p)
{
	struct call *call = container_of(p, struct call, post);
	struct proxy_worker *w = call->worker;

	call->fn(w, call->argument);
	pthread_mutex_lock(&w->lock);
	call->done = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void proxy_worker_call(struct proxy_worker *w, void (*fn)(struct proxy_worker *w, void *argument),
		       void *argument)
{
	struct call call = { .post.run = run_call, .worker = w, .fn = fn, .argument = argument };

	if (!w->running) {
		fn(w, argument);
		return;
	}
	dispatcher_post(w->dispatcher, &call.post);
	pthread_mutex_lock(&w->lock);
	while (!call.done)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
}
