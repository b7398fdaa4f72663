/* convoy_worker.c - events of the comms library in a dispatcher. */
#include "proxy/net/convoy_worker.h"

#include <stdlib.h>

#include "base/log.h"

enum {
	EVENTS_PER_TURN = 256,
	MAX_HANDLES = 1 << 20,
	LOAN_TURNS = 2, /* a loan ends in the turn after next */
};

/* --- events --- */

static void report(struct convoy_worker *w, const struct epoll_event *e)
{
	struct convoy_handle *h = pool_get_or_null(&w->handles, e->data.u64);

	if (h && !h->closed)
		convoy_handle_report(h, e->events);
}

static void drain(struct convoy_worker *w)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int n = convoy_epoll_drain(w->epfd, events, EVENTS_PER_TURN);

	for (int i = 0; i < n; i++)
		report(w, &events[i]);
	if (n > 0 || !convoy_epoll_arm(w->epfd))
		dispatcher_next_turn(w->dispatcher, &w->drain);
}

static void woken(void *context, unsigned ready unused_arg)
{
	struct convoy_worker *w = context;

	task_cancel(&w->drain);
	drain(w);
}

static void run_drain(struct task *t)
{
	drain(container_of(t, struct convoy_worker, drain));
}

static void run_flush(struct task *t)
{
	convoy_epoll_flush(container_of(t, struct convoy_worker, flush)->epfd);
}

void convoy_worker_wrote(struct convoy_worker *w)
{
	dispatcher_turn_end(w->dispatcher, &w->flush);
}

void convoy_worker_look(struct convoy_worker *w)
{
	dispatcher_next_turn(w->dispatcher, &w->drain);
}

/* --- loans --- */

static void give_back(void *context, const uint8_t *data unused_arg, size_t len unused_arg)
{
	struct convoy_loan *loan = context;

	convoy_release_segment(&loan->segment);
	convoy_worker_wrote(loan->worker);
	list_remove(&loan->link);
	list_push(&loan->worker->free_loans, &loan->link);
}

static struct convoy_loan *new_loan(struct convoy_worker *w)
{
	struct list *link = list_pop_or_null(&w->free_loans);
	struct convoy_loan *loan =
		link ? container_of(link, struct convoy_loan, link) : malloc(sizeof(*loan));

	invariant(loan);
	loan->worker = w;
	list_init(&loan->link);
	return loan;
}

void convoy_worker_lend(struct convoy_worker *w, struct buffer *b,
			const struct convoy_segment *segment)
{
	struct convoy_loan *loan = new_loan(w);

	loan->segment = *segment;
	loan->turn = w->turn;
	list_push(&w->lent, &loan->link);
	loan->fragment = buffer_append_fragment(b, segment->at, segment->len, give_back, loan);
	dispatcher_next_turn(w->dispatcher, &w->age);
}

static void recall_older(struct convoy_worker *w, uint64_t turn)
{
	while (!list_empty(&w->lent)) {
		struct convoy_loan *oldest = container_of(w->lent.next, struct convoy_loan, link);

		if (oldest->turn >= turn)
			return;
		buffer_fragment_recall(dispatcher_memory(w->dispatcher), oldest->fragment);
	}
}

static void age_loans(struct task *t)
{
	struct convoy_worker *w = container_of(t, struct convoy_worker, age);

	w->turn++;
	if (w->turn >= LOAN_TURNS)
		recall_older(w, w->turn - LOAN_TURNS + 1);
	if (!list_empty(&w->lent))
		dispatcher_next_turn(w->dispatcher, &w->age);
}

void convoy_worker_recall(struct convoy_worker *w)
{
	recall_older(w, UINT64_MAX);
}

/* --- life --- */

int convoy_worker_new(struct dispatcher *d, struct convoy_worker **out)
{
	struct convoy_worker *w = calloc(1, sizeof(*w));

	if (!w)
		return ERR_NOMEM;
	w->dispatcher = d;
	w->epfd = -1;
	task_init(&w->drain, run_drain);
	task_init(&w->flush, run_flush);
	task_init(&w->age, age_loans);
	list_init(&w->lent);
	list_init(&w->free_loans);
	pool_init(&w->handles, sizeof(struct convoy_handle), MAX_HANDLES);
	*out = w;
	return 0;
}

int convoy_worker_attach(struct convoy_worker *w)
{
	int err;

	if (w->epfd >= 0)
		return 0;
	w->epfd = convoy_epoll_create1(EPOLL_CLOEXEC);
	if (w->epfd < 0 || convoy_epoll_adopt(w->epfd) < 0)
		err = convoy_err();
	else
		err = fd_event_open(&w->wake, w->dispatcher, w->epfd, FD_READ, true, woken, w);
	if (err) {
		if (w->epfd >= 0)
			convoy_close(w->epfd);
		w->epfd = -1;
		return err;
	}
	convoy_worker_look(w);
	return 0;
}

void convoy_worker_free(struct convoy_worker *w)
{
	struct list *link;

	convoy_worker_recall(w);
	task_cancel(&w->drain);
	task_cancel(&w->flush);
	task_cancel(&w->age);
	if (w->epfd >= 0) {
		convoy_epoll_flush(w->epfd);
		fd_event_close(&w->wake);
		convoy_close(w->epfd);
	}
	while ((link = list_pop_or_null(&w->free_loans)))
		free(container_of(link, struct convoy_loan, link));
	pool_deinit(&w->handles);
	free(w);
}
