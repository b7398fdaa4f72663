/* worker.h - what a worker keeps about neighbours: packets that wait, messages to main. */
#ifndef CONVOY_L3_NEIGHBOR_WORKER_H
#define CONVOY_L3_NEIGHBOR_WORKER_H

#include "l3/neighbor/neighbor.h"
#include "wire/nd.h"

enum hold_family { HOLD_IP4, HOLD_IP6, N_HOLD_FAMILIES };

/* Packets that wait for one neighbour. Goes to main as a message and comes back as one. */
struct hold_entry {
	struct mail mail;
	struct list link;   /* in a bucket, or free */
	struct list waiter; /* main's, while it is there */
	struct worker *worker;
	struct neighbors *table;
	enum hold_family family;
	uint32_t if_index;
	struct ip6_addr addr;
	bool resolved; /* main's answer */
	uint32_t n, n_bytes;
	uint16_t oldest, newest; /* of hold_table.slot; 0: none */
};

/* A packet that waits. */
struct hold_slot {
	uint32_t idx;
	uint16_t next; /* that came after it, or the next free one; 0: none */
};

/* Each family has its own, so that a scan of one does not keep the other from resolving. */
struct hold_table {
	uint16_t lookup_node, error_node, hold_node;
	struct list free;
	struct list bucket[HOLD_BUCKETS];
	struct hold_entry entry[HOLD_ENTRIES];
	uint32_t n, n_bytes; /* packets that wait */
	uint32_t packets_max, bytes_max;
	uint16_t free_slot;
	struct hold_slot slot[HOLD_PACKETS_ALL + 1];
};

/* What somebody on the link said about an address. */
struct neighbor_news {
	struct mail mail;
	struct list link; /* free */
	struct worker *worker;
	struct neighbors *table;
	uint32_t if_index;
	struct ip6_addr addr;
	struct mac mac;
	bool has_mac;	 /* else only its other news count */
	bool proves;	 /* it answers what we asked, or is as good as that */
	bool insists;	 /* it replaces what is known */
	bool may_create; /* it asked for us, so we will need it */
	bool says_role;	 /* @is_router means something */
	bool is_router;
};

/* What concerns the link itself, for l3/ip6: routers, addresses of ours. */
struct nd_event {
	struct mail mail;
	struct list link; /* free */
	struct worker *worker;
	uint32_t if_index;
	struct ip6_addr src;
	struct nd nd;
};

struct neighbor_worker {
	struct neighbors *table;
	uint16_t output_node;
	struct list free_news;
	struct hold_table hold[N_HOLD_FAMILIES];
	struct list free_events;
	struct neighbor_news news[NEWS_ENTRIES];
	struct nd_event event[EVENT_ENTRIES];
};

static inline struct neighbor_worker *neighbor_worker_of(const struct worker *w)
{
	return w->module[MODULE_NEIGHBOR];
}

must_check
int neighbor_worker_init(struct worker *w, struct neighbors *table);
void neighbor_worker_deinit(struct worker *w);

/* Main's side of the messages, neighbor.c. */
void neighbor_take_need(void *consumer, struct mail *mail);
void neighbor_take_news(void *consumer, struct mail *mail);

/* The worker's side. */
void hold_take_answer(void *consumer, struct mail *mail);

/*
 * neighbor_tell - send @what, of which the caller sets what follows `table`, to main. False if too
 * many messages are on their way.
 */
bool neighbor_tell(struct worker *w, const struct neighbor_news *what);

/* nd_report - have main's ip6_on_nd() called with these. False as above. */
bool nd_report(struct worker *w, uint32_t if_index, const struct ip6_addr *src,
	       const struct nd *nd);

#endif
