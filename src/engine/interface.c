/* interface.c - the table of interfaces, and what happens when one comes, changes or goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine.h"

struct interface *interface_get_or_null(const struct engine *e, uint32_t index)
{
	return index < INTERFACES_MAX ? rcu_load(e->interfaces.slot[index]) : NULL;
}

struct interface *interface_by_name_or_null(const struct engine *e, const char *name)
{
	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		struct interface *i = e->interfaces.slot[index];

		if (i && strcmp(i->name, name) == 0)
			return i;
	}
	return NULL;
}

static void tell(struct interface *i, enum interface_event event)
{
	list_for_each(link, &i->engine->interfaces.listeners) {
		struct interface_listener *l = container_of(link, struct interface_listener, link);

		l->changed(l, i, event);
	}
}

static int check_name(const struct engine *e, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= INTERFACE_NAME_MAX)
		return ERR_INVAL;
	for (size_t at = 0; at < len; at++)
		if (name[at] <= ' ' || name[at] > '~')
			return ERR_INVAL;
	return interface_by_name_or_null(e, name) ? ERR_EXIST : 0;
}

static uint32_t free_index(const struct engine *e)
{
	uint32_t index = 1;

	while (index < INTERFACES_MAX && (e->interfaces.slot[index] || e->interfaces.going[index]))
		index++;
	return index;
}

/* What the device cannot do is done before it. Without "gro" there is only more work. */
static int make_up_for_caps(struct engine *e, const struct interface *i)
{
	bool offload = (i->caps & (CAP_CSUM | CAP_TSO)) != (CAP_CSUM | CAP_TSO);
	int err = feature_enable(e, ARC_DEVICE_INPUT, "gro", i->index, !(i->caps & CAP_LRO));

	if (err && err != ERR_NOENT)
		return err;
	err = feature_enable(e, ARC_INTERFACE_OUTPUT, "offload", i->index, offload);
	return offload ? err : 0;
}

static int settle_caps(struct interface *i)
{
	__atomic_store_n(&i->caps, i->device_caps & ~i->denied_caps, __ATOMIC_RELAXED);
	return make_up_for_caps(i->engine, i);
}

int interface_set_caps(struct interface *i, uint32_t caps)
{
	i->device_caps = caps;
	return settle_caps(i);
}

int interface_deny_caps(struct interface *i, uint32_t caps)
{
	i->denied_caps = caps;
	return settle_caps(i);
}

static void attach(struct worker *w, void *arg)
{
	struct interface *i = arg;

	i->driver->attach(w, i);
}

static void clear_features(struct engine *e, uint32_t index)
{
	for (unsigned arc = 0; arc < N_ARCS; arc++)
		__atomic_store_n(&e->features.arc[arc].enabled[index], 0, __ATOMIC_RELAXED);
}

static void clear_counters(struct engine *e, uint32_t index)
{
	for (uint32_t w = 0; w < e->n_workers; w++)
		memset(&e->worker[w]->if_counters[index], 0, sizeof(struct if_counters));
}

static int add_tx_node(struct engine *e, struct interface *i)
{
	char name[NODE_NAME_MAX];
	int id;

	snprintf(name, sizeof(name), "%s-tx", i->name);
	id = graph_add_instance(e, i->driver->tx, name, i);
	if (id < 0)
		return id;
	i->tx_node = (uint16_t)id;
	return 0;
}

static void fill(struct interface *i, struct engine *e, const struct interface_params *params)
{
	i->engine = e;
	strcpy(i->name, params->name);
	i->mtu_bytes = params->mtu_bytes;
	i->caps = i->device_caps = params->caps;
	i->n_queues = params->n_queues;
	i->driver = params->driver;
	i->device = params->device;
	if (params->mac) {
		memcpy(i->mac, params->mac, MAC_LEN);
	} else {
		random_secret(i->mac, MAC_LEN);
		i->mac[0] =
			(uint8_t)((i->mac[0] & 0xfc) | 0x02); /* unicast, locally administered */
	}
}

int interface_add(struct engine *e, const struct interface_params *params, struct interface **out)
{
	uint32_t index = free_index(e);
	int err = check_name(e, params->name);
	struct interface *i;

	if (err)
		return err;
	if (index == INTERFACES_MAX)
		return ERR_FULL;
	i = calloc(1, sizeof(*i));
	if (!i)
		return ERR_NOMEM;
	fill(i, e, params);
	i->index = index;
	err = add_tx_node(e, i);
	if (err)
		goto no_node;
	clear_counters(e, index);
	err = make_up_for_caps(e, i);
	if (err)
		goto no_caps;
	rcu_publish(e->interfaces.slot[index], i);
	*out = i;
	if (i->driver->attach)
		err = engine_on_each(e, attach, NULL, i);
	if (err)
		goto not_attached;
	log_info("interface.added", "name=%s index=%u driver=%s", i->name, index, i->driver->name);
	tell(i, INTERFACE_ADDED);
	return 0;

not_attached: /* no worker has been told, and nobody else knows the index yet */
	rcu_publish(e->interfaces.slot[index], NULL);
	clear_features(e, index);
no_caps:
	graph_remove_instance(e, i->tx_node);
no_node:
	free(i);
	return err;
}

static void detach(struct worker *w, void *arg)
{
	struct interface *i = arg;

	if (i->driver->detach)
		i->driver->detach(w, i);
}

/* Every worker has begun a turn since the interface was unpublished: it is unknown to all. */
static void detached(struct engine *e, void *arg)
{
	struct interface *i = arg;

	graph_remove_instance(e, i->tx_node);
	e->interfaces.going[i->index] = false;
	i->driver->free(i);
	free(i);
}

int interface_remove(struct interface *i)
{
	struct engine *e = i->engine;

	tell(i, INTERFACE_REMOVED);
	if (i->driver->close)
		i->driver->close(i);
	e->interfaces.going[i->index] = true;
	rcu_publish(e->interfaces.slot[i->index], NULL);
	clear_features(e, i->index);
	log_info("interface.removed", "name=%s index=%u", i->name, i->index);
	return engine_on_each(e, detach, detached, i);
}

int interface_set_up(struct interface *i, bool up)
{
	int err;

	if (i->up == up)
		return 0;
	if (i->driver->set_up) {
		err = i->driver->set_up(i, up);
		if (err)
			return err;
	}
	__atomic_store_n(&i->up, up, __ATOMIC_RELEASE);
	tell(i, up ? INTERFACE_UP : INTERFACE_DOWN);
	return 0;
}

void interface_set_link(struct interface *i, bool link)
{
	if (i->link == link)
		return;
	__atomic_store_n(&i->link, link, __ATOMIC_RELEASE);
	log_info("interface.link", "name=%s link=%s", i->name, link ? "up" : "down");
}

void interface_listen(struct engine *e, struct interface_listener *l)
{
	list_push(&e->interfaces.listeners, &l->link);
}

void interface_unlisten(struct interface_listener *l)
{
	list_remove(&l->link);
}

void interface_set_busy(struct interface *i, bool busy)
{
	if (i->busy == busy)
		return;
	__atomic_store_n(&i->busy, busy, __ATOMIC_RELAXED);
	if (!busy)
		__atomic_fetch_add(&i->engine->n_relieved, 1, __ATOMIC_RELEASE);
}

struct if_counters interface_counters(const struct interface *i)
{
	struct if_counters sum = { 0 };

	for (uint32_t w = 0; w < i->engine->n_workers; w++) {
		const struct if_counters *c = &i->engine->worker[w]->if_counters[i->index];

		sum.rx_packets += c->rx_packets;
		sum.rx_bytes += c->rx_bytes;
		sum.rx_drops += c->rx_drops;
		sum.tx_packets += c->tx_packets;
		sum.tx_bytes += c->tx_bytes;
		sum.tx_drops += c->tx_drops;
	}
	return sum;
}

void interface_receive(struct worker *w, struct node *node, struct frame *f, struct interface *i,
		       uint64_t n_bytes)
{
	struct if_counters *c = &w->if_counters[i->index];
	bool features = feature_any(w, ARC_DEVICE_INPUT, i->index);
	uint16_t next[FRAME_MAX];

	if (f->n == 0)
		return;
	if (unlikely(!__atomic_load_n(&i->up, __ATOMIC_RELAXED))) {
		c->rx_drops += f->n;
		buf_free(&w->bufs, f->idx, f->n);
		return;
	}
	c->rx_packets += f->n;
	c->rx_bytes += n_bytes;
	for (unsigned at = 0; at < f->n; at++) {
		struct buf *b = buf_at(f->base, f->idx[at]);

		b->rx_if = i->index;
		b->rx_ns = w->now_ns;
		if (unlikely(features))
			next[at] = feature_from(w, b, ARC_DEVICE_INPUT, 0);
	}
	if (unlikely(features))
		node_send(w, node, f, next);
	else
		node_send_all(w, node, f, next_node(w->features->arc[ARC_DEVICE_INPUT].end));
}
