/*
 * pcap_interface.h - an interface without a device: it receives the packets of a capture file, and
 * what it sends goes into another one. Either may be left out.
 */
#ifndef CONVOY_DRIVERS_PCAP_INTERFACE_H
#define CONVOY_DRIVERS_PCAP_INTERFACE_H

#include "engine/engine.h"

enum { PCAP_READ_BYTES_MAX = 256 << 20 /* of all packets of a file, which are held in memory */ };

struct pcap_config {
	const char *name;
	const uint8_t *mac; /* NULL: a random one */
	uint32_t mtu_bytes; /* 0: 1500 */
	const char *read;   /* pcap or pcapng, Ethernet; NULL: it receives nothing */
	uint64_t rate_pps;  /* 0: as fast as the worker goes, or … */
	bool as_recorded;   /* … with the pauses that the file has; not with a rate */
	uint64_t loops;	    /* how often the file is played; 0: without end */
	const char *write;  /* pcap with nanoseconds, begun anew; NULL: what it sends is counted */
};

/*
 * pcap_interface_create - main: read the file and make the interface, administratively down. It
 * plays from the beginning each time that it is brought up.
 * @why: a sentence for people when it fails, @why_bytes long
 * ERR_FORMAT for a file that cannot be read, ERR_FULL for one that is too large, ERR_IO for one
 * that cannot be written, ERR_INVAL, ERR_NOMEM, those of interface_add(). It goes by
 * interface_remove(), which finishes the file.
 */
must_check
int pcap_interface_create(struct engine *e, const struct pcap_config *config,
			  struct interface **out, char *why, size_t why_bytes);

/* For daemon/modules.c. */
extern const struct node_type pcap_input_node;
extern const struct node_type pcap_tx_node;

#endif
