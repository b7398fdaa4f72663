/*
 * split.h - cut-through sessions that several processes have. Their bytes lie in memory of the two
 * programs that first had the ends; a third could not write there. So when another process goes on
 * with one end, the session becomes two of the stack, which relays between them (relay.h):
 *
 *   client ══ channel ══ server, child            before
 *   client ── stack ── child (server: shares it)  after SHM_EV_ADOPT by the child
 *
 * The stack looks into both segments of the channel for what is under way, so nobody's help is
 * needed; who stays hears by SHM_EV_RELAYED where it goes on, who lost its end by SHM_EV_MOVED.
 */
#ifndef CONVOY_SESSION_SPLIT_H
#define CONVOY_SESSION_SPLIT_H

#include "session/pair.h"
#include "session/session_worker.h"

/* split_fork - @child shares the cut-through sessions that the application of @l has. */
void split_fork(struct session_worker *sw, struct app_link *l, uint32_t child);

/* split_share - @child shares @target by @name. */
void split_share(struct session_worker *sw, uint32_t child, const struct share_name *name,
		 const struct share_target *target);

/* split_share_own - what @app itself has by @name. False if it has no such thing. */
bool split_share_own(struct session_worker *sw, uint32_t app, uint32_t child,
		     const struct share_name *name);

/*
 * split_to_adopt - the share's application wants its end: make it a session of the stack, which
 * waits there. The share names that afterwards, or nothing when the session is over.
 */
void split_to_adopt(struct session_worker *sw, struct share *sh, uint16_t intent);

/* split_on_release - SHM_EV_RELEASE of a cut-through session; false if @l has no such one. */
bool split_on_release(struct session_worker *sw, struct app_link *l, const struct shm_event *e);

/* split_if_unshared - a share of @target is gone: with the last one this end is closed. */
void split_if_unshared(struct session_worker *sw, const struct share_target *target);

/* split_all - an application of @p is gone: what others share goes on. */
void split_all(struct session_worker *sw, struct pair *p);

#endif
