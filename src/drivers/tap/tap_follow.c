/*
 * tap_follow.c - the kernel's end of a tap is ours: deleted, it is made again, as it was at first.
 * Whoever keeps it from that (its name is taken, its namespace is gone) only has to stop.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/tap/tap_private.h"

enum { PAUSE_MS = 500, WHY_MAX = 256 };

static void try_later(const struct tap *t)
{
	const struct itimerspec when = { .it_value.tv_nsec = PAUSE_MS * (long)NS_PER_MS };

	if (timerfd_settime(t->again.fd, 0, &when, NULL) < 0)
		log_error("tap.timer", "name=%s errno=%d", t->interface->name, errno);
}

static void detach(struct worker *w, void *arg)
{
	tap_detach(w, ((struct tap *)arg)->interface);
}

static void left(struct engine *e unused_arg, void *arg)
{
	struct tap *t = arg;

	tap_close_queues(t); /* no worker uses them any more */
	t->state = TAP_GONE;
	if (!t->closing)
		try_later(t);
}

void tap_lost(struct tap *t)
{
	if (t->state != TAP_THERE || t->closing)
		return;
	log_warn("tap.gone", "name=%s device=%s", t->interface->name, t->host_name);
	interface_set_link(t->interface, false);
	for (uint32_t q = 0; q < t->n_queues; q++)
		__atomic_store_n(&t->queue[q].tx_fd, -1, __ATOMIC_RELAXED);
	t->state = TAP_LEAVING;
	engine_errand_run(t->errand, detach, left, t);
}

static void attach(struct worker *w, void *arg)
{
	tap_attach(w, ((struct tap *)arg)->interface);
}

static void came(struct engine *e unused_arg, void *arg)
{
	struct tap *t = arg;

	t->state = TAP_THERE;
	if (t->closing)
		return;
	log_info("tap.back", "name=%s device=%s", t->interface->name, t->host_name);
	interface_set_link(t->interface, true);
}

static void make_again(struct tap *t)
{
	char why[WHY_MAX] = "";
	int fds[TAP_QUEUES_MAX];
	int err;

	t->config.mtu_bytes = t->interface->mtu_bytes;
	err = tap_host_open(&t->config, fds, t->n_queues, t->host_name, why, sizeof(why));
	if (err == 0) {
		tap_use(t, fds);
		t->state = TAP_COMING;
		engine_errand_run(t->errand, attach, came, t);
	} else {
		if (!t->failed)
			log_warn("tap.open", "name=%s device=%s error=\"%s\"", t->interface->name,
				 t->host_name, why);
		try_later(t);
	}
	t->failed = err != 0;
}

static void fired(struct engine *e unused_arg, struct main_watch *watch, uint32_t events unused_arg)
{
	struct tap *t = container_of(watch, struct tap, again);
	uint64_t n;

	if (read(watch->fd, &n, sizeof(n)) < 0)
		return;
	if (t->state == TAP_GONE)
		make_again(t);
}

int tap_follow(struct tap *t)
{
	int fd, err;

	t->errand = engine_errand_new_or_null(t->interface->engine);
	if (!t->errand)
		return ERR_NOMEM;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		return err_of_errno(errno);
	t->again = (struct main_watch){ .fd = fd, .fired = fired };
	err = engine_watch_main(t->interface->engine, &t->again, EPOLLIN);
	if (err) {
		close(fd);
		t->again.fd = -1;
	}
	return err;
}

void tap_unfollow(struct tap *t)
{
	t->closing = true;
	if (t->again.fd < 0)
		return;
	engine_unwatch_main(t->interface->engine, &t->again);
	close(t->again.fd);
	t->again.fd = -1;
}
