/* answer.c - main's table of who has which IP address, and the messages that fill it. */
#include "l2/bridge/answer.h"

#include <stdlib.h>

#include "l2/bridge/bridge_private.h"

enum { SWEEP_NS = NS_PER_S, AGE_STAMPS = ANSWER_AGE_S };

/* Something that was heard; back to its worker's list when main has taken it. */
struct news {
	struct mail mail;
	struct list link; /* free */
	struct worker *worker;
	struct answer_key key;
	struct mac mac;
	uint32_t bridge_gen; /* so that an old message does not concern a new bridge */
	bool is_router;
};

struct answers {
	struct engine *engine;
	uint64_t seed;
	uint32_t n;
	uint32_t sweep_at; /* bucket */
	uint64_t swept_ns;
	struct list free_news[WORKERS_MAX];
	struct news *news[WORKERS_MAX];
	struct answer *bucket[ANSWER_BUCKETS]; /* published */
};

struct answers *answers_of(const struct engine *e)
{
	return bridges_of(e)->answers;
}

static uint32_t stamp_of(uint64_t now_ns)
{
	return (uint32_t)(now_ns / NS_PER_S);
}

static struct answer **bucket_of(const struct answers *t, const struct answer_key *key)
{
	uint64_t h = (ip6_high(&key->addr) ^ t->seed) * 0x9e3779b97f4a7c15u;

	h ^= ip6_low(&key->addr) ^ (uint64_t)key->bridge << 32 ^ key->tags ^ h >> 29;
	h *= 0xd6e8feb86659fd93u;
	return (struct answer **)&t->bucket[h >> 40 & (ANSWER_BUCKETS - 1)];
}

static bool is_it(const struct answer *a, const struct answer_key *key)
{
	return a->key.bridge == key->bridge && a->key.tags == key->tags &&
	       ip6_equal(&a->key.addr, &key->addr);
}

const struct answer *answer_find_or_null(const struct answers *t, const struct answer_key *key)
{
	const struct answer *a = rcu_load(*bucket_of(t, key));

	while (a && !is_it(a, key))
		a = rcu_load(a->next);
	return a;
}

/* --- tags --- */

enum { TAGGED = 1 << 31, SERVICE = 1 << 30, TWO = 1 << 29, OUTER_AT = 12 };

uint32_t answer_tags(const struct vlan_tags *t)
{
	uint32_t tags = 0;

	if (t->n == 0 || (t->n == 1 && vlan_id(t->tci[0]) == VLAN_ID_PRIORITY))
		return 0;
	tags = (uint32_t)TAGGED | (uint32_t)vlan_id(t->tci[0]) << OUTER_AT;
	if (t->tpid == ETHERNET_QINQ)
		tags |= SERVICE;
	return t->n == 1 ? tags : tags | TWO | vlan_id(t->tci[1]);
}

void answer_print_tags(struct writer *w, uint32_t tags)
{
	if (tags == 0)
		return;
	put_format(w, "%s%u", tags & SERVICE ? "802.1ad " : "", tags >> OUTER_AT & VLAN_ID_MASK);
	if (tags & TWO)
		put_format(w, ".%u", tags & VLAN_ID_MASK);
}

/* --- main: changes --- */

/* Where the answer hangs, or the end of its chain. */
static struct answer **place_of(struct answers *t, const struct answer_key *key)
{
	struct answer **place = bucket_of(t, key);

	while (*place && !is_it(*place, key))
		place = &(*place)->next;
	return place;
}

static void free_answer(struct rcu_later *later)
{
	free(container_of(later, struct answer, later));
}

static void remove_at(struct answers *t, struct answer **place)
{
	struct answer *a = *place;

	rcu_publish(*place, a->next);
	rcu_free_later(&a->later, free_answer);
	t->n--;
}

/* A copy of @value in the place of what was there. */
static int put(struct answers *t, const struct answer *value)
{
	struct answer **place = place_of(t, &value->key), *old = *place, *a;

	if (!old && t->n >= ANSWERS_MAX)
		return ERR_FULL;
	a = malloc(sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	*a = *value;
	a->next = old ? old->next : NULL;
	rcu_publish(*place, a);
	if (old)
		rcu_free_later(&old->later, free_answer);
	t->n += !old;
	return 0;
}

int bridge_add_answer(struct bridge *b, const struct ip6_addr *addr, const struct mac *mac)
{
	struct answers *t = answers_of(b->engine);
	const struct answer value = { .key = { *addr, b->index, 0 },
				      .mac = *mac,
				      .is_fixed = true };

	if (mac_is_group(mac) || mac_is_zero(mac) || ip6_is_multicast(addr) ||
	    ip6_is_unspecified(addr))
		return ERR_INVAL;
	return put(t, &value);
}

int bridge_delete_answer(struct bridge *b, const struct ip6_addr *addr)
{
	struct answers *t = answers_of(b->engine);
	uint32_t before = t->n;

	for (unsigned n = 0; n < ANSWER_BUCKETS; n++) {
		struct answer **place = &t->bucket[n];

		while (*place) {
			const struct answer_key *key = &(*place)->key;

			if (key->bridge == b->index && ip6_equal(&key->addr, addr))
				remove_at(t, place);
			else
				place = &(*place)->next;
		}
	}
	return t->n == before ? ERR_NOENT : 0;
}

void bridge_walk_answers(const struct bridge *b,
			 bool (*visit)(const struct bridge *b, const struct answer *a,
				       void *context),
			 void *context)
{
	const struct answers *t = answers_of(b->engine);

	for (unsigned n = 0; n < ANSWER_BUCKETS; n++)
		for (const struct answer *a = t->bucket[n]; a; a = a->next)
			if (a->key.bridge == b->index && !visit(b, a, context))
				return;
}

/* Remove those of @n buckets from @first on that @is_over says. */
static void sweep(struct answers *t, uint32_t first, uint32_t n,
		  bool (*is_over)(const struct answer *a, uint32_t context), uint32_t context)
{
	for (uint32_t at = 0; at < n; at++) {
		struct answer **place = &t->bucket[(first + at) & (ANSWER_BUCKETS - 1)];

		while (*place) {
			if (is_over(*place, context))
				remove_at(t, place);
			else
				place = &(*place)->next;
		}
	}
}

static bool is_of_bridge(const struct answer *a, uint32_t bridge)
{
	return a->key.bridge == bridge;
}

void answers_forget_bridge(struct answers *t, uint32_t bridge)
{
	sweep(t, 0, ANSWER_BUCKETS, is_of_bridge, bridge);
}

static bool is_old(const struct answer *a, uint32_t now)
{
	uint32_t seen = __atomic_load_n(&a->seen, __ATOMIC_RELAXED);

	return !a->is_fixed && (int32_t)(now - seen) > AGE_STAMPS;
}

void answers_tick(struct answers *t, uint64_t now_ns)
{
	uint64_t past_ns = now_ns - t->swept_ns;
	uint32_t n = ANSWER_BUCKETS;

	t->swept_ns = now_ns;
	if (t->n == 0)
		return;
	if (past_ns < SWEEP_NS)
		n = (uint32_t)(past_ns * ANSWER_BUCKETS / SWEEP_NS);
	sweep(t, t->sweep_at, n, is_old, stamp_of(now_ns));
	t->sweep_at = (t->sweep_at + n) & (ANSWER_BUCKETS - 1);
}

/* --- messages --- */

static void take_back(void *consumer unused_arg, struct mail *mail)
{
	struct news *n = container_of(mail, struct news, mail);

	list_push(&answers_of(n->worker->engine)->free_news[n->worker->index], &n->link);
}

static void learn(struct answers *t, const struct news *n)
{
	const struct bridges *all = bridges_of(t->engine);
	struct bridge *b = all->bridge[n->key.bridge];
	const struct answer *old = answer_find_or_null(t, &n->key);
	const struct answer value = { .key = n->key,
				      .mac = n->mac,
				      .is_router = n->is_router,
				      .seen = stamp_of(clock_now_ns(t->engine->clock)) };

	if (!b || macs_gen(__atomic_load_n(&all->bridge_macs[n->key.bridge], __ATOMIC_RELAXED)) !=
			  n->bridge_gen)
		return;
	if ((!old || !old->is_fixed) && put(t, &value) != 0)
		b->n_answers_refused++;
}

static void take_news(void *consumer, struct mail *mail)
{
	struct news *n = container_of(mail, struct news, mail);
	struct engine *e = consumer;

	learn(answers_of(e), n);
	n->mail.deliver = take_back;
	worker_post(n->worker, &n->mail);
}

bool answer_hear(struct worker *w, const struct answer_key *key, const struct mac *mac,
		 bool is_router)
{
	struct answers *t = answers_of(w->engine);
	struct answer *known = (struct answer *)answer_find_or_null(t, key);
	struct list *link;
	struct news *n;

	if (known && (known->is_fixed ||
		      (mac_equal(&known->mac, mac) && (known->is_router || !is_router)))) {
		__atomic_store_n(&known->seen, stamp_of(w->now_ns), __ATOMIC_RELAXED);
		return true;
	}
	link = list_pop_or_null(&t->free_news[w->index]);
	if (!link)
		return false;
	n = container_of(link, struct news, link);
	n->key = *key;
	n->mac = *mac;
	n->is_router = is_router;
	n->bridge_gen = macs_gen(__atomic_load_n(&bridges_of(w->engine)->bridge_macs[key->bridge],
						 __ATOMIC_RELAXED));
	n->mail.deliver = take_news;
	engine_post_main(w->engine, &n->mail);
	return true;
}

/* --- the whole --- */

int answers_init(struct engine *e, struct answers **out)
{
	struct answers *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->engine = e;
	*out = t;
	random_secret(&t->seed, sizeof(t->seed));
	for (uint32_t w = 0; w < e->n_workers; w++) {
		list_init(&t->free_news[w]);
		t->news[w] = calloc(ANSWER_NEWS, sizeof(*t->news[w]));
		if (!t->news[w])
			return ERR_NOMEM;
		for (unsigned n = 0; n < ANSWER_NEWS; n++) {
			t->news[w][n].worker = e->worker[w];
			list_push(&t->free_news[w], &t->news[w][n].link);
		}
	}
	return 0;
}

static bool is_any(const struct answer *a unused_arg, uint32_t context unused_arg)
{
	return true;
}

void answers_deinit(struct answers *t)
{
	if (!t)
		return;
	engine_run_main(t->engine); /* messages that lie in the tables below */
	sweep(t, 0, ANSWER_BUCKETS, is_any, 0);
	for (uint32_t w = 0; w < t->engine->n_workers; w++)
		free(t->news[w]);
	free(t);
}
