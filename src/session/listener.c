/* listener.c - listening addresses, interest, and offering connections in turn. */
#include "session/listener.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "session/link.h"
#include "session/pair.h"
#include "session/session_worker.h"

static struct list *bucket_of_port(struct session_worker *sw, uint16_t port)
{
	return &sw->listeners[port % LISTENER_BUCKETS];
}

static struct list *bucket_of_binding(struct session_worker *sw, uint32_t id)
{
	return &sw->bindings[id % LISTENER_BUCKETS];
}

static bool same_ip(const struct shm_address *a, const struct shm_address *b)
{
	return memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

/* The listener at exactly this address; a wildcard one only if @local is a wildcard. */
static struct session_listener *find_exact(struct session_worker *sw, const struct transport *t,
					   uint32_t fib, const struct shm_address *local)
{
	list_for_each(link, bucket_of_port(sw, local->port)) {
		struct session_listener *ls =
			container_of(link, struct session_listener, of_bucket);

		if (ls->local.port == local->port && ls->local.family == local->family &&
		    ls->fib == fib && ls->transport == t && same_ip(&ls->local, local))
			return ls;
	}
	return NULL;
}

struct session_listener *listener_find(struct session_worker *sw, const struct transport *t,
				       uint32_t fib, const struct shm_address *local)
{
	struct session_listener *ls = find_exact(sw, t, fib, local);
	struct shm_address any = { .port = local->port, .family = local->family };

	return ls ? ls : find_exact(sw, t, fib, &any);
}

static struct listener_binding *find_binding(struct session_worker *sw, uint32_t app, uint32_t id)
{
	list_for_each(link, bucket_of_binding(sw, id)) {
		struct listener_binding *b = container_of(link, struct listener_binding, of_bucket);

		if (b->id == id && b->app == app)
			return b;
	}
	return NULL;
}

static struct session_listener *new_listener(struct session_worker *sw, const struct transport *t,
					     uint32_t fib, const struct shm_address *local)
{
	struct session_listener *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return NULL;
	ls->transport = t;
	ls->fib = fib;
	ls->local = *local;
	list_init(&ls->waiting);
	list_init(&ls->interests);
	list_push(bucket_of_port(sw, local->port), &ls->of_bucket);
	if (t && t->listening)
		t->listening(sw->worker, local, fib, true);
	return ls;
}

static struct interest *find_interest(struct app_link *l, uint32_t id)
{
	list_for_each(link, &l->interests) {
		struct interest *i = container_of(link, struct interest, of_link);

		if (i->binding == id)
			return i;
	}
	return NULL;
}

/* An application may have spoken of its binding before main's message about it came. */
static void adopt_interests(struct session_worker *sw, struct listener_binding *b)
{
	list_for_each(link, &sw->links) {
		struct app_link *l = container_of(link, struct app_link, of_worker);
		struct interest *i = l->app == b->app ? find_interest(l, b->id) : NULL;

		if (i && !i->listener) {
			i->listener = b->listener;
			list_push(&b->listener->interests, &i->of_listener);
		}
	}
}

int listener_add(struct session_worker *sw, uint32_t app, uint32_t id, const struct transport *t,
		 uint32_t fib, const struct shm_address *local, uint32_t backlog)
{
	struct session_listener *ls = find_exact(sw, t, fib, local);
	struct listener_binding *b = calloc(1, sizeof(*b));

	if (!b)
		return ERR_NOMEM;
	if (!ls)
		ls = new_listener(sw, t, fib, local);
	if (!ls) {
		free(b);
		return ERR_NOMEM;
	}
	ls->backlog = backlog < 1		       ? 1
		      : backlog > LISTENER_BACKLOG_MAX ? LISTENER_BACKLOG_MAX
						       : backlog;
	ls->n_bindings++;
	b->id = id;
	b->app = app;
	b->listener = ls;
	list_push(bucket_of_binding(sw, id), &b->of_bucket);
	adopt_interests(sw, b);
	return 0;
}

static void free_interest(struct interest *i)
{
	i->link->n_interests--;
	list_remove(&i->of_listener);
	list_remove(&i->of_link);
	free(i);
}

static void free_listener(struct session_worker *sw, struct session_listener *ls)
{
	while (!list_empty(&ls->waiting))
		session_discard(sw, container_of(ls->waiting.next, struct session, of_link),
				ERR_REFUSED);
	while (!list_empty(&ls->interests))
		free_interest(container_of(ls->interests.next, struct interest, of_listener));
	if (ls->transport && ls->transport->listening)
		ls->transport->listening(sw->worker, &ls->local, ls->fib, false);
	session_forget_listener(sw, ls);
	list_remove(&ls->of_bucket);
	free(ls);
}

void listener_remove(struct session_worker *sw, uint32_t app, uint32_t id)
{
	struct listener_binding *b = find_binding(sw, app, id);
	struct session_listener *ls;

	if (!b)
		return;
	ls = b->listener;
	list_for_each(link, &ls->interests) {
		struct interest *i = container_of(link, struct interest, of_listener);

		if (i->binding == id && i->link->app == app)
			free_interest(i);
	}
	list_remove(&b->of_bucket);
	free(b);
	if (--ls->n_bindings == 0)
		free_listener(sw, ls);
}

/* Without a listener yet; an application may name no more bindings than it can have. */
static struct interest *new_interest(struct session_worker *sw, struct app_link *l, uint32_t id)
{
	struct interest *i = l->n_interests < INTERESTS_MAX ? calloc(1, sizeof(*i)) : NULL;

	if (!i) {
		session_count(sw, SESSION_NO_MEMORY);
		return NULL;
	}
	i->link = l;
	i->binding = id;
	list_init(&i->of_listener);
	list_push(&l->interests, &i->of_link);
	l->n_interests++;
	return i;
}

void listener_set_interest(struct session_worker *sw, struct app_link *l, uint32_t id,
			   uint32_t cookie, bool wanted)
{
	struct listener_binding *b = find_binding(sw, l->app, id);
	struct interest *i = find_interest(l, id);

	if (!wanted) {
		if (i)
			free_interest(i);
		return;
	}
	if (!i)
		i = new_interest(sw, l, id);
	if (!i)
		return;
	i->cookie = cookie;
	if (b && !i->listener) {
		i->listener = b->listener;
		list_push(&b->listener->interests, &i->of_listener);
	}
	if (i->listener)
		listener_place(sw, i->listener);
}

static void drop_connects(struct session_worker *sw, struct session_listener *ls,
			  struct app_link *l)
{
	list_for_each(link, &ls->waiting) {
		struct session *s = container_of(link, struct session, of_link);

		if (s->link == l)
			session_free(sw, s);
	}
}

void listener_drop_link(struct session_worker *sw, struct app_link *l)
{
	while (!list_empty(&l->interests))
		free_interest(container_of(l->interests.next, struct interest, of_link));
	for (unsigned i = 0; i < LISTENER_BUCKETS; i++)
		list_for_each(link, &sw->listeners[i])
			drop_connects(sw, container_of(link, struct session_listener, of_bucket),
				      l);
}

bool listener_queue(struct session_listener *ls, struct session *s)
{
	if (ls->n_waiting >= ls->backlog) {
		ls->n_overflowed++;
		return false;
	}
	s->listener = ls;
	s->waits = true;
	list_push(&ls->waiting, &s->of_link);
	ls->n_waiting++;
	return true;
}

void listener_unqueue(struct session *s)
{
	s->waits = false;
	s->listener->n_waiting--;
	list_remove(&s->of_link);
}

/* The next in turn; it goes to the end of the line. */
static struct interest *pick_interest(struct session_listener *ls)
{
	struct list *first = list_pop_or_null(&ls->interests);

	list_push(&ls->interests, first);
	return container_of(first, struct interest, of_listener);
}

void listener_place(struct session_worker *sw, struct session_listener *ls)
{
	while (!list_empty(&ls->interests) && !list_empty(&ls->waiting)) {
		struct session *s = container_of(ls->waiting.next, struct session, of_link);
		struct interest *i = pick_interest(ls);

		listener_unqueue(s);
		i->n_offered++;
		ls->n_offered++;
		if (s->transport)
			session_offer(sw, s, i->link, i->cookie);
		else
			pair_connect(sw, s, i);
	}
}
