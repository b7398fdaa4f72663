/* delay.c - main's list of things to do later, behind one timer. */
#include "engine/delay.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

static struct engine_delay *soonest_or_null(struct engine *e)
{
	struct engine_delay *soonest = NULL;

	list_for_each(link, &e->delays) {
		struct engine_delay *d = container_of(link, struct engine_delay, link);

		if (!soonest || d->at_ns < soonest->at_ns)
			soonest = d;
	}
	return soonest;
}

static void wind_up(struct engine *e)
{
	const struct engine_delay *soonest = soonest_or_null(e);
	uint64_t now_ns = clock_now_ns(e->clock), wait_ns;
	struct itimerspec spec = { 0 };

	if (soonest) {
		wait_ns = soonest->at_ns > now_ns ? soonest->at_ns - now_ns : 1;
		spec.it_value.tv_sec = (time_t)(wait_ns / NS_PER_S);
		spec.it_value.tv_nsec = (long)(wait_ns % NS_PER_S);
	}
	timerfd_settime(e->delay_timer.fd, 0, &spec, NULL);
}

/* In the order of their times, however late. A due() may add others, or take any away. */
static void run_due(struct engine *e, uint64_t now_ns)
{
	struct engine_delay *d;

	while ((d = soonest_or_null(e)) != NULL && d->at_ns <= now_ns) {
		list_remove(&d->link);
		d->due(e, d);
	}
}

static void timer_fired(struct engine *e, struct main_watch *watch, uint32_t events unused_arg)
{
	uint64_t n;

	if (read(watch->fd, &n, sizeof(n)) < 0)
		return;
	run_due(e, clock_now_ns(e->clock));
	wind_up(e);
}

void engine_delay(struct engine *e, struct engine_delay *d, unsigned ms,
		  void (*due)(struct engine *e, struct engine_delay *d))
{
	d->due = due;
	if (!e->running) {
		due(e, d);
		return;
	}
	d->at_ns = clock_now_ns(e->clock) + ms * (uint64_t)NS_PER_MS;
	list_push(&e->delays, &d->link);
	wind_up(e);
}

int engine_delays_init(struct engine *e)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0)
		return err_of_errno(errno);
	e->delay_timer = (struct main_watch){ fd, timer_fired };
	return engine_watch_main(e, &e->delay_timer, EPOLLIN);
}

void engine_delays_deinit(struct engine *e)
{
	run_due(e, UINT64_MAX);
	if (e->delay_timer.fd >= 0)
		close(e->delay_timer.fd);
}
