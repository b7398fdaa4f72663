/*
 * pause_probe.c - what the machine takes from a thread that never waits, as `show turns` has it.
 *
 *   pause-probe SECONDS TURN_US
 *
 * Turns without any work, TURN_US long, at real-time priority where that is allowed: whatever is
 * longer is interrupts, other programs, the hypervisor. Prints {"turns": n, "buckets":
 * [{"below_us", "turns", "own"}]}.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/turns.h"

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double clocks_per_us(void)
{
	double began = now_seconds(), seconds;
	uint64_t clocks = cpu_cycles();

	do
		seconds = now_seconds() - began;
	while (seconds < 0.01);
	return (double)(cpu_cycles() - clocks) / seconds / 1e6;
}

static void print(const struct turns *t, double per_us)
{
	const char *separator = "";

	printf("{\"turns\": %lu, \"buckets\": [", turns_total(t->bucket));
	for (unsigned i = 0; i < TURNS_BUCKETS; i++) {
		if (t->bucket[i] == 0)
			continue;
		printf("%s{\"below_us\": %.3f, \"turns\": %lu, \"own\": %lu}", separator,
		       (double)turns_limit(i) / per_us, t->bucket[i], t->own[i]);
		separator = ", ";
	}
	printf("]}\n");
}

int main(int argc, char **argv)
{
	static struct turns t;
	const struct sched_param first = { .sched_priority = 1 };
	double per_us;
	uint64_t now, length, end;

	if (argc != 3) {
		fprintf(stderr, "usage: pause-probe SECONDS TURN_US\n");
		return 2;
	}
	sched_setscheduler(0, SCHED_FIFO, &first); /* without it, others show as pauses */
	per_us = clocks_per_us();
	length = (uint64_t)(atof(argv[2]) * per_us);
	t.mark = switch_mark_of_thread();
	now = cpu_cycles();
	end = now + (uint64_t)(atof(argv[1]) * 1e6 * per_us);
	while (now < end) {
		uint64_t began = now;

		turns_begin(&t, now);
		while (now - began < length)
			now = cpu_cycles();
	}
	print(&t, per_us);
	return 0;
}
