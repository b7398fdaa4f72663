/* source.c - who is told when something may be ready. */
#include "comms/src/source.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "comms/src/listener.h"
#include "comms/src/set.h"
#include "comms/src/sock.h"
#include "comms/src/wait.h"

uint32_t source_ready(struct source *s, uint32_t wanted)
{
	if (likely(s->kind == SOURCE_SOCK))
		return sock_ready(container_of(s, struct sock, source), wanted);
	return acceptor_ready(container_of(s, struct acceptor, source));
}

void source_notify(struct source *s, uint32_t events)
{
	list_for_each(l, &s->watches) {
		struct watch *w = container_of(l, struct watch, in_source);

		if ((w->events | EPOLLERR | EPOLLHUP) & events)
			set_push(w);
	}
	list_for_each(l, &s->waiters) {
		struct waiter *w = container_of(l, struct waiter, in_source);

		if ((w->events | EPOLLERR | EPOLLHUP) & events)
			sleeper_kick(w->sleeper);
	}
}

void source_forsake(struct source *s)
{
	for (struct list *l; (l = list_pop_or_null(&s->watches));)
		watch_drop(container_of(l, struct watch, in_source));
	for (struct list *l; (l = list_pop_or_null(&s->waiters));) {
		struct waiter *w = container_of(l, struct waiter, in_source);

		w->source = NULL;
		sleeper_kick(w->sleeper);
	}
}
