/*
 * answer.h - who has which IP address in a bridge, so that ARP and Neighbor Discovery are answered
 * here instead of flooded.
 *
 *   bridge-input ──> bridge-answer: heard of somebody? ──> main: answer table
 *                        │  asked for somebody known? ──> the answer, to the asker's port
 *                        └── else ──> bridge-flood
 *
 * Only what would be flooded is looked at. Main owns the table, workers read it; what they hear
 * goes to main in messages of a bounded number. IPv4 addresses are ip6_mapped().
 *
 * Frames may have tags inside of the bridge. Who asks under some tags is answered, under the same,
 * for whom was heard under them; VLANs of one bridge do not know each other's addresses.
 */
#ifndef CONVOY_L2_BRIDGE_ANSWER_H
#define CONVOY_L2_BRIDGE_ANSWER_H

#include "l2/bridge/bridge.h"
#include "wire/ip_prefix.h"
#include "wire/vlan.h"

enum {
	ANSWERS_MAX = 16384,
	ANSWER_BUCKETS = 4096,
	ANSWER_NEWS = 64, /* messages about what was heard, on their way from one worker */
	ANSWER_AGE_S = 1200,
};

/* Whom somebody may ask for. */
struct answer_key {
	struct ip6_addr addr;
	uint32_t bridge;
	uint32_t tags; /* answer_tags(); 0 for what is fixed */
};

/* What is known about one address; immutable but for @seen. */
struct answer {
	struct answer *next; /* published */
	struct answer_key key;
	struct mac mac;
	bool is_fixed;
	bool is_router; /* it has said so: RFC 4861 §4.4 */
	uint32_t seen;	/* atomic; stamp of when it was last heard */
	struct rcu_later later;
};

struct answers;

must_check
int answers_init(struct engine *e, struct answers **out);
/* answers_deinit - after the workers have stopped. */
void answers_deinit(struct answers *a);

/* answers_tick - every BRIDGE_TICK_NS: forget who was not heard for ANSWER_AGE_S. */
void answers_tick(struct answers *a, uint64_t now_ns);

/* answers_forget_bridge - all of them, fixed ones too. */
void answers_forget_bridge(struct answers *a, uint32_t bridge);

/*
 * bridge_add_answer - main: fix who has @addr, whatever is heard. ERR_INVAL (@mac or @addr is a
 * group's or zero), ERR_FULL, ERR_NOMEM.
 */
must_check
int bridge_add_answer(struct bridge *b, const struct ip6_addr *addr, const struct mac *mac);

/* bridge_delete_answer - main: forget it, fixed or heard, under whatever tags. ERR_NOENT. */
must_check
int bridge_delete_answer(struct bridge *b, const struct ip6_addr *addr);

/* bridge_walk_answers - main: each that is known in @b, until @visit returns false. */
void bridge_walk_answers(const struct bridge *b,
			 bool (*visit)(const struct bridge *b, const struct answer *a,
				       void *context),
			 void *context);

/* --- on workers --- */

/* answer_find_or_null - who has the address; valid until the end of the turn. */
const struct answer *answer_find_or_null(const struct answers *a, const struct answer_key *key);

/*
 * answer_hear - @mac says that it has the address of @key. False if too much news is on the way to
 * main: it is not learnt this time.
 */
bool answer_hear(struct worker *w, const struct answer_key *key, const struct mac *mac,
		 bool is_router);

/* --- tags as a number: of a frame without, or with a priority tag only, 0 --- */

uint32_t answer_tags(const struct vlan_tags *t);
/* answer_print_tags - "802.1ad 10.20"; nothing for 0. */
void answer_print_tags(struct writer *w, uint32_t tags);

/* answers_of - of an engine. */
struct answers *answers_of(const struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type bridge_answer_node;

#endif
