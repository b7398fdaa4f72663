/*
 * pcapng.h - the capture file format that Wireshark, tshark and tcpdump read.
 * One section, one Ethernet interface with nanosecond time stamps, then packets with a direction.
 * IETF draft-ietf-opsawg-pcapng §4.1 (section header), §4.2 (interface), §4.3 (enhanced packet).
 */
#ifndef CONVOY_FUNCTIONS_PCAPNG_H
#define CONVOY_FUNCTIONS_PCAPNG_H

#include "base/writer.h"

enum { PCAPNG_IN = 1, PCAPNG_OUT = 2 /* values of the direction in epb_flags; 0: neither */ };

/* Bytes of a packet block besides the packet, padding included; of all blocks before packets. */
enum { PCAPNG_PACKET_OVERHEAD = 48, PCAPNG_HEADER_MAX = 256 };

/* pcapng_emit_header - what a file starts with. @name: the interface's, at most 64 bytes. */
void pcapng_emit_header(struct writer *w, const char *name, uint32_t snap_len);

/*
 * pcapng_emit_packet - one packet.
 * @at_ns: since 1970. @wire_len: length on the wire, at least @bytes.len
 */
void pcapng_emit_packet(struct writer *w, uint64_t at_ns, unsigned direction, struct slice bytes,
			uint32_t wire_len);

#endif
