/* split.c - see split.h. */
#include "session/split.h"

#include <stdlib.h>

#include "base/err.h"
#include "session/luggage.h"
#include "session/relay.h"

/* One end of a session that is being split. */
struct end {
	struct luggage luggage; /* what it has not read */
	uint8_t state;		/* enum shm_state of its own half */
	uint32_t taken, start;	/* as in struct shm_relayed */
	struct session *session;
};

/* --- looking --- */

static enum pair_side other_of(enum pair_side side)
{
	return side == PAIR_CLIENT ? PAIR_SERVER : PAIR_CLIENT;
}

static void watch(struct fifo_end *e, struct channel *c, const struct pair *p,
		  const struct pair_session *ps, enum pair_side reader)
{
	*c = (struct channel){ .mine = p->segment[reader], .peers = p->segment[other_of(reader)] };
	fifo_watch(e, c, ps->slot, ps->generation);
	fifo_poll(e);
}

/* What is on its way to @side. ERR_NOMEM. */
static int look(const struct pair *p, const struct pair_session *ps, struct end *ends,
		enum pair_side side)
{
	struct end *reader = &ends[side], *writer = &ends[other_of(side)];
	struct channel c;
	struct fifo_end e;
	uint32_t n;

	watch(&e, &c, p, ps, side);
	n = e.broken ? 0 : fifo_readable(&e);
	writer->state = e.peer_state;
	writer->taken = e.head + n;
	reader->start = e.head;
	reader->luggage = (struct luggage){ .shift = SHM_SHIFT_SMALL };
	reader->luggage.unread = n ? malloc(n) : NULL;
	if (n && !reader->luggage.unread)
		return ERR_NOMEM;
	reader->luggage.n_unread = n ? fifo_peek(&e, 0, reader->luggage.unread, n) : 0;
	if (reader->luggage.n_unread < n)
		writer->state = SHM_RESET; /* its chunks make no sense */
	return 0;
}

/* Does the application of this side have the session, so that a child of it has it too? */
static bool is_held(const struct pair *p, const struct pair_session *ps, enum pair_side side)
{
	const struct shm_half *half = segment_half(&p->segment[side], ps->slot);
	struct channel c;
	struct fifo_end e;

	if (ps->left[side] || ps->detached[side])
		return false;
	watch(&e, &c, p, ps, other_of(side));
	if (!e.peer_live || e.peer_state >= SHM_CLOSED)
		return false;
	return side == PAIR_CLIENT || atomic_load_explicit(&half->taken, memory_order_acquire) != 0;
}

/* --- splitting --- */

static bool owner_lives(const struct pair *p, enum pair_side side)
{
	return p->link[side] && !p->link[side]->dead;
}

static void retarget(struct session *s, struct list *sharers)
{
	list_splice(&s->sharers, sharers);
	list_for_each(link, &s->sharers)
		container_of(link, struct share, of_session)->target =
			(struct share_target){ .session = s->self };
}

static struct session *new_end(struct session_worker *sw, const struct pair_session *ps,
			       enum pair_side side)
{
	struct flow flow = ps->flow;
	struct session *s;

	if (side == PAIR_SERVER) {
		flow.local = ps->flow.remote;
		flow.remote = ps->flow.local;
	}
	s = session_new(sw, &relay_transport, &flow);
	if (s)
		s->connection = RELAY_ALONE;
	return s;
}

/* The one who had this end hears where it has gone: exactly once for each begin(). */
static void tell_owner(struct session_worker *sw, struct pair *p, const struct pair_session *ps,
		       enum pair_side side, struct shm_event *e)
{
	e->channel = p->channel[side];
	e->slot = ps->slot;
	e->generation = ps->generation;
	link_post(sw, p->link[side], e);
}

/* This end stays with its owner, in a slot of its channel to the stack. */
static void stay(struct session_worker *sw, struct pair *p, const struct pair_session *ps,
		 enum pair_side side, struct end *end)
{
	struct shm_event e = {
		.type = SHM_EV_RELAYED,
		.relayed = { .slot = SHM_NO_SLOT, .taken = end->taken, .start = end->start }
	};
	struct session *s = end->session;
	bool placed = s && session_put_on_link(sw, s, p->link[side]);

	if (placed) {
		placed = luggage_unpack(s, &end->luggage);
		e.relayed.slot = s->end.slot;
		e.relayed.generation = s->end.generation;
	}
	tell_owner(sw, p, ps, side, &e);
	if (s && !placed) {
		session_discard(sw, s, ERR_NOMEM);
		end->session = NULL;
	}
}

/* This end waits for whoever adopts it, unless there is nothing to be had any more. */
static void wait_for_heir(struct session_worker *sw, struct end *end)
{
	end->session->left = true;
	end->luggage.peer_state = end->state;
	if (end->luggage.my_state == SHM_RESET || luggage_park(end->session, &end->luggage)) {
		session_discard(sw, end->session, ERR_NOMEM);
		end->session = NULL;
	}
}

static void leave_owner(struct session_worker *sw, struct pair *p, struct pair_session *ps,
			enum pair_side side, const struct end *end, uint16_t intent)
{
	struct share_name name = { p->channel[side], ps->slot, ps->generation };
	struct share_target target = { .session = end->session ? end->session->self : 0 };
	struct shm_event e = { .type = SHM_EV_MOVED,
			       .flags = intent,
			       .value = (int32_t)end->start,
			       .relayed = { .slot = SHM_NO_SLOT, .taken = end->taken } };

	if (end->session && !ps->left[side] &&
	    !share_add(&sw->shares, p->link[side]->app, &name, &target, true,
		       &end->session->sharers))
		session_count(sw, SESSION_NO_MEMORY);
	tell_owner(sw, p, ps, side, &e);
}

/* How the stack's half toward an end says what the other end has said. */
static void set_states(struct end *ends, enum pair_side side, bool other_goes_on, bool orderly)
{
	struct luggage *g = &ends[side].luggage;
	uint8_t other = ends[other_of(side)].state;

	if (other == SHM_RESET || (!other_goes_on && !orderly)) {
		g->my_state = SHM_RESET;
		g->error = ERR_CLOSED;
	} else if (other != SHM_OPEN || !other_goes_on) {
		g->my_state = SHM_FIN;
	}
}

/* Was that side closed in order, by one who had read everything? */
static bool was_orderly(const struct pair_session *ps, const struct end *ends, enum pair_side side)
{
	if (ends[side].state == SHM_CLOSED)
		return true;
	return ps->left[side] && !ps->abort_last[side] && ends[side].luggage.n_unread == 0;
}

/* Before anything is looked at: who publishes from here on sees it (channel_is_splitting()). */
static void begin(const struct pair *p)
{
	for (unsigned side = 0; side < 2; side++)
		if (owner_lives(p, (enum pair_side)side))
			atomic_fetch_add_explicit(
				&segment_side(&p->link[side]->channel.mine)->splits, 1,
				memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
}

/* @adopted: the side that a process takes from its owner; -1 for none. */
static void split(struct session_worker *sw, struct pair *p, struct pair_session *ps, int adopted,
		  uint16_t intent)
{
	struct end ends[2] = { 0 };
	bool failed, goes_on[2], orderly[2];

	begin(p);
	failed = look(p, ps, ends, PAIR_CLIENT) || look(p, ps, ends, PAIR_SERVER);
	for (unsigned side = 0; side < 2; side++) {
		orderly[side] = was_orderly(ps, ends, (enum pair_side)side);
		goes_on[side] = !failed && ends[side].state < SHM_CLOSED &&
				((owner_lives(p, (enum pair_side)side) && !ps->left[side]) ||
				 !list_empty(&ps->sharers[side]));
		ends[side].session = goes_on[side] ? new_end(sw, ps, (enum pair_side)side) : NULL;
	}
	if (ends[0].session && ends[1].session)
		relay_join(ends[0].session, ends[1].session);
	for (unsigned side = 0; side < 2; side++) {
		struct end *end = &ends[side];
		bool owned = owner_lives(p, (enum pair_side)side);

		set_states(ends, (enum pair_side)side, goes_on[1 - side], orderly[1 - side]);
		if (end->session)
			retarget(end->session, &ps->sharers[side]);
		if (owned && ((int)side == adopted || ps->left[side]))
			leave_owner(sw, p, ps, (enum pair_side)side, end, intent);
		else if (owned)
			stay(sw, p, ps, (enum pair_side)side, end);
		if (end->session && !end->session->link)
			wait_for_heir(sw, end);
		luggage_free(&end->luggage);
	}
	pair_end_session(p, ps);
}

/* --- who shares --- */

static void add_share(struct session_worker *sw, uint32_t app, const struct share_name *name,
		      struct pair *p, struct pair_session *ps, enum pair_side side)
{
	struct share_target target = { .session = ps->self,
				       .pair = p->self,
				       .side = (uint8_t)side };

	if (share_find_or_null(&sw->shares, app, name))
		return;
	if (!share_add(&sw->shares, app, name, &target, false, &ps->sharers[side]))
		session_count(sw, SESSION_NO_MEMORY);
}

static void fork_pair(struct session_worker *sw, struct pair *p, enum pair_side side,
		      uint32_t child)
{
	handle h;

	for (uint32_t i = 0; p->ready && i < pool_end(&p->sessions); i++) {
		struct pair_session *ps = pool_at_or_null(&p->sessions, i, &h);
		struct share_name name = { .via = p->channel[side] };

		if (!ps || !is_held(p, ps, side))
			continue;
		name.slot = ps->slot;
		name.generation = ps->generation;
		add_share(sw, child, &name, p, ps, side);
	}
}

void split_fork(struct session_worker *sw, struct app_link *l, uint32_t child)
{
	list_for_each(link, &l->pairs_a)
		fork_pair(sw, container_of(link, struct pair, of_link[PAIR_CLIENT]), PAIR_CLIENT,
			  child);
	list_for_each(link, &l->pairs_b)
		fork_pair(sw, container_of(link, struct pair, of_link[PAIR_SERVER]), PAIR_SERVER,
			  child);
}

static struct pair_session *find(struct session_worker *sw, const struct share_target *t,
				 struct pair **p)
{
	*p = pool_get_or_null(&sw->pairs, t->pair);
	return *p ? pool_get_or_null(&(*p)->sessions, t->session) : NULL;
}

void split_share(struct session_worker *sw, uint32_t child, const struct share_name *name,
		 const struct share_target *target)
{
	struct pair *p;
	struct pair_session *ps = find(sw, target, &p);

	if (ps)
		add_share(sw, child, name, p, ps, (enum pair_side)target->side);
}

bool split_share_own(struct session_worker *sw, uint32_t app, uint32_t child,
		     const struct share_name *name)
{
	list_for_each(link, &sw->links) {
		struct app_link *l = container_of(link, struct app_link, of_worker);
		enum pair_side side;
		struct pair *p = l->app == app && !l->dead
					 ? pair_of_channel_or_null(l, name->via, &side)
					 : NULL;
		struct pair_session *ps =
			p ? pair_session_or_null(p, name->slot, name->generation) : NULL;

		if (!ps || !is_held(p, ps, side))
			continue;
		add_share(sw, child, name, p, ps, side);
		return true;
	}
	return false;
}

/* --- when --- */

void split_to_adopt(struct session_worker *sw, struct share *sh, uint16_t intent)
{
	struct pair *p;
	struct pair_session *ps = find(sw, &sh->target, &p);

	if (ps)
		split(sw, p, ps, sh->target.side, intent);
	if (sh->target.pair)
		sh->target = (struct share_target){ 0 }; /* over */
}

bool split_on_release(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	enum pair_side side;
	struct pair *p = pair_of_channel_or_null(l, e->channel, &side);
	struct pair_session *ps = p ? pair_session_or_null(p, e->slot, e->generation) : NULL;

	if (!ps)
		return false;
	if (ps->left[side]) {
		session_count(sw, SESSION_BAD_EVENT);
		return true;
	}
	ps->left[side] = true;
	ps->abort_last[side] = e->flags & 1;
	if (list_empty(&ps->sharers[side]))
		split(sw, p, ps, -1, 0);
	return true;
}

void split_if_unshared(struct session_worker *sw, const struct share_target *target)
{
	struct pair *p;
	struct pair_session *ps = find(sw, target, &p);

	if (ps && ps->left[target->side] && list_empty(&ps->sharers[target->side]))
		split(sw, p, ps, -1, 0);
}

void split_all(struct session_worker *sw, struct pair *p)
{
	handle h;

	for (uint32_t i = 0; i < pool_end(&p->sessions); i++) {
		struct pair_session *ps = pool_at_or_null(&p->sessions, i, &h);

		if (ps && !sw->stopping &&
		    (!list_empty(&ps->sharers[0]) || !list_empty(&ps->sharers[1])))
			split(sw, p, ps, -1, 0);
	}
}
