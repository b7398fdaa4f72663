/*
 * dpdk_follow.c - a device while it is open: link, losses, going and coming back.
 *
 *           open()                all workers have it             removed, or its kernel device is
 *   GONE ──────────> ATTACHING ───────────────────> ATTACHED ──────────────────> DETACHING
 *     ^               dpdk_attach() on each worker               dpdk_detach() on each │
 *     └─────────────────────────────────── close() <─────────────────────────────────────┘
 *
 * All of it is main's. A timer brings main here: once a second while there is a link, five times
 * without; the device's own word (a link interrupt) sets it to now.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/dpdk/dpdk_private.h"

enum { LOOK_MS = 1000, LOOK_WITHOUT_LINK_MS = 200 };

static void look_in(const struct dpdk *d, unsigned ms)
{
	const struct itimerspec when = {
		.it_value = { .tv_sec = ms / 1000,
			      .tv_nsec = ms ? (long)(ms % 1000) * (long)NS_PER_MS : 1 }
	};

	if (timerfd_settime(d->watch.fd, 0, &when, NULL) < 0)
		log_error("dpdk.timer", "device=%s errno=%d", d->device, errno);
}

/* On a thread of DPDK's: the timer fires at once. */
static void changed(void *context)
{
	look_in(context, 0);
}

int dpdk_open(struct dpdk *d, char *why, size_t why_bytes)
{
	const struct dpdk_wanted wanted = {
		.device = d->device,
		.mac = d->has_mac || d->interface ? d->mac : NULL, /* it keeps its address */
		.mtu_bytes = d->config.mtu_bytes,
		.n_rx_queues = d->n_queues ? d->n_queues : d->config.n_queues,
		.n_workers = d->engine->n_workers,
		.n_descriptors = d->config.n_descriptors,
		.promiscuous = d->config.promiscuous,
		.no_offload = d->config.no_offload,
		.changed = changed,
		.context = d,
	};
	int err = d->module->open(d->mbufs, &wanted, &d->port, &d->info, why, why_bytes);

	if (err)
		return err;
	memset(&d->state, 0, sizeof(d->state));
	memcpy(d->lost_before, d->lost, sizeof(d->lost));
	if (!d->has_mac && !d->interface)
		memcpy(d->mac, d->info.mac, MAC_LEN);
	return 0;
}

static void add_lost(struct dpdk *d, unsigned which, uint64_t n)
{
	__atomic_store_n(&d->lost[which], d->lost_before[which] + n, __ATOMIC_RELAXED);
}

void dpdk_look(struct dpdk *d)
{
	d->module->look(d->port, &d->state);
	if (!d->state.present)
		return;
	add_lost(d, DPDK_MISSED, d->state.n_missed);
	add_lost(d, DPDK_BAD, d->state.n_rx_bad);
}

static void attach(struct worker *w, void *arg)
{
	dpdk_attach(w, arg);
}

static void attached(struct engine *e unused_arg, void *arg)
{
	struct dpdk *d = arg;

	d->phase = DPDK_ATTACHED;
	if (!d->closing)
		look_in(d, 0);
}

static int start_attaching(struct dpdk *d)
{
	int err;

	d->phase = DPDK_ATTACHING;
	err = engine_on_each(d->engine, attach, attached, d);
	if (err)
		d->phase = DPDK_ATTACHED; /* open, though nobody has it */
	return err;
}

static void detach(struct worker *w, void *arg)
{
	dpdk_detach(w, arg);
}

static void detached(struct engine *e unused_arg, void *arg)
{
	struct dpdk *d = arg;

	d->module->close(d->port);
	d->port = NULL;
	d->phase = DPDK_GONE;
	if (!d->closing)
		look_in(d, LOOK_WITHOUT_LINK_MS);
}

static void lose(struct dpdk *d)
{
	log_warn("dpdk.gone", "name=%s device=%s", d->interface->name, d->device);
	interface_set_link(d->interface, false);
	d->phase = DPDK_DETACHING;
	if (engine_on_each(d->engine, detach, detached, d) < 0)
		d->phase = DPDK_ATTACHED; /* the next look finds it gone again */
}

/* It is a device of the same kind only if the interface can go on as it is. */
static bool fits(const struct dpdk *d)
{
	return d->info.n_rx_queues == d->n_queues && d->info.n_tx_queues == d->n_tx_queues &&
	       d->info.chains == d->chains &&
	       (d->info.caps & d->interface->device_caps) == d->interface->device_caps;
}

static void reopen(struct dpdk *d)
{
	char why[DPDK_WHY_MAX] = "";
	int err = dpdk_open(d, why, sizeof(why));

	if (err == 0 && !fits(d)) {
		d->module->close(d->port);
		d->port = NULL;
		snprintf(why, sizeof(why), "the device that has its place now is a lesser one");
		err = ERR_UNSUPPORTED;
	}
	if (err == 0) {
		log_info("dpdk.back", "name=%s device=%s", d->interface->name, d->device);
		if (d->interface->up)
			d->module->set_link_up(d->port);
		err = start_attaching(d);
	} else if (!d->failed) {
		log_warn("dpdk.open", "name=%s device=%s error=\"%s\"", d->interface->name,
			 d->device, why[0] ? why : err_text(err));
	}
	d->failed = err != 0;
}

static void look(struct dpdk *d)
{
	if (d->phase == DPDK_GONE)
		reopen(d);
	if (d->phase != DPDK_ATTACHED)
		return;
	dpdk_look(d);
	if (d->state.present)
		interface_set_link(d->interface, d->state.link);
	else
		lose(d);
}

static void fired(struct engine *e unused_arg, struct main_watch *watch, uint32_t events unused_arg)
{
	struct dpdk *d = container_of(watch, struct dpdk, watch);
	uint64_t n;

	if (read(watch->fd, &n, sizeof(n)) < 0)
		return;
	look_in(d, d->phase == DPDK_ATTACHED && d->state.link ? LOOK_MS : LOOK_WITHOUT_LINK_MS);
	look(d);
}

int dpdk_follow(struct dpdk *d)
{
	int err;

	d->watch.fired = fired;
	err = engine_watch_main(d->engine, &d->watch, EPOLLIN);
	d->followed = err == 0;
	return err ? err : start_attaching(d);
}

void dpdk_unfollow(struct dpdk *d)
{
	d->closing = true;
	if (d->followed)
		engine_unwatch_main(d->engine, &d->watch);
}
