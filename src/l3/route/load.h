/*
 * load.h - a file of routes into a VRF, a million in a second or two, while packets flow.
 *
 *   read and check every line ──> sort ──> into the ribs ──> show, slot by slot
 *
 * Main works in steps of a few milliseconds and serves others in between; workers see the tries
 * change and are never held up. A file with a bad line changes nothing. Main thread.
 */
#ifndef CONVOY_L3_ROUTE_LOAD_H
#define CONVOY_L3_ROUTE_LOAD_H

#include "l3/fib/fib.h"

struct engine;
struct route_load;

struct route_load_config {
	uint32_t vrf;
	enum fib_source source;
	int fd;		  /* a regular file, in the form of route_text.h; moves */
	const char *name; /* of the file, for messages; borrowed until the call returns */
	/* Called once on main; @l goes when it returns. @err: 0, or ERR_FORMAT, ERR_NOENT … with
	 * the reason in route_load_why(). */
	void (*done)(struct route_load *l, int err, void *context);
	void *context;
};

/* route_load_start - done() is called later, never from here. ERR_NOENT, ERR_NOMEM: @fd stays. */
must_check
int route_load_start(struct engine *e, const struct route_load_config *config,
		     struct route_load **out);

/* route_load_abandon - nobody waits any more: done() is not called. What is read goes in. */
void route_load_abandon(struct route_load *l);

const char *route_load_why(const struct route_load *l);
uint32_t route_load_count(const struct route_load *l);
uint64_t route_load_ns(const struct route_load *l);

#endif
