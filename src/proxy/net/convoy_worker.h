/*
 * convoy_worker.h - one thread's part of the convoy socket interface: its events and borrowed
 * bytes.
 *
 *   wake descriptor fires ─> drain up to a budget ─> reports ─┬─ found something: drain next turn
 *                                                             └─ nothing: arm ─> wait in libevent
 *
 * While a drain finds work the worker stays unarmed, so that peers need not wake it. What was
 * written during a turn wakes the peers once, at its end.
 */
#ifndef CONVOY_PROXY_NET_CONVOY_WORKER_H
#define CONVOY_PROXY_NET_CONVOY_WORKER_H

#include "base/pool.h"
#include "comms/convoy.h"
#include "proxy/net/fd_event.h"
#include "proxy/net/io_handle.h"

struct convoy_worker {
	struct dispatcher *dispatcher;
	int epfd; /* -1 until the first handle */
	struct fd_event wake;
	struct task drain, flush, age;
	struct pool handles; /* struct convoy_handle; names them in events */
	struct list lent;    /* struct convoy_loan, oldest first */
	struct list free_loans;
	uint64_t turn; /* of ageing */
};

struct convoy_handle {
	struct io_handle handle;
	struct convoy_worker *worker;
	handle self; /* in worker->handles */
	int cd;
	uint8_t ready, enabled, injected; /* IO_* */
	bool watched, closed, peer_ended;
	bool bulk; /* the last read filled its room: lend the next one */
	io_event_fn fn;
	void *context;
	struct task inject;
	struct deferred deletion;
};

/* A fragment of a received fifo that buffers hold. */
struct convoy_loan {
	struct list link;
	struct convoy_worker *worker;
	struct convoy_segment segment;
	struct buffer_block *fragment;
	uint64_t turn; /* when it was lent */
};

/* convoy_worker_new - in the thread of @d; attaches to convoyd with the first handle. ERR_NOMEM. */
must_check
int convoy_worker_new(struct dispatcher *d, struct convoy_worker **out);

/* convoy_worker_free - every handle must be closed. */
void convoy_worker_free(struct convoy_worker *w);

/* convoy_worker_attach - have a wake descriptor. Returns 0 or an enum err without convoyd. */
must_check
int convoy_worker_attach(struct convoy_worker *w);

/* convoy_worker_wrote - peers are to be woken at the end of the turn. */
void convoy_worker_wrote(struct convoy_worker *w);

/* convoy_worker_look - something may be ready that no peer will announce: drain next turn. */
void convoy_worker_look(struct convoy_worker *w);

/*
 * convoy_worker_lend - append @segment to @b in place. Until the turn after next at most: then what
 * is left is copied, so that a slow consumer does not pin the sender's fifo.
 */
void convoy_worker_lend(struct convoy_worker *w, struct buffer *b,
			const struct convoy_segment *segment);

/* convoy_worker_recall - copy all loans out and give them back. */
void convoy_worker_recall(struct convoy_worker *w);

/* convoy_handle_new_or_null - over @cd, which is taken. */
struct convoy_handle *convoy_handle_new_or_null(struct convoy_worker *w, int cd);

/* convoy_handle_report - @events (EPOLL*) have come for @h. */
void convoy_handle_report(struct convoy_handle *h, uint32_t events);

/* convoy_err - the enum err for errno. */
int convoy_err(void);

#endif
