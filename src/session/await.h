/*
 * await.h - processes that wait to read a session which another one has, after a fork.
 *
 *   SHM_EV_ADOPT, SHM_ADOPT_IN_TURN ──> the share waits ── SHM_EV_WANTED ──> who has it
 *                                           │ SHM_EV_YIELD: it has read; or closed, or died;
 *                                           v or lets what came lie for AWAIT_MS
 *                                        adopted
 *
 * With the kernel each of several readers that sleep gets a part of what comes, and all of them the
 * end. Here the session goes round: from one who has read to the one who has waited longest.
 */
#ifndef CONVOY_SESSION_AWAIT_H
#define CONVOY_SESSION_AWAIT_H

#include "session/link.h"
#include "session/session_worker.h"

enum { AWAIT_MS = 10 };

/*
 * await_begin - @sh's application waits for what @e names. False if nobody uses that now: it is to
 * be adopted at once.
 */
must_check
bool await_begin(struct session_worker *sw, struct share *sh, struct app_link *l,
		 const struct shm_event *e);

/* await_is_wanted - does somebody wait for @s? */
bool await_is_wanted(const struct session *s);

/* await_serve - who has waited longest for @s gets it. @s may be over when this returns. */
void await_serve(struct session_worker *sw, struct session *s);

/* await_news - something came for @s: see that it is read. */
void await_news(struct session_worker *sw, struct session *s);

/* await_end - @s is over: whoever waits for it hears so. */
void await_end(struct session_worker *sw, struct session *s);

/* await_expired - the timer's function, session_worker->stalls. */
void await_expired(struct timer *t, uint64_t now_ns);

#endif
