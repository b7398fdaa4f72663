/*
 * listener.h - what a link's listener says, and when: the groups that it is in, pure. RFC 3810 §6,
 * and §8.2 while a router of version 1 is about (RFC 2710 §4).
 *
 *   join, leave ──> a change is said at once, and again: as often as the robustness has it
 *   a query ──────> the state is said after a random delay; one answer for several queries
 *
 * Groups are joined for all sources. The caller owns the memory of groups, the clock and the
 * timer: mld_listener_deadline_ns() says when mld_listener_expire() is due; then
 * mld_listener_take() gives what is to be sent, group by group.
 */
#ifndef CONVOY_L3_MLD_LISTENER_H
#define CONVOY_L3_MLD_LISTENER_H

#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"
#include "wire/mld.h"

struct mld_group {
	struct list link; /* of mld_listener.groups */
	struct ip6_addr addr;
	bool is_wanted;		      /* the caller's */
	bool is_left;		      /* kept until that is said */
	bool has_spoken;	      /* version 1: we reported it last, §4 of RFC 2710 */
	bool is_asked;		      /* an answer about this group is due at answer_ns */
	bool says_change, says_state; /* mld_listener_take() */
	uint8_t n_changes;	      /* how often the change is to be said yet */
	uint64_t answer_ns;
	unsigned n_sources; /* that were asked about; 0: about all */
	struct ip6_addr source[MLD_SOURCES_MAX];
};

struct mld_listener {
	struct list groups;
	struct random *random;
	uint64_t change_ns;   /* when changes are said next; UINT64_MAX: there are none */
	uint64_t general_ns;  /* the same for the answer to a general query */
	uint64_t v1_until_ns; /* a router of version 1 is about; 0: none */
	uint8_t robustness;
};

void mld_listener_init(struct mld_listener *l, struct random *random);

/* mld_listener_join - @g, of which the caller has set addr. Members that are there: rejoin. */
void mld_listener_join(struct mld_listener *l, struct mld_group *g, uint64_t now_ns);
void mld_listener_rejoin(struct mld_listener *l, struct mld_group *g, uint64_t now_ns);
void mld_listener_leave(struct mld_listener *l, struct mld_group *g, uint64_t now_ns);

/* mld_listener_restate - say once more what was joined: now there is an address to say it from. */
void mld_listener_restate(struct mld_listener *l, uint64_t now_ns);

/* mld_listener_find_or_null - also one that was left. */
struct mld_group *mld_listener_find_or_null(const struct mld_listener *l,
					    const struct ip6_addr *addr);

/* mld_listener_query - somebody who may ask has asked. */
void mld_listener_query(struct mld_listener *l, const struct mld_query *q, uint64_t now_ns);

/* mld_listener_hear - another listener reported @group, by version 1. */
void mld_listener_hear(struct mld_listener *l, const struct ip6_addr *group, uint64_t now_ns);

/* mld_listener_is_v1 - reports are of version 1 now. */
static inline bool mld_listener_is_v1(const struct mld_listener *l)
{
	return l->v1_until_ns != 0;
}

/* mld_listener_deadline_ns - UINT64_MAX when nothing is due. */
uint64_t mld_listener_deadline_ns(const struct mld_listener *l);

/* mld_listener_expire - decide what is to be said at @now_ns. */
void mld_listener_expire(struct mld_listener *l, uint64_t now_ns);

/*
 * mld_listener_take - the next thing to say of @g, until it returns false. @out borrows @g.
 * In version 1 MLD_TO_INCLUDE is a "done", everything else a report.
 */
bool mld_listener_take(struct mld_listener *l, struct mld_group *g, struct mld_record *out);

/* mld_group_is_over - it was left and that was said: the caller takes it off the list. */
static inline bool mld_group_is_over(const struct mld_group *g)
{
	return g->is_left && g->n_changes == 0 && !g->says_change;
}

#endif
