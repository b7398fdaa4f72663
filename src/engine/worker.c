/* worker.c - the loop of a data thread, and how it sleeps. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/handoff.h"
#include "engine/rcu.h"

enum { EPOLL_AT_LEAST_EVERY_NS = 100 * NS_PER_US };

/* Hand the events that epoll has to their watches; returns how many. */
static unsigned take_events(struct worker *w, const struct timespec *timeout)
{
	int n = epoll_pwait2(w->epoll_fd, w->events, WORKER_EVENTS, timeout, NULL);

	w->turns_since_epoll = 0;
	w->epoll_ns = w->now_ns;
	if (n <= 0)
		return 0;
	w->n_events = (unsigned)n;
	for (w->event_at = 0; w->event_at < w->n_events; w->event_at++) {
		struct epoll_event *event = &w->events[w->event_at];
		struct watch *watch = event->data.ptr;

		if (watch)
			watch->fired(w, watch, event->events);
	}
	w->n_events = 0;
	return (unsigned)n;
}

static unsigned run_inputs(struct worker *w)
{
	unsigned work = 0;

	list_for_each(link, &w->inputs) {
		struct input *in = container_of(link, struct input, link);

		if (in->kind == INPUT_POLLED || in->ready)
			work += graph_run_input(w, in);
	}
	return work;
}

static unsigned run_hooks(struct worker *w)
{
	unsigned work = 0;

	list_for_each(link, &w->hooks) {
		struct turn_hook *hook = container_of(link, struct turn_hook, link);

		work += hook->run(w, hook);
	}
	return work;
}

unsigned worker_turn(struct worker *w)
{
	unsigned work = 0;

	turns_begin(&w->turns, cpu_cycles());
	w->now_ns = clock_now_ns(w->engine->clock);
	w->n_turns++;
	if (++w->turns_since_epoll >= WORKER_EPOLL_TURNS ||
	    w->now_ns - w->epoll_ns >= EPOLL_AT_LEAST_EVERY_NS)
		work += take_events(w, &(struct timespec){ 0, 0 });
	work += mailbox_run(&w->mailbox, w);
	work += handoff_receive(w);
	work += run_inputs(w);
	work += graph_dispatch(w);
	work += wheel_advance(&w->wheel, w->now_ns);
	work += graph_dispatch(w);
	work += run_hooks(w);
	work += graph_dispatch(w);
	handoff_flush(w);
	w->n_busy_turns += work > 0;
	return work;
}

/* After mailbox_arm(): does anybody have work? Asks inputs to arm their producers. */
static bool work_waits(struct worker *w)
{
	if (!mailbox_empty(&w->mailbox) || handoff_waiting(w))
		return true;
	list_for_each(link, &w->inputs) {
		struct input *in = container_of(link, struct input, link);

		if (in->ready || (in->before_sleep && in->before_sleep(w, in)))
			return true;
	}
	return false;
}

static void inputs_awake(struct worker *w)
{
	list_for_each(link, &w->inputs) {
		struct input *in = container_of(link, struct input, link);

		if (in->after_sleep)
			in->after_sleep(w, in);
	}
}

void worker_idle(struct worker *w)
{
	uint64_t next_ns, now_ns, wait_ns;
	struct timespec timeout;

	mailbox_arm(&w->mailbox);
	if (!work_waits(w)) {
		next_ns = wheel_next_ns(&w->wheel);
		now_ns = clock_now_ns(w->engine->clock);
		wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
		timeout.tv_sec = (time_t)(wait_ns / NS_PER_S);
		timeout.tv_nsec = (long)(wait_ns % NS_PER_S);
		w->n_sleeps++;
		if (w->is_reader)
			rcu_reader_offline();
		take_events(w, next_ns == UINT64_MAX ? NULL : &timeout);
		if (w->is_reader)
			rcu_reader_online();
		turns_break(&w->turns);
	}
	mailbox_disarm(&w->mailbox);
	inputs_awake(w);
}

/* True once the worker has found nothing for as long as it is told to poll on. */
static bool idle_long_enough(struct worker *w, unsigned work)
{
	if (work) {
		w->idle_since_ns = 0;
		return false;
	}
	if (w->engine->spin_us == 0)
		return true;
	if (w->idle_since_ns == 0)
		w->idle_since_ns = w->now_ns;
	if (w->now_ns - w->idle_since_ns < (uint64_t)w->engine->spin_us * NS_PER_US) {
		w->turns_since_epoll = WORKER_EPOLL_TURNS;
		return false;
	}
	w->idle_since_ns = 0;
	return true;
}

void *worker_main(void *arg)
{
	struct worker *w = arg;

	rcu_reader_begin();
	w->is_reader = true;
	w->turns.mark = switch_mark_of_thread();
	while (!w->stop) {
		unsigned work = worker_turn(w);

		rcu_quiesce();
		if (idle_long_enough(w, work) && !w->stop)
			worker_idle(w);
	}
	w->is_reader = false;
	rcu_reader_end();
	return NULL;
}

int worker_watch(struct worker *w, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0)
		return 0;
	log_error("worker.watch", "worker=%u fd=%d errno=%d", w->index, watch->fd, errno);
	return ERR_IO;
}

void worker_unwatch(struct worker *w, struct watch *watch)
{
	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) < 0)
		log_warn("worker.unwatch", "worker=%u fd=%d errno=%d", w->index, watch->fd, errno);
	for (unsigned i = w->event_at; i < w->n_events; i++)
		if (w->events[i].data.ptr == watch)
			w->events[i].data.ptr = NULL;
}

static void input_fired(struct worker *w, struct watch *watch, uint32_t events)
{
	struct input *in = container_of(watch, struct input, watch);

	(void)w;
	(void)events;
	in->ready = in->kind == INPUT_FD;
	in->rang = true;
}

int worker_add_input(struct worker *w, struct input *in)
{
	int err;

	in->ready = in->kind == INPUT_FD; /* may have been readable before it was watched */
	if (in->fd >= 0) {
		in->watch.fd = in->fd;
		in->watch.fired = input_fired;
		err = worker_watch(w, &in->watch, EPOLLIN | EPOLLET);
		if (err)
			return err;
	}
	list_push(&w->inputs, &in->link);
	return 0;
}

void worker_remove_input(struct worker *w, struct input *in)
{
	if (in->fd >= 0)
		worker_unwatch(w, &in->watch);
	list_remove(&in->link);
}

void worker_add_hook(struct worker *w, struct turn_hook *hook)
{
	list_push(&w->hooks, &hook->link);
}

void worker_remove_hook(struct worker *w, struct turn_hook *hook)
{
	(void)w;
	list_remove(&hook->link);
}

struct worker_call {
	struct mail mail;
	void (*fn)(struct worker *w, void *arg);
	void *arg;
};

static void deliver_call(void *consumer, struct mail *mail)
{
	struct worker_call *call = container_of(mail, struct worker_call, mail);

	call->fn(consumer, call->arg);
	free(call);
}

int worker_call(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg)
{
	struct worker_call *call = malloc(sizeof(*call));

	if (!call)
		return ERR_NOMEM;
	*call = (struct worker_call){ { NULL, deliver_call }, fn, arg };
	worker_post(w, &call->mail);
	return 0;
}

void worker_post(struct worker *w, struct mail *mail)
{
	mailbox_post(&w->mailbox, mail);
}

static void woken(struct worker *w, struct watch *watch, uint32_t events)
{
	(void)w;
	(void)watch;
	(void)events; /* edge-triggered and never read: waking up was all */
}

int worker_can_sleep(struct worker *w)
{
	const struct timespec now = { 0 };

	if (epoll_pwait2(w->epoll_fd, w->events, WORKER_EVENTS, &now, NULL) >= 0)
		return 0;
	if (errno == ENOSYS)
		log_error("engine.kernel", "error=\"workers need Linux 5.11 (epoll_pwait2)\"");
	return err_of_errno(errno);
}

int worker_init(struct worker *w, struct engine *e, uint32_t index, uint64_t seed)
{
	int err;

	w->index = index;
	w->engine = e;
	w->features = &e->features;
	w->epoll_fd = -1;
	w->now_ns = clock_now_ns(e->clock);
	list_init(&w->inputs);
	list_init(&w->hooks);
	wheel_init(&w->wheel, w->now_ns);
	random_seed(&w->random, seed + index);
	buf_cache_init(&w->bufs, &e->bufs);
	err = mailbox_init(&w->mailbox);
	if (err) {
		w->mailbox.wake_fd = -1;
		return err;
	}
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		return err_of_errno(errno);
	w->wake_watch = (struct watch){ w->mailbox.wake_fd, woken };
	err = worker_watch(w, &w->wake_watch, EPOLLIN | EPOLLET);
	if (err)
		return err;
	w->if_counters = calloc(INTERFACES_MAX, sizeof(*w->if_counters));
	if (!w->if_counters)
		return ERR_NOMEM;
	return graph_runtime_init(&w->graph, &e->graph, &e->bufs);
}

void worker_deinit(struct worker *w)
{
	if (w->graph.node)
		graph_runtime_deinit(&w->graph);
	buf_cache_deinit(&w->bufs);
	free(w->if_counters);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	if (w->mailbox.wake_fd >= 0)
		mailbox_deinit(&w->mailbox);
}
