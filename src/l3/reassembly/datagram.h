/*
 * datagram.h - putting one datagram together: which ranges of it have come. Pure: a fragment is a
 * number that the caller knows what to do with.
 *
 * Fragments that overlap make the datagram worthless, whoever is right: accepting either side has
 * been used to slip past filters. An exact duplicate is ignored, since networks do make them.
 * RFC 791 §3.2; the policy is that of RFC 5722 for IPv6.
 */
#ifndef CONVOY_L3_REASSEMBLY_DATAGRAM_H
#define CONVOY_L3_REASSEMBLY_DATAGRAM_H

#include "base/compiler.h"

enum { DATAGRAM_FRAGMENTS = 64, DATAGRAM_MAX_LEN = 65535 };

enum datagram_verdict {
	DATAGRAM_ADDED,	    /* kept, more are missing */
	DATAGRAM_COMPLETE,  /* kept, and it was the last one missing */
	DATAGRAM_DUPLICATE, /* not kept: the same range is there */
	DATAGRAM_OVERLAP,   /* not kept, drop the datagram */
	DATAGRAM_BAD,	    /* not kept, drop the datagram: impossible lengths */
	DATAGRAM_TOO_MANY,  /* not kept, drop the datagram: more pieces than we keep */
};

struct datagram_piece {
	uint32_t first;
	uint32_t end;  /* one past the last byte */
	uint32_t what; /* the caller's */
};

struct datagram {
	uint32_t n;
	uint32_t have;					 /* bytes */
	uint32_t len;					 /* 0 until the last fragment has come */
	struct datagram_piece piece[DATAGRAM_FRAGMENTS]; /* by @first */
};

/*
 * datagram_add - one fragment of @len payload bytes at offset @first.
 * @header_len: of the IP header; the whole must not be longer than 65535 with it
 * @more: fragments follow; then @len must be a multiple of 8
 */
enum datagram_verdict datagram_add(struct datagram *d, uint32_t first, uint32_t len,
				   uint32_t header_len, bool more, uint32_t what);

#endif
