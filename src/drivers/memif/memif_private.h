/* memif_private.h - what the files about connections and nodes share. */
#ifndef CONVOY_DRIVERS_MEMIF_PRIVATE_H
#define CONVOY_DRIVERS_MEMIF_PRIVATE_H

#include <sys/un.h>

#include "drivers/memif/memif.h"
#include "drivers/memif/memif_ring.h"
#include "engine/backlog.h"

struct memif_link;

/* A ring that we receive from; it is served by worker interface_queue_worker(its number). */
struct memif_rx {
	struct memif_queue queue;
	struct memif_link *link;
	struct input input;
	struct timer timer; /* looks again for buffers that the pool lacked */
	bool attached;	    /* worker: the input is added */
	bool lacks;	    /* worker: buffers to offer */
};

/* A ring that we send by, and the packets that it had no room for. */
struct memif_tx {
	struct memif_queue queue;
	struct memif_link *link;
	struct backlog backlog;
	struct timer retry;
	uint64_t moved_ns; /* when the ring last took one of them */
};

/*
 * One connection's memory. Main builds it during the handshake and gives it to the workers; when
 * the connection ends, main takes it off them and frees it.
 */
struct memif_link {
	struct memif *memif;
	struct memif_view view;
	uint32_t n_rx, n_tx;	 /* rings, as negotiated */
	uint32_t log2_ring_size; /* client: the same */
	struct memif_rx *rx;	 /* [memif->n_queues] */
	struct memif_tx *tx;	 /* [memif->n_queues] */
	bool broken; /* atomic: the other side violated a ring; nothing more is done with any */
	struct mail broken_mail;
	struct lingering *lingering; /* memif_attach.c: for the end, with a shared pool */
};

/* How far the handshake is. */
enum memif_state {
	MEMIF_IDLE,	      /* no connection */
	MEMIF_WAIT_HELLO,     /* client */
	MEMIF_WAIT_ACK,	      /* client: of the step in `acked` */
	MEMIF_WAIT_CONNECTED, /* client */
	MEMIF_WAIT_INIT,      /* server */
	MEMIF_WAIT_CONNECT,   /* server: regions, rings, then CONNECT */
	MEMIF_ATTACHING,      /* on its way to the workers */
	MEMIF_UP,
	MEMIF_DETACHING, /* on its way back; a new connection waits */
};

/* How one worker sends, while there is a link: written and read by that worker. */
struct memif_way {
	struct memif_tx *tx; /* the first ring of its own, NULL for none … */
	uint32_t hand_to;    /* … and then who sends for it; WORKERS_MAX for nobody */
} cacheline_aligned;

struct memif {
	struct engine *engine;
	struct interface *interface;
	enum memif_role role;
	uint32_t id;
	uint8_t secret[MEMIF_SECRET_LEN];
	struct sockaddr_un address;
	uint32_t log2_ring_size, buffer_bytes;
	uint32_t n_queues; /* rings each way, at most */
	bool no_offload, zero_copy, trusted;

	/* main's */
	enum memif_state state;
	unsigned acked; /* client: messages acknowledged so far */
	bool closing;	/* the interface is being removed */
	bool peer_vnet; /* the other program's name ends in the tag */
	int region_fd;	/* client: the memfd of the rings, until the server has it */
	char peer[MEMIF_NAME_LEN + 1];
	char last_reason[MEMIF_REASON_LEN + 1];
	struct main_watch listener, socket, timer; /* fd -1: none */
	struct memif_link *link; /* of the connection, until it has been taken off the workers */
	struct engine_errand *errand; /* takes it off them */

	struct memif_ringer ringer;

	struct memif_way way[WORKERS_MAX];
};

/* --- memif_connection.c: main --- */

/* memif_open - listen or begin to dial. @why on failure. */
must_check
int memif_open(struct memif *m, char *why, size_t why_bytes);

/* memif_hang_up - end the connection; @reason is told to the other side unless NULL. */
void memif_hang_up(struct memif *m, const char *reason);

/* memif_close - for ever: no more connections. */
void memif_close(struct memif *m);

/* memif_redial - nobody is there: try again soon, unless it is closed. */
void memif_redial(struct memif *m);

/* --- memif_attach.c: main and workers --- */

/* memif_attach - the handshake is done: give m->link to the workers. */
must_check
int memif_attach(struct memif *m);

/* memif_detach - take m->link off the workers and free it, then dial again. */
void memif_detach(struct memif *m);

/* memif_give_up - worker: use the rings no more and have main end the connection. */
void memif_give_up(struct worker *w, struct memif_link *l);

static inline bool memif_is_broken(const struct memif_link *l)
{
	return __atomic_load_n(&l->broken, __ATOMIC_RELAXED);
}

/* --- memif_handshake.c: main --- */

/* memif_say - the first @len bytes of a message on @sock, with a descriptor unless @fd is -1. */
must_check
int memif_say(int sock, const struct memif_message *message, size_t len, int fd);

/* memif_send - a whole message to the peer, likewise. */
must_check
int memif_send(struct memif *m, const struct memif_message *message, int fd);

/* memif_hello - server: what a connection begins with. */
must_check
int memif_hello(struct memif *m);

/*
 * memif_on_message - handle a message other than DISCONNECT. *@fd came with it; it becomes -1 if it
 * was kept. An error ends the connection.
 */
must_check
int memif_on_message(struct memif *m, const struct memif_message *in, int *fd);

/* --- memif_node.c, memif_tx_node.c --- */

void memif_init_rx(struct memif_rx *rx);
void memif_init_tx(struct memif_tx *tx);

/* memif_send_waiting - what the ring had no room for, as far as it has now. */
void memif_send_waiting(struct worker *w, struct memif_tx *tx);

/* memif_release_backlog - the link leaves its worker: free what waits. */
void memif_release_backlog(struct worker *w, struct memif_tx *tx);

/* --- memif_memory.c --- */

/* memif_link_new_or_null - an empty link of @m. */
struct memif_link *memif_link_new_or_null(struct memif *m);
/* memif_link_free - unmap and close everything. Buffers that were lent are reclaimed before. */
void memif_link_free(struct memif_link *l);

/* memif_memory_fits - client: true if all the rings that @m wants, with buffers, make one region.
 */
must_check
bool memif_memory_fits(const struct memif *m);

/*
 * memif_memory_create - client: region 0 with l->n_rx + l->n_tx rings and, unless they are the
 * pool's, all buffers; its memfd or ERR_*.
 */
must_check
int memif_memory_create(struct memif_link *l);

/*
 * memif_memory_map - server: map what the client sent. ERR_PROTOCOL unless it has @size bytes and
 * is a memfd that cannot shrink, of ordinary pages; only the former if the client is trusted. Takes
 * @fd.
 */
must_check
int memif_memory_map(struct memif_link *l, int fd, uint64_t size);

/*
 * memif_memory_add_ring - server: place a ring. ERR_PROTOCOL if it does not lie in a region or is
 * one too many. Takes @fd on success.
 */
must_check
int memif_memory_add_ring(struct memif_link *l, const struct memif_add_ring *r, int fd);

/* memif_memory_is_whole - server: all rings from 0 on are there, at least one each way. */
must_check
bool memif_memory_is_whole(const struct memif_link *l);

#endif
