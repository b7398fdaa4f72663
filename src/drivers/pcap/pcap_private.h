/*
 * pcap_private.h - what the files of pcap/ share.
 *
 *   main      reads the file, starts and stops; owns everything
 *   worker    one plays the file; each writes what it sends into a ring of its own
 *   writer    a thread that empties the rings into the file, so that no worker waits for a disk
 */
#ifndef CONVOY_DRIVERS_PCAP_PRIVATE_H
#define CONVOY_DRIVERS_PCAP_PRIVATE_H

#include <pthread.h>

#include "base/record_ring.h"
#include "base/wheel.h"
#include "drivers/pcap/pcap_interface.h"

/* A packet of the file that is played. */
struct pcap_packet {
	uint64_t offset_ns; /* after the first one */
	uint32_t at, len;   /* in the file's bytes */
};

/* All packets of a file, never changed. */
struct pcap_recording {
	uint32_t n;
	struct pcap_packet *packet;
	uint8_t *bytes;
	uint64_t length_ns; /* from the first packet to the last */
};

/* How far it has been played: the worker's. */
struct pcap_player {
	uint32_t next;	   /* packet */
	uint64_t n_loops;  /* behind us */
	uint64_t n_made;   /* of this start */
	uint64_t start_ns; /* when packet 0 of this loop was due; with a rate: of the first loop */
};

/* A packet to be written, in a worker's ring. */
struct pcap_record {
	uint64_t at_ns; /* of the worker's clock */
	uint32_t wire_len;
	uint32_t spare;
	uint8_t bytes[];
};

struct pcap_writer;

struct pcap_interface {
	struct interface *interface;
	struct interface_listener listener;
	struct pcap_config config;
	struct pcap_recording recording;
	struct pcap_writer *writer; /* NULL: nothing is written */
	uint32_t worker;	    /* that plays */
	bool attached;		    /* the worker's */
	struct input input;
	struct timer timer;
	struct pcap_player player;
	uint64_t n_played, n_finished; /* packets, and whole plays; read by main */
};

/* pcap_read - the packets of the file @path. As pcap_interface_create(). */
must_check
int pcap_read(const char *path, struct pcap_recording *out, char *why, size_t why_bytes);
void pcap_recording_free(struct pcap_recording *r);

/*
 * pcap_player_due - when the next packet of @r is to be played as @c wants it, in the clock of
 * @p->start_ns; 0 for at once, UINT64_MAX when all loops are over.
 */
uint64_t pcap_player_due(const struct pcap_player *p, const struct pcap_recording *r,
			 const struct pcap_config *c);
/* pcap_player_advance - the next packet has been played. */
void pcap_player_advance(struct pcap_player *p, const struct pcap_recording *r,
			 const struct pcap_config *c);

/* pcap_input_sleep - the input's before_sleep. */
bool pcap_input_sleep(struct worker *w, struct input *in);

/* pcap_writer_open - begin the file @path and its thread. ERR_IO, ERR_NOMEM with @why in words. */
must_check
int pcap_writer_open(const char *path, uint32_t n_workers, struct pcap_writer **out, char *why,
		     size_t why_bytes);
/* pcap_writer_close - write what is left, end the thread; no worker uses it any more. */
void pcap_writer_close(struct pcap_writer *w);
/* pcap_writer_put - on worker @index: a copy of the packet @b; false if the ring is full. */
must_check
bool pcap_writer_put(struct pcap_writer *w, uint32_t index, const struct buf *b, uint64_t now_ns);
/* pcap_writer_wake - after the last packet of a frame. */
void pcap_writer_wake(struct pcap_writer *w);
/* pcap_writer_written - packets in the file so far; *@failed is set if a write failed. */
uint64_t pcap_writer_written(const struct pcap_writer *w, bool *failed);

#endif
