/* event.c - who listens, and telling them. */
#include "engine/event.h"

#include "engine/engine.h"

static const char *const topic_names[] = {
	[EVENT_LINK] = "link",
	[EVENT_NEIGHBOR] = "neighbor",
	[EVENT_ROUTE] = "route",
};
_Static_assert(count_of(topic_names) == N_EVENT_TOPICS, "every topic has a name");

const char *event_topic_name(enum event_topic topic)
{
	return topic_names[topic];
}

void event_listen(struct engine *e, struct event_listener *l)
{
	list_push(&e->event_listeners, &l->link);
}

void event_unlisten(struct event_listener *l)
{
	list_remove(&l->link);
}

bool event_wanted(const struct engine *e)
{
	return !list_empty(&e->event_listeners);
}

void event_publish(struct engine *e, const struct event *event)
{
	list_for_each(link, &e->event_listeners) {
		struct event_listener *l = container_of(link, struct event_listener, link);

		l->heard(l, event);
	}
}
