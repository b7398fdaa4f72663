/*
 * stall.h - connections whose interface is busy: packets wait before its ring, and more would only
 * make that queue longer. They wait here, out of the to-do list, until an interface is relieved.
 * What is small goes on: acknowledgements, resets, probes.
 */
#ifndef CONVOY_TRANSPORT_TCP_STALL_H
#define CONVOY_TRANSPORT_TCP_STALL_H

#include "base/list.h"
#include "base/wheel.h"

struct tcp_conn;
struct tcp_worker;

struct tcp_stall {
	struct list conns;   /* tcp_conn.todo_link, in the order in which they came */
	uint32_t n_relieved; /* engine's, as last looked at */
	struct timer timer;  /* an interface that another worker relieves wakes nobody */
};

void tcp_stall_init(struct tcp_stall *s);

/* tcp_stall_is_due - is the interface towards the peer of @c busy? Asks routing again if it was. */
bool tcp_stall_is_due(struct tcp_conn *c);

/* tcp_stall_add - @c, which is in no list, waits with TCP_TODO_SEND. */
void tcp_stall_add(struct tcp_conn *c);

/* tcp_stall_relieve - once a turn: all back on the to-do list if any interface was relieved. */
void tcp_stall_relieve(struct tcp_worker *tw);

#endif
