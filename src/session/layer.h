/*
 * layer.h - the session layer of an engine: what main keeps, and how workers reach main.
 *
 *   session_layer_new() before engine_start(); its descriptor in main's loop; session_layer_free()
 *   after engine_stop().
 */
#ifndef CONVOY_SESSION_LAYER_H
#define CONVOY_SESSION_LAYER_H

#include "base/pool.h"
#include "engine/engine.h"
#include "session/transport.h"
#include "shm/rpc.h"

struct session_layer;

/* Who may attach, and to which VRF. */
struct session_namespace {
	char name[RPC_NAME_BYTES]; /* empty: the default namespace */
	uint64_t secret;	   /* 0: none is asked for */
	uint32_t fib;
};

/* What the session layer asks of the IP layers; given by the daemon. */
struct session_host {
	void *context;
	/*
	 * where - main: whose address is @remote in VRF @fib? With RPC_WHERE_ROUTE and
	 * RPC_WHERE_LOCAL *@local gets the address that we would use (port 0).
	 */
	enum rpc_where (*where)(void *context, uint32_t fib, const struct shm_address *remote,
				struct shm_address *local);
	/* is_local - on a worker: is @address one of the stack's own in VRF @fib? */
	bool (*is_local)(void *context, struct worker *w, uint32_t fib,
			 const struct shm_address *address);
};

struct session_options {
	const char *socket_path; /* the applications' socket; RPC_SOCKET_SUFFIX is already in it */
	uint32_t socket_mode;	 /* permissions, e.g. 0660 */
	const struct session_namespace *namespaces;
	unsigned n_namespaces;		   /* 0: one default namespace without a secret */
	const struct transport *transport; /* for stream sockets; NULL: cut-through only */
	struct session_host host;
	uint32_t slots_per_link; /* sessions of one application worker on one stack worker; 0: 65536
				  */
	uint32_t pages_per_link; /* 4 KiB pages that each side may fill; 0: 65536 (256 MiB) */
};

/*
 * session_layer_new - listen for applications. The engine must have session_input_node in its
 * graph. ERR_BUSY: another stack lives at that path. ERR_PERM, ERR_IO, ERR_NOMEM. Each with a log
 * line.
 */
must_check
int session_layer_new(struct engine *e, const struct session_options *options,
		      struct session_layer **out);
void session_layer_free(struct session_layer *layer);

/* session_layer_fd - readable when session_layer_run() has something to do (level-triggered). */
int session_layer_fd(const struct session_layer *layer);
void session_layer_run(struct session_layer *layer);

/* --- for workers --- */

/* session_layer_kick - detach application @app from main: it broke the protocol. */
void session_layer_kick(struct session_layer *layer, uint32_t app);

/* session_layer_forked - this worker knows what application @child shares with @parent. */
void session_layer_forked(struct session_layer *layer, uint32_t parent, uint32_t child);

/* session_layer_shared - this worker knows what a child of application @app shares by name. */
void session_layer_shared(struct session_layer *layer, uint32_t app);

/*
 * session_layer_make_channel - ask main for a cut-through channel between two application workers;
 * pair_made() and pair_is_ready() follow on stack worker @worker. ERR_NOMEM.
 */
must_check
int session_layer_make_channel(struct session_layer *layer, uint32_t worker, handle pair,
			       uint32_t client_worker, uint32_t server_worker);

const struct transport *session_layer_transport(const struct session_layer *layer);
bool session_layer_is_local(struct session_layer *layer, struct worker *w, uint32_t fib,
			    const struct shm_address *address);

#endif
