/* pair.c - slots and introductions for cut-through sessions. */
#include "session/pair.h"

#include <string.h>

#include "base/err.h"
#include "session/layer.h"
#include "session/relay.h"
#include "session/session_worker.h"
#include "session/split.h"

void pair_pool_init(struct pool *pairs)
{
	pool_init(pairs, sizeof(struct pair), PAIRS_MAX);
}

static struct pair *find_pair(struct app_link *client, struct app_link *server)
{
	list_for_each(link, &client->pairs_a) {
		struct pair *p = container_of(link, struct pair, of_link[PAIR_CLIENT]);

		if (p->link[PAIR_SERVER] == server)
			return p;
	}
	return NULL;
}

static void free_pair(struct session_worker *sw, struct pair *p)
{
	list_remove(&p->of_link[PAIR_CLIENT]);
	list_remove(&p->of_link[PAIR_SERVER]);
	for (uint32_t i = 0; i < pool_end(&p->sessions); i++) {
		handle h;
		struct pair_session *ps = pool_at_or_null(&p->sessions, i, &h);

		if (ps)
			pair_end_session(p, ps);
	}
	slots_deinit(&p->slots);
	pool_deinit(&p->sessions);
	segment_unmap(&p->segment[0]);
	segment_unmap(&p->segment[1]);
	pool_give(&sw->pairs, p->self);
}

void pair_end_session(struct pair *p, struct pair_session *ps)
{
	shares_orphan(&ps->sharers[PAIR_CLIENT]);
	shares_orphan(&ps->sharers[PAIR_SERVER]);
	slot_give(&p->slots, ps->slot);
	pool_give(&p->sessions, ps->self);
}

struct pair_session *pair_session_or_null(struct pair *p, uint32_t slot, uint32_t generation)
{
	uint64_t owner = slot_owner(&p->slots, slot, generation);

	return owner ? pool_get_or_null(&p->sessions, owner) : NULL;
}

static struct pair *new_pair(struct session_worker *sw, struct app_link *client,
			     struct app_link *server)
{
	handle self;
	struct pair *p = pool_take_or_null(&sw->pairs, &self);

	if (!p)
		return NULL;
	p->self = self;
	p->link[PAIR_CLIENT] = client;
	p->link[PAIR_SERVER] = server;
	list_init(&p->waiting);
	list_push(&client->pairs_a, &p->of_link[PAIR_CLIENT]);
	list_push(&server->pairs_b, &p->of_link[PAIR_SERVER]);
	pool_init(&p->sessions, sizeof(struct pair_session), PAIR_SLOTS);
	if (slots_init(&p->slots, PAIR_SLOTS) ||
	    session_layer_make_channel(sw->layer, sw->worker->index, self, client->app_worker,
				       server->app_worker)) {
		free_pair(sw, p);
		return NULL;
	}
	return p;
}

static void fail_connect(struct session_worker *sw, struct session *s, int err)
{
	struct shm_event e = { .type = SHM_EV_FAILED, .cookie = s->cookie, .value = err };

	link_post(sw, s->link, &e);
	session_free(sw, s);
}

/* Tell both applications about a new session in a slot of the pair. */
static void introduce(struct session_worker *sw, struct pair *p, struct session *s)
{
	struct shm_event e = { .local = s->flow.local, .remote = s->flow.remote };
	handle h;
	struct pair_session *ps = pool_take_or_null(&p->sessions, &h);
	uint32_t slot = ps ? slot_take(&p->slots, h) : SLOT_NONE;

	if (slot == SLOT_NONE) {
		if (ps)
			pool_give(&p->sessions, h);
		session_count(sw, SESSION_NO_SLOT);
		fail_connect(sw, s, ERR_REFUSED);
		return;
	}
	ps->flow = s->flow;
	ps->self = h;
	ps->slot = slot;
	ps->generation = p->slots.slot[slot].generation;
	list_init(&ps->sharers[0]);
	list_init(&ps->sharers[1]);
	p->n_total++;
	e.slot = slot;
	e.generation = p->slots.slot[slot].generation;
	e.type = SHM_EV_CONNECTED;
	e.cookie = s->cookie;
	e.channel = p->channel[PAIR_CLIENT];
	link_post(sw, p->link[PAIR_CLIENT], &e);
	e.type = SHM_EV_INCOMING;
	e.cookie = s->peer_cookie;
	e.channel = p->channel[PAIR_SERVER];
	e.local = s->flow.remote;
	e.remote = s->flow.local;
	link_post(sw, p->link[PAIR_SERVER], &e);
	session_free(sw, s);
}

static void wait_for_channel(struct session_worker *sw, struct pair *p, struct session *s)
{
	if (list_empty(&p->waiting))
		p->waits_since_ns = sw->worker->now_ns;
	list_push(&p->waiting, &s->of_link);
	if (!timer_is_set(&sw->patience))
		timer_set(&sw->worker->wheel, &sw->patience,
			  sw->worker->now_ns + PAIR_PATIENCE_MS * (uint64_t)NS_PER_MS);
}

void pair_lose_patience(struct session_worker *sw)
{
	uint64_t patience_ns = PAIR_PATIENCE_MS * (uint64_t)NS_PER_MS, next_ns = 0;
	struct list *link;

	for (uint32_t i = 0; i < pool_end(&sw->pairs); i++) {
		handle h;
		struct pair *p = pool_at_or_null(&sw->pairs, i, &h);

		if (!p || list_empty(&p->waiting))
			continue;
		if (sw->worker->now_ns < p->waits_since_ns + patience_ns) {
			if (next_ns == 0 || p->waits_since_ns + patience_ns < next_ns)
				next_ns = p->waits_since_ns + patience_ns;
			continue;
		}
		while ((link = list_pop_or_null(&p->waiting))) {
			struct session *s = container_of(link, struct session, of_link);

			relay_connect(sw, s, p->link[PAIR_SERVER], s->peer_cookie);
		}
	}
	if (next_ns)
		timer_set(&sw->worker->wheel, &sw->patience, next_ns);
}

void pair_connect(struct session_worker *sw, struct session *s, struct interest *i)
{
	struct pair *p;

	if (s->queued) {
		relay_connect(sw, s, i->link, i->cookie);
		return;
	}
	p = find_pair(s->link, i->link);
	if (!p)
		p = new_pair(sw, s->link, i->link);
	if (!p || p->failed) {
		session_count(sw, SESSION_NO_MEMORY);
		fail_connect(sw, s, ERR_NOMEM);
		return;
	}
	s->peer_cookie = i->cookie;
	list_remove(&s->of_link);
	if (p->ready)
		introduce(sw, p, s);
	else
		wait_for_channel(sw, p, s);
}

void pair_made(struct session_worker *sw, handle h, const struct pair_parts *parts, int err)
{
	struct pair *p = pool_get_or_null(&sw->pairs, h);
	struct shm_event e = { .type = SHM_EV_CHANNEL };
	struct segment segment[2] = { parts->segment[0], parts->segment[1] };
	struct list *link;

	if (!p) { /* an application of it has gone meanwhile; main hears of that too */
		segment_unmap(&segment[0]);
		segment_unmap(&segment[1]);
		return;
	}
	p->segment[0] = segment[0];
	p->segment[1] = segment[1];
	if (err) {
		p->failed = true;
		while ((link = list_pop_or_null(&p->waiting)))
			fail_connect(sw, container_of(link, struct session, of_link), err);
		return;
	}
	p->channel[PAIR_CLIENT] = parts->id[PAIR_CLIENT];
	p->channel[PAIR_SERVER] = parts->id[PAIR_SERVER];
	for (unsigned side = 0; side < 2; side++) {
		e.channel = p->channel[side];
		link_post(sw, p->link[side], &e);
	}
}

void pair_is_ready(struct session_worker *sw, handle h)
{
	struct pair *p = pool_get_or_null(&sw->pairs, h);
	struct list *link;

	if (!p)
		return;
	p->ready = true;
	while ((link = list_pop_or_null(&p->waiting)))
		introduce(sw, p, container_of(link, struct session, of_link));
}

/* Both sides of a channel may be the same application, so the id decides. */
struct pair *pair_of_channel_or_null(struct app_link *l, uint32_t channel, enum pair_side *side)
{
	if (channel == 0)
		return NULL;
	list_for_each(link, &l->pairs_a) {
		struct pair *p = container_of(link, struct pair, of_link[PAIR_CLIENT]);

		*side = PAIR_CLIENT;
		if (p->channel[PAIR_CLIENT] == channel)
			return p;
	}
	list_for_each(link, &l->pairs_b) {
		struct pair *p = container_of(link, struct pair, of_link[PAIR_SERVER]);

		*side = PAIR_SERVER;
		if (p->channel[PAIR_SERVER] == channel)
			return p;
	}
	return NULL;
}

void pair_on_detached(struct session_worker *sw, struct app_link *l, const struct shm_event *e)
{
	enum pair_side side;
	struct pair *p = pair_of_channel_or_null(l, e->channel, &side);
	struct pair_session *ps = p ? pair_session_or_null(p, e->slot, e->generation) : NULL;

	if (!ps) {
		session_count(sw, SESSION_STALE_EVENT);
		return;
	}
	ps->detached[side] = true;
	if (ps->detached[1 - side])
		pair_end_session(p, ps);
}

/*
 * The other application learns that its peer is dead. Connects under way go to another server, as
 * those will that this one has been offered and has not accepted: their clients see that for
 * themselves, and say SHM_CONNECT_AGAIN.
 */
static void end_pair(struct session_worker *sw, struct pair *p, enum pair_side gone)
{
	enum pair_side other = gone == PAIR_CLIENT ? PAIR_SERVER : PAIR_CLIENT;
	struct shm_event e = { .type = SHM_EV_GONE, .channel = p->channel[other] };
	struct list waiting;
	struct list *link;

	list_init(&waiting);
	list_splice(&waiting, &p->waiting);
	split_all(sw, p);
	if (p->channel[other])
		link_post(sw, p->link[other], &e);
	free_pair(sw, p);
	while ((link = list_pop_or_null(&waiting))) {
		struct session *s = container_of(link, struct session, of_link);

		if (gone == PAIR_SERVER)
			session_connect_again(sw, s);
		else
			fail_connect(sw, s, ERR_REFUSED);
	}
}

void pair_end_link(struct session_worker *sw, struct app_link *l)
{
	while (!list_empty(&l->pairs_a))
		end_pair(sw, container_of(l->pairs_a.next, struct pair, of_link[PAIR_CLIENT]),
			 PAIR_CLIENT);
	while (!list_empty(&l->pairs_b))
		end_pair(sw, container_of(l->pairs_b.next, struct pair, of_link[PAIR_SERVER]),
			 PAIR_SERVER);
}
