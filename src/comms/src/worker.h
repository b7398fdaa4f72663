/*
 * worker.h - a context for event delivery: its own channels to every stack worker, and cut-through
 * channels to workers of other programs.
 *
 *   process ──┬── worker 0, of calls that wait on one or a few sockets
 *             └── worker n, of one epoll set ──┬── link to stack worker 0
 *                                              ├── link to stack worker 1
 *                                              └── link to another application's worker …
 *
 * Every socket lives at a worker (its home), and one lock guards the worker, its links and all the
 * sockets there: chunks and rings of a channel are shared by its sockets anyway. In programs with a
 * thread per epoll set nobody competes for it. An epoll set that holds sockets of several workers
 * makes them share one lock from then on (worker_merge), so that no order between locks is needed.
 * `unhomed` is the home of sockets that have none yet, and of listeners.
 *
 * Order of locks: unhomed, then a worker's, then those of attach.c and of the tables.
 * Workers and sockets are never freed, so that a pointer may be read before its lock is held.
 */
#ifndef CONVOY_COMMS_WORKER_H
#define CONVOY_COMMS_WORKER_H

#include "base/list.h"
#include "comms/src/lock.h"
#include "shm/fifo.h"

struct set;
struct sleeper;
struct sock;
struct worker;

/* A channel of a worker, and the sockets on it by slot. */
struct link {
	struct channel channel;
	struct worker *worker;
	uint32_t id;
	bool to_stack;
	struct link
		*broker; /* cut-through: the stack link that told us of it; NULL if that is lost */
	bool ready;	 /* both segments are mapped */
	bool dead;	 /* the other side has gone; freed when the last socket leaves it */
	bool gone;	 /* cut-through: the stack has said so */
	uint32_t n_socks;
	struct segment mine; /* until then */
	int wait_fd, wake_fd;
	struct sock **by_slot;
	/* Events for which the ring had no room, in order. */
	struct shm_event *waiting;
	uint32_t first_waiting, n_waiting, max_waiting;
	bool wake_due; /* events were posted since the last wake-up */
};

struct worker {
	_Atomic(struct lock *) lock;
	struct lock own_lock;
	uint32_t id;	/* at the stack */
	uint32_t epoch; /* attachment that the links belong to; 0: none */
	struct link **links;
	unsigned n_links, n_stack_links, next_stack_link;
	struct set *set;	/* whose home this is; NULL if pooled or the process's */
	struct list acceptors;	/* struct acceptor */
	struct list waiters;	/* threads that wait for a source here */
	struct sleeper *leader; /* of the waiting threads: the one that sleeps on the wake pipes */
	unsigned n_napping;	/* threads asleep on the wake pipes, or about to be */
	int wait_fd;  /* epoll descriptor over the wake pipes for waiting threads; or -1 */
	int retry_fd; /* timer while convoyd is gone; or -1 */
	uint32_t n_naps;
	uint32_t n_starved;  /* sockets that found no chunk to write into */
	uint32_t n_dead;     /* links */
	bool interest_fades; /* an acceptor may have nobody left who wants its connections */
	bool holds_wakes;    /* wake-ups are sent by worker_flush() only */
	struct list starved; /* struct sock */
	struct list corked;  /* struct sock with bytes that wait for more, oldest first */
};

extern struct worker unhomed;

/* worker_take_lock - lock @w, whoever shares its lock by then. */
static inline void worker_take_lock(struct worker *w)
{
	for (;;) {
		struct lock *l = atomic_load_explicit(&w->lock, memory_order_acquire);

		lock_take(l);
		if (likely(l == atomic_load_explicit(&w->lock, memory_order_relaxed)))
			return;
		lock_give(l);
	}
}

static inline void worker_give_lock(struct worker *w)
{
	lock_give(atomic_load_explicit(&w->lock, memory_order_relaxed));
}

/*
 * worker_for_process - the worker of calls without an epoll set.
 * worker_for_set - a pooled or new one. Both unlocked; NULL without memory.
 */
struct worker *worker_for_process(void);
struct worker *worker_for_set(struct set *set);

/* worker_join_set - put the wake pipes that a pooled worker has into its new set. Unlocked. */
void worker_join_set(struct worker *w);

/* worker_release - its set is closed; it stays with its sockets and may serve another set. */
void worker_release(struct worker *w);

/* worker_merge - make @a and @b share one lock; neither is held. */
void worker_merge(struct worker *a, struct worker *b);

/* worker_of_thread - of the set that this thread used last; NULL if none. */
struct worker *worker_of_thread(void);
void worker_set_of_thread(struct worker *w);

/* --- with the worker's lock held, all of the following --- */

/* worker_connect - have links to every stack worker. Returns 0 or a negative errno. */
must_check
int worker_connect(struct worker *w);

/* worker_stack_link - the next stack worker's turn; the worker must be connected. */
struct link *worker_stack_link(struct worker *w);

/* worker_peer_link_or_null - the cut-through link that convoyd calls @channel_id; it may be dead.
 */
struct link *worker_peer_link_or_null(struct worker *w, uint32_t channel_id);

/*
 * worker_lose_link - the other side is dead. Its sessions are reset, but for those that it had
 * closed in order and that still hold bytes, and for those that it had not accepted (move.h). The
 * link goes with the last of them.
 */
void worker_lose_link(struct link *l);

/* worker_link_gone - convoyd says that the other program is dead: what it had not accepted moves.
 */
void worker_link_gone(struct link *l);

/* worker_lose_stack - convoyd is dead: all links are lost; try again as long as we listen. */
void worker_lose_stack(struct worker *w);

/* worker_drain - take what the peers have posted and deliver it. */
void worker_drain(struct worker *w);

/* worker_work_waits - would worker_drain() find something? */
bool worker_work_waits(const struct worker *w);

/*
 * worker_nap - one more thread is going to sleep on the wake pipes: announce it, and look once
 * more. worker_unnap - it is awake again, or does not sleep after all. Between the two the lock is
 * released. Both drain.
 */
void worker_nap(struct worker *w);
void worker_unnap(struct worker *w);

/* worker_patience_ms - the longest sleep allowed: -1 for ever, short when something is to retry. */
int worker_patience_ms(const struct worker *w);

/* worker_check_pipes - something beside a wake-up was reported: a hang-up, or the retry timer. */
void worker_check_pipes(struct worker *w);

/* worker_open_wait_fd - make `wait_fd`, unless it exists. */
void worker_open_wait_fd(struct worker *w);

/* link_post - post @e, now or when there is room. The peer is woken by link_wake(). */
void link_post(struct link *l, const struct shm_event *e);

/* link_wake - wake the peer if it naps, now or, if the worker holds wake-ups, later. */
void link_wake(struct link *l);

/* worker_flush - send the wake-ups that were held. */
void worker_flush(struct worker *w);

/* --- around fork: unhomed and every worker, in order --- */
void workers_fork_prepare(void);
void workers_fork_parent(void);
void workers_fork_child(void);

/* workers_each - call @fn for each worker, unlocked. */
void workers_each(void (*fn)(struct worker *w));

#endif
