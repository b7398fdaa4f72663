/*
 * share.h - who else may have a session: processes that got it from the one that holds it by
 * fork(2) or exec(2). Of one stack worker.
 *
 *   parent ── owns (its link) ──> session <── share ── child, by the shared name
 *
 * A shared name is where the session lay when its owner forked: application worker or channel,
 * slot, generation. It names nothing to any other application, so a child can adopt what is its
 * parent's and nothing else. A share outlives its session; adopting it then fails.
 */
#ifndef CONVOY_SESSION_SHARE_H
#define CONVOY_SESSION_SHARE_H

#include "base/compiler.h"
#include "base/list.h"
#include "base/pool.h"

struct session_worker;

enum {
	SHARES_MAX = 1 << 20,
	SHARES_PER_APP = 1 << 16,
	SHARE_BUCKETS = 1024,
};

struct share_name {
	uint32_t via; /* application worker, or cut-through channel */
	uint32_t slot, generation;
};

/* What is shared: a session of the stack, or one side of a cut-through session. */
struct share_target {
	handle session; /* in session_worker->sessions, or in the pair's; it may be gone */
	handle pair;	/* 0: of the stack */
	uint8_t side;	/* enum pair_side */
};

struct share {
	struct list of_bucket, of_app, of_session;
	struct share_app *app;
	struct share_name name;
	struct share_target target;
	bool had; /* that application used it before another took it */
	/* await.c: it waits to read it, and is told at this application worker */
	bool waits;
	uint32_t waits_at, wait_cookie;
	handle self;
};

/* An application with shares; kept while it has one. */
struct share_app {
	struct list of_bucket;
	struct list shares; /* share->of_app */
	uint32_t id, n;
};

struct shares {
	struct pool pool;
	struct list by_name[SHARE_BUCKETS];
	struct list by_app[SHARE_BUCKETS];
};

void shares_init(struct shares *t);
void shares_deinit(struct shares *t);

/*
 * share_add - application @app may adopt @target, whose @sharers it joins, by @name.
 * @had: it has used it, and hears SHM_EV_FREED when nobody uses it any more
 * Returns false without memory or beyond the limits.
 */
must_check
bool share_add(struct shares *t, uint32_t app, const struct share_name *name,
	       const struct share_target *target, bool had, struct list *sharers);

/* share_find_or_null - what @app may adopt by @name. */
struct share *share_find_or_null(struct shares *t, uint32_t app, const struct share_name *name);

void share_drop(struct shares *t, struct share *sh);

/* shares_orphan - the session is gone: its shares name nothing any more. */
void shares_orphan(struct list *sharers);

/* shares_of_app_or_null - what @app shares, by share->of_app; NULL when there is nothing. */
struct list *shares_of_app_or_null(struct shares *t, uint32_t app);

#endif
