/* link.c - posting events to an application without ever waiting for it. */
#include "session/link.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "session/session.h"
#include "session/session_worker.h"

/* A control event that found the ring full. */
struct kept_event {
	struct list of_link;
	struct shm_event event;
};

struct app_link *link_new(struct channel channel, int wait_fd)
{
	struct app_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	if (slots_init(&l->slots, channel.mine.n_slots < channel.peers.n_slots
					  ? channel.mine.n_slots
					  : channel.peers.n_slots)) {
		free(l);
		return NULL;
	}
	l->channel = channel;
	list_init(&l->channel.sweep); /* moved: an empty list points at itself */
	l->watch.fd = wait_fd;
	list_init(&l->of_worker);
	list_init(&l->of_dirty);
	list_init(&l->sessions);
	list_init(&l->due);
	list_init(&l->posts);
	list_init(&l->interests);
	list_init(&l->pairs_a);
	list_init(&l->pairs_b);
	return l;
}

void link_free(struct app_link *l)
{
	struct list *link;

	invariant(list_empty(&l->sessions));
	while ((link = list_pop_or_null(&l->posts)))
		free(container_of(link, struct kept_event, of_link));
	list_remove(&l->of_worker);
	list_remove(&l->of_dirty);
	slots_deinit(&l->slots);
	channel_deinit(&l->channel);
	if (l->watch.fd >= 0)
		close(l->watch.fd);
	free(l);
}

static void mark_dirty(struct session_worker *sw, struct app_link *l)
{
	if (!list_linked(&l->of_dirty))
		list_push(&sw->dirty, &l->of_dirty);
}

bool link_is_over(const struct app_link *l)
{
	return l->dead && !l->ending && list_empty(&l->sessions);
}

void link_free_if_over(struct app_link *l)
{
	if (link_is_over(l))
		mark_dirty(l->owner, l);
}

void link_post(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	struct kept_event *kept;

	if (l->dead)
		return;
	mark_dirty(sw, l);
	if (list_empty(&l->posts) && channel_post(&l->channel, e) == 0)
		return;
	/* Who has as many answers waiting as it has slots asks and never listens. */
	kept = l->n_kept < l->slots.n_slots ? calloc(1, sizeof(*kept)) : NULL;
	if (!kept) {
		l->channel.broken = true; /* it would wait for ever: better detached than hung */
		return;
	}
	l->n_kept++;
	kept->event = *e;
	list_push(&l->posts, &kept->of_link);
}

void link_mark_due(struct session *s)
{
	if (!list_linked(&s->due))
		list_push(&s->link->due, &s->due);
	mark_dirty(s->link->owner, s->link);
}

static bool flush_kept(struct app_link *l)
{
	while (!list_empty(&l->posts)) {
		struct kept_event *kept = container_of(l->posts.next, struct kept_event, of_link);

		if (channel_post(&l->channel, &kept->event))
			return false;
		list_remove(&kept->of_link);
		l->n_kept--;
		free(kept);
	}
	return true;
}

/* fifo_data_due() may be asked once per event, so its answer is kept in the session. */
bool link_flush_session(struct app_link *l, struct session *s)
{
	if (l->dead)
		return true;
	if (s->due_data) {
		struct shm_event e = fifo_event(&s->end, SHM_EV_DATA);

		if (!channel_has_room(&l->channel, 1))
			return false;
		if (fifo_data_due(&s->end) && channel_post(&l->channel, &e))
			return false;
		s->due_data = false;
	}
	if (s->due_room) {
		struct shm_event e = fifo_event(&s->end, SHM_EV_ROOM);

		if (channel_post(&l->channel, &e))
			return false;
		s->due_room = false;
	}
	return true;
}

bool link_flush(struct session_worker *sw, struct app_link *l)
{
	bool all = l->dead || flush_kept(l);

	while (all && !list_empty(&l->due)) {
		struct session *s = container_of(l->due.next, struct session, due);

		if (s->end.broken) {
			list_remove(&s->due);
			session_on_broken(sw, s);
			continue;
		}
		all = link_flush_session(l, s);
		if (all)
			list_remove(&s->due);
	}
	if (!l->dead)
		channel_wake(&l->channel);
	return all;
}
