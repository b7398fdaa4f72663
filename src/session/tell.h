/*
 * tell.h - what main tells the stack workers about applications and listeners.
 * Messages of main arrive in order. Without memory for one, the log says so and the call fails.
 */
#ifndef CONVOY_SESSION_TELL_H
#define CONVOY_SESSION_TELL_H

#include "engine/engine.h"
#include "session/bindings.h"
#include "session/layer.h"
#include "session/link.h"
#include "session/pair.h"
#include "session/share.h"

/* tell_link - @w serves the application worker of @l from now on, and owns @l. ERR_NOMEM. */
must_check
int tell_link(struct worker *w, struct app_link *l);

/* tell_worker_end - application worker @id is gone. */
void tell_worker_end(struct worker *w, uint32_t id);

/* tell_listener - application @app's hold on @b listens; told to every worker. */
void tell_listener(struct engine *e, uint32_t app, const struct binding *b,
		   const struct transport *t);

/* tell_unlisten - application @app holds listening binding @id no more. */
void tell_unlisten(struct engine *e, uint32_t app, uint32_t id);

/* tell_fork - @child was forked from @parent; family_told() follows on main. ERR_NOMEM. */
must_check
int tell_fork(struct worker *w, uint32_t parent, uint32_t child);

/* tell_share - see adopt.h; family_shared() follows on main. ERR_NOMEM. */
must_check
int tell_share(struct worker *w, uint32_t app, uint32_t child, const struct share_name *name);

/* tell_release, tell_app_end - see adopt.h. */
void tell_release(struct worker *w, uint32_t app, const struct share_name *name);
void tell_app_end(struct engine *e, uint32_t app);

/* tell_pair_made, tell_pair_ready - see pair.h. */
void tell_pair_made(struct worker *w, handle pair, const struct pair_parts *parts, int err);
void tell_pair_ready(struct worker *w, handle pair);

/* tell_channel - say SHM_EV_CHANNEL for @channel to application worker @id once more. */
void tell_channel(struct worker *w, uint32_t id, uint32_t channel);

#endif
