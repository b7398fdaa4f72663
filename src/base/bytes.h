/*
 * bytes.h - numbers in network byte order, as types of their own.
 * Comparing a be16 with a host number does not compile; host16() and be16_of() convert.
 * The types have alignment 1, so that a header struct can be laid over any byte.
 */
#ifndef CONVOY_BASE_BYTES_H
#define CONVOY_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

typedef struct {
	uint8_t b[2];
} be16;
typedef struct {
	uint8_t b[4];
} be32;
typedef struct {
	uint8_t b[8];
} be64;

static inline uint16_t host16(be16 v)
{
	uint16_t n;

	memcpy(&n, v.b, 2);
	return __builtin_bswap16(n);
}

static inline uint32_t host32(be32 v)
{
	uint32_t n;

	memcpy(&n, v.b, 4);
	return __builtin_bswap32(n);
}

static inline uint64_t host64(be64 v)
{
	uint64_t n;

	memcpy(&n, v.b, 8);
	return __builtin_bswap64(n);
}

static inline be16 be16_of(uint16_t n)
{
	be16 v;

	n = __builtin_bswap16(n);
	memcpy(v.b, &n, 2);
	return v;
}

static inline be32 be32_of(uint32_t n)
{
	be32 v;

	n = __builtin_bswap32(n);
	memcpy(v.b, &n, 4);
	return v;
}

static inline be64 be64_of(uint64_t n)
{
	be64 v;

	n = __builtin_bswap64(n);
	memcpy(v.b, &n, 8);
	return v;
}

#endif
