/*
 * dpdk.c - ethdevs of DPDK as interfaces: configuration, creation, placement on workers.
 *
 *   device ── rx burst ──> dpdk-input ──> arc device-input
 *   interface-output ──> NAME-tx ── tx burst ──> device
 *
 * DPDK itself is behind dpdk_module.h.
 */
#include "drivers/dpdk/dpdk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/dpdk/dpdk_private.h"

static int set_up(struct interface *i, bool up)
{
	struct dpdk *d = i->device;

	if (up && d->port)
		d->module->set_link_up(d->port);
	return 0;
}

static int set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room)
{
	struct dpdk *d = i->device;
	int err = d->port ? d->module->set_mtu(d->port, mtu_bytes, why, room) : 0;

	if (err == 0)
		d->config.mtu_bytes = mtu_bytes; /* also when it comes back */
	return err;
}

static void detach_interface(struct worker *w, struct interface *i)
{
	dpdk_detach(w, i->device);
}

static void close_interface(struct interface *i)
{
	dpdk_unfollow(i->device);
}

static void free_device(struct dpdk *d)
{
	if (d->port)
		d->module->close(d->port);
	close(d->watch.fd); /* a thread of the port's may have been about to set it */
	if (d->mbufs)
		d->module->put_mbufs(d->mbufs);
	free(d->queue);
	free(d);
}

static void free_interface(struct interface *i)
{
	free_device(i->device);
}

static void describe_offloads(const struct dpdk *d, struct writer *out)
{
	static const struct {
		uint32_t cap;
		const char *name;
	} names[] = { { CAP_RX_CSUM, " rx-checksum" },
		      { CAP_CSUM, " tx-checksum" },
		      { CAP_TSO, " tx-segments" } };

	put_format(out, "offloads");
	for (unsigned i = 0; i < count_of(names); i++)
		if (d->info.caps & names[i].cap)
			put_format(out, "%s", names[i].name);
	put_format(out, "%s%s\n", d->info.chains ? " tx-chains" : "",
		   d->info.scatter ? " rx-scatter" : "");
}

static const char *wake_of(const struct dpdk *d)
{
	return d->queue[0].can_arm	   ? "interrupt"
	       : d->queue[0].input.fd >= 0 ? "descriptor"
					   : "poll";
}

static void describe(const struct interface *i, struct writer *out)
{
	static const char *const phases[] = {
		[DPDK_GONE] = "gone",
		[DPDK_ATTACHING] = "coming",
		[DPDK_ATTACHED] = "there",
		[DPDK_DETACHING] = "going",
	};
	struct dpdk *d = i->device;

	if (d->phase == DPDK_ATTACHED)
		dpdk_look(d);
	put_format(out, "device %s\nstate %s\npmd %s\nversion %s\n", d->device, phases[d->phase],
		   d->info.driver, d->module->version);
	put_format(out,
		   "rx-queues %u\ntx-queues %u\nrx-descriptors %u\ntx-descriptors %u\nrss %s\n",
		   d->info.n_rx_queues, d->info.n_tx_queues, d->info.n_rx_descriptors,
		   d->info.n_tx_descriptors, d->info.rss ? "yes" : "no");
	describe_offloads(d, out);
	put_format(out, "wake %s\npromiscuous %s\n", wake_of(d),
		   d->info.promiscuous ? "yes" : "no");
	if (d->state.speed_mbps)
		put_format(out, "speed-mbps %u\nduplex %s\n", d->state.speed_mbps,
			   d->state.full_duplex ? "full" : "half");
	put_format(out, "missed %" PRIu64 "\nrx-bad %" PRIu64 "\ntx-failed %" PRIu64 "\n",
		   d->lost[DPDK_MISSED], d->lost[DPDK_BAD], d->state.n_tx_failed);
}

static const struct interface_driver dpdk_driver = {
	.name = "dpdk",
	.tx = &dpdk_tx_node,
	.set_up = set_up,
	.set_mtu = set_mtu,
	.detach = detach_interface,
	.close = close_interface,
	.free = free_interface,
	.describe = describe,
};

static int check(const struct dpdk_config *c, char *why, size_t why_bytes)
{
	if (strlen(c->device) >= DPDK_DEVICE_MAX) {
		snprintf(why, why_bytes, "a device's name and arguments have at most %d characters",
			 DPDK_DEVICE_MAX - 1);
		return ERR_INVAL;
	}
	if (c->n_queues <= DPDK_QUEUES_MAX &&
	    (c->n_descriptors == 0 || (c->n_descriptors >= DPDK_DESCRIPTORS_MIN &&
				       c->n_descriptors <= DPDK_DESCRIPTORS_MAX)))
		return 0;
	snprintf(why, why_bytes, "queues are 1 … %d, descriptors %d … %d", DPDK_QUEUES_MAX,
		 DPDK_DESCRIPTORS_MIN, DPDK_DESCRIPTORS_MAX);
	return ERR_INVAL;
}

static struct dpdk *make_or_null(struct engine *e, const struct dpdk_config *config,
				 const struct dpdk_module *module)
{
	struct dpdk *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->module = module;
	d->engine = e;
	d->watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (d->watch.fd < 0) {
		free(d);
		return NULL;
	}
	d->config = *config;
	d->has_mac = config->mac != NULL;
	if (config->mac)
		memcpy(d->mac, config->mac, MAC_LEN);
	snprintf(d->device, sizeof(d->device), "%s", config->device);
	d->config.device = d->device;
	return d;
}

static int make_queues(struct dpdk *d)
{
	d->n_queues = d->info.n_rx_queues;
	d->n_tx_queues = d->info.n_tx_queues;
	d->chains = d->info.chains;
	d->queue = calloc(d->n_queues, sizeof(*d->queue));
	if (!d->queue)
		return ERR_NOMEM;
	for (uint32_t q = 0; q < d->n_queues; q++) {
		d->queue[q].owner = d;
		d->queue[q].index = q;
		dpdk_init_queue(d->engine, &d->queue[q]);
	}
	return 0;
}

static int add_interface(struct dpdk *d, const char *name)
{
	const struct interface_params params = {
		.name = name,
		.mac = d->mac,
		.mtu_bytes = d->info.mtu_bytes,
		.caps = d->info.caps,
		.n_queues = d->n_queues,
		.driver = &dpdk_driver,
		.device = d,
	};

	return interface_add(d->engine, &params, &d->interface);
}

/* The environment, the engine's buffers and the device. */
static int open_all(struct dpdk *d, const struct dpdk_settings *settings, char *why,
		    size_t why_bytes)
{
	int err = d->module->start(&dpdk_host, settings->eal, settings->n_eal, why, why_bytes);

	if (err == 0)
		err = d->module->get_mbufs(&d->engine->bufs, &d->mbufs, why, why_bytes);
	if (err == 0)
		err = dpdk_open(d, why, why_bytes);
	return err ? err : make_queues(d);
}

int dpdk_create_on(const struct dpdk_module *module, struct engine *e,
		   const struct dpdk_config *config, const struct dpdk_settings *settings,
		   struct interface **out, char *why, size_t why_bytes)
{
	struct dpdk *d = make_or_null(e, config, module);
	int err;

	if (!d)
		return ERR_NOMEM;
	err = open_all(d, settings, why, why_bytes);
	if (err)
		goto fail;
	err = add_interface(d, config->name);
	if (err) {
		snprintf(why, why_bytes, "cannot add interface %s: %s", config->name,
			 err_text(err));
		goto fail;
	}
	*out = d->interface;
	err = dpdk_follow(d);
	if (err)
		interface_remove(d->interface); /* frees @d, soon */
	return err;

fail:
	free_device(d);
	return err;
}

int dpdk_create(struct engine *e, const struct dpdk_config *config,
		const struct dpdk_settings *settings, struct interface **out, char *why,
		size_t why_bytes)
{
	int err = check(config, why, why_bytes);
	const struct dpdk_module *module;

	if (err)
		return err;
	module = dpdk_load_or_null(why, why_bytes);
	if (!module)
		return ERR_UNSUPPORTED;
	return dpdk_create_on(module, e, config, settings, out, why, why_bytes);
}
