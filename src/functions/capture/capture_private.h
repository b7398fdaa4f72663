/* capture_private.h - what capture.c, capture_node.c and capture_writer.c share. */
#ifndef CONVOY_FUNCTIONS_CAPTURE_PRIVATE_H
#define CONVOY_FUNCTIONS_CAPTURE_PRIVATE_H

#include "engine/packet_filter.h"
#include "functions/capture/capture.h"
#include <pthread.h>
#include <semaphore.h>

#include "base/record_ring.h"

enum { CAPTURE_RING_BYTES = 1 << 20 };

/* One copied packet in a ring; the bytes follow. */
struct capture_record {
	uint64_t at_ns; /* monotonic */
	uint32_t wire_len;
	uint32_t direction; /* PCAPNG_IN, PCAPNG_OUT, 0 in a node */
	uint8_t bytes[];
};

struct capture {
	struct engine *engine;
	struct list link;	     /* in captures.all */
	struct interface *interface; /* NULL: of a node */
	struct node_tap tap;	     /* of that node */
	char name[NODE_NAME_MAX];    /* of either, for the file */
	struct capture_config config;
	struct packet_filter *filter; /* NULL: everything */
	uint64_t wall_offset_ns;      /* monotonic to since 1970 */
	struct mailbox bell;	      /* rung by workers, heard by the writer */
	pthread_t writer;
	sem_t begun;	/* the writer waits for it: once there is a header, packets are seen */
	bool looking;	/* set before @begun; false if it could not begin */
	uint32_t stop;	/* atomic: write what is there and end */
	uint32_t ended; /* atomic: enough, or a write failed; workers copy no more */
	struct capture_stats stats;
	struct mail end_mail;  /* the writer's message to main */
	struct mail free_mail; /* main's to itself */
	uint64_t n_lost[WORKERS_MAX];
	struct record_ring ring[]; /* one per worker */
};

/* Shared state, in engine->module[MODULE_CAPTURE]. */
struct captures {
	struct capture *by_interface[INTERFACES_MAX]; /* published */
	struct list all;
	struct interface_listener listener;
};

/* capture_seen - the tap of a node that is captured. */
void capture_seen(struct worker *w, struct node *node, const struct frame *f, struct node_tap *tap);

/* capture_write_loop - the writer thread. @capture is a struct capture. */
void *capture_write_loop(void *capture);

#endif
