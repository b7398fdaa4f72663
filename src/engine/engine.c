/* engine.c - putting the parts together, starting and stopping, messages to main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/delay.h"
#include "engine/handoff.h"
#include "engine/runtime.h"
#include "engine/shortcut.h"
#include "engine/trace.h"

enum { DEFAULT_BUFFERS = 16384 };

static int add_workers(struct engine *e, uint64_t seed)
{
	for (uint32_t i = 0; i < e->n_workers; i++) {
		int err;

		e->worker[i] = aligned_alloc(64, sizeof(struct worker));
		if (!e->worker[i])
			return ERR_NOMEM;
		memset(e->worker[i], 0, sizeof(struct worker));
		err = worker_init(e->worker[i], e, i, seed);
		if (err)
			return err;
	}
	return handoff_init(e);
}

int engine_main_fd(const struct engine *e)
{
	return e->main_epoll_fd;
}

/* Messages are delivered by engine_run_main() itself; the bell only needs silencing. */
static void main_rung(struct engine *e, struct main_watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	mailbox_clear_fd(&e->main);
}

int engine_watch_main(struct engine *e, struct main_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(e->main_epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0)
		return 0;
	log_error("engine.watch", "fd=%d errno=%d", watch->fd, errno);
	return ERR_IO;
}

void engine_unwatch_main(struct engine *e, struct main_watch *watch)
{
	if (epoll_ctl(e->main_epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) < 0)
		log_warn("engine.unwatch", "fd=%d errno=%d", watch->fd, errno);
	for (unsigned i = e->main_event_at; i < e->n_main_events; i++)
		if (e->main_events[i].data.ptr == watch)
			e->main_events[i].data.ptr = NULL;
}

static unsigned run_main_watches(struct engine *e)
{
	int n = epoll_wait(e->main_epoll_fd, e->main_events, MAIN_EVENTS, 0);

	e->n_main_events = n > 0 ? (unsigned)n : 0;
	for (e->main_event_at = 0; e->main_event_at < e->n_main_events; e->main_event_at++) {
		struct epoll_event *event = &e->main_events[e->main_event_at];
		struct main_watch *watch = event->data.ptr;

		if (watch)
			watch->fired(e, watch, event->events);
	}
	e->n_main_events = 0;
	return n > 0 ? (unsigned)n : 0;
}

unsigned engine_turn_main(struct engine *e)
{
	unsigned n = run_main_watches(e);

	mailbox_arm(&e->main); /* what is posted from now on rings the bell again */
	return n + mailbox_run(&e->main, e);
}

unsigned engine_run_main(struct engine *e)
{
	unsigned n = run_main_watches(e), step;

	mailbox_arm(&e->main);
	/* A message may itself cause one. */
	while ((step = mailbox_run(&e->main, e)) > 0)
		n += step;
	return n;
}

static int build(struct engine *e, const struct engine_options *o)
{
	uint64_t seed = o->seed;
	int err = mailbox_init(&e->main);

	if (err) {
		e->main.wake_fd = -1;
		return err;
	}
	mailbox_arm(&e->main); /* main has its own loop and always wants to hear the bell */
	e->main_epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->main_epoll_fd < 0)
		return err_of_errno(errno);
	e->main_bell = (struct main_watch){ e->main.wake_fd, main_rung };
	err = engine_watch_main(e, &e->main_bell, EPOLLIN);
	if (err)
		return err;
	if (!seed)
		random_secret(&seed, sizeof(seed));
	err = engine_delays_init(e);
	if (!err)
		err = (o->shared_buffers ? buf_pool_init_shared : buf_pool_init)(
			&e->bufs, o->n_buffers ? o->n_buffers : DEFAULT_BUFFERS);
	if (!err)
		err = graph_init(&e->graph, o->nodes, o->n_nodes);
	if (!err)
		err = feature_table_init(&e->features, &e->graph, o->arcs, o->n_arcs);
	if (err)
		return err;
	e->handoff = graph_node_id(&e->graph, "handoff");
	if (e->n_workers > 1 && e->handoff == NODE_NONE) {
		log_error("engine.new", "node=handoff error=no such node");
		return ERR_NOENT;
	}
	return add_workers(e, seed);
}

int engine_new(const struct engine_options *options, struct engine **out)
{
	struct engine *e;
	int err;

	if (options->n_workers > WORKERS_MAX)
		return ERR_RANGE;
	e = aligned_alloc(64, (sizeof(*e) + 63) / 64 * 64);
	if (!e)
		return ERR_NOMEM;
	memset(e, 0, sizeof(*e));
	e->clock = options->clock ? options->clock : &clock_monotonic;
	e->n_workers = options->n_workers ? options->n_workers : 1;
	e->spin_us = options->spin_us;
	e->made_ns = clock_now_ns(e->clock);
	e->made_cycles = cpu_cycles();
	e->main_epoll_fd = -1;
	e->delay_timer.fd = -1;
	interface_table_init(&e->interfaces);
	list_init(&e->event_listeners);
	list_init(&e->delays);
	err = build(e, options);
	if (err) {
		log_error("engine.new", "error=%s", err_text(err));
		engine_free(e);
		return err;
	}
	*out = e;
	return 0;
}

static void close_interfaces(struct engine *e)
{
	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		struct interface *i = e->interfaces.slot[index];

		if (i)
			interface_remove(i);
	}
}

void engine_free(struct engine *e)
{
	if (e->running)
		engine_stop(e);
	close_interfaces(e);
	interface_places_deinit(e);
	if (e->main.wake_fd >= 0)
		engine_run_main(e);
	engine_delays_deinit(e);
	shortcuts_free(e);
	trace_deinit(e);
	runtime_deinit(e);
	handoff_deinit(e);
	for (uint32_t i = 0; i < e->n_workers; i++) {
		if (!e->worker[i])
			continue;
		worker_deinit(e->worker[i]);
		free(e->worker[i]);
	}
	graph_deinit(&e->graph);
	if (e->bufs.base)
		buf_pool_deinit(&e->bufs);
	if (e->main_epoll_fd >= 0)
		close(e->main_epoll_fd);
	if (e->main.wake_fd >= 0)
		mailbox_deinit(&e->main);
	rcu_drain();
	free(e);
}

int engine_start(struct engine *e)
{
	int err = worker_can_sleep(e->worker[0]);

	if (err)
		return err;
	e->running = true;
	for (uint32_t i = 0; i < e->n_workers; i++) {
		struct worker *w = e->worker[i];

		w->stop = false;
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
			engine_stop(e);
			return ERR_NOMEM;
		}
		w->started = true;
	}
	return 0;
}

static void stop_worker(void *consumer, struct mail *mail)
{
	struct worker *w = consumer;

	(void)mail;
	w->stop = true;
}

void engine_stop(struct engine *e)
{
	struct mail stop[WORKERS_MAX];

	for (uint32_t i = 0; i < e->n_workers; i++) {
		if (!e->worker[i]->started)
			continue;
		stop[i] = (struct mail){ NULL, stop_worker };
		worker_post(e->worker[i], &stop[i]);
	}
	for (uint32_t i = 0; i < e->n_workers; i++) {
		if (!e->worker[i]->started)
			continue;
		pthread_join(e->worker[i]->thread, NULL);
		e->worker[i]->started = false;
	}
	e->running = false;
	/* Workers are silent now: deliver what they told main, and what main told them. */
	for (uint32_t i = 0; i < e->n_workers; i++)
		mailbox_run(&e->worker[i]->mailbox, e->worker[i]);
	engine_run_main(e);
}

struct main_call {
	struct mail mail;
	void (*fn)(struct engine *e, void *arg);
	void *arg;
};

static void deliver_main_call(void *consumer, struct mail *mail)
{
	struct main_call *call = container_of(mail, struct main_call, mail);

	call->fn(consumer, call->arg);
	free(call);
}

int engine_call_main(struct engine *e, void (*fn)(struct engine *e, void *arg), void *arg)
{
	struct main_call *call = malloc(sizeof(*call));

	if (!call)
		return ERR_NOMEM;
	*call = (struct main_call){ { NULL, deliver_main_call }, fn, arg };
	engine_post_main(e, &call->mail);
	return 0;
}

void engine_post_main(struct engine *e, struct mail *mail)
{
	mailbox_post(&e->main, mail);
}

/* One errand to all workers, and the way back. */
struct engine_errand {
	struct engine *engine;
	void (*fn)(struct worker *w, void *arg);
	void (*done)(struct engine *e, void *arg);
	void *arg;
	uint32_t n_left; /* atomic */
	bool is_once;	 /* nobody's: it is freed when it is over */
	struct mail back;
	struct errand_mail {
		struct mail mail;
		struct engine_errand *errand;
	} to[];
};

static void errand_over(void *consumer, struct mail *mail)
{
	struct engine_errand *errand = container_of(mail, struct engine_errand, back);
	void (*done)(struct engine * e, void *arg) = errand->done;
	void *arg = errand->arg;

	if (errand->is_once)
		free(errand);
	if (done)
		done(consumer, arg);
}

static void run_errand(void *consumer, struct mail *mail)
{
	struct engine_errand *errand = container_of(mail, struct errand_mail, mail)->errand;

	errand->fn(consumer, errand->arg);
	if (__atomic_sub_fetch(&errand->n_left, 1, __ATOMIC_ACQ_REL) == 0)
		engine_post_main(errand->engine, &errand->back);
}

static void run_errand_here(struct engine *e, void (*fn)(struct worker *w, void *arg),
			    void (*done)(struct engine *e, void *arg), void *arg)
{
	for (uint32_t i = 0; i < e->n_workers; i++)
		if (e->worker[i])
			fn(e->worker[i], arg);
	if (done)
		done(e, arg);
}

struct engine_errand *engine_errand_new_or_null(struct engine *e)
{
	struct engine_errand *errand =
		calloc(1, sizeof(*errand) + e->n_workers * sizeof(struct errand_mail));

	if (!errand)
		return NULL;
	errand->engine = e;
	errand->back.deliver = errand_over;
	for (uint32_t i = 0; i < e->n_workers; i++) {
		errand->to[i].mail.deliver = run_errand;
		errand->to[i].errand = errand;
	}
	return errand;
}

void engine_errand_free(struct engine_errand *errand)
{
	free(errand);
}

void engine_errand_run(struct engine_errand *errand, void (*fn)(struct worker *w, void *arg),
		       void (*done)(struct engine *e, void *arg), void *arg)
{
	struct engine *e = errand->engine;

	if (!e->running) {
		run_errand_here(e, fn, done, arg);
		return;
	}
	errand->fn = fn;
	errand->done = done;
	errand->arg = arg;
	errand->n_left = e->n_workers;
	for (uint32_t i = 0; i < e->n_workers; i++)
		worker_post(e->worker[i], &errand->to[i].mail);
}

int engine_on_each(struct engine *e, void (*fn)(struct worker *w, void *arg),
		   void (*done)(struct engine *e, void *arg), void *arg)
{
	struct engine_errand *errand;

	if (!e->running) {
		run_errand_here(e, fn, done, arg);
		return 0;
	}
	errand = engine_errand_new_or_null(e);
	if (!errand)
		return ERR_NOMEM;
	errand->is_once = true;
	engine_errand_run(errand, fn, done, arg);
	return 0;
}
