/* worker.h - what a worker keeps about neighbours: packets that wait, messages to main. */
#ifndef CONVOY_L3_NEIGHBOR_WORKER_H
#define CONVOY_L3_NEIGHBOR_WORKER_H

#include "l3/neighbor/neighbor.h"

/* Packets that wait for one neighbour. Goes to main as a message and comes back as one. */
struct hold_entry {
	struct mail mail;
	struct list link;   /* in a bucket, or free */
	struct list waiter; /* main's, while it is there */
	struct worker *worker;
	struct neighbors *table;
	uint32_t if_index;
	uint32_t addr; /* host order */
	bool resolved; /* main's answer */
	unsigned n;
	uint32_t idx[HOLD_PACKETS];
};

/* Something that ARP said. */
struct arp_news {
	struct mail mail;
	struct list link; /* free */
	struct worker *worker;
	struct neighbors *table;
	uint32_t if_index;
	uint32_t addr;
	struct mac mac;
	bool may_create; /* it asked for us, so we will need it */
};

struct neighbor_worker {
	struct neighbors *table;
	struct list free_entries;
	struct list free_news;
	struct list bucket[HOLD_BUCKETS];
	uint16_t lookup_node, error_node, hold_node, output_node;
	struct hold_entry entry[HOLD_ENTRIES];
	struct arp_news news[NEWS_ENTRIES];
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
void arp_take_back_news(void *consumer, struct mail *mail);

/* What main asks a worker to send. */
struct arp_order {
	uint32_t if_index;
	be32 sender_ip;
	be32 target_ip;
	struct mac to; /* of the frame; broadcast to ask everybody */
};

/* arp_send - main: have worker 0 send an ARP request. ERR_NOMEM. */
must_check
int arp_send(struct engine *e, const struct arp_order *order);

#endif
