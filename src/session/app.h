/*
 * app.h - attached applications, as main keeps them.
 *
 *   struct app          one connection to the socket: a process
 *    ├─ struct app_worker   an event context of it, with a channel to each stack worker
 *    └─ struct binding_hold addresses that it has reserved
 *   struct broker       a cut-through channel on its way to both of its owners
 *
 * When the connection closes, everything below it is taken apart; the workers finish what the
 * application had closed properly and reset the rest.
 */
#ifndef CONVOY_SESSION_APP_H
#define CONVOY_SESSION_APP_H

#include "base/pool.h"
#include "session/bindings.h"
#include "session/layer.h"
#include "session/pair.h"

enum { APPS_MAX = 4096, WORKERS_PER_APP = 256 };

struct app_server;

struct app {
	struct list of_server;
	struct app_server *server;
	uint32_t id;
	uint32_t parent; /* who forked it; 0 if it came by itself */
	int fd;
	bool attached;
	pid_t pid;
	uid_t uid;
	uint32_t fib;
	unsigned n_workers, n_holds;
	char name[RPC_NAME_BYTES];
	struct list workers; /* app_worker->of_app */
	struct list holds;   /* binding_hold->of_app */
	/* family.c: a child that stack workers are being told of */
	uint32_t born;	 /* its id; 0 when there is none */
	int born_fd;	 /* its end of the connection */
	unsigned n_told; /* workers that have not answered */
};

struct app_worker {
	struct list of_app;
	struct app *app;
	uint32_t id;
	uint64_t channels; /* bit k: has a channel to stack worker k */
};

/* Main's part of a pair, until both sides are ready. */
struct broker {
	struct list of_server;
	handle pair;
	uint32_t stack_worker;
	uint32_t id[2]; /* of the channel, for each side */
	uint32_t app_worker[2];
	int segment_fd[2];	    /* that the side writes */
	int wait_fd[2], wake_fd[2]; /* -1 once given away */
	bool mapped[2], waits[2], ready[2];
};

struct app_server {
	struct session_layer *layer;
	struct engine *engine;
	struct session_options options;
	struct session_namespace *namespaces;
	int epoll_fd;
	struct list apps;
	struct list brokers;
	struct bindings bindings;
	unsigned n_apps;
	uint32_t last_id; /* of applications, application workers and channels */
};

/* app_request - serve one request of @a; ERR_* closes the connection. */
must_check
int app_request(struct app *a, const struct rpc_request *q);

/* app_find_worker - the application worker @id, of any application; NULL if it is gone. */
struct app_worker *app_find_worker(struct app_server *s, uint32_t id);

/* app_new - for a connection; @parent (or NULL) is who forked. NULL: no memory or too many. */
struct app *app_new(struct app_server *s, int fd, const struct app *parent);

/* app_end - take everything of @a apart and free it. */
void app_end(struct app *a);

/* app_end_worker - one event context less. */
void app_end_worker(struct app_worker *aw);

/* app_release - give up one hold. */
void app_release(struct app *a, struct binding_hold *h);

/* app_next_id - a number not used before; never 0. */
uint32_t app_next_id(struct app_server *s);

/* app_share - @child holds the same binding as @h, too. False without memory. */
must_check
bool app_share(struct app *child, const struct binding_hold *h);

/* app_find_hold - @a's hold on binding @id; NULL if it has none. */
struct binding_hold *app_find_hold(struct app *a, uint32_t id);

/* app_find - application @id; NULL if it is gone. */
struct app *app_find(struct app_server *s, uint32_t id);

/* --- family.c --- */

/* family_request - RPC_FORK, RPC_SHARE, RPC_RELEASE of @a. */
must_check
int family_request(struct app *a, const struct rpc_request *q);

/* family_told - one stack worker knows that @child was forked from @parent. */
void family_told(struct app_server *s, uint32_t parent, uint32_t child);

/* family_shared - the stack worker asked knows what @parent shares by name: the reply. */
void family_shared(struct app_server *s, uint32_t parent);

/* family_end - @a is gone. */
void family_end(struct app *a);

/* --- broker.c --- */

/* broker_new - make the channel of a pair and tell stack worker @worker about it. */
void broker_new(struct app_server *s, uint32_t worker, handle pair, uint32_t client,
		uint32_t server);

/* broker_request - RPC_OPEN, RPC_MAPPED, RPC_READY of application worker @aw. */
must_check
int broker_request(struct app_worker *aw, const struct rpc_request *q);

/* broker_end_worker - @id is gone: channels on their way to it are given up. */
void broker_end_worker(struct app_server *s, uint32_t id);

/* app_reply - send @r with descriptors; they stay the caller's. ERR_*: the connection is no good.
 */
must_check
int app_reply(struct app *a, const struct rpc_reply *r, const int *fds, unsigned n_fds);

#endif
