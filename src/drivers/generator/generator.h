/*
 * generator.h - packets out of nothing, and a place where they end: interfaces without a device.
 *
 *   generator-input ──> arc device-input ──> … ──> interface-output ──> NAME-tx (counts and frees)
 *
 * A generator receives the packets of its streams; what is sent by it is counted and freed. A sink
 * does the latter only. So any path through the graph can be measured and tested without hardware.
 * A generator that is stopped, over, or waits for its rate costs no processor time.
 */
#ifndef CONVOY_DRIVERS_GENERATOR_H
#define CONVOY_DRIVERS_GENERATOR_H

#include "drivers/generator/stream.h"
#include "engine/engine.h"

struct command_table;

enum { GENERATOR_STREAMS_MAX = 64, GENERATOR_QUEUES_MAX = WORKERS_MAX };

struct generator_config {
	const char *name;
	const uint8_t *mac; /* NULL: a random one */
	uint32_t mtu_bytes; /* 0: 1500 */
	uint32_t n_queues;  /* 0: 1. Each makes its share of every stream, on a worker of its own */
	uint64_t seed;	    /* the same seed makes the same packets */
	bool start;	    /* as soon as the interface is up; else by generator_start() */
	const struct stream_config *streams; /* borrowed until generator_create() returns */
	uint32_t n_streams;
};

/*
 * generator_create - main: make the interface, administratively down.
 * @why: a sentence for people when it fails, @why_bytes long
 * ERR_INVAL, ERR_FORMAT for a stream that cannot be, those of interface_add(), ERR_NOMEM.
 * It goes by interface_remove().
 */
must_check
int generator_create(struct engine *e, const struct generator_config *config,
		     struct interface **out, char *why, size_t why_bytes);

/* sink_create - main: an interface that counts and frees. As generator_create(). */
must_check
int sink_create(struct engine *e, const char *name, const uint8_t *mac, uint32_t mtu_bytes,
		struct interface **out);

/*
 * generator_start - main: begin every stream anew, from its first packet. It runs while the
 * interface is up. ERR_INVAL if @i is no generator, ERR_NOMEM.
 */
must_check
int generator_start(struct interface *i);

/* generator_stop - main: make no more. As generator_start(). */
must_check
int generator_stop(struct interface *i);

/* generator_cli_register - `generator start`, `generator stop`, `show generators`. ERR_NOMEM. */
must_check
int generator_cli_register(struct command_table *table, struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type generator_input_node;
extern const struct node_type sink_tx_node;

#endif
