/* listener.c - when a link's listener speaks, and of what. */
#include "l3/mld/listener.h"

#define NEVER UINT64_MAX

/* RFC 3810 §9.11; RFC 2710 §7.10. */
#define REPEAT_NS    NS_PER_S
#define V1_REPEAT_NS ((uint64_t)10 * NS_PER_S)

void mld_listener_init(struct mld_listener *l, struct random *random)
{
	*l = (struct mld_listener){ .random = random,
				    .change_ns = NEVER,
				    .general_ns = NEVER,
				    .robustness = MLD_ROBUSTNESS };
	list_init(&l->groups);
}

static void cancel_answer(struct mld_group *g)
{
	g->is_asked = false;
	g->n_sources = 0;
}

/* §8.2.1: what was to be said in the one version is not said in the other. */
static void cancel_all(struct mld_listener *l)
{
	l->change_ns = l->general_ns = NEVER;
	list_for_each(link, &l->groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		g->n_changes = 0;
		cancel_answer(g);
	}
}

static void end_v1(struct mld_listener *l, uint64_t now_ns)
{
	if (!l->v1_until_ns || now_ns < l->v1_until_ns)
		return;
	l->v1_until_ns = 0;
	cancel_all(l);
}

struct mld_group *mld_listener_find_or_null(const struct mld_listener *l,
					    const struct ip6_addr *addr)
{
	list_for_each(link, &l->groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (ip6_equal(&g->addr, addr))
			return g;
	}
	return NULL;
}

static void change(struct mld_listener *l, struct mld_group *g, uint64_t now_ns)
{
	end_v1(l, now_ns);
	cancel_answer(g);
	g->n_changes = l->robustness;
	if (mld_listener_is_v1(l) && g->is_left) /* RFC 2710 §4: only who reported says "done" */
		g->n_changes = g->has_spoken;
	l->change_ns = now_ns;
}

void mld_listener_join(struct mld_listener *l, struct mld_group *g, uint64_t now_ns)
{
	list_push(&l->groups, &g->link);
	change(l, g, now_ns);
}

void mld_listener_rejoin(struct mld_listener *l, struct mld_group *g, uint64_t now_ns)
{
	g->is_left = false;
	change(l, g, now_ns);
}

void mld_listener_leave(struct mld_listener *l, struct mld_group *g, uint64_t now_ns)
{
	g->is_left = true;
	change(l, g, now_ns);
}

void mld_listener_restate(struct mld_listener *l, uint64_t now_ns)
{
	list_for_each(link, &l->groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (!g->is_left && g->n_changes == 0)
			g->n_changes = 1;
	}
	l->change_ns = now_ns;
}

/* --- being asked --- */

/* §6.2, rules 3 to 5: about one group. */
static void ask(struct mld_group *g, const struct mld_query *q, uint64_t at_ns)
{
	bool is_about_all = g->is_asked && g->n_sources == 0;

	g->answer_ns = g->is_asked && g->answer_ns < at_ns ? g->answer_ns : at_ns;
	g->is_asked = true;
	if (is_about_all || q->n_sources == 0 || g->n_sources + q->n_sources > MLD_SOURCES_MAX) {
		g->n_sources = 0;
		return;
	}
	for (unsigned i = 0; i < q->n_sources; i++)
		g->source[g->n_sources++] = q->source[i];
}

static uint64_t random_time(struct mld_listener *l, uint64_t now_ns, uint32_t within_ms)
{
	return now_ns + random_below(l->random, within_ms + 1) * (uint64_t)NS_PER_MS;
}

/* RFC 2710 §4: each group has a timer of its own, so that others can be quicker. */
static void ask_each(struct mld_listener *l, const struct mld_query *q, uint64_t now_ns)
{
	list_for_each(link, &l->groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (!g->is_left)
			ask(g, q, random_time(l, now_ns, q->max_delay_ms));
	}
}

/* §9.12 */
static void hear_v1_router(struct mld_listener *l, const struct mld_query *q, uint64_t now_ns)
{
	if (!mld_listener_is_v1(l))
		cancel_all(l);
	l->robustness = MLD_ROBUSTNESS;
	l->v1_until_ns = now_ns + l->robustness * q->interval_s * (uint64_t)NS_PER_S +
			 q->max_delay_ms * (uint64_t)NS_PER_MS;
}

void mld_listener_query(struct mld_listener *l, const struct mld_query *q, uint64_t now_ns)
{
	struct mld_group *g;
	uint64_t at_ns;

	end_v1(l, now_ns);
	if (q->version == 1)
		hear_v1_router(l, q, now_ns);
	else
		l->robustness = q->robustness ? q->robustness : MLD_ROBUSTNESS;
	if (mld_listener_is_v1(l) && ip6_is_unspecified(&q->group)) {
		ask_each(l, q, now_ns);
		return;
	}
	at_ns = random_time(l, now_ns, q->max_delay_ms);
	if (l->general_ns <= at_ns) /* §6.2 rule 1 */
		return;
	if (ip6_is_unspecified(&q->group)) {
		l->general_ns = at_ns; /* rule 2 */
		return;
	}
	g = mld_listener_find_or_null(l, &q->group);
	if (g && !g->is_left)
		ask(g, q, at_ns);
}

/* RFC 2710 §4: then we need not. */
void mld_listener_hear(struct mld_listener *l, const struct ip6_addr *group, uint64_t now_ns)
{
	struct mld_group *g = mld_listener_find_or_null(l, group);

	end_v1(l, now_ns);
	if (!g || !mld_listener_is_v1(l))
		return;
	cancel_answer(g);
	g->has_spoken = false;
}

/* --- speaking --- */

uint64_t mld_listener_deadline_ns(const struct mld_listener *l)
{
	uint64_t first = l->change_ns < l->general_ns ? l->change_ns : l->general_ns;

	list_for_each(link, &l->groups) {
		const struct mld_group *g = container_of(link, struct mld_group, link);

		if (g->is_asked && g->answer_ns < first)
			first = g->answer_ns;
	}
	return first;
}

static void say_changes(struct mld_listener *l, uint64_t now_ns)
{
	uint64_t within = mld_listener_is_v1(l) ? V1_REPEAT_NS : REPEAT_NS;
	bool again = false;

	l->change_ns = NEVER;
	list_for_each(link, &l->groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (g->n_changes == 0)
			continue;
		g->n_changes--;
		g->says_change = true;
		again |= g->n_changes > 0;
	}
	if (again)
		l->change_ns = random_time(l, now_ns, (uint32_t)(within / NS_PER_MS));
}

void mld_listener_expire(struct mld_listener *l, uint64_t now_ns)
{
	bool is_general;

	end_v1(l, now_ns);
	is_general = l->general_ns <= now_ns;
	if (l->change_ns <= now_ns)
		say_changes(l, now_ns);
	if (is_general)
		l->general_ns = NEVER;
	list_for_each(link, &l->groups) {
		struct mld_group *g = container_of(link, struct mld_group, link);

		if (g->is_left)
			continue;
		g->says_state |= is_general || (g->is_asked && g->answer_ns <= now_ns);
		if (is_general)
			cancel_answer(g);
	}
}

bool mld_listener_take(struct mld_listener *l, struct mld_group *g, struct mld_record *out)
{
	*out = (struct mld_record){ .group = g->addr };
	if (g->says_change) {
		g->says_change = false;
		out->type = g->is_left ? MLD_TO_INCLUDE : MLD_TO_EXCLUDE;
	} else if (g->says_state) {
		g->says_state = false;
		out->type =
			g->n_sources && !mld_listener_is_v1(l) ? MLD_IS_INCLUDE : MLD_IS_EXCLUDE;
		out->n_sources = out->type == MLD_IS_INCLUDE ? g->n_sources : 0;
		out->source = g->source;
		cancel_answer(g);
	} else {
		return false;
	}
	g->has_spoken = mld_listener_is_v1(l);
	return true;
}
