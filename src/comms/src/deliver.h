/* deliver.h - what arrives on a link's ring. The worker's lock is held. */
#ifndef CONVOY_COMMS_DELIVER_H
#define CONVOY_COMMS_DELIVER_H

#include "comms/src/worker.h"

/* deliver_events - take and act on the events that are there. */
void deliver_events(struct link *l);

/* deliver_lose_connecting - convoyd has gone: connects under way, and connections that move, fail
 * with ECONNRESET. */
void deliver_lose_connecting(struct worker *w);

#endif
