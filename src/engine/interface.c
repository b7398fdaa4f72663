/* interface.c - the table of interfaces, and what happens when one comes, changes or goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/name.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/shortcut.h"

struct interface *interface_get_or_null(const struct engine *e, uint32_t index)
{
	return index < INTERFACES_MAX ? rcu_load(e->interfaces.slot[index]) : NULL;
}

static unsigned name_bucket(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return (h ^ h >> 16) % INTERFACE_NAME_BUCKETS;
}

struct interface *interface_by_name_or_null(const struct engine *e, const char *name)
{
	const struct list *bucket = &e->interfaces.by_name[name_bucket(name)];

	list_for_each(link, bucket) {
		struct interface *i = container_of(link, struct interface, name_link);

		if (strcmp(i->name, name) == 0)
			return i;
	}
	return NULL;
}

void interface_table_init(struct interface_table *t)
{
	t->first_free = 1;
	list_init(&t->listeners);
	list_init(&t->places);
	for (unsigned b = 0; b < INTERFACE_NAME_BUCKETS; b++)
		list_init(&t->by_name[b]);
}

/* For people: what happened to the link. */
static void publish(struct interface *i, enum interface_event event)
{
	static const char *const words[] = {
		[INTERFACE_ADDED] = "added",	 [INTERFACE_UP] = "enabled",
		[INTERFACE_DOWN] = "disabled",	 [INTERFACE_MTU] = "mtu",
		[INTERFACE_REMOVED] = "removed",
	};
	const char *what = event == INTERFACE_LINK ? i->link ? "up" : "down" : words[event];

	event_publish(i->engine, &(struct event){ EVENT_LINK, what, i->name, NULL });
}

static void tell(struct interface *i, enum interface_event event)
{
	shortcuts_doubt(i->engine);
	publish(i, event);
	list_for_each(link, &i->engine->interfaces.listeners) {
		struct interface_listener *l = container_of(link, struct interface_listener, link);

		l->changed(l, i, event);
	}
}

static int check_name(const struct engine *e, const char *name)
{
	if (!name_is_good(name, INTERFACE_NAME_MAX))
		return ERR_INVAL;
	return interface_by_name_or_null(e, name) ? ERR_EXIST : 0;
}

static uint32_t free_index(struct interface_table *t)
{
	while (t->first_free < INTERFACES_MAX &&
	       (t->slot[t->first_free] || t->going[t->first_free]))
		t->first_free++;
	return t->first_free;
}

/*
 * What the device cannot do is done before it. Without "gro" there is only more work, and frames
 * that l2 passes on would have to be cut again.
 */
static int make_up_for_caps(struct engine *e, const struct interface *i)
{
	bool offload = (i->caps & (CAP_CSUM | CAP_TSO)) != (CAP_CSUM | CAP_TSO);
	bool gro = !(i->caps & CAP_LRO) && i->l2_node == NODE_NONE;
	int err = feature_enable(e, ARC_DEVICE_INPUT, "gro", i->index, gro);

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

void interface_settle_input(struct interface *i)
{
	struct engine *e = i->engine;
	uint16_t own = e->features.arc[ARC_DEVICE_INPUT].end;

	if (i->l2_node != NODE_NONE)
		own = e->features.arc[ARC_L2_INPUT].enabled[i->index]
			      ? graph_node_id(&e->graph, "l2-input")
			      : i->l2_node;
	__atomic_store_n(&i->own_node, own, __ATOMIC_RELAXED);
	if (i->classifier_node != NODE_NONE)
		own = i->classifier_node;
	__atomic_store_n(&i->input_node, own, __ATOMIC_RELAXED);
	shortcuts_doubt(e);
}

int interface_set_l2(struct interface *i, uint16_t node_id)
{
	if (node_id != NODE_NONE && i->l2_node != NODE_NONE)
		return ERR_BUSY;
	__atomic_store_n(&i->l2_node, node_id, __ATOMIC_RELAXED);
	interface_settle_input(i);
	return make_up_for_caps(i->engine, i);
}

void interface_set_classifier(struct interface *i, uint16_t node_id)
{
	i->classifier_node = node_id;
	interface_settle_input(i);
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
	shortcuts_forget_interface(e, index);
}

/* "NAME-tx"; a type of nodes may have that name ("tap-tx"), and nobody has the other. */
static void name_tx_node(const struct engine *e, const struct interface *i, char *out, size_t room)
{
	uint16_t id;

	snprintf(out, room, "%s-tx", i->name);
	id = graph_node_id(&e->graph, out);
	if (id != NODE_NONE && !e->graph.entry[id].instance)
		snprintf(out, room, "%s-tx-2", i->name);
}

static int add_tx_node(struct engine *e, struct interface *i)
{
	char name[NODE_NAME_MAX];
	int id;

	if (i->driver->shared_tx) {
		i->tx_node = graph_node_id(&e->graph, i->driver->tx->name);
		return i->tx_node == NODE_NONE ? ERR_NOENT : 0;
	}
	name_tx_node(e, i, name, sizeof(name));
	id = graph_add_instance(e, i->driver->tx, name, i);
	if (id < 0)
		return id;
	i->tx_node = (uint16_t)id;
	return 0;
}

static void remove_tx_node(struct interface *i)
{
	if (!i->driver->shared_tx)
		graph_remove_instance(i->engine, i->tx_node);
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
	i->below = params->below;
	i->ip_only = params->ip_only;
	i->l2_node = i->classifier_node = NODE_NONE;
	list_init(&i->name_link);
	if (params->mac) {
		memcpy(i->mac, params->mac, MAC_LEN);
	} else {
		random_secret(i->mac, MAC_LEN);
		i->mac[0] =
			(uint8_t)((i->mac[0] & 0xfc) | 0x02); /* unicast, locally administered */
	}
}

static struct interface *new_or_null(struct engine *e)
{
	struct interface *i = aligned_alloc(BUF_LINE, sizeof(*i));

	if (!i)
		return NULL;
	memset(i, 0, sizeof(*i));
	i->coming = engine_errand_new_or_null(e);
	i->going = engine_errand_new_or_null(e);
	return i;
}

static void free_interface(struct interface *i)
{
	engine_errand_free(i->coming);
	engine_errand_free(i->going);
	free(i);
}

int interface_add(struct engine *e, const struct interface_params *params, struct interface **out)
{
	uint32_t index = free_index(&e->interfaces);
	int err = check_name(e, params->name);
	struct interface *i;

	if (err)
		return err;
	if (index == INTERFACES_MAX)
		return ERR_FULL;
	i = new_or_null(e);
	if (!i)
		return ERR_NOMEM;
	err = ERR_NOMEM;
	if (!i->coming || !i->going)
		goto no_node;
	fill(i, e, params);
	i->index = index;
	interface_settle_queues(i);
	interface_settle_input(i);
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
		engine_errand_run(i->coming, attach, NULL, i);
	list_push(&e->interfaces.by_name[name_bucket(i->name)], &i->name_link);
	log_info("interface.added", "name=%s index=%u driver=%s", i->name, index, i->driver->name);
	tell(i, INTERFACE_ADDED);
	return 0;

no_caps:
	clear_features(e, index);
	remove_tx_node(i);
no_node:
	free_interface(i);
	return err;
}

static void detach(struct worker *w, void *arg)
{
	struct interface *i = arg;

	if (i->driver->detach)
		i->driver->detach(w, i);
}

static void pass(struct worker *w unused_arg, void *arg unused_arg)
{
}

/* Every worker is through with the packets that others had for the interface. */
static void emptied(struct engine *e, void *arg)
{
	struct interface *i = arg;

	remove_tx_node(i);
	__atomic_store_n(&e->interfaces.going[i->index], false, __ATOMIC_RELAXED);
	e->interfaces.n_going--;
	if (i->index < e->interfaces.first_free)
		e->interfaces.first_free = i->index;
	i->driver->free(i);
	free_interface(i);
}

/* Every worker is in a turn that has begun with all that was handed to it before: it ends. */
static void taken(struct engine *e unused_arg, void *arg)
{
	struct interface *i = arg;

	engine_errand_run(i->going, pass, emptied, i);
}

/*
 * Every worker has begun a turn since the interface was unpublished: it is unknown to all. But what
 * one has sent before may lie in its ring to another, named by the transmit node.
 */
static void detached(struct engine *e unused_arg, void *arg)
{
	struct interface *i = arg;

	engine_errand_run(i->going, pass, taken, i);
}

void interface_remove(struct interface *i)
{
	struct engine *e = i->engine;

	__atomic_store_n(&e->interfaces.going[i->index], true, __ATOMIC_RELAXED);
	e->interfaces.n_going++;
	tell(i, INTERFACE_REMOVED);
	if (i->driver->close)
		i->driver->close(i);
	list_remove(&i->name_link);
	rcu_publish(e->interfaces.slot[i->index], NULL);
	clear_features(e, i->index);
	log_info("interface.removed", "name=%s index=%u", i->name, i->index);
	engine_errand_run(i->going, detach, detached, i);
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

const char *interface_mtu_fault_or_null(const struct interface *i, uint32_t mtu_bytes)
{
	if (mtu_bytes < INTERFACE_MTU_MIN || mtu_bytes > INTERFACE_MTU_MAX)
		return "an MTU is 68 to 65521 bytes";
	list_for_each(link, &i->engine->interfaces.listeners) {
		const struct interface_listener *l =
			container_of(link, struct interface_listener, link);
		const char *fault = l->mtu_fault ? l->mtu_fault(l, i, mtu_bytes) : NULL;

		if (fault)
			return fault;
	}
	return NULL;
}

int interface_set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room)
{
	const char *fault;
	int err = 0;

	if (i->mtu_bytes == mtu_bytes)
		return 0;
	fault = interface_mtu_fault_or_null(i, mtu_bytes);
	if (fault) {
		snprintf(why, room, "%s", fault);
		return ERR_RANGE;
	}
	if (i->driver->set_mtu)
		err = i->driver->set_mtu(i, mtu_bytes, why, room);
	if (err)
		return err;
	__atomic_store_n(&i->mtu_bytes, mtu_bytes, __ATOMIC_RELAXED);
	log_info("interface.mtu", "name=%s mtu=%u", i->name, mtu_bytes);
	tell(i, INTERFACE_MTU);
	return 0;
}

void interface_set_link(struct interface *i, bool link)
{
	if (i->link == link)
		return;
	__atomic_store_n(&i->link, link, __ATOMIC_RELEASE);
	log_info("interface.link", "name=%s link=%s", i->name, link ? "up" : "down");
	tell(i, INTERFACE_LINK);
}

void interface_set_shortcut_port(struct interface *i, uint32_t port)
{
	i->shortcut_port = port;
	shortcuts_doubt(i->engine);
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
	__atomic_fetch_add(&i->n_busy, busy ? 1 : -1, __ATOMIC_RELAXED);
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
	shortcuts_add_counters(i->engine, i->index, &sum);
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
		node_send_all(w, node, f,
			      next_node(__atomic_load_n(&i->input_node, __ATOMIC_RELAXED)));
}
