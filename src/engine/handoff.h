/*
 * handoff.h - packets that belong to another worker.
 *
 * One bounded single-producer single-consumer ring for each ordered pair of workers. Packets of one
 * sender for one receiver keep their order. A full ring drops, counted under
 * "handoff.full" of the sender; nothing waits.
 */
#ifndef CONVOY_ENGINE_HANDOFF_H
#define CONVOY_ENGINE_HANDOFF_H

#include "engine/worker.h"

enum { HANDOFF_SLOTS = 1024 /* packets in flight between two workers, a power of two */ };

/* handoff_init - rings among the workers of @e; ERR_NOMEM. */
must_check
int handoff_init(struct engine *e);
void handoff_deinit(struct engine *e);

/*
 * handoff_send - give the packet at @idx to worker @to, where it starts at node @node_id.
 * The trace mark does not travel. The receiver is woken at the end of the sender's turn.
 * Sending to oneself is node_send_to().
 */
void handoff_send(struct worker *w, uint32_t to, uint16_t node_id, uint32_t idx);

/* handoff_receive - start what others sent here; returns the number of packets. Worker loop. */
unsigned handoff_receive(struct worker *w);

/* handoff_flush - publish what this turn sent and wake the receivers. Worker loop. */
void handoff_flush(struct worker *w);

/* handoff_waiting - true if some ring to @w holds packets. For the look before sleeping. */
bool handoff_waiting(const struct worker *w);

#endif
