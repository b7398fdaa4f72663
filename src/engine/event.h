/*
 * event.h - what happens to interfaces, neighbours and routes, told to whoever listens (`convoy
 * monitor`). Main thread; nothing here is on the data path.
 */
#ifndef CONVOY_ENGINE_EVENT_H
#define CONVOY_ENGINE_EVENT_H

#include <jansson.h>

#include "base/list.h"

struct engine;

enum event_topic { EVENT_LINK, EVENT_NEIGHBOR, EVENT_ROUTE, N_EVENT_TOPICS };

struct event {
	enum event_topic topic;
	const char *what;   /* one word of its topic: "up", "resolved", "deleted" */
	const char *name;   /* of the object: "lan", "10.0.0.2", "10.0.0.0/8" */
	const json_t *more; /* an object with what else there is to say; may be NULL */
};

/* Embedded in its owner. */
struct event_listener {
	/* The event is borrowed. It may not begin or end to listen. */
	void (*heard)(struct event_listener *l, const struct event *event);
	struct list link;
};

void event_listen(struct engine *e, struct event_listener *l);
void event_unlisten(struct event_listener *l);

/* event_wanted - true if anybody listens: ask before making the text of an event. */
bool event_wanted(const struct engine *e);

void event_publish(struct engine *e, const struct event *event);

/* event_topic_name - "link", "neighbor", "route". */
const char *event_topic_name(enum event_topic topic);

#endif
