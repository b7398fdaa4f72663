/*
 * worker.h - the proxy's threads. Each has its own dispatcher; they share only what is immutable.
 */
#ifndef CONVOY_PROXY_LISTENER_WORKER_H
#define CONVOY_PROXY_LISTENER_WORKER_H

#include "proxy/net/dispatcher.h"
#include "proxy/net/socket_interface.h"

struct proxy_worker;

/* What the owner of the workers wants done in each thread. Members may be NULL. */
struct proxy_worker_ops {
	/*
	 * In the worker's thread, after its socket interfaces are up and before its loop runs: open
	 * listeners, set dispatcher slots. A failure ends the thread and is returned by
	 * proxy_worker_start(), so that a port in use is known before the process says it is ready.
	 */
	int (*start)(struct proxy_worker *w, void *context);
	/* In the worker's thread, after its loop ended and before its socket interfaces go. */
	void (*stop)(struct proxy_worker *w, void *context);
};

/*
 * proxy_worker_new_or_null - a worker whose thread does not run yet.
 * @index: from 0; names the thread "worker_N"
 */
struct proxy_worker *proxy_worker_new_or_null(unsigned index, const struct clock *clock,
					      struct socket_registry *sockets,
					      const struct proxy_worker_ops *ops, void *context);

/* proxy_worker_start - start the thread and wait for its ops->start; returns what that returned. */
must_check
int proxy_worker_start(struct proxy_worker *w);

/* proxy_worker_stop - end its loop and join it; harmless if it does not run. */
void proxy_worker_stop(struct proxy_worker *w);

/* proxy_worker_free - stops it first. */
void proxy_worker_free(struct proxy_worker *w);

unsigned proxy_worker_index(const struct proxy_worker *w);
struct dispatcher *proxy_worker_dispatcher(struct proxy_worker *w);

/*
 * proxy_worker_call - run @fn(@argument) in the worker's thread and wait for it. For configuration
 * changes and shutdown; never from a worker.
 */
void proxy_worker_call(struct proxy_worker *w, void (*fn)(struct proxy_worker *w, void *argument),
		       void *argument);

#endif
