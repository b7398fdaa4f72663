/*
 * bindings.h - which addresses applications have reserved, and who holds each. Main only.
 *
 * A binding is made by bind(2) and shared by fork: each application that holds it keeps it alive.
 * Workers hear of those that listen.
 */
#ifndef CONVOY_SESSION_BINDINGS_H
#define CONVOY_SESSION_BINDINGS_H

#include <sys/types.h>

#include "base/list.h"
#include "base/random.h"
#include "shm/abi.h"

enum { BINDINGS_PER_APP = 4096 };

struct binding {
	struct list of_all;
	uint32_t id;
	uint32_t fib;
	uint32_t flags; /* enum rpc_flags */
	uint32_t backlog;
	uint32_t n_holders;
	uid_t uid;
	bool listening;
	struct shm_address address;
};

/* One application's hold on a binding. */
struct binding_hold {
	struct list of_app;
	struct binding *binding;
};

struct bindings {
	struct list all;
	uint32_t last_id;
	struct random random; /* for ports */
};

void bindings_init(struct bindings *b);
void bindings_deinit(struct bindings *b);

/*
 * binding_new - reserve @wanted (port 0: one is chosen) with one holder.
 * ERR_BUSY: somebody has it and does not share; ERR_FULL: no port left; ERR_INVAL; ERR_NOMEM.
 */
must_check
int binding_new(struct bindings *all, const struct binding *wanted, struct binding **out);

/* binding_put - one holder less; returns true if that was the last one and @b is gone. */
bool binding_put(struct binding *b);

/* bindings_listener_at - does somebody listen at this address or at the wildcard with its port? */
bool bindings_listener_at(const struct bindings *all, uint32_t fib,
			  const struct shm_address *address);

#endif
