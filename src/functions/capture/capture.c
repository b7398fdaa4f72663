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
	packet_filter_free(c->filter);
	sem_destroy(&c->begun);
	mailbox_deinit(&c->bell);
	free(c);
}

/* Begin or end to look. Ending cannot fail. */
static int set_looking(struct capture *c, bool on)
{
	struct engine *e = c->engine;
	bool both = !c->config.in && !c->config.out;
	uint32_t index;
	int err = 0;

	if (!c->interface)
		return graph_set_tap(e, c->config.node, on ? &c->tap : NULL);
	index = c->interface->index;

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
	if (!err && c->config.filter)
		err = packet_filter_new(c->config.filter, &c->filter, why, why_bytes);
	c->config.filter = NULL; /* was borrowed */
	return err;
}

static bool is_captured(const struct captures *all, const struct capture_config *config)
{
	list_for_each(link, &all->all) {
		const struct capture *c = container_of(link, struct capture, link);

		if (c->interface == config->interface &&
		    (c->interface || c->config.node == config->node))
			return true;
	}
	return false;
}

static struct capture *new_or_null(struct engine *e, const struct capture_config *config)
{
	size_t size = sizeof(struct capture) + e->n_workers * sizeof(struct record_ring);
	struct capture *c = aligned_alloc(64, (size + 63) / 64 * 64);

	if (!c)
		return NULL;
	memset(c, 0, size);
	list_init(&c->link);
	c->engine = e;
	c->interface = config->interface;
	c->config = *config;
	c->tap.seen = capture_seen;
	sem_init(&c->begun, 0, 0);
	snprintf(c->name, sizeof(c->name), "%s",
		 c->interface ? c->interface->name : e->graph.entry[config->node].name);
	if (c->config.snap_bytes == 0 || c->config.snap_bytes > CAPTURE_SNAP_MAX)
		c->config.snap_bytes = CAPTURE_SNAP_MAX;
	c->wall_offset_ns = clock_wall_ns() - clock_now_ns(e->clock);
	c->end_mail.deliver = deliver_end;
	c->free_mail.deliver = deliver_free;
	return c;
}

/* Nothing is seen before all of it is there. */
static int begin(struct capture *c)
{
	int err = 0;

	if (pthread_create(&c->writer, NULL, capture_write_loop, c) != 0)
		return ERR_NOMEM;
	if (c->interface)
		rcu_publish(captures_of(c->engine)->by_interface[c->interface->index], c);
	err = set_looking(c, true);
	c->looking = err == 0;
	sem_post(&c->begun);
	if (err == 0) {
		list_push(&captures_of(c->engine)->all, &c->link);
		return 0;
	}
	pthread_join(c->writer, NULL);
	if (c->interface)
		rcu_publish(captures_of(c->engine)->by_interface[c->interface->index], NULL);
	return err;
}

int capture_start(struct engine *e, const struct capture_config *config, struct capture **out,
		  char *why, size_t why_bytes)
{
	struct capture *c;
	int err;

	snprintf(why, why_bytes, "cannot capture");
	if (!config->interface && e->graph.entry[config->node].type->kind == NODE_INPUT) {
		snprintf(why, why_bytes, "%s is an input: nothing enters it; capture the interface",
			 e->graph.entry[config->node].name);
		return ERR_INVAL;
	}
	c = new_or_null(e, config);
	if (!c)
		return ERR_NOMEM;
	if (is_captured(captures_of(e), config)) {
		snprintf(why, why_bytes, "%s is being captured already", c->name);
		free(c);
		return ERR_BUSY;
	}
	err = prepare(c, why, why_bytes);
	if (err == 0)
		err = begin(c);
	if (err) {
		free_capture(c);
		return err;
	}
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

	list_remove(&c->link);
	if (c->interface)
		rcu_publish(captures_of(e)->by_interface[c->interface->index], NULL);
	(void)!set_looking(c, false);
	__atomic_store_n(&c->ended, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	mailbox_ring(&c->bell);
	pthread_join(c->writer, NULL);
	close(c->config.fd);
	*stats = c->stats;
	for (uint32_t i = 0; i < e->n_workers; i++)
		stats->n_lost += c->n_lost[i];
	if (engine_on_each(e, nothing, quiesced, c) < 0)
		log_error("capture.stop", "of=%s error=kept for want of memory", c->name);
}

/* Whoever is told that it is over calls capture_stop(). */
static void end(struct capture *c)
{
	c->config.ended(c->config.context);
}

static void interface_changed(struct interface_listener *l, struct interface *i,
			      enum interface_event event)
{
	struct captures *all = container_of(l, struct captures, listener);

	if (event != INTERFACE_REMOVED)
		return;
	list_for_each(link, &all->all) {
		struct capture *c = container_of(link, struct capture, link);

		if (c->interface == i || (!c->interface && c->config.node == i->tx_node))
			end(c);
	}
}

int capture_init(struct engine *e)
{
	struct captures *all = calloc(1, sizeof(*all));

	if (!all)
		return ERR_NOMEM;
	list_init(&all->all);
	all->listener.changed = interface_changed;
	interface_listen(e, &all->listener);
	e->module[MODULE_CAPTURE] = all;
	return 0;
}

void capture_deinit(struct engine *e)
{
	struct captures *all = captures_of(e);

	list_for_each(link, &all->all)
		end(container_of(link, struct capture, link));
	interface_unlisten(&all->listener);
	free(all);
	e->module[MODULE_CAPTURE] = NULL;
}
