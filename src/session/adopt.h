/*
 * adopt.h - sessions that several processes have: after fork(2), and over exec(2).
 *
 *   fork       main asks each worker: what the parent has, the child shares (adopt_fork)
 *   first use  SHM_EV_ADOPT: the session moves to a slot of the user's own, with what nobody has
 *              read; bytes on their way out are copied, so that nothing waits for the peer
 *   close      SHM_EV_RELEASE: the session goes on as long as somebody shares it
 *   death      likewise; the session rests in the dead one's memory until it is adopted
 *
 * Rings and segments have one writer, so a session is used by one process at a time: whoever
 * touched it last. Who lost it hears SHM_EV_MOVED and may adopt it back, by the slot that it had.
 */
#ifndef CONVOY_SESSION_ADOPT_H
#define CONVOY_SESSION_ADOPT_H

#include "session/session_worker.h"

/* --- what applications say --- */

/* adopt_on_adopt - SHM_EV_ADOPT: the answer is SHM_EV_ADOPTED or SHM_EV_FAILED. */
void adopt_on_adopt(struct session_worker *sw, struct app_link *l, const struct shm_event *e);

/* adopt_on_release - SHM_EV_RELEASE; the session may have moved on meanwhile. */
void adopt_on_release(struct session_worker *sw, struct app_link *l, const struct shm_event *e);

/* adopt_give - bring what @sh names to @l, in answer to @e, an ADOPT; that may fail. */
void adopt_give(struct session_worker *sw, struct share *sh, struct app_link *l,
		const struct shm_event *e);

/*
 * adopt_wait_for_heir - @s's application is gone. Returns true if others share it: then it stays,
 * in the dead link's memory.
 */
bool adopt_wait_for_heir(struct session_worker *sw, struct session *s);

/* --- what main says --- */

/* adopt_fork - application @child shares all sessions that @parent has. */
void adopt_fork(struct session_worker *sw, uint32_t parent, uint32_t child);

/* adopt_share - @child shares what @app calls @name; whatever @app cannot name is ignored. */
void adopt_share(struct session_worker *sw, uint32_t app, uint32_t child,
		 const struct share_name *name);

/* adopt_release - @app is done with what it calls @name and has not adopted. */
void adopt_release(struct session_worker *sw, uint32_t app, const struct share_name *name);

/* adopt_end_app - @app is gone with all that it shared. */
void adopt_end_app(struct session_worker *sw, uint32_t app);

#endif
