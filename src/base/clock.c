/* clock.c - time from the kernel (through the vDSO, no system call). */
#include "base/clock.h"

#include <time.h>

#include "base/compiler.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t monotonic_ns(void *context unused_arg)
{
	return read_clock(CLOCK_MONOTONIC);
}

const struct clock clock_monotonic = { monotonic_ns, NULL };

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
