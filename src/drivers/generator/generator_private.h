/* generator_private.h - what the files of this folder share. */
#ifndef CONVOY_DRIVERS_GENERATOR_PRIVATE_H
#define CONVOY_DRIVERS_GENERATOR_PRIVATE_H

#include "drivers/generator/generator.h"

/* The streams on one worker; the worker's but for what says otherwise. */
struct generator_queue {
	struct generator *generator;
	struct input input;
	bool attached;	       /* its input runs */
	uint32_t started;      /* of generator.n_starts, that it has followed */
	uint32_t turn;	       /* stream that comes first next time */
	uint32_t over;	       /* atomic: the start whose streams have all made their count */
	uint64_t now_ns;       /* when credit was given last */
	struct timer timer;    /* wakes the worker for the next packet of a rate */
	struct stream *stream; /* [generator.n_streams] */
};

struct generator {
	struct interface *interface;
	struct interface_listener listener;
	bool running;	   /* atomic: what the operator wants */
	uint32_t n_starts; /* atomic */
	uint64_t seed;
	uint32_t n_streams;
	struct stream_plan **plan;    /* [n_streams] */
	struct stream_config *config; /* [n_streams], a copy for `show generators` */
	uint32_t n_queues;
	struct generator_queue queue[];
};

/* generator_of_or_null - NULL if @i is none. */
struct generator *generator_of_or_null(const struct interface *i);

/* generator_queue_run - worker: fill @f; packets go on. Returns how many. */
unsigned generator_queue_run(struct worker *w, struct node *node, struct frame *f);

/* generator_woken - the timer of a queue: being awake is all that it is for. */
void generator_woken(struct timer *t, uint64_t now_ns);

/* generator_queue_sleep - worker: the input's before_sleep; has a timer wake it for its rate. */
bool generator_queue_sleep(struct worker *w, struct input *in);

#endif
