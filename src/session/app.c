/* app.c - what an attached application asks for, and what goes when it goes. */
#include "session/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "session/tell.h"

enum { LINK_SLOTS = 65536, LINK_PAGES = 65536 };

uint32_t app_next_id(struct app_server *s)
{
	if (++s->last_id == 0)
		s->last_id = 1;
	return s->last_id;
}

int app_reply(struct app *a, const struct rpc_reply *r, const int *fds, unsigned n_fds)
{
	return rpc_send(a->fd, r, sizeof(*r), fds, n_fds);
}

static int reply_err(struct app *a, const struct rpc_request *q, int err)
{
	struct rpc_reply r = { .type = q->type, .err = err, .version = SHM_VERSION };

	return app_reply(a, &r, NULL, 0);
}

/* --- holds on addresses --- */

static struct binding_hold *new_hold(struct app *a, struct binding *b)
{
	struct binding_hold *h = a->n_holds < BINDINGS_PER_APP ? calloc(1, sizeof(*h)) : NULL;

	if (!h)
		return NULL;
	h->binding = b;
	list_push(&a->holds, &h->of_app);
	a->n_holds++;
	return h;
}

void app_release(struct app *a, struct binding_hold *h)
{
	if (h->binding->listening)
		tell_unlisten(a->server->engine, a->id, h->binding->id);
	binding_put(h->binding);
	list_remove(&h->of_app);
	a->n_holds--;
	free(h);
}

struct binding_hold *app_find_hold(struct app *a, uint32_t id)
{
	list_for_each(link, &a->holds) {
		struct binding_hold *h = container_of(link, struct binding_hold, of_app);

		if (h->binding->id == id)
			return h;
	}
	return NULL;
}

bool app_share(struct app *child, const struct binding_hold *h)
{
	struct binding *b = h->binding;

	if (!new_hold(child, b))
		return false;
	b->n_holders++;
	if (b->listening)
		tell_listener(child->server->engine, child->id, b,
			      child->server->options.transport);
	return true;
}

/* --- life --- */

struct app *app_new(struct app_server *s, int fd, const struct app *parent)
{
	struct app *a = s->n_apps < APPS_MAX ? calloc(1, sizeof(*a)) : NULL;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = a };
	const int yes = 1;

	if (!a)
		return NULL;
	a->server = s;
	a->id = app_next_id(s);
	a->fd = fd;
	a->born_fd = -1;
	list_init(&a->workers);
	list_init(&a->holds);
	list_push(&s->apps, &a->of_server);
	s->n_apps++;
	if (parent) {
		a->attached = true;
		a->parent = parent->id;
		a->uid = parent->uid;
		a->fib = parent->fib;
		memcpy(a->name, parent->name, sizeof(a->name));
	}
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0 ||
	    epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		a->fd = -1; /* stays the caller's */
		app_end(a);
		return NULL;
	}
	return a;
}

struct app *app_find(struct app_server *s, uint32_t id)
{
	list_for_each(link, &s->apps) {
		struct app *a = container_of(link, struct app, of_server);

		if (a->id == id)
			return a;
	}
	return NULL;
}

struct app_worker *app_find_worker(struct app_server *s, uint32_t id)
{
	list_for_each(link, &s->apps) {
		struct app *a = container_of(link, struct app, of_server);

		list_for_each(at, &a->workers) {
			struct app_worker *aw = container_of(at, struct app_worker, of_app);

			if (aw->id == id)
				return aw;
		}
	}
	return NULL;
}

void app_end_worker(struct app_worker *aw)
{
	struct app_server *s = aw->app->server;

	broker_end_worker(s, aw->id);
	for (uint32_t k = 0; k < s->engine->n_workers; k++)
		if (aw->channels & (uint64_t)1 << k)
			tell_worker_end(s->engine->worker[k], aw->id);
	list_remove(&aw->of_app);
	aw->app->n_workers--;
	free(aw);
}

void app_end(struct app *a)
{
	log_debug("app.end", "app=%u name=%s pid=%d", a->id, a->name, (int)a->pid);
	while (!list_empty(&a->workers))
		app_end_worker(container_of(a->workers.next, struct app_worker, of_app));
	while (!list_empty(&a->holds))
		app_release(a, container_of(a->holds.next, struct binding_hold, of_app));
	family_end(a);
	list_remove(&a->of_server);
	a->server->n_apps--;
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/* --- requests --- */

static const struct session_namespace *find_namespace(const struct app_server *s, const char *name)
{
	static const struct session_namespace only = { .name = "" };

	for (unsigned i = 0; i < s->options.n_namespaces; i++)
		if (strncmp(s->namespaces[i].name, name, RPC_NAME_BYTES) == 0)
			return &s->namespaces[i];
	return s->options.n_namespaces == 0 && name[0] == '\0' ? &only : NULL;
}

static int on_attach(struct app *a, const struct rpc_request *q)
{
	const struct session_namespace *ns = find_namespace(a->server, q->namespace_name);
	struct rpc_reply r = { .type = q->type,
			       .version = SHM_VERSION,
			       .features = SHM_FEATURES,
			       .n_stack_workers = a->server->engine->n_workers,
			       .id = a->id };
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!ns)
		return reply_err(a, q, ERR_NOENT);
	if (ns->secret != q->secret) {
		log_warn("app.refuse", "name=%.31s reason=secret", q->name);
		return reply_err(a, q, ERR_PERM);
	}
	if (getsockopt(a->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return ERR_IO;
	/* A child's connection was made by its parent, whose user it keeps for sharing ports. */
	if (!a->attached)
		a->uid = cred.uid;
	if (!a->pid)
		a->pid = cred.pid;
	a->fib = ns->fib;
	a->attached = true;
	snprintf(a->name, sizeof(a->name), "%.31s", q->name);
	log_debug("app.attach", "app=%u name=%s pid=%d", a->id, a->name, (int)a->pid);
	return app_reply(a, &r, NULL, 0);
}

static int on_worker(struct app *a, const struct rpc_request *q)
{
	struct app_worker *aw = a->n_workers < WORKERS_PER_APP ? calloc(1, sizeof(*aw)) : NULL;
	struct rpc_reply r = { .type = q->type };

	if (!aw)
		return reply_err(a, q, ERR_FULL);
	aw->app = a;
	aw->id = app_next_id(a->server);
	list_push(&a->workers, &aw->of_app);
	a->n_workers++;
	r.id = aw->id;
	return app_reply(a, &r, NULL, 0);
}

/* Segments, pipes and mappings of a channel between a stack worker and an application worker. */
struct parts {
	int mine_fd, app_fd;	    /* segments */
	int to_app[2], to_stack[2]; /* pipes */
	struct segment mine, app;
};

static void close_parts(struct parts *p)
{
	int fds[] = { p->mine_fd,   p->app_fd,	    p->to_app[0],
		      p->to_app[1], p->to_stack[0], p->to_stack[1] };

	for (unsigned i = 0; i < count_of(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	segment_unmap(&p->mine);
	segment_unmap(&p->app);
}

static int make_parts(struct parts *p, const struct session_options *o)
{
	uint32_t slots = o->slots_per_link ? o->slots_per_link : LINK_SLOTS;
	uint32_t pages = o->pages_per_link ? o->pages_per_link : LINK_PAGES;
	int err = 0;

	*p = (struct parts){ -1, -1, { -1, -1 }, { -1, -1 }, { 0 }, { 0 } };
	p->mine_fd = segment_create("convoy-stack", slots, pages);
	p->app_fd = segment_create("convoy-app", slots, pages);
	if (p->mine_fd < 0 || p->app_fd < 0 || channel_make_pipe(&p->to_app[0], &p->to_app[1]) ||
	    channel_make_pipe(&p->to_stack[0], &p->to_stack[1]))
		err = ERR_IO;
	if (!err)
		err = segment_map(&p->mine, p->mine_fd, true);
	if (!err)
		err = segment_seal(p->mine_fd);
	if (!err)
		err = segment_map(&p->app, p->app_fd, false);
	return err;
}

/* The link takes over what belongs to the stack's side. */
static struct app_link *link_of_parts(struct parts *p, const struct app_worker *aw)
{
	struct channel channel;
	struct app_link *l;

	if (channel_init(&channel, p->mine, p->app, SHM_SHIFT_LARGE, p->to_app[1]))
		return NULL;
	l = link_new(channel, p->to_stack[0]);
	if (!l) {
		chunks_deinit(&channel.chunks);
		return NULL;
	}
	p->mine = p->app = (struct segment){ 0 };
	p->to_app[1] = p->to_stack[0] = -1;
	l->app_worker = aw->id;
	l->app = aw->app->id;
	l->fib = aw->app->fib;
	memcpy(l->name, aw->app->name, sizeof(l->name));
	return l;
}

static int on_channel(struct app_worker *aw, const struct rpc_request *q)
{
	struct app_server *s = aw->app->server;
	struct rpc_reply r = { .type = q->type, .id = q->channel };
	struct parts p;
	struct app_link *l = NULL;
	int err = ERR_INVAL;

	if (q->channel >= s->engine->n_workers || (aw->channels & (uint64_t)1 << q->channel))
		return reply_err(aw->app, q, err);
	err = make_parts(&p, &s->options);
	if (!err) {
		l = link_of_parts(&p, aw);
		err = l ? tell_link(s->engine->worker[q->channel], l) : ERR_NOMEM;
	}
	if (err) {
		if (l)
			link_free(l);
		err = reply_err(aw->app, q, err);
	} else {
		int fds[4] = { p.app_fd, p.mine_fd, p.to_app[0], p.to_stack[1] };

		aw->channels |= (uint64_t)1 << q->channel;
		err = app_reply(aw->app, &r, fds, 4);
	}
	close_parts(&p);
	return err;
}

static int on_bind(struct app *a, const struct rpc_request *q)
{
	struct binding wanted = {
		.fib = a->fib, .flags = q->flags, .uid = a->uid, .address = q->address
	};
	struct rpc_reply r = { .type = q->type };
	struct binding *b;
	int err = binding_new(&a->server->bindings, &wanted, &b);

	if (err)
		return reply_err(a, q, err);
	if (!new_hold(a, b)) {
		binding_put(b);
		return reply_err(a, q, ERR_FULL);
	}
	r.id = b->id;
	r.address = b->address;
	return app_reply(a, &r, NULL, 0);
}

static int on_listen(struct app *a, const struct rpc_request *q)
{
	struct binding_hold *h = app_find_hold(a, q->listener);
	const struct transport *t = a->server->options.transport;

	if (!h)
		return reply_err(a, q, ERR_NOENT);
	if (!h->binding->listening) {
		h->binding->listening = true;
		h->binding->backlog = q->backlog;
		tell_listener(a->server->engine, a->id, h->binding, t);
	}
	return reply_err(a, q, 0);
}

static int on_unbind(struct app *a, const struct rpc_request *q)
{
	struct binding_hold *h = app_find_hold(a, q->listener);

	if (!h)
		return reply_err(a, q, ERR_NOENT);
	app_release(a, h);
	return reply_err(a, q, 0);
}

static int on_where(struct app *a, const struct rpc_request *q)
{
	const struct session_host *host = &a->server->options.host;
	struct rpc_reply r = { .type = q->type, .where = RPC_WHERE_KERNEL };

	if (q->address.family == 4 && q->address.ip[0] == 127) {
		r.address = q->address;
		r.address.port = 0;
		if (bindings_listener_at(&a->server->bindings, a->fib, &q->address))
			r.where = RPC_WHERE_LOCAL;
	} else if (host->where) {
		r.where = host->where(host->context, a->fib, &q->address, &r.address);
	}
	return app_reply(a, &r, NULL, 0);
}

/* Requests that name an application worker. */
static int on_worker_request(struct app *a, const struct rpc_request *q)
{
	struct app_worker *aw = app_find_worker(a->server, q->worker);

	if (!aw || aw->app != a)
		return reply_err(a, q, ERR_NOENT);
	switch (q->type) {
	case RPC_CHANNEL:
		return on_channel(aw, q);
	case RPC_WORKER_END:
		app_end_worker(aw);
		return reply_err(a, q, 0);
	default:
		return broker_request(aw, q);
	}
}

int app_request(struct app *a, const struct rpc_request *q)
{
	if (q->version != SHM_VERSION) {
		log_warn("app.refuse", "name=%.31s reason=version theirs=%u ours=%u", q->name,
			 q->version, SHM_VERSION);
		return reply_err(a, q, ERR_VERSION);
	}
	if (!a->attached && q->type != RPC_ATTACH)
		return reply_err(a, q, ERR_PERM);
	switch (q->type) {
	case RPC_ATTACH:
		return on_attach(a, q);
	case RPC_WORKER:
		return on_worker(a, q);
	case RPC_CHANNEL:
	case RPC_WORKER_END:
	case RPC_OPEN:
	case RPC_MAPPED:
	case RPC_READY:
		return on_worker_request(a, q);
	case RPC_BIND:
		return on_bind(a, q);
	case RPC_LISTEN:
		return on_listen(a, q);
	case RPC_UNBIND:
		return on_unbind(a, q);
	case RPC_FORK:
	case RPC_SHARE:
	case RPC_RELEASE:
		return family_request(a, q);
	case RPC_WHERE:
		return on_where(a, q);
	default:
		return reply_err(a, q, ERR_UNSUPPORTED);
	}
}
