/*
 * mld.h - the multicast groups that an interface listens to, and routers and snooping switches
 * being told of them: the listener's side of MLD. RFC 3810, RFC 2710, RFC 3590 (before there is an
 * address to speak from).
 *
 *   worker: icmp6-input ──> mld-input ── a query ──> main: listener (pure) ──> report, by worker 0
 *           addresses, proxies, being a router ──> mld_sync() ──────┘
 *
 * The groups follow from what the link is: the solicited-node group of each address and proxy, and
 * all routers. That of all nodes is never reported (RFC 3810 §6). Groups are at most
 * IP6_ADDRESSES_MAX + NEIGHBOR_PROXIES_MAX + 1 a link, sources asked about MLD_SOURCES_MAX a group,
 * messages to main MLD_EVENTS of one worker. Main thread.
 */
#ifndef CONVOY_L3_MLD_H
#define CONVOY_L3_MLD_H

#include "l3/ip6/ip6.h"
#include "l3/mld/listener.h"

enum { MLD_EVENTS = 16 /* messages on their way from one worker */ };

struct mld_link {
	struct ip6_link *on;
	struct mld_listener listener;
	struct timer timer;
	unsigned n_groups;	 /* with those left and not forgotten */
	bool is_leaving;	 /* what is said now is the last */
	bool has_spoken_as_none; /* from the unspecified address, which routers do not believe */
	uint64_t n_queries, n_reports;
};

/* mld_init - messages of every worker; before they start, after icmp6_init(). ERR_NOMEM. */
must_check
int mld_init(struct engine *e);
/* mld_deinit - before ip6_links_deinit(). */
void mld_deinit(struct engine *e);

/* Of ip6/link.c: IPv6 begins on a link, ends; the link comes up, goes down. ERR_NOMEM. */
must_check
int mld_link_new(struct ip6_link *l);
void mld_link_free(struct ip6_link *l);
void mld_start(struct ip6_link *l);
void mld_stop(struct ip6_link *l);

/* mld_sync - the groups of an interface may have changed; nothing if it does not speak IPv6. */
void mld_sync(struct engine *e, uint32_t if_index);

/* mld_flush - say now what has changed: RFC 4862 §5.4.2, groups are joined before asking in them.
 */
void mld_flush(struct ip6_link *l);

/* mld_hear - what mld-input passes on: a query, or (@query NULL) another's report of @group. */
void mld_hear(struct ip6_stack *s, uint32_t if_index, const struct mld_query *query,
	      const struct ip6_addr *group);

extern const struct node_type mld_input_node;

#endif
