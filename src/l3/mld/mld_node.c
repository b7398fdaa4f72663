/*
 * mld-input: queries for us, and what listeners of version 1 say. Main is told; nothing is answered
 * here.
 *
 *   icmp6-input ──> mld-input ──> drop     see reasons[]
 *
 * Only neighbours may ask: the source is link-local, the hop limit 1, and a hop-by-hop header has
 * the router alert. RFC 3810 §6.2, §5.1.14; RFC 2710 §5. Reports of version 2 and "done" are for
 * routers.
 */
#include <stdlib.h>

#include "base/err.h"
#include "l3/ip6/ip6.h"
#include "l3/mld/mld.h"
#include "wire/ip6_ext.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

enum {
	SOURCE,
	HOP_LIMIT,
	NO_ALERT,
	FRAGMENTED,
	FORMAT,
	FOR_ROUTERS,
	BUSY,
	QUERY,
	HEARD,
	N_REASONS
};
static const struct reason reasons[] = {
	[SOURCE] = { "source", "not from a link-local address, or from one of ours" },
	[HOP_LIMIT] = { "hop-limit", "the hop limit is not 1" },
	[NO_ALERT] = { "no-alert", "no router alert in a hop-by-hop header" },
	[FRAGMENTED] = { "fragmented", "came in fragments, or in pieces" },
	[FORMAT] = { "format", "too short, of no known length, or about no group" },
	[FOR_ROUTERS] = { "for-routers", "reports and \"done\", which routers take" },
	[BUSY] = { "busy", "too many messages on the way to main (not learnt)" },
	[QUERY] = { "query", "queries that main has been told of" },
	[HEARD] = { "heard", "others' reports of a group that main has been told of" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

/* What main is told; embedded in a bounded table of each worker. */
struct mld_event {
	struct mail mail;
	struct list link; /* free */
	struct worker *worker;
	uint32_t if_index;
	bool is_query;
	struct ip6_addr group; /* of a report */
	struct mld_query query;
};

struct mld_worker {
	struct list free;
	struct mld_event event[MLD_EVENTS];
};

static struct mld_worker *state_of(const struct worker *w)
{
	return w->module[MODULE_MLD];
}

static void take_back(void *consumer unused_arg, struct mail *mail)
{
	struct mld_event *event = container_of(mail, struct mld_event, mail);

	list_push(&state_of(event->worker)->free, &event->link);
}

static void deliver(void *consumer unused_arg, struct mail *mail)
{
	struct mld_event *event = container_of(mail, struct mld_event, mail);

	mld_hear(ip6_stack_of(event->worker->engine), event->if_index,
		 event->is_query ? &event->query : NULL, &event->group);
	event->mail.deliver = take_back;
	worker_post(event->worker, &event->mail);
}

static uint16_t tell(struct worker *w, uint32_t if_index, const struct mld_query *query,
		     const struct ip6_addr *group)
{
	struct list *link = list_pop_or_null(&state_of(w)->free);
	struct mld_event *event;

	if (!link)
		return BUSY;
	event = container_of(link, struct mld_event, link);
	event->if_index = if_index;
	event->is_query = query != NULL;
	if (query)
		event->query = *query;
	else
		event->group = *group;
	event->mail.deliver = deliver;
	mailbox_post(&w->engine->main, &event->mail);
	return query ? QUERY : HEARD;
}

static bool has_router_alert(struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);
	struct slice header = slice_of(ip + 1, (size_t)(b->l4_at - b->l3_at - IP6_HDR_LEN));
	struct ip6_options options;

	if (ip->next_header != IP_HOP_BY_HOP || header.len < 8 ||
	    header.len < 8 + 8u * header.at[1])
		return false;
	return ip6_options_scan(slice_first(header, 8 + 8u * header.at[1]), &options) == 0 &&
	       options.has_router_alert;
}

static uint16_t judge(struct worker *w, struct buf *b)
{
	const struct ip6_hdr *ip = buf_l3(b);
	struct slice message = slice_of(buf_l4(b), (size_t)(b->at + b->len - b->l4_at));
	struct mld_query query;
	struct ip6_addr group;

	if (b->flags & BUF_LOCAL || !ip6_is_link_local(&ip->src))
		return SOURCE;
	if (ip->hop_limit != MLD_HOP_LIMIT)
		return HOP_LIMIT;
	if (b->flags & BUF_REASSEMBLED || b->next)
		return FRAGMENTED;
	if (!has_router_alert(b))
		return NO_ALERT;
	if (message.at[0] == ICMP6_MLD_QUERY)
		return mld_parse_query(message, &query) == 0 ? tell(w, b->rx_if, &query, NULL)
							     : FORMAT;
	if (message.at[0] != ICMP6_MLD_REPORT)
		return FOR_ROUTERS;
	return mld_parse_v1(message, &group) == 0 ? tell(w, b->rx_if, NULL, &group) : FORMAT;
}

static unsigned run(struct worker *w, struct node *node, struct frame *f)
{
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		b[i]->reason = judge(w, b[i]);
		next[i] = NEXT_DROP;
	}
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type mld_input_node = {
	.name = "mld-input",
	.run = run,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

int mld_init(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++) {
		struct mld_worker *mw = calloc(1, sizeof(*mw));

		if (!mw) {
			mld_deinit(e);
			return ERR_NOMEM;
		}
		list_init(&mw->free);
		for (unsigned k = 0; k < MLD_EVENTS; k++) {
			mw->event[k].worker = e->worker[i];
			list_push(&mw->free, &mw->event[k].link);
		}
		e->worker[i]->module[MODULE_MLD] = mw;
	}
	return 0;
}

void mld_deinit(struct engine *e)
{
	engine_run_main(e); /* messages that lie in the workers' tables */
	for (unsigned i = 0; i < e->n_workers; i++) {
		free(e->worker[i]->module[MODULE_MLD]);
		e->worker[i]->module[MODULE_MLD] = NULL;
	}
}
