/* discovery.h - the hosts of STRICT_DNS clusters, from the main thread's DNS to every worker. */
#ifndef CONVOY_PROXY_SERVER_DISCOVERY_H
#define CONVOY_PROXY_SERVER_DISCOVERY_H

#include "proxy/server/server.h"

/*
 * discovery_new_or_null - begin to resolve every STRICT_DNS cluster.
 * @ready: called once, in a later turn, when each name was asked for once
 */
struct discovery *discovery_new_or_null(struct server *s, void (*ready)(struct server *s));

/* discovery_free - after the workers have stopped. */
void discovery_free(struct discovery *d);

/* discovery_apply - give the hosts known so far to the worker of @dispatcher, in its thread. */
must_check
int discovery_apply(const struct discovery *d, struct dispatcher *dispatcher);

/* discovery_n_waiting - clusters that have not been resolved once. */
unsigned discovery_n_waiting(const struct discovery *d);

#endif
