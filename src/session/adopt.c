/* adopt.c - a session moves from one process to another that shares it; see adopt.h. */
#include "session/adopt.h"

#include "base/err.h"
#include "session/await.h"
#include "session/link.h"
#include "session/luggage.h"
#include "session/split.h"

enum {
	REST_NS = NS_PER_MS, /* two processes that take it from each other get no faster */
	KEPT_MAX = 1 << 21,  /* bytes on their way out that may move along */
};

/* --- the move --- */

/* May it move now? Brings both directions up to date. ERR_AGAIN: ask again soon. */
static int ready_to_move(struct session_worker *sw, struct session *s, const struct app_link *to,
			 bool in_turn)
{
	bool rests = !in_turn && s->moved_ns && sw->worker->now_ns - s->moved_ns < REST_NS;

	uint32_t n_written;

	if (s->end.channel)
		fifo_room(&s->end);
	n_written = session_tx_ready(s);
	if (s->end.broken)
		return ERR_PROTOCOL;
	if (n_written > KEPT_MAX || rests)
		return ERR_AGAIN;
	return to->slots.n_used < to->slots.n_slots ? 0 : ERR_FULL;
}

/* Tell who had it; alive and not done with it, that one shares it from now on. */
static void part_from_owner(struct session_worker *sw, struct session *s, uint16_t intent)
{
	struct app_link *l = s->link;
	struct share_name name = { l->app_worker, s->end.slot, s->end.generation };
	struct share_target target = { .session = s->self };
	struct shm_event e = fifo_event(&s->end, SHM_EV_MOVED);

	e.flags = intent;
	e.value = (int32_t)s->end.taken;
	if (!l->dead && !s->left &&
	    !share_add(&sw->shares, l->app, &name, &target, true, &s->sharers))
		session_count(sw, SESSION_NO_MEMORY);
	link_post(sw, l, &e);
}

static void leave_link(struct session *s)
{
	struct app_link *l = s->link;

	list_remove(&s->of_link);
	list_remove(&s->due);
	s->due_data = s->due_room = s->publishes = false;
	slot_give(&l->slots, s->end.slot);
	fifo_close(&s->end);
	l->n_sessions--;
	s->link = NULL;
	link_free_if_over(l);
}

/*
 * @intent: enum shm_adopt. @s lies in a slot of @to when this returns 0. With ERR_AGAIN and
 * ERR_FULL it is where it was, else over.
 */
static int move_session(struct session_worker *sw, struct session *s, struct app_link *to,
			uint16_t intent)
{
	uint8_t state = s->link ? s->state : SESSION_OPEN;
	struct luggage g;
	int err = ready_to_move(sw, s, to, intent & SHM_ADOPT_IN_TURN);

	if (err == ERR_AGAIN || err == ERR_FULL)
		return err;
	if (!err)
		err = luggage_pack(s, &g);
	if (err) {
		session_on_broken(sw, s);
		return err;
	}
	if (s->link) {
		part_from_owner(sw, s, intent & SHM_ADOPT_TO_WRITE);
		leave_link(s);
	}
	s->left = s->abort_last = false;
	s->listener = NULL;
	if (!(intent & SHM_ADOPT_IN_TURN))
		s->moved_ns = sw->worker->now_ns;
	invariant(session_put_on_link(sw, s, to)); /* there was room */
	s->state = state;
	if (luggage_unpack(s, &g))
		return 0;
	session_discard(sw, s, ERR_NOMEM);
	return ERR_NOMEM;
}

/* --- closing, by one of several --- */

/* Those who had it and lost it may go on; whoever wants to adopts it. */
static void say_freed(struct session_worker *sw, struct session *s)
{
	list_for_each(at, &s->sharers) {
		struct share *sh = container_of(at, struct share, of_session);
		struct shm_event e = { .type = SHM_EV_FREED,
				       .channel = sh->name.via,
				       .slot = sh->name.slot,
				       .generation = sh->name.generation };

		list_for_each(link, &sw->links) {
			struct app_link *l = container_of(link, struct app_link, of_worker);

			if (sh->had && l->app == sh->app->id)
				link_post(sw, l, &e);
		}
	}
}

static void drop_share(struct session_worker *sw, struct share *sh)
{
	struct share_target target = sh->target;
	struct session *s = pool_get_or_null(&sw->sessions, target.session);

	share_drop(&sw->shares, sh);
	if (target.pair)
		split_if_unshared(sw, &target);
	else if (s && s->left && list_empty(&s->sharers))
		session_close_unheld(sw, s, s->abort_last);
}

/* Of a session in a slot of the releaser's own; it may have moved on meanwhile. */
static void release_own(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	struct share_name name = { l->app_worker, e->slot, e->generation };
	uint64_t owner = slot_owner(&l->slots, e->slot, e->generation);
	struct session *s = owner ? pool_get_or_null(&sw->sessions, owner) : NULL;

	if (!s) {
		adopt_release(sw, l->app, &name);
		return;
	}
	if (s->left || s->state < SESSION_OPEN) {
		session_count(sw, SESSION_BAD_EVENT);
		return;
	}
	s->left = true;
	s->abort_last = e->flags & 1;
	if (list_empty(&s->sharers)) {
		session_close_unheld(sw, s, s->abort_last);
		return;
	}
	say_freed(sw, s);
	await_serve(sw, s);
}

void adopt_on_release(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	struct share_name name = { e->channel, e->slot, e->generation };

	if (e->channel == 0)
		release_own(sw, l, e);
	else if (!split_on_release(sw, l, e))
		adopt_release(sw, l->app, &name);
}

bool adopt_wait_for_heir(struct session_worker *sw, struct session *s)
{
	if (!s->end.channel || s->end.broken || list_empty(&s->sharers))
		return false;
	s->left = true;
	say_freed(sw, s);
	await_serve(sw, s);
	return true;
}

/* --- adopting --- */

static void refuse(struct session_worker *sw, struct app_link *l, const struct shm_event *e,
		   int err)
{
	struct shm_event no = *e;

	no.type = SHM_EV_FAILED;
	no.value = err;

	link_post(sw, l, &no);
}

static void answer(struct session_worker *sw, struct session *s, const struct shm_event *e)
{
	uint16_t flags = s->end.peer_state == SHM_FIN ? SHM_ADOPTED_FIN : 0;

	if (list_empty(&s->sharers))
		flags |= SHM_ADOPTED_ONLY;
	if (await_is_wanted(s))
		flags |= SHM_ADOPTED_WANTED;
	s->cookie = e->cookie;
	session_tell(sw, s, SHM_EV_ADOPTED, flags);
	if (flags & SHM_ADOPTED_WANTED)
		await_news(sw, s);
	if (s->connection)
		s->transport->room(sw->worker, s);
}

void adopt_give(struct session_worker *sw, struct share *sh, struct app_link *l,
		const struct shm_event *e)
{
	handle self = sh->target.session;
	struct session *s = pool_get_or_null(&sw->sessions, self);
	int err = s ? move_session(sw, s, l, e->flags) : ERR_CLOSED;

	if (!err || !pool_get_or_null(&sw->sessions, self))
		share_drop(&sw->shares, sh);
	if (err)
		refuse(sw, l, e, err);
	else
		answer(sw, s, e);
}

void adopt_on_adopt(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	struct share_name name = { e->channel, e->slot, e->generation };
	struct share *sh = share_find_or_null(&sw->shares, l->app, &name);

	if (!sh || l->dead) {
		session_count(sw, SESSION_STALE_EVENT);
		refuse(sw, l, e, ERR_NOENT);
		return;
	}
	if (e->flags & SHM_ADOPT_IN_TURN && await_begin(sw, sh, l, e))
		return;
	sh->waits = false;
	if (sh->target.pair)
		split_to_adopt(sw, sh, e->flags & SHM_ADOPT_TO_WRITE);
	adopt_give(sw, sh, l, e);
}

/* --- what main says --- */

/* Does the application of its link have @s, so that a child of it has it too? */
static bool is_held(struct session *s)
{
	if (!s->end.channel || s->left || s->state < SESSION_OPEN)
		return false;
	if (s->listener && !atomic_load_explicit(&s->end.peers->taken, memory_order_acquire))
		return false; /* offered, not accepted */
	fifo_poll(&s->end);
	return s->end.peer_state < SHM_CLOSED && !s->end.broken;
}

static void add_share(struct session_worker *sw, uint32_t app, const struct share_name *name,
		      struct session *s)
{
	struct share_target target = { .session = s->self };

	if (share_find_or_null(&sw->shares, app, name))
		return;
	if (!share_add(&sw->shares, app, name, &target, false, &s->sharers))
		session_count(sw, SESSION_NO_MEMORY);
}

/* What @app may adopt by @sh, @child may by the same name. */
static void copy_share(struct session_worker *sw, uint32_t child, const struct share *sh)
{
	struct session *s = pool_get_or_null(&sw->sessions, sh->target.session);

	if (sh->target.pair)
		split_share(sw, child, &sh->name, &sh->target);
	else if (s)
		add_share(sw, child, &sh->name, s);
}

static void share_link(struct session_worker *sw, struct app_link *l, uint32_t child)
{
	list_for_each(link, &l->sessions) {
		struct session *s = container_of(link, struct session, of_link);
		struct share_name name = { l->app_worker, s->end.slot, s->end.generation };

		if (is_held(s))
			add_share(sw, child, &name, s);
	}
}

void adopt_fork(struct session_worker *sw, uint32_t parent, uint32_t child)
{
	struct list *shares = shares_of_app_or_null(&sw->shares, parent);

	list_for_each(link, &sw->links) {
		struct app_link *l = container_of(link, struct app_link, of_worker);

		if (l->app != parent || l->dead)
			continue;
		session_worker_take_all(sw, l);
		share_link(sw, l, child);
		split_fork(sw, l, child);
	}
	if (!shares)
		return;
	list_for_each(link, shares)
		copy_share(sw, child, container_of(link, struct share, of_app));
}

/* What the application itself has in the slot of that name. */
static struct session *own_session(struct session_worker *sw, uint32_t app,
				   const struct share_name *name)
{
	struct app_link *l = session_worker_find_link(sw, name->via);
	uint64_t owner;
	struct session *s;

	if (!l || l->app != app)
		return NULL;
	session_worker_take_all(sw, l);
	owner = slot_owner(&l->slots, name->slot, name->generation);
	s = owner ? pool_get_or_null(&sw->sessions, owner) : NULL;
	return s && is_held(s) ? s : NULL;
}

void adopt_share(struct session_worker *sw, uint32_t app, uint32_t child,
		 const struct share_name *name)
{
	struct share *sh = share_find_or_null(&sw->shares, app, name);
	struct session *s = sh ? NULL : own_session(sw, app, name);

	if (sh)
		copy_share(sw, child, sh);
	else if (s)
		add_share(sw, child, name, s);
	else if (!split_share_own(sw, app, child, name))
		session_count(sw, SESSION_STALE_EVENT);
}

void adopt_release(struct session_worker *sw, uint32_t app, const struct share_name *name)
{
	struct share *sh = share_find_or_null(&sw->shares, app, name);

	if (sh)
		drop_share(sw, sh);
	else
		session_count(sw, SESSION_STALE_EVENT);
}

void adopt_end_app(struct session_worker *sw, uint32_t app)
{
	struct list *shares;

	while ((shares = shares_of_app_or_null(&sw->shares, app)))
		drop_share(sw, container_of(shares->next, struct share, of_app));
}
