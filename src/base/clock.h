/*
 * clock.h - monotonic time, injected so that a simulation can own it.
 * Workers read the clock once per loop turn and pass the number on; nothing below calls it.
 */
#ifndef CONVOY_BASE_CLOCK_H
#define CONVOY_BASE_CLOCK_H

#include <stdint.h>

enum {
	NS_PER_US = 1000,
	NS_PER_MS = 1000000,
	NS_PER_S = 1000000000,
	US_PER_MS = 1000,
	US_PER_S = 1000000,
};

/* A source of time in nanoseconds; never goes back. @now is called with @context. */
struct clock {
	uint64_t (*now_ns)(void *context);
	void *context;
};

static inline uint64_t clock_now_ns(const struct clock *c)
{
	return c->now_ns(c->context);
}

/* clock_monotonic - the kernel's CLOCK_MONOTONIC. */
extern const struct clock clock_monotonic;

/* clock_wall_ns - nanoseconds since 1970, for logs and dates only. */
uint64_t clock_wall_ns(void);

#endif
