/* tell.c - messages from main to stack workers. */
#include "session/tell.h"

#include <stdlib.h>

#include "base/log.h"
#include "session/adopt.h"
#include "session/layer.h"
#include "session/session_worker.h"

struct note {
	struct app_link *link;
	const struct transport *transport;
	struct shm_address address;
	uint32_t id, app, fib, backlog;
	handle pair;
	struct pair_parts parts;
	struct share_name name;
	int err;
};

/* Send a copy of @n; the receiver frees it. */
static int tell(struct worker *w, void (*fn)(struct worker *w, void *arg), const struct note *n)
{
	struct note *copy = malloc(sizeof(*copy));

	if (copy) {
		*copy = *n;
		if (worker_call(w, fn, copy) == 0)
			return 0;
		free(copy);
	}
	log_error("session.tell", "worker=%u error=%s", w->index, err_text(ERR_NOMEM));
	return ERR_NOMEM;
}

static void on_link(struct worker *w, void *arg)
{
	struct note *n = arg;
	struct session_worker *sw = session_worker_of(w);
	int err = session_worker_add_link(sw, n->link);

	if (err) {
		log_error("session.link", "app=%u error=%s", n->link->app, err_text(err));
		session_layer_kick(sw->layer, n->link->app);
		link_free(n->link);
	}
	free(n);
}

int tell_link(struct worker *w, struct app_link *l)
{
	return tell(w, on_link, &(struct note){ .link = l });
}

static void on_worker_end(struct worker *w, void *arg)
{
	struct note *n = arg;
	struct session_worker *sw = session_worker_of(w);
	struct app_link *l = session_worker_find_link(sw, n->id);

	if (l)
		session_worker_end_link(sw, l);
	free(n);
}

void tell_worker_end(struct worker *w, uint32_t id)
{
	(void)!tell(w, on_worker_end, &(struct note){ .id = id });
}

static void on_listener(struct worker *w, void *arg)
{
	struct note *n = arg;
	int err = listener_add(session_worker_of(w), n->app, n->id, n->transport, n->fib,
			       &n->address, n->backlog);

	if (err)
		log_error("session.listen", "app=%u error=%s", n->app, err_text(err));
	free(n);
}

void tell_listener(struct engine *e, uint32_t app, const struct binding *b,
		   const struct transport *t)
{
	struct note n = { .app = app,
			  .id = b->id,
			  .transport = t,
			  .fib = b->fib,
			  .address = b->address,
			  .backlog = b->backlog };

	for (uint32_t i = 0; i < e->n_workers; i++)
		(void)!tell(e->worker[i], on_listener, &n);
}

static void on_unlisten(struct worker *w, void *arg)
{
	struct note *n = arg;

	listener_remove(session_worker_of(w), n->app, n->id);
	free(n);
}

void tell_unlisten(struct engine *e, uint32_t app, uint32_t id)
{
	for (uint32_t i = 0; i < e->n_workers; i++)
		(void)!tell(e->worker[i], on_unlisten, &(struct note){ .app = app, .id = id });
}

static void on_fork(struct worker *w, void *arg)
{
	struct note *n = arg;
	struct session_worker *sw = session_worker_of(w);

	adopt_fork(sw, n->app, n->id);
	session_layer_forked(sw->layer, n->app, n->id);
	free(n);
}

int tell_fork(struct worker *w, uint32_t parent, uint32_t child)
{
	return tell(w, on_fork, &(struct note){ .app = parent, .id = child });
}

static void on_share(struct worker *w, void *arg)
{
	struct note *n = arg;

	struct session_worker *sw = session_worker_of(w);

	adopt_share(sw, n->app, n->id, &n->name);
	session_layer_shared(sw->layer, n->app);
	free(n);
}

int tell_share(struct worker *w, uint32_t app, uint32_t child, const struct share_name *name)
{
	return tell(w, on_share, &(struct note){ .app = app, .id = child, .name = *name });
}

static void on_release(struct worker *w, void *arg)
{
	struct note *n = arg;

	adopt_release(session_worker_of(w), n->app, &n->name);
	free(n);
}

void tell_release(struct worker *w, uint32_t app, const struct share_name *name)
{
	(void)!tell(w, on_release, &(struct note){ .app = app, .name = *name });
}

static void on_app_end(struct worker *w, void *arg)
{
	struct note *n = arg;

	adopt_end_app(session_worker_of(w), n->app);
	free(n);
}

void tell_app_end(struct engine *e, uint32_t app)
{
	for (uint32_t i = 0; i < e->n_workers; i++)
		(void)!tell(e->worker[i], on_app_end, &(struct note){ .app = app });
}

static void on_pair_made(struct worker *w, void *arg)
{
	struct note *n = arg;

	pair_made(session_worker_of(w), n->pair, &n->parts, n->err);
	free(n);
}

void tell_pair_made(struct worker *w, handle pair, const struct pair_parts *parts, int err)
{
	struct segment segment[2] = { parts->segment[0], parts->segment[1] };

	if (tell(w, on_pair_made, &(struct note){ .pair = pair, .parts = *parts, .err = err }) == 0)
		return;
	segment_unmap(&segment[0]);
	segment_unmap(&segment[1]);
}

static void on_pair_ready(struct worker *w, void *arg)
{
	struct note *n = arg;

	pair_is_ready(session_worker_of(w), n->pair);
	free(n);
}

void tell_pair_ready(struct worker *w, handle pair)
{
	(void)!tell(w, on_pair_ready, &(struct note){ .pair = pair });
}

static void on_channel(struct worker *w, void *arg)
{
	struct note *n = arg;
	struct session_worker *sw = session_worker_of(w);
	struct app_link *l = session_worker_find_link(sw, n->app);
	struct shm_event e = { .type = SHM_EV_CHANNEL, .channel = n->id };

	if (l)
		link_post(sw, l, &e);
	free(n);
}

void tell_channel(struct worker *w, uint32_t id, uint32_t channel)
{
	(void)!tell(w, on_channel, &(struct note){ .app = id, .id = channel });
}
