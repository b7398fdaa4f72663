/* probe_private.h - between main's side and the nodes. */
#ifndef CONVOY_L3_PROBE_PRIVATE_H
#define CONVOY_L3_PROBE_PRIVATE_H

#include "base/list.h"
#include "l3/probe/probe.h"

struct probe {
	struct probes *all;
	struct probe_options options;
	uint16_t id; /* of its echo requests; 0 while the place is free */
	void (*on_answer)(void *context, const struct probe_answer *a);
	void *context;
};

/* Main's. */
struct probes {
	struct engine *engine;
	struct wheel wheel;
	struct random random;
	struct probe probe[PROBES_MAX];
	uint32_t n;		 /* atomic: probes that are open */
	uint16_t id[PROBES_MAX]; /* atomic: those of the open ones, for workers */
};

/* An answer on its way to main. */
struct probe_message {
	struct mail mail;
	struct list link; /* free */
	struct worker *worker;
	struct probes *all;
	uint16_t id;
	struct probe_answer answer;
};

struct probe_worker {
	struct probes *all;
	uint16_t lookup4, lookup6;
	struct list free;
	struct probe_message message[PROBE_ANSWERS];
};

static inline struct probe_worker *probe_worker_of(const struct worker *w)
{
	return w->module[MODULE_PROBE];
}

/* probe_is_open - a worker asks: does somebody wait for answers with this identifier? */
bool probe_is_open(const struct probes *all, uint16_t id);

/* probe_tell - a worker has an answer. False if too many are on their way. */
bool probe_tell(struct worker *w, uint16_t id, const struct probe_answer *a);

#endif
