/* publish.h - what the data path sees of a neighbour: its adjacency and its host route. Main. */
#ifndef CONVOY_L3_NEIGHBOR_PUBLISH_H
#define CONVOY_L3_NEIGHBOR_PUBLISH_H

#include "l3/neighbor/neighbor.h"

/* neighbor_put_adjacency - make or renew the adjacency, whatever is known now. ERR_NOMEM, ERR_FULL.
 */
must_check
int neighbor_put_adjacency(struct neighbor *n);

/* neighbor_publish - the address is known: adjacency and route. ERR_NOMEM, ERR_FULL. */
must_check
int neighbor_publish(struct neighbor *n);

/* neighbor_withdraw - the route goes; the adjacency too, unless routes hold on to it. */
void neighbor_withdraw(struct neighbor *n);

/* neighbor_was_used - true if packets went to @n since the last call. */
bool neighbor_was_used(struct neighbor *n);

/* neighbor_event - tell who listens: it was "resolved", "lost", or "failed" to answer. l3/cli. */
void neighbor_event(const struct neighbor *n, const char *what);

/* neighbor_hide - take its host route away; whoever pins it goes on sending. */
void neighbor_hide(struct neighbor *n);

#endif
