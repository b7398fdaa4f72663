/* session_worker.c - take applications' events, post ours, sleep and wake. */
#include "session/session_worker.h"

#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "session/adopt.h"
#include "session/await.h"
#include "session/layer.h"
#include "session/link.h"
#include "session/pair.h"

enum {
	DRAIN_PIPE_AFTER = 4096, /* wake-up bytes; a pipe holds 65536 */
	RETRY_MS = 2,
	ADOPT_COSTS = 64, /* events: it may copy a fifo */
};

static const struct reason reasons[] = {
	[SESSION_BAD_EVENT] = { "bad-event", "an application's event breaks the protocol" },
	[SESSION_STALE_EVENT] = { "stale-event", "an event for a session that is gone" },
	[SESSION_BROKEN_APP] = { "broken-app",
				 "an application was detached for breaking the protocol" },
	[SESSION_NO_SLOT] = { "no-slot", "a channel has no room for another session" },
	[SESSION_NO_MEMORY] = { "no-memory", "a session could not be made" },
	[SESSION_BACKLOG] = { "backlog", "a listener's backlog was full" },
};
_Static_assert(count_of(reasons) == N_SESSION_REASONS, "every reason has a text");

/* The session that an event of this link is about; NULL if it names none. */
static struct session *session_of_event(struct session_worker *sw, struct app_link *l,
					const struct shm_event *e)
{
	uint64_t owner = slot_owner(&l->slots, e->slot, e->generation);

	return owner ? pool_get_or_null(&sw->sessions, owner) : NULL;
}

static void on_session_event(struct session_worker *sw, struct app_link *l,
			     const struct shm_event *e)
{
	struct session *s;

	if (slot_owner(&l->slots, e->slot, e->generation) == SLOT_QUEUED)
		return; /* nobody reads it yet; whoever comes looks for himself */
	s = session_of_event(sw, l, e);
	if (!s) {
		session_count(sw, SESSION_STALE_EVENT);
		return;
	}
	switch (e->type) {
	case SHM_EV_DATA:
		session_on_data(sw, s);
		break;
	case SHM_EV_ROOM:
		session_on_room(sw, s);
		break;
	case SHM_EV_RETURN:
		session_on_return(sw, s);
		break;
	case SHM_EV_OPTION:
		if (e->flags == SHM_OPT_INFO)
			session_on_info(sw, s);
		else if (s->transport && s->transport->set_option && s->connection)
			s->transport->set_option(sw->worker, s, (enum shm_option)e->flags,
						 e->value);
		break;
	case SHM_EV_YIELD:
		await_serve(sw, s);
		break;
	default:
		break;
	}
}

static void on_event(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	switch (e->type) {
	case SHM_EV_DATA:
	case SHM_EV_ROOM:
	case SHM_EV_RETURN:
	case SHM_EV_OPTION:
	case SHM_EV_YIELD:
		on_session_event(sw, l, e);
		break;
	case SHM_EV_CONNECT:
		session_on_connect(sw, l, e);
		break;
	case SHM_EV_INTEREST:
		listener_set_interest(sw, l, e->channel, e->cookie, e->flags & 1);
		break;
	case SHM_EV_DETACHED:
		pair_on_detached(sw, l, e);
		break;
	case SHM_EV_RELEASE:
		adopt_on_release(sw, l, e);
		break;
	case SHM_EV_ADOPT:
		adopt_on_adopt(sw, l, e);
		break;
	default:
		session_count(sw, SESSION_BAD_EVENT);
		break;
	}
}

static unsigned take_events(struct session_worker *sw, struct app_link *l, unsigned budget)
{
	struct shm_event e;
	unsigned n = 0;

	while (n < budget && channel_take(&l->channel, &e)) {
		on_event(sw, l, &e);
		n += e.type == SHM_EV_ADOPT || e.type == SHM_EV_YIELD ? ADOPT_COSTS : 1;
	}
	return n;
}

void session_worker_take_all(struct session_worker *sw, struct app_link *l)
{
	take_events(sw, l, SHM_RING_EVENTS);
}

/* The application broke the ring's rules: off with it, through main, which owns its socket. */
static void detach_broken(struct session_worker *sw, struct app_link *l)
{
	session_count(sw, SESSION_BROKEN_APP);
	log_warn("session.detach", "app=%u worker=%u name=%s reason=protocol", l->app,
		 l->app_worker, l->name);
	session_layer_kick(sw->layer, l->app);
	session_worker_end_link(sw, l);
}

static unsigned session_input_run(struct worker *w, struct node *node, struct frame *f unused_arg)
{
	struct session_worker *sw = session_worker_of(w);
	unsigned n = 0;

	sw->counters = node->reasons;
	list_for_each(link, &sw->links) {
		struct app_link *l = container_of(link, struct app_link, of_worker);

		if (unlikely(l->channel.broken && !l->dead))
			detach_broken(sw, l);
		else if (channel_pending(&l->channel))
			n += take_events(sw, l, SESSION_EVENTS_PER_LINK);
	}
	return n;
}

const struct node_type session_input_node = {
	.name = "session-input",
	.kind = NODE_INPUT,
	.run = session_input_run,
	.reasons = reasons,
	.n_reasons = N_SESSION_REASONS,
};

/* Nap on every channel, then look at all of them once more: wake.h. */
static bool before_sleep(struct worker *w, struct input *in unused_arg)
{
	struct session_worker *sw = session_worker_of(w);
	bool work = !list_empty(&sw->dirty) && !timer_is_set(&sw->retry);

	list_for_each(link, &sw->links)
		channel_nap(&container_of(link, struct app_link, of_worker)->channel);
	nap_fence();
	list_for_each(link, &sw->links)
		work |= channel_pending(&container_of(link, struct app_link, of_worker)->channel);
	return work;
}

static void after_sleep(struct worker *w, struct input *in unused_arg)
{
	struct session_worker *sw = session_worker_of(w);

	list_for_each(link, &sw->links)
		channel_unnap(&container_of(link, struct app_link, of_worker)->channel);
}

static void retry_expired(struct timer *t unused_arg, uint64_t now_ns unused_arg)
{
	/* The turn in which it fires runs the hook below. */
}

static void patience_expired(struct timer *t, uint64_t now_ns unused_arg)
{
	pair_lose_patience(container_of(t, struct session_worker, patience));
}

static bool end_of_turn(struct worker *w, struct turn_hook *hook unused_arg)
{
	struct session_worker *sw = session_worker_of(w);
	struct list stuck;
	struct list *link;

	if (list_empty(&sw->dirty))
		return false;
	list_init(&stuck);
	while ((link = list_pop_or_null(&sw->dirty))) {
		struct app_link *l = container_of(link, struct app_link, of_dirty);

		if (link_is_over(l))
			link_free(l);
		else if (!link_flush(sw, l) && !list_linked(&l->of_dirty))
			list_push(&stuck, &l->of_dirty);
	}
	if (!list_empty(&stuck)) {
		list_splice(&sw->dirty, &stuck);
		timer_set(&w->wheel, &sw->retry, w->now_ns + RETRY_MS * (uint64_t)NS_PER_MS);
	}
	return false;
}

/* Wake-ups are never needed one by one; the pipe is emptied before it could fill. */
static void pipe_fired(struct worker *w unused_arg, struct watch *watch, uint32_t events unused_arg)
{
	struct app_link *l = container_of(watch, struct app_link, watch);
	char bytes[DRAIN_PIPE_AFTER];

	if (++l->n_wakeups < DRAIN_PIPE_AFTER)
		return;
	while (read(watch->fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		;
	l->n_wakeups = 0;
}

int session_worker_init(struct session_worker *sw, struct session_layer *layer, struct worker *w,
			uint16_t input_node)
{
	sw->worker = w;
	sw->layer = layer;
	pool_init(&sw->sessions, sizeof(struct session), SESSIONS_MAX);
	pair_pool_init(&sw->pairs);
	shares_init(&sw->shares);
	list_init(&sw->links);
	list_init(&sw->dirty);
	list_init(&sw->awaited);
	for (unsigned i = 0; i < LISTENER_BUCKETS; i++) {
		list_init(&sw->listeners[i]);
		list_init(&sw->bindings[i]);
	}
	timer_init(&sw->retry, retry_expired);
	timer_init(&sw->patience, patience_expired);
	timer_init(&sw->stalls, await_expired);
	sw->input = (struct input){ .kind = INPUT_POLLED,
				    .node = input_node,
				    .fd = -1,
				    .before_sleep = before_sleep,
				    .after_sleep = after_sleep };
	sw->hook = (struct turn_hook){ .run = end_of_turn };
	w->module[MODULE_SESSION] = sw;
	worker_add_hook(w, &sw->hook);
	return worker_add_input(w, &sw->input);
}

static void remove_binding(struct session_worker *sw, struct listener_binding *b)
{
	listener_remove(sw, b->app, b->id);
}

void session_worker_deinit(struct session_worker *sw)
{
	sw->stopping = true;
	while (!list_empty(&sw->links)) {
		struct app_link *l = container_of(sw->links.next, struct app_link, of_worker);

		l->ending = true; /* it is freed below, not with its last session */
		while (!list_empty(&l->sessions))
			session_free(sw, container_of(l->sessions.next, struct session, of_link));
		pair_end_link(sw, l);
		listener_drop_link(sw, l);
		if (!l->dead)
			worker_unwatch(sw->worker, &l->watch);
		link_free(l);
	}
	for (unsigned i = 0; i < LISTENER_BUCKETS; i++)
		while (!list_empty(&sw->bindings[i]))
			remove_binding(sw, container_of(sw->bindings[i].next,
							struct listener_binding, of_bucket));
	timer_cancel(&sw->worker->wheel, &sw->retry);
	timer_cancel(&sw->worker->wheel, &sw->patience);
	timer_cancel(&sw->worker->wheel, &sw->stalls);
	worker_remove_input(sw->worker, &sw->input);
	worker_remove_hook(sw->worker, &sw->hook);
	pool_deinit(&sw->sessions);
	pool_deinit(&sw->pairs);
	shares_deinit(&sw->shares);
}

int session_worker_add_link(struct session_worker *sw, struct app_link *l)
{
	int err;

	l->watch.fired = pipe_fired;
	err = worker_watch(sw->worker, &l->watch, EPOLLIN | EPOLLET);
	if (err)
		return err;
	l->owner = sw;
	list_push(&sw->links, &l->of_worker);
	return 0;
}

struct app_link *session_worker_find_link(struct session_worker *sw, uint32_t id)
{
	list_for_each(link, &sw->links) {
		struct app_link *l = container_of(link, struct app_link, of_worker);

		if (l->app_worker == id && !l->dead)
			return l;
	}
	return NULL;
}

void session_worker_end_link(struct session_worker *sw, struct app_link *l)
{
	struct list left, *link;

	if (l->dead)
		return;
	/* What it said before it went still counts: an orderly close may be in there. */
	while (take_events(sw, l, SESSION_EVENTS_PER_LINK))
		;
	l->dead = true;
	l->ending = true;
	worker_unwatch(sw->worker, &l->watch);
	listener_drop_link(sw, l);
	pair_end_link(sw, l);
	/* One at a time: with one session others may end, when it is relayed to one of these. */
	list_init(&left);
	list_splice(&left, &l->sessions);
	while ((link = list_pop_or_null(&left))) {
		list_push(&l->sessions, link);
		session_on_app_gone(sw, container_of(link, struct session, of_link));
	}
	l->ending = false;
	link_free_if_over(l);
}
