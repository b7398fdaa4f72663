/* save.c - from the running objects back to net.yaml. */
#include "daemon/apply/save.h"

#include <string.h>

#include "control/config_encode.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_config_tables.h"

static json_t *route_of(const struct apply_item *item)
{
	json_t *route = json_object();
	size_t len = strcspn(item->name, " "); /* the VRF may follow: it is in the value */

	json_object_set_new(route, "to", json_stringn(item->name, len));

	json_object_update(route, item->value);
	return route;
}

/* The interface's own members stand between its name and its addresses. */
static json_t *interface_of(const struct apply_item *item, const struct apply_list *addresses)
{
	json_t *interface = json_pack("{s:s}", "name", item->name), *list = json_array();

	json_object_update(interface, item->value);
	for (unsigned i = 0; i < addresses->n; i++)
		if (strcmp(addresses->item[i]->on, item->name) == 0)
			json_array_append_new(
				list, json_string(strchr(addresses->item[i]->name, ' ') + 1));
	if (json_array_size(list) > 0)
		json_object_set(interface, "addresses", list);
	json_decref(list);
	return interface;
}

/* The objects of one kind as a member of net.yaml; none, no member. */
static void set_list(json_t *all, const char *key, json_t *list)
{
	if (json_array_size(list) > 0)
		json_object_set(all, key, list);
	else
		json_object_del(all, key);
	json_decref(list);
}

static int save_vrfs(struct convoyd *d, json_t *all)
{
	struct apply_list running;
	json_t *names = json_array();
	int err;

	apply_list_init(&running);
	err = apply_vrf_kind.list_running(d, &running);
	for (unsigned i = 0; i < running.n; i++)
		json_array_append_new(names, json_string(running.item[i]->name));
	set_list(all, "vrfs", names);
	apply_list_deinit(&running);
	return err;
}

static int save_neighbors(struct convoyd *d, json_t *all)
{
	struct apply_list running;
	json_t *list = json_array();
	int err;

	apply_list_init(&running);
	err = apply_neighbor_kind.list_running(d, &running);
	for (unsigned i = 0; i < running.n; i++) {
		const struct apply_item *item = running.item[i];
		json_t *one = json_pack("{s:s, s:s}", "interface", item->on, "address",
					strchr(item->name, ' ') + 1);

		json_object_update(one, item->value);
		json_array_append_new(list, one);
	}
	set_list(all, "neighbors", list);
	apply_list_deinit(&running);
	return err;
}

json_t *save_running(struct convoyd *d)
{
	json_t *all = config_encode(&net_message, d->config, d->file->root);
	json_t *interfaces = json_array(), *routes = json_array();
	struct apply_list running, addresses;
	int err;

	apply_list_init(&running);
	apply_list_init(&addresses);
	err = apply_interface_kind.list_running(d, &running);
	if (err == 0)
		err = apply_route_kind.list_running(d, &running);
	if (err == 0)
		err = apply_address_kind.list_running(d, &addresses);
	for (unsigned i = 0; i < running.n; i++) {
		const struct apply_item *item = running.item[i];

		if (item->kind == &apply_interface_kind)
			json_array_append_new(interfaces, interface_of(item, &addresses));
		else
			json_array_append_new(routes, route_of(item));
	}
	set_list(all, "interfaces", interfaces);
	set_list(all, "routes", routes);
	if (err == 0)
		err = save_vrfs(d, all);
	if (err == 0)
		err = save_neighbors(d, all);
	if (err == 0)
		err = save_l2(d, all);
	apply_list_deinit(&running);
	apply_list_deinit(&addresses);
	if (err == 0) {
		config_sort(all, &net_message);
		return all;
	}
	json_decref(all);
	return NULL;
}
