/*
 * set.h - an epoll set: a real epoll descriptor of the kernel, which holds the kernel's descriptors
 * and the wake pipes of our workers, and beside it the watches of our own sockets.
 *
 *   epoll_wait:  drain the workers' rings ─> ready list ─> events
 *                nothing: announce the nap, look again, sleep in the kernel
 *
 * The lock of the set's worker guards it; workers of foreign sockets share that lock (worker.h).
 */
#ifndef CONVOY_COMMS_SET_H
#define CONVOY_COMMS_SET_H

#include "comms/src/source.h"

/* What the kernel reports for our own descriptors in the set; no program's data by chance. */
#define SET_PIPE_EVENT	0x9e5a3c71d20f84b0ull
#define SET_RETRY_EVENT 0x9e5a3c71d20f84b1ull
#define SET_KICK_EVENT	0x9e5a3c71d20f84b2ull

struct watch {
	struct set *set;
	struct source *source;
	int cd;
	struct list in_source, in_ready, in_set;
	uint32_t events;
	bool spent;   /* EPOLLONESHOT has fired */
	bool leveled; /* on the ready list only because it was ready last time */
	uint64_t data;
};

struct set {
	int epfd;	/* one of its numbers */
	unsigned n_fds; /* how many it has */
	int kick_fd;	/* eventfd in it: another thread has made something ready */
	_Atomic(struct worker *) worker; /* NULL until the first socket of ours */
	struct worker **others;		 /* homes of foreign sockets */
	unsigned n_others;
	struct list ready;   /* watches that may be ready */
	struct list watches; /* all */
	unsigned n_sleeping;
	unsigned n_kernel; /* kernel's descriptors, at most */
	unsigned calls_since_look;
	uint64_t last_look;
	bool adopted; /* driven by drain and arm */
	bool armed;
	bool woken;	  /* from being armed, since the kernel was last looked at */
	unsigned n_armed; /* foreign workers that nap while it is armed */
};

/* set_push - @w may be ready. The lock is held. */
void set_push(struct watch *w);

/* set_kick - wake a thread that sleeps in the set. */
void set_kick(struct set *set);

/* watch_drop - out of its lists and freed. The lock is held. */
void watch_drop(struct watch *w);

/* set_close - the epoll descriptor is being closed. Returns false if @epfd is not known here. */
bool set_close(int epfd);

void sets_fork_child(void);

#endif
