/*
 * session_worker.h - the session layer on one stack worker: links, sessions, listeners, pairs.
 *
 *   applications' rings ──> session-input ──> transports, listeners, pairs
 *   transports          ──> sessions' due events ──> end of turn: rings, wake-ups
 *
 * Everything here belongs to the worker's thread. Main talks to it by worker_call() (app_server.c).
 */
#ifndef CONVOY_SESSION_SESSION_WORKER_H
#define CONVOY_SESSION_SESSION_WORKER_H

#include "engine/node.h"
#include "engine/worker.h"
#include "session/listener.h"
#include "session/share.h"

struct session_layer;

enum {
	SESSIONS_MAX = 1 << 20,
	SESSION_EVENTS_PER_LINK = 256, /* taken from one application in a turn */
};

struct session_worker {
	struct worker *worker;
	struct session_layer *layer;
	struct pool sessions;
	struct pool pairs;
	struct shares shares;
	struct list links;
	struct list awaited; /* sessions that some wait to read while another has them: await.c */
	struct list dirty;   /* links with something to post or a wake-up to give */
	struct list listeners[LISTENER_BUCKETS];
	struct list bindings[LISTENER_BUCKETS];
	struct input input;
	struct turn_hook hook;
	bool stopping;	       /* nobody's sessions go on */
	struct timer retry;    /* while an application's ring is full */
	struct timer patience; /* while connects wait for a channel: pair.c */
	struct timer stalls;   /* while an awaited one has something to be read: await.c */
	uint64_t *counters;    /* of session-input */
};

/* Counted in session-input; `show errors` has the texts. */
enum session_reason {
	SESSION_BAD_EVENT,
	SESSION_STALE_EVENT,
	SESSION_BROKEN_APP,
	SESSION_NO_SLOT,
	SESSION_NO_MEMORY,
	SESSION_BACKLOG,
	N_SESSION_REASONS,
};

static inline struct session_worker *session_worker_of(struct worker *w)
{
	return w->module[MODULE_SESSION];
}

/* session_worker_init - before the worker starts. ERR_NOMEM, ERR_IO. */
must_check
int session_worker_init(struct session_worker *sw, struct session_layer *layer, struct worker *w,
			uint16_t input_node);
/* session_worker_deinit - after it has stopped: resets nothing, frees everything. */
void session_worker_deinit(struct session_worker *sw);

static inline void session_count(struct session_worker *sw, enum session_reason reason)
{
	if (sw->counters)
		sw->counters[reason]++;
}

/* session_worker_find_link - the live link to application worker @id; NULL if it has gone. */
struct app_link *session_worker_find_link(struct session_worker *sw, uint32_t id);

/* session_worker_add_link - begin to serve an application worker; ERR_IO frees nothing. */
must_check
int session_worker_add_link(struct session_worker *sw, struct app_link *l);

/* session_worker_end_link - its application is gone: finish what it closed, reset the rest. */
void session_worker_end_link(struct session_worker *sw, struct app_link *l);

/* session_worker_take_all - act on all that @l's application has said so far. */
void session_worker_take_all(struct session_worker *sw, struct app_link *l);

/* --- between the files of this folder --- */

/* session_new - a connecting or waiting session, on no link yet; NULL when the pool is full. */
struct session *session_new(struct session_worker *sw, const struct transport *t,
			    const struct flow *flow);

/* session_offer - put @s, which waits, on the link @to and tell its application, whose interest has
 * @cookie. */
void session_offer(struct session_worker *sw, struct session *s, struct app_link *to,
		   uint32_t cookie);

/* session_put_on_link - give @s a slot on @l and open its end; false when the channel is full. */
must_check
bool session_put_on_link(struct session_worker *sw, struct session *s, struct app_link *l);

/* session_tell - post an event that introduces @s to its application. */
void session_tell(struct session_worker *sw, struct session *s, enum shm_event_type type,
		  uint16_t flags);

/* session_discard - end @s from our side, whatever state it is in: reset peer and application. */
void session_discard(struct session_worker *sw, struct session *s, int err);

/* session_forget_listener - @ls goes away: offered sessions no longer point at it. */
void session_forget_listener(struct session_worker *sw, struct session_listener *ls);

/* session_take_queued - @s, a connect that waited and whose application has a slot to write in, is
 * open there. */
void session_take_queued(struct session *s);

/* session_free - take @s out of everything and give its slot back. */
void session_free(struct session_worker *sw, struct session *s);

/* session_on_* - what the application said about one of its sessions. */
void session_on_data(struct session_worker *sw, struct session *s);
void session_on_room(struct session_worker *sw, struct session *s);
void session_on_info(struct session_worker *sw, struct session *s);
void session_on_return(struct session_worker *sw, struct session *s);
void session_on_app_gone(struct session_worker *sw, struct session *s);

/*
 * session_close_unheld - nobody has @s any more, and nobody has closed it. As a kernel does: in
 * order if everything that came was read, else, or if @abort, by a reset.
 */
void session_close_unheld(struct session_worker *sw, struct session *s, bool abort);

/* session_publish - bring what session_on_info() published up to date. */
void session_publish(struct worker *w, struct session *s);

/* session_on_broken - its half makes no sense any more: reset it. */
void session_on_broken(struct session_worker *sw, struct session *s);

/* session_connect_again - @s, a cut-through connect in no list, whose server has gone before it
 * heard of it, goes to another; without one it is refused. Takes @s. */
void session_connect_again(struct session_worker *sw, struct session *s);

/* session_on_connect - the application of @l asks for a connection. */
void session_on_connect(struct session_worker *sw, struct app_link *l, const struct shm_event *e);

/* session_checked - @n, found while looking at a half; a broken one is dealt with at the end of the
 * turn. */
uint32_t session_checked(struct session *s, uint32_t n);

extern const struct node_type session_input_node;

#endif
