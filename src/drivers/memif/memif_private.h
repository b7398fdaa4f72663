/* memif_private.h - what memif.c, memif_connection.c, memif_memory.c and memif_node.c share. */
#ifndef CONVOY_DRIVERS_MEMIF_PRIVATE_H
#define CONVOY_DRIVERS_MEMIF_PRIVATE_H

#include <sys/un.h>

#include "drivers/memif/memif.h"
#include "drivers/memif/memif_ring.h"
#include "engine/backlog.h"

/*
 * One connection's memory. Main builds it during the handshake and gives it to the owning worker;
 * when the connection ends, main takes it off the worker and frees it.
 */
struct memif_link {
	struct memif *memif;
	struct memif_view view;
	struct input input;
	bool broken; /* worker: the other side violated the ring; nothing more is done with it */
	/* worker: packets that the ring had no room for, and when to look again */
	struct backlog backlog;
	struct timer retry;
	uint64_t moved_ns; /* when the ring last took one of them */
	struct mail broken_mail;
};

/* How far the handshake is. */
enum memif_state {
	MEMIF_IDLE,	      /* no connection */
	MEMIF_WAIT_HELLO,     /* client */
	MEMIF_WAIT_ACK,	      /* client: of the step in `acked` */
	MEMIF_WAIT_CONNECTED, /* client */
	MEMIF_WAIT_INIT,      /* server */
	MEMIF_WAIT_CONNECT,   /* server: regions, rings, then CONNECT */
	MEMIF_ATTACHING,      /* on its way to the worker */
	MEMIF_UP,
	MEMIF_DETACHING, /* on its way back; a new connection waits */
};

struct memif {
	struct engine *engine;
	struct interface *interface;
	enum memif_role role;
	uint32_t id;
	uint8_t secret[MEMIF_SECRET_LEN];
	struct sockaddr_un address;
	uint32_t log2_ring_size, buffer_bytes;
	bool no_offload;
	uint32_t owner; /* worker that serves the rings */

	/* main's */
	enum memif_state state;
	unsigned acked; /* client: messages acknowledged so far */
	bool closing;	/* the interface is being removed */
	bool peer_vnet; /* the other program's name ends in the tag */
	int region_fd;	/* client: the memfd, until the server has it */
	char peer[MEMIF_NAME_LEN + 1];
	char last_reason[MEMIF_REASON_LEN + 1];
	struct main_watch listener, socket, timer; /* fd -1: none */
	struct memif_link *link; /* of the connection, until it has been taken off the worker */

	/* the owning worker's */
	struct memif_link *active;
};

/* --- memif_connection.c: main --- */

/* memif_open - listen or begin to dial. @why on failure. */
must_check
int memif_open(struct memif *m, char *why, size_t why_bytes);

/* memif_hang_up - end the connection; @reason is told to the other side unless NULL. */
void memif_hang_up(struct memif *m, const char *reason);

/* memif_close - for ever: no more connections. */
void memif_close(struct memif *m);

/* memif_attach - the handshake is done: give m->link to its worker. */
must_check
int memif_attach(struct memif *m);

/* --- memif_handshake.c: main --- */

/* memif_send - one message, with a descriptor unless @fd is -1. */
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

/* --- memif_node.c --- */

void memif_init_input(struct memif_link *l);

/* memif_release_backlog - the link leaves its worker: free what waits. */
void memif_release_backlog(struct worker *w, struct memif_link *l);

/* --- memif_memory.c --- */

/* memif_link_new_or_null - an empty link of @m. */
struct memif_link *memif_link_new_or_null(struct memif *m);
/* memif_link_free - unmap and close everything. */
void memif_link_free(struct memif_link *l);

/* memif_memory_create - client: region 0 with both rings and all buffers; its memfd or ERR_*. */
must_check
int memif_memory_create(struct memif_link *l);

/*
 * memif_memory_map - server: map what the client sent. ERR_PROTOCOL unless it is a memfd that
 * cannot shrink, of ordinary pages, with @size bytes at least. Takes @fd.
 */
must_check
int memif_memory_map(struct memif_link *l, int fd, uint64_t size);

/*
 * memif_memory_add_ring - server: place a ring. ERR_PROTOCOL if it does not lie in a region.
 * Takes @fd on success.
 */
must_check
int memif_memory_add_ring(struct memif_link *l, const struct memif_add_ring *r, int fd);

#endif
