/* link.h - making and ending the links of a worker. The worker's lock is held. */
#ifndef CONVOY_COMMS_LINK_H
#define CONVOY_COMMS_LINK_H

#include "comms/src/worker.h"

/* link_open_stack - a link to stack worker @index. Returns 0 or an enum err. */
must_check
int link_open_stack(struct worker *w, uint32_t index);

/*
 * link_open_peer - the next step toward cut-through channel @id: ask for it, map, or finish.
 * @broker: the link to the stack worker that has sent SHM_EV_CHANNEL for it
 * Returns 0 or an enum err, then there is no such link.
 */
must_check
int link_open_peer(struct link *broker, uint32_t id);

/* link_close - unmap and free; no socket is left on it. */
void link_close(struct link *l);

/* link_flush - post events that had to wait. */
void link_flush(struct link *l);

#endif
