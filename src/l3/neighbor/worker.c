/* worker.c - a worker's tables, and its messages to main. */
#include "l3/neighbor/worker.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/ip6/autoconf.h"

static void hold_init(struct hold_table *h, struct worker *w, struct neighbors *table,
		      enum hold_family family)
{
	const struct graph *g = &w->engine->graph;
	bool is_ip4 = family == HOLD_IP4;

	h->packets_max =
		w->engine->bufs.n_buffers / HOLD_SHARE / N_HOLD_FAMILIES / w->engine->n_workers;
	if (h->packets_max > HOLD_PACKETS_ALL)
		h->packets_max = HOLD_PACKETS_ALL;
	if (h->packets_max < HOLD_PACKETS)
		h->packets_max = HOLD_PACKETS;
	h->bytes_max = h->packets_max * BUF_DATA;
	h->lookup_node = graph_node_id(g, is_ip4 ? "ip4-lookup" : "ip6-lookup");
	h->error_node = graph_node_id(g, is_ip4 ? "icmp4-error" : "icmp6-error");
	h->hold_node = graph_node_id(g, is_ip4 ? "ip4-hold" : "ip6-hold");
	for (uint16_t i = 1; i <= h->packets_max; i++) {
		h->slot[i].next = h->free_slot;
		h->free_slot = i;
	}
	list_init(&h->free);
	for (unsigned i = 0; i < HOLD_BUCKETS; i++)
		list_init(&h->bucket[i]);
	for (unsigned i = 0; i < HOLD_ENTRIES; i++) {
		h->entry[i].worker = w;
		h->entry[i].table = table;
		h->entry[i].family = family;
		list_init(&h->entry[i].waiter);
		list_push(&h->free, &h->entry[i].link);
	}
}

int neighbor_worker_init(struct worker *w, struct neighbors *table)
{
	struct neighbor_worker *nw = calloc(1, sizeof(*nw));

	if (!nw)
		return ERR_NOMEM;
	nw->table = table;
	nw->output_node = graph_node_id(&w->engine->graph, "interface-output");
	hold_init(&nw->hold[HOLD_IP4], w, table, HOLD_IP4);
	hold_init(&nw->hold[HOLD_IP6], w, table, HOLD_IP6);
	list_init(&nw->free_news);
	for (unsigned i = 0; i < NEWS_ENTRIES; i++) {
		nw->news[i].worker = w;
		nw->news[i].table = table;
		list_push(&nw->free_news, &nw->news[i].link);
	}
	list_init(&nw->free_events);
	for (unsigned i = 0; i < EVENT_ENTRIES; i++) {
		nw->event[i].worker = w;
		list_push(&nw->free_events, &nw->event[i].link);
	}
	w->module[MODULE_NEIGHBOR] = nw;
	return 0;
}

/* The buffers of packets that still wait go with the pool. */
void neighbor_worker_deinit(struct worker *w)
{
	free(w->module[MODULE_NEIGHBOR]);
	w->module[MODULE_NEIGHBOR] = NULL;
}

struct neighbor_held neighbor_held(const struct worker *w, bool is_ip4)
{
	const struct hold_table *h = &neighbor_worker_of(w)->hold[is_ip4 ? HOLD_IP4 : HOLD_IP6];

	return (struct neighbor_held){ __atomic_load_n(&h->n, __ATOMIC_RELAXED), h->packets_max };
}

/* Back on the worker: the message can be used again. */
static void take_back(void *consumer unused_arg, struct mail *mail)
{
	struct neighbor_news *news = container_of(mail, struct neighbor_news, mail);

	list_push(&neighbor_worker_of(news->worker)->free_news, &news->link);
}

static void deliver(void *consumer, struct mail *mail)
{
	struct neighbor_news *news = container_of(mail, struct neighbor_news, mail);

	neighbor_take_news(consumer, mail);
	news->mail.deliver = take_back;
	worker_post(news->worker, &news->mail);
}

bool neighbor_tell(struct worker *w, const struct neighbor_news *what)
{
	struct list *link = list_pop_or_null(&neighbor_worker_of(w)->free_news);
	struct neighbor_news *news;

	if (!link)
		return false;
	news = container_of(link, struct neighbor_news, link);
	news->if_index = what->if_index;
	news->addr = what->addr;
	news->mac = what->mac;
	news->has_mac = what->has_mac;
	news->proves = what->proves;
	news->insists = what->insists;
	news->may_create = what->may_create;
	news->says_role = what->says_role;
	news->is_router = what->is_router;
	news->mail.deliver = deliver;
	mailbox_post(&w->engine->main, &news->mail);
	return true;
}

static void take_back_event(void *consumer unused_arg, struct mail *mail)
{
	struct nd_event *event = container_of(mail, struct nd_event, mail);

	list_push(&neighbor_worker_of(event->worker)->free_events, &event->link);
}

static void deliver_event(void *consumer unused_arg, struct mail *mail)
{
	struct nd_event *event = container_of(mail, struct nd_event, mail);

	ip6_on_nd(ip6_stack_of(event->worker->engine), event->if_index, &event->src, &event->nd);
	event->mail.deliver = take_back_event;
	worker_post(event->worker, &event->mail);
}

bool nd_report(struct worker *w, uint32_t if_index, const struct ip6_addr *src, const struct nd *nd)
{
	struct list *link = list_pop_or_null(&neighbor_worker_of(w)->free_events);
	struct nd_event *event;

	if (!link)
		return false;
	event = container_of(link, struct nd_event, link);
	event->if_index = if_index;
	event->src = *src;
	event->nd = *nd;
	event->mail.deliver = deliver_event;
	mailbox_post(&w->engine->main, &event->mail);
	return true;
}
