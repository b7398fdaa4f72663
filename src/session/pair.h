/*
 * pair.h - cut-through: two application workers of this stack exchange bytes without a packet.
 *
 * A pair is a channel between them. Main makes its segments and passes them on (app_server.c); this
 * worker, where the connects arrive, gives out its slots and hears when both sides have left one.
 * The bytes and their events never come here. Each side knows the channel by an id of its own, so
 * that one application worker can be both sides of a pair.
 *
 *   connect ─> pair_connect() ─┬─ first between these two: main makes the channel; connects wait
 *                              └─ ready: slot ─> SHM_EV_INCOMING to one, SHM_EV_CONNECTED to the
 * other
 */
#ifndef CONVOY_SESSION_PAIR_H
#define CONVOY_SESSION_PAIR_H

#include "session/link.h"
#include "session/listener.h"

enum { PAIRS_MAX = 1 << 16, PAIR_SLOTS = 65536, PAIR_PAGES = 65536, PAIR_PATIENCE_MS = 100 };

enum pair_side { PAIR_CLIENT, PAIR_SERVER };

/* One cut-through session; both applications have seen it. */
struct pair_session {
	struct flow flow; /* as the client sees it */
	handle self;
	uint32_t slot, generation;
	bool detached[2];
	/* split.c: by enum pair_side */
	struct list sharers[2]; /* share->of_session: who else has this side */
	bool left[2];		/* whose side it is has closed it; the sharers go on */
	bool abort_last[2];
};

struct pair {
	handle self;
	struct app_link *link[2]; /* by enum pair_side */
	struct list of_link[2];	  /* in link->pairs_a (client), link->pairs_b (server) */
	uint32_t channel[2];	  /* each side's id for the channel; 0 until main has made it */
	bool ready;
	bool failed;
	struct list waiting;	   /* session->of_link: connects until it is ready */
	uint64_t waits_since_ns;   /* the first of them */
	struct segment segment[2]; /* what each side writes; read-only */
	struct slots slots;
	struct pool sessions; /* of struct pair_session, named by slots' owners */
	uint64_t n_total;
};

void pair_pool_init(struct pool *pairs);

/* pair_lose_patience - connects that have waited too long for a channel go on without one. */
void pair_lose_patience(struct session_worker *sw);

/*
 * pair_connect - @s, a connect of its link's application, goes to the application of @i. One that
 * had to wait in the backlog goes through the stack: its program has been told that it is
 * connected and may not call the library again for long, which a channel of their own would need.
 * So does one for which the channel is not made within PAIR_PATIENCE_MS.
 * Takes @s: it is over once both applications have been told.
 */
void pair_connect(struct session_worker *sw, struct session *s, struct interest *i);

/* What main has made for a pair. */
struct pair_parts {
	uint32_t id[2];		   /* of the channel, for each side */
	struct segment segment[2]; /* mapped for reading */
};

/* pair_made - main has made the channel, or failed with @err. Takes the segments. */
void pair_made(struct session_worker *sw, handle pair, const struct pair_parts *parts, int err);

/* pair_end_session - the slot serves again; whoever shares the session does so in vain. */
void pair_end_session(struct pair *p, struct pair_session *ps);

/* pair_of_channel_or_null - the pair that @l's application knows as @channel, and its side. */
struct pair *pair_of_channel_or_null(struct app_link *l, uint32_t channel, enum pair_side *side);

/* pair_session_or_null - by slot and generation; any numbers are safe. */
struct pair_session *pair_session_or_null(struct pair *p, uint32_t slot, uint32_t generation);

/* pair_is_ready - both applications have mapped it: connects that wait go out. */
void pair_is_ready(struct session_worker *sw, handle pair);

/* pair_on_detached - an application has closed its side of a cut-through session. */
void pair_on_detached(struct session_worker *sw, struct app_link *l, const struct shm_event *e);

/* pair_end_link - @l's application is gone: tell those who shared channels with it. */
void pair_end_link(struct session_worker *sw, struct app_link *l);

#endif
