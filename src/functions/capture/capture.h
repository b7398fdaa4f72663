/*
 * capture.h - copies of an interface's or a node's packets, written to a file while they pass.
 *
 * Features "capture-in" and "capture-out", or a tap on a node, copy what the filter lets through
 * into a ring of the worker; a thread of the capture's own writes the file, so that neither workers
 * nor main ever wait for a disk or a pipe. A full ring loses copies, counted, and never packets.
 */
#ifndef CONVOY_FUNCTIONS_CAPTURE_H
#define CONVOY_FUNCTIONS_CAPTURE_H

#include "engine/engine.h"

struct capture;
struct command_table;

enum { CAPTURE_SNAP_MAX = 65536 + 256 };

struct capture_config {
	struct interface *interface; /* NULL: what enters a node instead */
	uint16_t node;
	int fd;		     /* given to the capture, which closes it */
	bool in, out;	     /* directions of an interface; neither means both */
	uint32_t snap_bytes; /* of each packet at most; 0: all */
	uint64_t n_packets;  /* then stop; 0: until capture_stop() */
	const char *filter;  /* tcpdump's language; NULL: everything */
	/*
	 * Called on main when it is over: enough packets, a write failed, the interface or the
	 * engine goes. The callee calls capture_stop().
	 */
	void (*ended)(void *context);
	void *context;
};

struct capture_stats {
	uint64_t n_written;
	uint64_t n_lost; /* copies that found the ring full */
	int write_errno; /* why it ended, 0 if no write failed */
};

/* capture_init - main, before the workers start; ERR_NOMEM. */
must_check
int capture_init(struct engine *e);
/* capture_deinit - after the workers have stopped; ends what still runs. */
void capture_deinit(struct engine *e);

/*
 * capture_start - main. ERR_BUSY if interface or node is being captured already, ERR_INVAL for an
 * input node, ERR_FORMAT for a filter that does not compile, ERR_NOMEM, ERR_IO; @why says it in
 * words. On failure the descriptor stays the caller's.
 */
must_check
int capture_start(struct engine *e, const struct capture_config *config, struct capture **out,
		  char *why, size_t why_bytes);

/*
 * capture_stop - main: end it, write what was copied so far, close the file. @c is gone
 * when this returns.
 */
void capture_stop(struct capture *c, struct capture_stats *stats);

/* capture_cli_register - `capture`. ERR_NOMEM. */
must_check
int capture_cli_register(struct command_table *table, struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type capture_in_node;
extern const struct node_type capture_out_node;

#endif
