/*
 * pcap_interface.c - capture files as an interface: creation, starting and stopping.
 *
 *   file ──> pcap-input ──> arc device-input        interface-output ──> NAME-tx ──> writer ──>
 * file
 *
 * Bringing it up plays the file from its beginning. The input is in its worker's list only while
 * there is something to play.
 */
#include "drivers/pcap/pcap_interface.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "drivers/pcap/pcap_private.h"

enum { MTU_DEFAULT = 1500 };

static void stop_playing(struct worker *w, struct pcap_interface *p)
{
	if (p->attached)
		worker_remove_input(w, &p->input);
	p->attached = false;
	timer_cancel(&w->wheel, &p->timer);
}

/* On each worker: follow the interface as it goes up or down. */
static void apply(struct worker *w, void *arg)
{
	struct pcap_interface *p = arg;

	if (w->index != p->worker)
		return;
	stop_playing(w, p);
	if (p->recording.n == 0 || !__atomic_load_n(&p->interface->up, __ATOMIC_ACQUIRE))
		return;
	p->player = (struct pcap_player){ .start_ns = w->now_ns };
	p->attached = worker_add_input(w, &p->input) == 0;
}

static void changed(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct pcap_interface *p = container_of(l, struct pcap_interface, listener);

	if (i != p->interface || (event != INTERFACE_UP && event != INTERFACE_DOWN))
		return;
	if (engine_on_each(i->engine, apply, NULL, p) < 0)
		log_error("pcap.change", "name=%s error=\"out of memory\"", i->name);
}

static void detach(struct worker *w, struct interface *i)
{
	struct pcap_interface *p = i->device;

	if (w->index == p->worker)
		stop_playing(w, p);
}

static void close_interface(struct interface *i)
{
	struct pcap_interface *p = i->device;

	interface_unlisten(&p->listener);
}

static void free_memory(struct pcap_interface *p)
{
	if (p->writer)
		pcap_writer_close(p->writer);
	pcap_recording_free(&p->recording);
	free((char *)p->config.read);
	free((char *)p->config.write);
	free(p);
}

static void free_interface(struct interface *i)
{
	free_memory(i->device);
}

static void describe(const struct interface *i, struct writer *out)
{
	const struct pcap_interface *p = i->device;
	bool failed;

	if (p->config.read)
		put_format(out, "read %s\npackets %u\nplayed %" PRIu64 "\nplays %" PRIu64 "\n",
			   p->config.read, p->recording.n,
			   __atomic_load_n(&p->n_played, __ATOMIC_RELAXED),
			   __atomic_load_n(&p->n_finished, __ATOMIC_RELAXED));
	if (p->writer) {
		put_format(out, "write %s\nwritten %" PRIu64 "\n", p->config.write,
			   pcap_writer_written(p->writer, &failed));
		if (failed)
			put_format(out, "write-failed yes\n");
	}
}

static const struct interface_driver pcap_driver = {
	.name = "pcap",
	.tx = &pcap_tx_node,
	.takes_shared = true,
	.detach = detach,
	.close = close_interface,
	.free = free_interface,
	.describe = describe,
};

static void woken(struct timer *t unused_arg, uint64_t now_ns unused_arg)
{
}

static char *copy_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int prepare(struct pcap_interface *p, struct engine *e, const struct pcap_config *c,
		   char *why, size_t why_bytes)
{
	int err = 0;

	p->config = *c;
	p->config.read = copy_or_null(c->read);
	p->config.write = copy_or_null(c->write);
	if ((c->read && !p->config.read) || (c->write && !p->config.write))
		return ERR_NOMEM;
	if (c->rate_pps && c->as_recorded) {
		snprintf(why, why_bytes, "either a rate or as_recorded, not both");
		return ERR_INVAL;
	}
	p->input = (struct input){ .kind = INPUT_POLLED,
				   .node = graph_node_id(&e->graph, pcap_input_node.name),
				   .fd = -1,
				   .before_sleep = pcap_input_sleep };
	timer_init(&p->timer, woken);
	p->listener.changed = changed;
	if (c->read)
		err = pcap_read(c->read, &p->recording, why, why_bytes);
	if (!err && c->write)
		err = pcap_writer_open(c->write, e->n_workers, &p->writer, why, why_bytes);
	return err;
}

int pcap_interface_create(struct engine *e, const struct pcap_config *config,
			  struct interface **out, char *why, size_t why_bytes)
{
	struct pcap_interface *p = calloc(1, sizeof(*p));
	const struct interface_params params = {
		.name = config->name,
		.mac = config->mac,
		.mtu_bytes = config->mtu_bytes ? config->mtu_bytes : MTU_DEFAULT,
		.caps = CAP_LRO, /* what is played arrives as it is; what is written is whole */
		.n_queues = 1,
		.driver = &pcap_driver,
		.device = p,
	};
	int err;

	if (!p)
		return ERR_NOMEM;
	err = prepare(p, e, config, why, why_bytes);
	if (!err)
		err = interface_add(e, &params, &p->interface);
	if (err) {
		if (!why[0])
			snprintf(why, why_bytes, "%s", err_text(err));
		free_memory(p);
		return err;
	}
	p->worker = p->interface->index % e->n_workers;
	interface_listen(e, &p->listener);
	interface_set_link(p->interface, true);
	*out = p->interface;
	return 0;
}
