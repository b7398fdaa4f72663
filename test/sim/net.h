/*
 * net.h - two simulated hosts and the path between them, in simulated time.
 *
 * Each direction has a rate, a queue in front of it, a delay, and faults: loss, reordering (a
 * packet that waits longer), duplication. Everything follows from the seed.
 */
#ifndef CONVOY_TEST_SIM_NET_H
#define CONVOY_TEST_SIM_NET_H

#include "host.h"

struct sim_link {
	uint64_t rate_bps;    /* 0: without limit */
	uint32_t queue_bytes; /* 0: without limit */
	uint32_t delay_us;
	uint32_t loss_ppm, reorder_ppm, duplicate_ppm;
	uint32_t reorder_us; /* how much later a reordered packet comes, at most */
	/* the simulation's */
	uint64_t busy_until_ns;
	uint64_t n_packets, n_lost, n_overflowed;
};

struct sim_packet {
	uint64_t due_ns;
	uint64_t number; /* keeps the order of packets that are due together */
	uint32_t to, len;
	uint8_t bytes[];
};

struct sim_net {
	uint64_t now_ns;
	struct clock clock;
	struct random random;
	struct sim_host *host[2]; /* 10.0.0.1 and 10.0.0.2 */
	struct sim_link link[2];  /* from host 0, from host 1 */
	struct sim_packet **heap;
	uint32_t n_packets, size;
	uint64_t n_sent;
};

/* sim_net_new - @link serves both directions. */
struct sim_net *sim_net_new(uint64_t seed, const struct sim_link *link,
			    const struct tcp_settings *settings);
void sim_net_free(struct sim_net *n);

/* sim_net_run - until @until_ns, or until @enough says so after some event; false if it never did.
 */
bool sim_net_run(struct sim_net *n, uint64_t until_ns, bool (*enough)(void *context),
		 void *context);

#endif
