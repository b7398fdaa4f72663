/* adopt.c - a session moves from one process to another that shares it; see adopt.h. */
#include "session/adopt.h"

#include <stdlib.h>

#include "base/err.h"
#include "session/link.h"

enum {
	REST_NS = NS_PER_MS, /* two processes that take it from each other get no faster */
	KEPT_MAX = 1 << 21,  /* bytes on their way out that may move along */
};

/* --- what a session takes along --- */

struct luggage {
	uint8_t *unread, *kept;
	uint32_t n_unread, n_kept;
	uint8_t shift, my_state, peer_state;
	int32_t error;
	bool wanted_room;
};

/* Bytes that were written and not acknowledged, of earlier owners and of the present one. */
static bool pack_written(struct session *s, struct luggage *g, uint32_t n)
{
	struct slice slices[SHM_FIFO_CHUNKS + 1];
	uint8_t *at = n ? malloc(n) : NULL;
	unsigned count;

	g->kept = at;
	g->n_kept = n;
	if (n && !at)
		return false;
	count = n ? session_tx_slices(s, 0, n, slices, count_of(slices)) : 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(at, slices[i].at, slices[i].len);
		at += slices[i].len;
	}
	return at == g->kept + n; /* else it broke its fifo */
}

/* Whatever the owner writes or reads from here on, it can see that it is not the owner any more. */
static void close_slot(struct session *s, struct luggage *g)
{
	g->my_state = s->end.my_state;
	g->error = atomic_load_explicit(&s->end.mine->error, memory_order_relaxed);
	fifo_set_state(&s->end, SHM_MOVED, g->error);
	atomic_thread_fence(memory_order_seq_cst);
}

static bool pack(struct session *s, struct luggage *g, uint32_t n_written)
{
	g->n_unread = fifo_unread(&s->end);
	g->shift = s->end.shift;
	g->peer_state = s->end.peer_state;
	g->wanted_room = atomic_load_explicit(&s->end.mine->want, memory_order_relaxed) != 0;
	g->unread = g->n_unread ? malloc(g->n_unread) : NULL;
	if ((g->n_unread && !g->unread) || !pack_written(s, g, n_written)) {
		free(g->unread);
		free(g->kept);
		return false;
	}
	if (g->n_unread)
		fifo_copy_unread(&s->end, g->unread);
	return true;
}

/* Into the new, empty end. False when the new channel is short of chunks. */
static bool unpack(struct session *s, struct luggage *g)
{
	uint32_t n;

	free(s->kept);
	s->kept = g->kept;
	s->kept_len = g->n_kept;
	s->kept_from = 0;
	fifo_start_at_shift(&s->end, g->shift);
	n = g->n_unread ? fifo_write(&s->end, g->unread, g->n_unread) : 0;
	free(g->unread);
	if (n != g->n_unread)
		return false;
	if (g->my_state != SHM_OPEN)
		fifo_set_state(&s->end, (enum shm_state)g->my_state, g->error);
	s->end.peer_state = g->peer_state;
	if (g->wanted_room)
		fifo_want_room(&s->end);
	s->due_data = n || g->my_state != SHM_OPEN;
	if (s->due_data)
		link_mark_due(s);
	return true;
}

/* --- the move --- */

/* May it move now? Brings both directions up to date. ERR_AGAIN: ask again soon. */
static int ready_to_move(struct session_worker *sw, struct session *s, const struct app_link *to,
			 uint32_t *n_written)
{
	fifo_room(&s->end);
	*n_written = session_tx_ready(s);
	if (s->end.broken)
		return ERR_PROTOCOL;
	if (*n_written > KEPT_MAX || (s->moved_ns && sw->worker->now_ns - s->moved_ns < REST_NS))
		return ERR_AGAIN;
	return to->slots.n_used < to->slots.n_slots ? 0 : ERR_FULL;
}

/* Tell who had it; alive and not done with it, that one shares it from now on. */
static void part_from_owner(struct session_worker *sw, struct session *s, uint16_t intent)
{
	struct app_link *l = s->link;
	struct share_name name = { l->app_worker, s->end.slot, s->end.generation };
	struct shm_event e = fifo_event(&s->end, SHM_EV_MOVED);

	e.flags = intent;
	e.value = (int32_t)s->end.taken;
	if (!l->dead && !s->left && !share_add(&sw->shares, l->app, &name, s->self, &s->sharers))
		session_count(sw, SESSION_NO_MEMORY);
	link_post(sw, l, &e);
}

static void leave_link(struct session *s)
{
	list_remove(&s->of_link);
	list_remove(&s->due);
	s->due_data = s->due_room = false;
	slot_give(&s->link->slots, s->end.slot);
	fifo_close(&s->end);
	s->link->n_sessions--;
	s->link = NULL;
}

/* @s lies in a slot of @to when this returns 0. Otherwise it is where it was, or over. */
static int move_session(struct session_worker *sw, struct session *s, struct app_link *to,
			uint16_t intent)
{
	struct app_link *from = s->link;
	uint8_t state = s->state;
	struct luggage g = { 0 };
	uint32_t n_written;
	int err = ready_to_move(sw, s, to, &n_written);

	if (!err) {
		close_slot(s, &g);
		fifo_room(&s->end); /* nothing counts that comes after the state above */
		n_written = session_tx_ready(s);
		if (!pack(s, &g, n_written))
			err = s->end.broken ? ERR_PROTOCOL : ERR_NOMEM;
	}
	if (err == ERR_PROTOCOL)
		session_on_broken(sw, s);
	else if (err == ERR_NOMEM)
		session_discard(sw, s, err); /* its owner may have seen that it moves */
	if (err)
		return err;
	if (n_written > session_tx_kept(s)) /* what was taken is taken: the old half says so */
		fifo_consume(&s->end, n_written - session_tx_kept(s));
	part_from_owner(sw, s, intent);
	leave_link(s);
	s->left = s->abort_last = false;
	s->listener = NULL;
	s->moved_ns = sw->worker->now_ns;
	err = session_put_on_link(sw, s, to) ? 0 : ERR_FULL;
	invariant(!err);
	s->state = state;
	if (!unpack(s, &g)) {
		session_discard(sw, s, ERR_NOMEM);
		err = ERR_NOMEM;
	}
	link_free_if_over(from);
	return err;
}

/* --- closing, by one of several --- */

/* Nobody has it any more: end it as its last owner would have. */
static void close_unshared(struct session_worker *sw, struct session *s)
{
	if (!s->connection) {
		session_free(sw, s);
		return;
	}
	fifo_room(&s->end);
	fifo_poll(&s->end);
	if (s->abort_last || s->end.broken || fifo_unread(&s->end) > 0) {
		session_discard(sw, s, ERR_CLOSED);
		return;
	}
	s->end.peer_state = SHM_CLOSED;
	s->transport->send(sw->worker, s);
}

/* Those who had it and lost it may go on; whoever wants to adopts it. */
static void say_freed(struct session_worker *sw, struct session *s)
{
	list_for_each(link, &s->sharers) {
		struct share *sh = container_of(link, struct share, of_session);
		struct app_link *l = session_worker_find_link(sw, sh->name.via);
		struct shm_event e = { .type = SHM_EV_FREED,
				       .slot = sh->name.slot,
				       .generation = sh->name.generation };

		if (l && l->app == sh->app->id)
			link_post(sw, l, &e);
	}
}

static void drop_share(struct session_worker *sw, struct share *sh)
{
	struct session *s = pool_get_or_null(&sw->sessions, sh->session);

	share_drop(&sw->shares, sh);
	if (s && s->left && list_empty(&s->sharers))
		close_unshared(sw, s);
}

void adopt_on_release(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
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
	if (list_empty(&s->sharers))
		close_unshared(sw, s);
	else
		say_freed(sw, s);
}

bool adopt_wait_for_heir(struct session_worker *sw, struct session *s)
{
	if (!s->end.channel || s->end.broken || list_empty(&s->sharers))
		return false;
	s->left = true;
	say_freed(sw, s);
	return true;
}

/* --- adopting --- */

static void refuse(struct session_worker *sw, struct app_link *l, const struct shm_event *e,
		   int err)
{
	struct shm_event no = { .type = SHM_EV_FAILED, .cookie = e->cookie, .value = err };

	link_post(sw, l, &no);
}

void adopt_on_adopt(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	struct share_name name = { e->channel, e->slot, e->generation };
	struct share *sh = share_find_or_null(&sw->shares, l->app, &name);
	struct session *s = sh ? pool_get_or_null(&sw->sessions, sh->session) : NULL;
	uint16_t flags;
	int err;

	if (!sh || l->dead) {
		session_count(sw, SESSION_STALE_EVENT);
		refuse(sw, l, e, ERR_NOENT);
		return;
	}
	err = s ? move_session(sw, s, l, e->flags) : ERR_CLOSED;
	if (err != ERR_AGAIN)
		share_drop(&sw->shares, sh);
	if (err) {
		refuse(sw, l, e, err);
		return;
	}
	s->cookie = e->cookie;
	flags = s->end.peer_state == SHM_FIN ? SHM_ADOPTED_FIN : 0;
	if (list_empty(&s->sharers))
		flags |= SHM_ADOPTED_ONLY;
	session_tell(sw, s, SHM_EV_ADOPTED, flags);
	if (s->connection)
		s->transport->room(sw->worker, s);
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
	if (share_find_or_null(&sw->shares, app, name))
		return;
	if (!share_add(&sw->shares, app, name, s->self, &s->sharers))
		session_count(sw, SESSION_NO_MEMORY);
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
	}
	if (!shares)
		return;
	list_for_each(link, shares) {
		struct share *sh = container_of(link, struct share, of_app);
		struct session *s = pool_get_or_null(&sw->sessions, sh->session);

		if (s)
			add_share(sw, child, &sh->name, s);
	}
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
	struct session *s =
		sh ? pool_get_or_null(&sw->sessions, sh->session) : own_session(sw, app, name);

	if (s)
		add_share(sw, child, name, s);
	else
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
