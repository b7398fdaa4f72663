/*
 * link.h - one stack worker's side of the channel to one application worker.
 *
 * Main makes a link and hands it to its worker; from then on it is the worker's. When the
 * application dies or detaches, sessions that it had closed properly are still finished from the
 * link's memory; the link goes when the last of them is done.
 */
#ifndef CONVOY_SESSION_LINK_H
#define CONVOY_SESSION_LINK_H

#include "engine/worker.h"
#include "session/slots.h"
#include "shm/channel.h"

struct session;
struct session_worker;

struct app_link {
	struct channel channel;
	struct session_worker *owner;
	struct watch watch;	      /* read end of the pipe by which the application wakes us */
	struct list of_worker;	      /* in session_worker->links */
	struct list of_dirty;	      /* in session_worker->dirty: wake it at the end of the turn */
	struct list sessions;	      /* session->of_link */
	struct list due;	      /* sessions with an event that must be posted */
	struct list posts;	      /* link_post: control events waiting for room in the ring */
	struct list interests;	      /* interest->of_link */
	struct list pairs_a, pairs_b; /* cut-through pairs that this application worker is in */
	struct slots slots;
	uint32_t app_worker; /* id, for `show` */
	uint32_t app;
	uint32_t fib;	    /* of the namespace */
	uint32_t n_wakeups; /* bytes that may lie in the pipe */
	uint32_t n_kept;    /* in posts */
	uint32_t n_interests;
	uint32_t n_sessions; /* with this link, connecting ones too */
	bool dead;	     /* the application is gone; what it closed is being finished */
	bool ending;	     /* in the middle of session_worker_end_link() */
	char name[32];
};

/* link_new - take over a channel and the pipe's read end. NULL: no memory; nothing is taken over.
 */
struct app_link *link_new(struct channel channel, int wait_fd);

/* link_free - unmap and close everything; no session may be left. */
void link_free(struct app_link *l);

/* link_post - send @e, or keep it until the ring has room. Wakes the application at turn's end. */
void link_post(struct session_worker *sw, struct app_link *l, const struct shm_event *e);

/* link_mark_due - look after @s at the end of the turn: its due events, or that it is broken. */
void link_mark_due(struct session *s);

/* link_is_over - dead, and no session is left. */
bool link_is_over(const struct app_link *l);

/* link_free_if_over - if so, free it at the end of the turn. */
void link_free_if_over(struct app_link *l);

/*
 * link_flush - post what is due and wake the application; reset sessions that it has broken.
 * Returns true if everything went out, false if the ring is full: try again later.
 */
bool link_flush(struct session_worker *sw, struct app_link *l);

/* link_flush_session - post what is due for @s alone, as far as the ring has room. */
bool link_flush_session(struct app_link *l, struct session *s);

#endif
