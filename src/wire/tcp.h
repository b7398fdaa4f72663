/*
 * tcp.h - the TCP header and its options on the wire. RFC 9293 §3.1, RFC 7323, RFC 2018.
 *
 * The data path lays struct tcp_hdr over the packet and calls tcp_options_parse() for what is
 * behind it; tests, traces and tools use struct tcp with tcp_parse(), tcp_emit() and tcp_print().
 */
#ifndef CONVOY_WIRE_TCP_H
#define CONVOY_WIRE_TCP_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/writer.h"

enum {
	TCP_HDR_LEN = 20,
	TCP_HDR_MAX_LEN = 60,
	TCP_OPTIONS_MAX_LEN = 40,
	TCP_MAX_SACKS = 4,
	TCP_MAX_WINDOW_SHIFT = 14, /* RFC 7323 §2.3 */
	TCP_DEFAULT_MSS = 536,	   /* RFC 9293 §3.7.1: when the peer names none, IPv4 */
};

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};

struct tcp_hdr {
	be16 sport;
	be16 dport;
	be32 seq;
	be32 ack;
	uint8_t offset_reserved; /* upper four bits: header length in words of 32 bits */
	uint8_t flags;
	be16 window;
	be16 checksum;
	be16 urgent;
};
_Static_assert(sizeof(struct tcp_hdr) == TCP_HDR_LEN, "as on the wire");

/* tcp_hdr_len - length with options as the header states it: 0 to 60, so check it. */
static inline unsigned tcp_hdr_len(const struct tcp_hdr *h)
{
	return (unsigned)(h->offset_reserved >> 4) * 4;
}

/* tcp_offset_of - the offset_reserved byte of a header of @len bytes, a multiple of 4 up to 60. */
static inline uint8_t tcp_offset_of(unsigned len)
{
	return (uint8_t)(len / 4 << 4);
}

enum tcp_option_kind {
	TCP_OPT_END = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
	TCP_OPT_WINDOW = 3,
	TCP_OPT_SACK_PERMITTED = 4,
	TCP_OPT_SACK = 5,
	TCP_OPT_TIMESTAMPS = 8,
};

/* Bits of tcp_options.has. */
enum {
	TCP_HAS_MSS = 1,
	TCP_HAS_WINDOW_SHIFT = 2,
	TCP_HAS_SACK_PERMITTED = 4,
	TCP_HAS_TIMESTAMPS = 8,
};

struct tcp_sack {
	uint32_t left;	/* first sequence number of the block */
	uint32_t right; /* the one after its last */
};

struct tcp_options {
	uint8_t has;
	uint8_t window_shift; /* as sent; may exceed TCP_MAX_WINDOW_SHIFT */
	uint16_t mss;
	uint32_t n_sacks;
	uint32_t ts_value;
	uint32_t ts_echo;
	struct tcp_sack sacks[TCP_MAX_SACKS];
};

/*
 * tcp_options_parse - read the options behind a header.
 * @in:  exactly the option bytes: header length less 20; borrowed
 * @out: always written: what was understood up to the end or the first fault
 *
 * Unknown kinds are skipped by their length (RFC 9293 MUST-6). Of an option that comes twice the
 * last one counts. An MSS of 0 is as given. Returns 0, or ERR_FORMAT when a length is below 2,
 * past the end, or wrong for its kind (MUST-7: no crash and no misreading).
 */
must_check
int tcp_options_parse(struct slice in, struct tcp_options *out);

/*
 * tcp_options_emit - append @o, padded by NOPs to a multiple of 4.
 * SACK blocks that do not fit into 40 bytes beside the rest are left out, last ones first.
 * Returns the number of bytes appended, at most TCP_OPTIONS_MAX_LEN.
 */
unsigned tcp_options_emit(struct writer *w, const struct tcp_options *o);

/*
 * tcp_timestamps_only - the common case of an established connection in three compares.
 * @h: a header of which tcp_hdr_len(@h) bytes can be read
 * True if the options are exactly NOP NOP timestamps; then both values are written (RFC 7323 A).
 */
static inline bool tcp_timestamps_only(const struct tcp_hdr *h, uint32_t *value, uint32_t *echo)
{
	const struct {
		uint8_t head[4];
		be32 value, echo;
	} *o = (const void *)(h + 1);
	static const uint8_t head[4] = { TCP_OPT_NOP, TCP_OPT_NOP, TCP_OPT_TIMESTAMPS, 10 };

	if (h->offset_reserved >> 4 != 8 || memcmp(o->head, head, 4) != 0)
		return false;
	*value = host32(o->value);
	*echo = host32(o->echo);
	return true;
}

/* A whole segment, parsed. */
struct tcp {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window; /* not scaled */
	uint16_t checksum;
	uint16_t urgent;
	struct tcp_options options;
	struct slice payload;
};

/*
 * tcp_parse - read one segment.
 * @in:  from the first header byte to the end of the IP payload; borrowed by @out->payload
 * @out: written only on success
 * The checksum is read, not verified. Returns 0, ERR_SHORT if @in ends inside the header,
 * ERR_FORMAT if the data offset is under 5 or an option is malformed.
 */
must_check
int tcp_parse(struct slice in, struct tcp *out);

/* tcp_emit - append header, options and payload; the checksum field is @t->checksum as it is. */
void tcp_emit(struct writer *w, const struct tcp *t);

/* tcp_print - one line: "80 > 4000 SA seq 1 ack 2 win 65535 len 0 <mss 1460 ...>". */
void tcp_print(struct writer *w, const struct tcp *t);

#endif
