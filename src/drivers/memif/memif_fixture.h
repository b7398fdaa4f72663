/*
 * memif_fixture.h - what the tests of memif share: two engines in one process, a with two workers
 * unless they say otherwise, b with one. What comes in by any interface is looked at and freed.
 */
#ifndef CONVOY_DRIVERS_MEMIF_FIXTURE_H
#define CONVOY_DRIVERS_MEMIF_FIXTURE_H

#include "drivers/memif/memif_private.h"

enum { DEADLINE_MS = 10000, ETH = 14, IP = 20, TCP = 20, HEADERS = ETH + IP + TCP };
enum { MEMIF_TEST_WORKERS = 2 };

/* What a worker received, for the test's thread to look at. */
struct seen {
	uint32_t n; /* atomic */
	uint32_t len, flags;
	uint16_t gso_type, gso_size;
	uint8_t bytes[70000];
};

struct side {
	struct engine *e;
	struct interface *i;
	struct seen seen[MEMIF_TEST_WORKERS];
};
extern struct side a, b;
extern char memif_path[64]; /* of the socket */

/* memif_setup - engines with private pools; memif_setup_shared - whose pools can be shared. */
int memif_setup(void **state);
int memif_setup_shared(void **state);
/* memif_setup_with - and so many workers each. */
int memif_setup_with(unsigned n_a, unsigned n_b, bool shared);
/* memif_teardown - no buffer is lost, no socket is left. */
int memif_teardown(void **state);

/* memif_pump - run both mains for a while. */
void memif_pump(void);

#define wait_until(condition)                                                                      \
	for (uint64_t deadline_ns =                                                                \
		     clock_now_ns(&clock_monotonic) + DEADLINE_MS * (uint64_t)NS_PER_MS;           \
	     !(condition);) {                                                                      \
		assert_true(clock_now_ns(&clock_monotonic) < deadline_ns);                         \
		memif_pump();                                                                      \
	}

struct memif *memif_of(const struct side *s);
/* memif_owner - the worker that serves queue @q. */
struct worker *memif_owner(const struct side *s, uint32_t q);

/* memif_add - the interface m0 at memif_path, up. */
void memif_add(struct side *s, struct memif_config c);
/* memif_join - a is the server, b the client; returns when both have a link. */
void memif_join(struct memif_config server, struct memif_config client);
/* memif_part - remove both interfaces. */
void memif_part(void);

/* A packet to send, in a buffer chain of the sending worker. */
struct parcel {
	struct side *from;
	uint32_t len;
	uint16_t gso_size;
	unsigned seed;
};

/* memif_parcel_byte - byte @at of the parcel. */
uint8_t memif_parcel_byte(const struct parcel *p, uint32_t at);
/* memif_send_parcel - for worker_call(): @arg is the parcel. */
void memif_send_parcel(struct worker *w, void *arg);
/* memif_cross - from @worker to the other side, whole; returns the worker that received it. */
uint32_t memif_cross(struct side *from, struct side *to, uint32_t worker, struct parcel p);

/* memif_stop_reading - on the ring's worker: take it off. */
void memif_stop_reading(struct worker *w, struct memif_rx *rx);

/* memif_n_seen - packets that all workers have received. */
uint32_t memif_n_seen(const struct side *s);

/* memif_tx_count - of the transmit node's counter @name, all workers. */
uint64_t memif_tx_count(const struct side *s, const char *name);

#endif
