/* await.c - see await.h. */
#include "session/await.h"

#include "base/err.h"
#include "session/adopt.h"

static struct share *first_waiting_or_null(const struct session *s)
{
	list_for_each(at, &s->sharers) {
		struct share *sh = container_of(at, struct share, of_session);

		if (sh->waits)
			return sh;
	}
	return NULL;
}

bool await_is_wanted(const struct session *s)
{
	return list_linked(&s->of_awaited) && first_waiting_or_null(s);
}

bool await_begin(struct session_worker *sw, struct share *sh, struct app_link *l,
		 const struct shm_event *e)
{
	struct session *s =
		sh->target.pair ? NULL : pool_get_or_null(&sw->sessions, sh->target.session);
	struct shm_event wanted;

	if (!s || !s->link || s->link->dead || s->left)
		return false;
	sh->waits = true;
	sh->waits_at = l->app_worker;
	sh->wait_cookie = e->cookie;
	/* In the order in which they began to wait. */
	list_remove(&sh->of_session);
	list_push(&s->sharers, &sh->of_session);
	if (!list_linked(&s->of_awaited))
		list_push(&sw->awaited, &s->of_awaited);
	wanted = fifo_event(&s->end, SHM_EV_WANTED);
	link_post(sw, s->link, &wanted);
	await_news(sw, s);
	return true;
}

/* As if it asked now. */
static struct shm_event request_of(const struct share *sh)
{
	return (struct shm_event){ .type = SHM_EV_ADOPT,
				   .flags = SHM_ADOPT_IN_TURN,
				   .cookie = sh->wait_cookie,
				   .channel = sh->name.via,
				   .slot = sh->name.slot,
				   .generation = sh->name.generation };
}

void await_serve(struct session_worker *sw, struct session *s)
{
	struct share *sh;

	while ((sh = first_waiting_or_null(s))) {
		struct app_link *l = session_worker_find_link(sw, sh->waits_at);
		struct shm_event e = request_of(sh);

		sh->waits = false;
		if (!l)
			continue;
		adopt_give(sw, sh, l, &e);
		return;
	}
}

/* Is there something to read for whoever has it? Then note how far it has read. */
static bool has_news(struct session *s)
{
	if (!s->link || !s->end.channel)
		return false;
	fifo_room(&s->end);
	return fifo_unread(&s->end) > 0 || s->end.my_state != SHM_OPEN;
}

static void look_again(struct session_worker *sw, struct session *s)
{
	s->news_lie = true;
	s->read_before = s->end.taken;
	if (!timer_is_set(&sw->stalls))
		timer_set(&sw->worker->wheel, &sw->stalls,
			  sw->worker->now_ns + AWAIT_MS * (uint64_t)NS_PER_MS);
}

void await_news(struct session_worker *sw, struct session *s)
{
	if (!s->news_lie && has_news(s))
		look_again(sw, s);
}

void await_end(struct session_worker *sw, struct session *s)
{
	struct share *sh;

	list_remove(&s->of_awaited);
	while (!sw->stopping && (sh = first_waiting_or_null(s))) {
		struct app_link *l = session_worker_find_link(sw, sh->waits_at);
		struct shm_event no = request_of(sh);

		sh->waits = false;
		no.type = SHM_EV_FAILED;
		no.value = ERR_CLOSED;
		if (l)
			link_post(sw, l, &no);
	}
}

static void look_at(struct session_worker *sw, struct session *s)
{
	bool news = has_news(s), lay = s->news_lie && s->end.taken == s->read_before;

	s->news_lie = false;
	if (news && lay)
		await_serve(sw, s);
	else if (news)
		look_again(sw, s);
}

void await_expired(struct timer *t, uint64_t now_ns unused_arg)
{
	struct session_worker *sw = container_of(t, struct session_worker, stalls);
	struct list now;
	struct list *link;

	list_init(&now);
	list_splice(&now, &sw->awaited);
	while ((link = list_pop_or_null(&now))) {
		struct session *s = container_of(link, struct session, of_awaited);

		if (!first_waiting_or_null(s))
			continue;
		list_push(&sw->awaited, &s->of_awaited);
		look_at(sw, s);
	}
}
