/*
 * capture.c - starting and stopping captures.
 *
 * A capture is published for its interface, its features enabled. To end it: unpublish, have every
 * worker begin a turn (they may hold the pointer until then), stop the writer, free.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "functions/capture/capture_private.h"

static struct captures *captures_of(struct engine *e)
{
	return e->module[MODULE_CAPTURE];
}

static void free_capture(struct capture *c)
{
	for (uint32_t i = 0; i < c->engine->n_workers; i++)
		record_ring_deinit(&c->ring[i]);
	if (c->filtered)
		pcap_freecode(&c->filter);
	mailbox_deinit(&c->bell);
	free(c);
}

static int compile_filter(struct capture *c, char *why, size_t why_bytes)
{
	pcap_t *dead;
	int result;

	if (!c->config.filter)
		return 0;
	dead = pcap_open_dead(DLT_EN10MB, (int)c->config.snap_bytes);
	if (!dead)
		return ERR_NOMEM;
	result = pcap_compile(dead, &c->filter, c->config.filter, 1, PCAP_NETMASK_UNKNOWN);
	if (result < 0)
		snprintf(why, why_bytes, "filter \"%s\": %s", c->config.filter, pcap_geterr(dead));
	c->filtered = result == 0;
	pcap_close(dead);
	return result < 0 ? ERR_FORMAT : 0;
}

/* Switching off what was on cannot fail. */
static int set_features(struct capture *c, bool on)
{
	struct engine *e = c->engine;
	uint32_t index = c->interface->index;
	bool both = !c->config.in && !c->config.out;
	int err = 0;

	if (c->config.in || both)
		err = feature_enable(e, ARC_DEVICE_INPUT, "capture-in", index, on);
	if (!err && (c->config.out || both))
		err = feature_enable(e, ARC_INTERFACE_OUTPUT, "capture-out", index, on);
	return err;
}

/* The writer has ended by itself. capture_stop() may have come first; then it is old news. */
static void deliver_end(void *consumer, struct mail *mail)
{
	struct capture *c = container_of(mail, struct capture, end_mail);

	(void)consumer;
	if (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED))
		c->config.ended(c->config.context);
}

/* Main's mail is delivered in the order in which it was posted: after the writer's. */
static void deliver_free(void *consumer, struct mail *mail)
{
	(void)consumer;
	free_capture(container_of(mail, struct capture, free_mail));
}

static int prepare(struct capture *c, char *why, size_t why_bytes)
{
	int err = mailbox_init(&c->bell);

	if (err) {
		c->bell.wake_fd = -1;
		return err;
	}
	for (uint32_t i = 0; i < c->engine->n_workers && !err; i++)
		err = record_ring_init(&c->ring[i], CAPTURE_RING_BYTES);
	if (!err)
		err = compile_filter(c, why, why_bytes);
	c->config.filter = NULL; /* was borrowed */
	return err ? err : set_features(c, true);
}

int capture_start(struct engine *e, const struct capture_config *config, struct capture **out,
		  char *why, size_t why_bytes)
{
	struct captures *all = captures_of(e);
	uint32_t index = config->interface->index;
	struct capture *c;
	int err;

	snprintf(why, why_bytes, "cannot capture");
	if (all->by_interface[index]) {
		snprintf(why, why_bytes, "%s is being captured already", config->interface->name);
		return ERR_BUSY;
	}
	c = aligned_alloc(64, (sizeof(*c) + e->n_workers * sizeof(c->ring[0]) + 63) / 64 * 64);
	if (!c)
		return ERR_NOMEM;
	memset(c, 0, sizeof(*c) + e->n_workers * sizeof(c->ring[0]));
	c->engine = e;
	c->interface = config->interface;
	c->config = *config;
	if (c->config.snap_bytes == 0 || c->config.snap_bytes > CAPTURE_SNAP_MAX)
		c->config.snap_bytes = CAPTURE_SNAP_MAX;
	c->wall_offset_ns = clock_wall_ns() - clock_now_ns(e->clock);
	c->end_mail.deliver = deliver_end;
	c->free_mail.deliver = deliver_free;
	err = prepare(c, why, why_bytes);
	if (err) {
		free_capture(c);
		return err;
	}
	if (pthread_create(&c->writer, NULL, capture_write_loop, c) != 0) {
		(void)!set_features(c, false);
		free_capture(c);
		return ERR_NOMEM;
	}
	rcu_publish(all->by_interface[index], c);
	*out = c;
	return 0;
}

static void nothing(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

static void quiesced(struct engine *e, void *arg)
{
	struct capture *c = arg;

	engine_post_main(e, &c->free_mail);
}

void capture_stop(struct capture *c, struct capture_stats *stats)
{
	struct engine *e = c->engine;

	rcu_publish(captures_of(e)->by_interface[c->interface->index], NULL);
	set_features(c, false);
	__atomic_store_n(&c->ended, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	mailbox_ring(&c->bell);
	pthread_join(c->writer, NULL);
	close(c->config.fd);
	*stats = c->stats;
	for (uint32_t i = 0; i < e->n_workers; i++)
		stats->n_lost += c->n_lost[i];
	if (engine_on_each(e, nothing, quiesced, c) < 0)
		log_error("capture.stop", "interface=%s error=kept for want of memory",
			  c->interface->name);
}

static void interface_changed(struct interface_listener *l, struct interface *i,
			      enum interface_event event)
{
	struct captures *all = container_of(l, struct captures, listener);
	struct capture *c = all->by_interface[i->index];

	if (event == INTERFACE_REMOVED && c)
		c->config.ended(c->config.context);
}

int capture_init(struct engine *e)
{
	struct captures *all = calloc(1, sizeof(*all));

	if (!all)
		return ERR_NOMEM;
	all->listener.changed = interface_changed;
	interface_listen(e, &all->listener);
	e->module[MODULE_CAPTURE] = all;
	return 0;
}

void capture_deinit(struct engine *e)
{
	struct captures *all = captures_of(e);

	for (uint32_t index = 0; index < INTERFACES_MAX; index++)
		if (all->by_interface[index])
			all->by_interface[index]->config.ended(
				all->by_interface[index]->config.context);
	interface_unlisten(&all->listener);
	free(all);
	e->module[MODULE_CAPTURE] = NULL;
}
