/* bridge.c - bridges and their ports. */
#include "l2/bridge/bridge.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/name.h"
#include "l2/bridge/answer.h"
#include "l2/bridge/bridge_private.h"

struct bridge *bridge_by_name_or_null(const struct engine *e, const char *name)
{
	const struct bridges *all = bridges_of(e);

	for (uint32_t n = 1; n < BRIDGES_MAX; n++)
		if (all->bridge[n] && strcmp(all->bridge[n]->name, name) == 0)
			return all->bridge[n];
	return NULL;
}

struct bridge *bridge_next_or_null(const struct engine *e, const struct bridge *b)
{
	const struct bridges *all = bridges_of(e);
	uint32_t n = b ? b->index + 1 : 1;

	while (n < BRIDGES_MAX && !all->bridge[n])
		n++;
	return n < BRIDGES_MAX ? all->bridge[n] : NULL;
}

const char *bridge_name(const struct bridge *b)
{
	return b->name;
}

const struct bridge_config *bridge_config_of(const struct bridge *b)
{
	return &b->config;
}

const struct bridge_port_config *bridge_port_config_or_null(const struct interface *i)
{
	const struct bridge_port *port = bridges_of(i->engine)->port[i->index];

	return port && !port->is_bvi ? &port->config : NULL;
}

struct bridge *bridge_of_port_or_null(const struct interface *i)
{
	const struct bridge_port *port = bridges_of(i->engine)->port[i->index];

	return port ? port->bridge : NULL;
}

/* --- bridges --- */

static uint32_t flags_of(const struct bridge_config *c)
{
	return (c->no_learn ? BRIDGE_NO_LEARN : 0u) | (c->drop_unknown ? BRIDGE_DROP_UNKNOWN : 0u) |
	       (c->drop_broadcast ? BRIDGE_DROP_BROADCAST : 0u) |
	       (c->drop_multicast ? BRIDGE_DROP_MULTICAST : 0u) | (c->answer ? BRIDGE_ANSWER : 0u);
}

static uint32_t limit_of(uint32_t configured)
{
	return configured && configured < MACS_MAX ? configured : MACS_MAX;
}

int bridge_change(struct bridge *b, const struct bridge_config *config)
{
	uint64_t age_ns = config->age_s * (uint64_t)NS_PER_S;

	if (config->age_s > BRIDGE_AGE_MAX_S)
		return ERR_INVAL;
	b->config = *config;
	b->age = (uint32_t)(age_ns >> MAC_STAMP_SHIFT) + (config->age_s > 0);
	__atomic_store_n(&b->macs_limit, limit_of(config->macs_limit), __ATOMIC_RELAXED);
	__atomic_store_n(&b->flags, flags_of(config), __ATOMIC_RELAXED);
	return 0;
}

static void free_list(struct rcu_later *later)
{
	free(container_of(later, struct flood_list, later));
}

static void free_bridge(struct rcu_later *later)
{
	free(container_of(later, struct bridge, later));
}

int bridge_create(struct engine *e, const char *name, const struct bridge_config *config,
		  struct bridge **out)
{
	struct bridges *all = bridges_of(e);
	uint32_t index = 1;
	struct bridge *b;

	if (!name_is_good(name, BRIDGE_NAME_MAX) || config->age_s > BRIDGE_AGE_MAX_S)
		return ERR_INVAL;
	if (bridge_by_name_or_null(e, name))
		return ERR_EXIST;
	while (index < BRIDGES_MAX && all->bridge[index])
		index++;
	if (index == BRIDGES_MAX)
		return ERR_FULL;
	b = calloc(1, sizeof(*b));
	if (b)
		b->to = calloc(1, sizeof(*b->to));
	if (!b || !b->to) {
		free(b);
		return ERR_NOMEM;
	}
	mac_table_touch(&all->macs);
	b->index = index;
	b->engine = e;
	strcpy(b->name, name);
	list_init(&b->ports);
	list_init(&b->fixed);
	if (bridge_change(b, config) != 0)
		log_error("bridge.create", "name=%s error=\"configuration\"", name);
	rcu_publish(all->bridge[index], b);
	*out = b;
	return 0;
}

void bridge_delete(struct bridge *b)
{
	struct bridges *all = bridges_of(b->engine);

	list_for_each(link, &b->ports) {
		const struct bridge_port *port = container_of(link, struct bridge_port, link);
		struct interface *i = interface_get_or_null(b->engine, port->if_index);

		if (port->is_bvi)
			interface_remove(i);
		else if (bridge_remove_port(i) != 0)
			log_error("bridge.delete", "port=%s error=\"not removed\"", i->name);
	}
	bridge_forget_fixed(b, NULL);
	bridge_flush(b);
	answers_forget_bridge(all->answers, b->index);
	rcu_publish(all->bridge[b->index], NULL);
	rcu_free_later(&b->to->later, free_list);
	rcu_free_later(&b->later, free_bridge);
}

/* --- ports --- */

static int build_flood_list(struct bridge *b)
{
	struct flood_list *list, *old = b->to;
	uint32_t n = 0;

	list_for_each(link, &b->ports)
		n++;
	list = calloc(1, sizeof(*list) + n * sizeof(*list->port));
	if (!list)
		return ERR_NOMEM;
	list_for_each(link, &b->ports) {
		const struct bridge_port *port = container_of(link, struct bridge_port, link);

		list->port[list->n++] =
			(struct flood_port){ port->if_index, port->split_horizon, port->is_bvi };
	}
	rcu_publish(b->to, list);
	rcu_free_later(&old->later, free_list);
	return 0;
}

static void apply(struct bridge_port *port, const struct bridge_port_config *config)
{
	port->config = *config;
	__atomic_store_n(&port->split_horizon, config->split_horizon, __ATOMIC_RELAXED);
	__atomic_store_n(&port->no_learn, config->no_learn, __ATOMIC_RELAXED);
	__atomic_store_n(&port->macs_limit, limit_of(config->macs_limit), __ATOMIC_RELAXED);
}

int bridge_join(struct bridge *b, struct interface *i, const struct bridge_port_config *config,
		bool is_bvi)
{
	struct bridges *all = bridges_of(b->engine);
	struct bridge_port *port = calloc(1, sizeof(*port));
	int err;

	if (!port)
		return ERR_NOMEM;
	port->if_index = i->index;
	port->bridge = b;
	port->is_bvi = is_bvi;
	apply(port, config);
	list_push(&b->ports, &port->link);
	err = build_flood_list(b);
	if (err != 0) {
		list_remove(&port->link);
		free(port);
		return err;
	}
	rcu_publish(all->port[i->index], port);
	return 0;
}

static void free_port(struct rcu_later *later)
{
	free(container_of(later, struct bridge_port, later));
}

void bridge_leave(struct interface *i)
{
	struct bridges *all = bridges_of(i->engine);
	struct bridge_port *port = all->port[i->index];
	struct flood_list *list = port->bridge->to;

	for (uint32_t n = 0; n < list->n; n++)
		if (list->port[n].if_index == i->index)
			__atomic_store_n(&list->port[n].if_index, 0, __ATOMIC_RELAXED);
	bridge_forget_fixed(port->bridge, i);
	list_remove(&port->link);
	rcu_publish(all->port[i->index], NULL);
	bridge_flush_port(i);
	rcu_free_later(&port->later, free_port);
}

int bridge_add_port(struct bridge *b, struct interface *i, const struct bridge_port_config *config)
{
	int err;

	if (i->driver == &bvi_driver)
		return ERR_INVAL;
	if (i->ip_only)
		return ERR_UNSUPPORTED;
	if (i->l2_node != NODE_NONE)
		return ERR_BUSY;
	err = bridge_join(b, i, config, false);
	if (err != 0)
		return err;
	err = interface_set_l2(i, bridges_of(b->engine)->input_node);
	if (err != 0 && bridge_remove_port(i) != 0)
		log_error("bridge.port", "interface=%s error=\"not removed\"", i->name);
	return err;
}

int bridge_change_port(struct interface *i, const struct bridge_port_config *config)
{
	struct bridge_port *port = bridges_of(i->engine)->port[i->index];
	struct bridge_port_config before;
	int err;

	if (!port || port->is_bvi)
		return ERR_NOENT;
	before = port->config;
	apply(port, config);
	err = build_flood_list(port->bridge);
	if (err != 0)
		apply(port, &before);
	return err;
}

int bridge_remove_port(struct interface *i)
{
	const struct bridge_port *port = bridges_of(i->engine)->port[i->index];

	if (!port)
		return ERR_NOENT;
	if (port->is_bvi)
		return ERR_INVAL;
	if (interface_set_l2(i, NODE_NONE) != 0)
		log_error("bridge.port", "interface=%s error=\"no offload\"", i->name);
	bridge_leave(i);
	return 0;
}

static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	const struct bridges *all = container_of(l, struct bridges, listener);
	const struct bridge_port *port = all->port[i->index];

	if (!port || port->is_bvi)
		return;
	if (event == INTERFACE_DOWN || (event == INTERFACE_LINK && !i->link))
		bridge_flush_port(i); /* who was behind it is elsewhere, or nowhere */
	if (event == INTERFACE_REMOVED && bridge_remove_port(i) != 0)
		log_error("bridge.port", "interface=%s error=\"not removed\"", i->name);
}

/* --- the whole --- */

static int init_workers(struct bridges *all)
{
	for (uint32_t w = 0; w < all->engine->n_workers; w++) {
		all->counters[w] = calloc(BRIDGES_MAX, sizeof(*all->counters[w]));
		if (!all->counters[w])
			return ERR_NOMEM;
	}
	return 0;
}

int bridge_init(struct engine *e)
{
	struct bridges *all = calloc(1, sizeof(*all));
	uint64_t seed;
	int err;

	if (!all)
		return ERR_NOMEM;
	random_secret(&seed, sizeof(seed));
	all->engine = e;
	all->listener.changed = follow;
	all->input_node = graph_node_id(&e->graph, "bridge-input");
	interface_listen(e, &all->listener);
	e->module[MODULE_BRIDGE] = all;
	err = mac_table_init(&all->macs, seed);
	if (err == 0)
		err = init_workers(all);
	if (err == 0)
		err = answers_init(e, &all->answers);
	if (err == 0 && all->input_node == NODE_NONE)
		err = ERR_NOENT;
	if (err != 0)
		bridge_deinit(e);
	return err;
}

void bridge_deinit(struct engine *e)
{
	struct bridges *all = bridges_of(e);

	if (!all)
		return;
	for (uint32_t n = 1; n < BRIDGES_MAX; n++)
		if (all->bridge[n])
			bridge_delete(all->bridge[n]);
	interface_unlisten(&all->listener);
	for (uint32_t w = 0; w < e->n_workers; w++)
		free(all->counters[w]);
	answers_deinit(all->answers);
	mac_table_deinit(&all->macs);
	e->module[MODULE_BRIDGE] = NULL;
	free(all);
}
