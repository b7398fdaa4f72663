/*
 * listener.h - listening addresses of one stack worker and who wants their connections.
 *
 * Main reserves addresses (bindings.h) and tells every worker about each one that listens. Sockets
 * that share an address by SO_REUSEPORT share one session_listener here. Application workers
 * declare interest on their links; connections go to them in turn. With nobody interested a
 * connection waits here, up to the backlog.
 */
#ifndef CONVOY_SESSION_LISTENER_H
#define CONVOY_SESSION_LISTENER_H

#include "session/session.h"

struct app_link;
struct session_worker;

enum { LISTENER_BUCKETS = 256, LISTENER_BACKLOG_MAX = 65535, INTERESTS_MAX = 4096 };

struct session_listener {
	struct list of_bucket;
	const struct transport *transport;
	struct shm_address local;
	uint32_t fib;
	uint32_t backlog;
	uint32_t n_bindings; /* shares that keep it listening */
	uint32_t n_waiting;
	uint32_t n_half_open;  /* as its transport says */
	struct list waiting;   /* session->of_link: established, or cut-through, not offered */
	struct list interests; /* first is next */
	uint64_t n_offered, n_overflowed;
};

/* One application's share in a listening binding of main: only who holds it may be interested. */
struct listener_binding {
	struct list of_bucket; /* in session_worker->bindings, by id */
	uint32_t id;
	uint32_t app;
	struct session_listener *listener;
};

struct interest {
	struct list of_listener, of_link;
	struct session_listener *listener; /* NULL until main has told us of the binding */
	struct app_link *link;
	uint32_t binding;
	uint32_t cookie; /* the application's name for its listening socket */
	uint64_t n_offered;
};

/* listener_add - binding @id, held by @app, listens at @local; joins others at the same address.
 * ERR_NOMEM. */
must_check
int listener_add(struct session_worker *sw, uint32_t app, uint32_t id, const struct transport *t,
		 uint32_t fib, const struct shm_address *local, uint32_t backlog);

/* listener_remove - @app holds binding @id no more; with the last one at its address, what waits
 * there is reset. */
void listener_remove(struct session_worker *sw, uint32_t app, uint32_t id);

/* listener_find - exact address before wildcard; NULL if nobody listens. */
struct session_listener *listener_find(struct session_worker *sw, const struct transport *t,
				       uint32_t fib, const struct shm_address *local);

/* listener_set_interest - @l's application wants (or no longer) connections of binding @id. */
void listener_set_interest(struct session_worker *sw, struct app_link *l, uint32_t id,
			   uint32_t cookie, bool wanted);

/* listener_drop_link - forget every interest of a dying link, and its connects that wait. */
void listener_drop_link(struct session_worker *sw, struct app_link *l);

/* listener_queue - @s waits for an application; false when the backlog is full. */
bool listener_queue(struct session_listener *ls, struct session *s);

/* listener_unqueue - @s waits no more. */
void listener_unqueue(struct session *s);

/* listener_place - offer what waits to those who are interested. */
void listener_place(struct session_worker *sw, struct session_listener *ls);

#endif
