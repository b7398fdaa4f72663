/*
 * siphash.h - SipHash-2-4 (Aumasson and Bernstein 2012): a keyed hash that a peer without the key
 * can neither predict nor flood. For sequence numbers, ports, cookies and tables with hostile keys.
 */
#ifndef CONVOY_BASE_SIPHASH_H
#define CONVOY_BASE_SIPHASH_H

#include "base/compiler.h"

struct siphash_key {
	uint64_t k[2];
};

/* siphash - 64 bits over the @len bytes at @data. */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
