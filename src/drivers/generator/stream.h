/*
 * stream.h - packets by description: a template, and fields that differ from packet to packet.
 *
 *   struct stream_config ──stream_compile()──> struct stream_plan (shared, never changes)
 *                                                    │
 *   struct stream (one per queue: cursors) ──stream_fill()──> a buffer
 *
 * Everything that can be known beforehand is in the plan: the headers, the sums of all words that
 * stay. A packet costs one copy, a multiplication for each field that varies, and the checksums
 * from the sums. Lengths and checksums are always right, so that the other side has nothing to
 * complain about.
 */
#ifndef CONVOY_DRIVERS_GENERATOR_STREAM_H
#define CONVOY_DRIVERS_GENERATOR_STREAM_H

#include "engine/buf.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"

enum {
	STREAM_VLANS_MAX = 2,
	STREAM_FIELDS_MAX = 6,		  /* two MAC addresses, two addresses, two ports */
	STREAM_SIZE_MAX = BUF_DATA,	  /* bytes of a frame that is made, without its FCS */
	STREAM_PCAP_BYTES_MAX = 64 << 20, /* of all packets of a file */
	STREAM_BURST_MAX = 256,
};

enum stream_protocol { STREAM_UDP, STREAM_TCP };

/* Consecutive addresses of one family: @bytes, then the next ones in the part that varies. */
struct stream_addresses {
	uint8_t family;	    /* 4, 6; 0: none given */
	uint8_t bytes[16];  /* the first; IPv4 in the first four */
	uint8_t vary_at;    /* the part that varies: offset in @bytes … */
	uint8_t vary_width; /* … and bytes, 4 or 8 */
	uint64_t count;	    /* how many; 0 stands for 2^64 */
};

struct stream_ports {
	uint16_t first, last;
};

/* What net.yaml says about one stream. */
struct stream_config {
	const char *name;
	uint32_t size_min, size_max;
	uint64_t rate_pps; /* 0: as fast as the worker goes */
	uint64_t count;	   /* packets, then it is over; 0: endless */
	uint32_t burst;	   /* packets of one turn, at most */
	bool sequential;   /* fields count up together; otherwise they are random */
	bool has_source_mac, has_destination_mac;
	struct mac source_mac, destination_mac;
	uint32_t n_source_macs, n_destination_macs; /* consecutive ones; at least 1 */
	uint16_t vlans[STREAM_VLANS_MAX];	    /* outermost first */
	uint8_t n_vlans;
	uint8_t protocol; /* enum stream_protocol */
	uint8_t ttl, tos;
	struct stream_addresses source, destination;
	struct stream_ports source_port, destination_port;
	const char *destinations; /* a file of addresses, one a line, instead of @destination */
	const char *pcap;	  /* packets of this file instead of all that */
};

/* stream_defaults - what holds unless said otherwise. */
extern const struct stream_config stream_defaults;

/* A field that differs from packet to packet. */
struct stream_field {
	uint16_t at;	/* offset in the frame */
	uint8_t width;	/* 2, 4 or 8 bytes, big-endian */
	bool in_ip_sum; /* part of the IPv4 header checksum … */
	bool in_l4_sum; /* … and of the transport's, by its pseudo-header or itself */
	uint64_t base;
	uint64_t count;	       /* 0 stands for 2^64 */
	const uint64_t *value; /* [count] the values by themselves; NULL: from @base on */
};

/* Packets of a file, one after the other. */
struct stream_file {
	uint32_t n_packets;
	uint32_t *end; /* [n_packets] offset in @bytes behind packet i */
	uint8_t *bytes;
};

struct stream_plan {
	uint32_t size_min, n_sizes; /* size_min … size_min + n_sizes - 1 */
	bool constant;		    /* all packets are @bytes: nothing varies */
	bool sequential;
	uint32_t n_fields;
	struct stream_field field[STREAM_FIELDS_MAX];
	uint16_t l3_at, l4_at, l4_sum_at; /* offsets in the frame; l3_at 0: no IP */
	uint8_t family;
	uint8_t protocol;
	uint64_t ip_sum, l4_sum;  /* of the words that stay; without lengths if sizes vary */
	struct stream_file *file; /* NULL: made from the template */
	uint64_t *destinations;	  /* of a file of addresses: the parts that vary; else NULL */
	uint8_t bytes[STREAM_SIZE_MAX] cacheline_aligned;
};

/* The state of one stream on one queue. */
struct stream {
	const struct stream_plan *plan;
	uint64_t random;
	uint64_t next[STREAM_FIELDS_MAX]; /* sequential: the field's next value, less its base */
	uint32_t next_size, next_packet;
	uint64_t rate_pps, count; /* this queue's share */
	uint32_t burst;
	double credit;	  /* packets that may be made now; by rate */
	uint64_t n_made;  /* read by main */
	uint64_t n_bytes; /* read by main */
};

/*
 * stream_compile - check @config and make its plan, with @own_mac for a destination not given.
 * ERR_INVAL with @why in words, ERR_NOENT, ERR_FORMAT for a pcap file that cannot be read,
 * ERR_NOMEM. Freed by stream_plan_free().
 */
must_check
int stream_compile(const struct stream_config *config, const uint8_t *own_mac,
		   struct stream_plan **out, char *why, size_t why_bytes);
void stream_plan_free(struct stream_plan *plan);

/* stream_read_file - all packets of a pcap or pcapng file of Ethernet frames. As above. */
must_check
int stream_read_file(const char *path, struct stream_file **out, char *why, size_t why_bytes);
void stream_file_free(struct stream_file *file);

/*
 * stream_addresses_from_text - "10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.3.255" and the same with
 * IPv6 addresses, where a range lies within one /64. ERR_FORMAT.
 */
must_check
int stream_addresses_from_text(const char *text, struct stream_addresses *out);

/*
 * stream_read_addresses - the addresses in the file @path, one a line, all of one family. Of IPv6
 * addresses the upper half varies and the lower is that of the first.
 * @out:   the first address, with their number as count
 * @parts: what varies, of each; the caller's to free
 * ERR_NOENT, ERR_FORMAT, with @why in words; ERR_NOMEM.
 */
must_check
int stream_read_addresses(const char *path, struct stream_addresses *out, uint64_t **parts,
			  char *why, size_t why_bytes);

/* stream_addresses_part - the part that varies, as a number: that of the first address. */
static inline uint64_t stream_addresses_part(const struct stream_addresses *a)
{
	be64 v;

	memcpy(&v, a->bytes + a->vary_at, sizeof(v));
	return a->vary_width == 8 ? host64(v) : host64(v) >> 32;
}

/* stream_put_lengths - in a frame of @p at @at, of @size bytes; added to the sums. */
static inline void stream_put_lengths(const struct stream_plan *p, uint8_t *at, uint32_t size,
				      uint64_t *ip_sum, uint64_t *l4_sum)
{
	be16 l3_len = be16_of((uint16_t)(size - p->l3_at));
	be16 l4_len = be16_of((uint16_t)(size - p->l4_at));
	bool has_length = p->protocol == IP_UDP;

	if (p->family == 4)
		memcpy(at + p->l3_at + 2, &l3_len, 2);
	else
		memcpy(at + p->l3_at + 4, &l4_len, 2);
	if (has_length)
		memcpy(at + p->l4_at + 4, &l4_len, 2);
	*ip_sum += p->family == 4 ? checksum_word16(l3_len) : 0;
	*l4_sum += checksum_word16(l4_len) << has_length; /* of the pseudo-header as well */
}

/* stream_put_checksums - from the sums of all words. A UDP checksum of 0 goes as ffff: RFC 768. */
static inline void stream_put_checksums(const struct stream_plan *p, uint8_t *at, uint64_t ip_sum,
					uint64_t l4_sum)
{
	be16 ip_checksum = checksum_field(ip_sum), l4_checksum = checksum_field(l4_sum);

	if (p->family == 4)
		memcpy(at + p->l3_at + 10, &ip_checksum, 2);
	if (unlikely((l4_checksum.b[0] | l4_checksum.b[1]) == 0) && p->protocol == IP_UDP)
		l4_checksum = be16_of(0xffff);
	memcpy(at + p->l4_sum_at, &l4_checksum, 2);
}

/* stream_begin - set @s to the beginning of @plan; the same @seed gives the same packets. */
void stream_begin(struct stream *s, const struct stream_plan *plan, uint64_t seed);

/*
 * stream_fill - write the next @n packets into @b, which are as buf_alloc() has left them. Packets
 * of files that do not fit one buffer take more from @c, and are cut where there is none.
 */
void stream_fill(struct stream *s, struct buf *const *b, unsigned n, struct buf_cache *c);

#endif
