/* save_l2.c - bridges, cross-connects and lists of MAC addresses back to net.yaml. */
#include <string.h>

#include "daemon/apply/kind.h"
#include "daemon/apply/save.h"

/* {KEY: @name, …value without @drop} */
static json_t *member_of(const char *key, const char *name, const struct apply_item *item,
			 const char *drop)
{
	json_t *member = json_pack("{s:s}", key, name);

	json_object_update(member, item->value);
	json_object_del(member, drop);
	return member;
}

static bool is_in(const struct apply_item *port, const char *bridge)
{
	return strcmp(json_string_value(json_object_get(port->value, "bridge")), bridge) == 0;
}

static json_t *ports_of(const struct apply_list *all, const char *bridge)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < all->n; i++)
		if (all->item[i]->kind == &apply_port_kind && is_in(all->item[i], bridge))
			json_array_append_new(list, member_of("interface", all->item[i]->name,
							      all->item[i], "bridge"));
	return list;
}

/* Names are "BRIDGE KEY". */
static json_t *named_of(const struct apply_list *all, const struct apply_kind *kind,
			const char *key, const char *bridge)
{
	size_t len = strlen(bridge);
	json_t *list = json_array();

	for (unsigned i = 0; i < all->n; i++) {
		const struct apply_item *item = all->item[i];

		if (item->kind == kind && strncmp(item->name, bridge, len) == 0 &&
		    item->name[len] == ' ')
			json_array_append_new(list, member_of(key, item->name + len + 1, item, ""));
	}
	return list;
}

static void set_unless_empty(json_t *object, const char *key, json_t *list)
{
	if (json_array_size(list) > 0)
		json_object_set(object, key, list);
	json_decref(list);
}

static json_t *bridges_of_list(const struct apply_list *all)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < all->n; i++) {
		const struct apply_item *item = all->item[i];
		json_t *one;

		if (item->kind != &apply_bridge_kind)
			continue;
		one = member_of("name", item->name, item, "");
		set_unless_empty(one, "ports", ports_of(all, item->name));
		set_unless_empty(one, "macs", named_of(all, &apply_mac_kind, "mac", item->name));
		set_unless_empty(one, "answers",
				 named_of(all, &apply_answer_kind, "address", item->name));
		json_array_append_new(list, one);
	}
	return list;
}

/* Each is there twice, once for each end. */
static json_t *xconnects_of_list(const struct apply_list *all)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < all->n; i++) {
		const struct apply_item *item = all->item[i];
		json_t *other = json_object_get(item->value, "other");

		if (item->kind == &apply_xconnect_kind &&
		    strcmp(item->name, json_string_value(other)) < 0)
			json_array_append_new(list,
					      json_pack("{s:[s,O]}", "ports", item->name, other));
	}
	return list;
}

static json_t *mac_filters_of_list(const struct apply_list *all)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < all->n; i++)
		if (all->item[i]->kind == &apply_mac_filter_kind)
			json_array_append(list, all->item[i]->value);
	return list;
}

int save_l2(struct convoyd *d, json_t *all)
{
	static const struct apply_kind *const kinds[] = {
		&apply_bridge_kind,   &apply_port_kind,	  &apply_mac_kind,
		&apply_xconnect_kind, &apply_answer_kind, &apply_mac_filter_kind
	};
	struct apply_list running;
	int err = 0;

	apply_list_init(&running);
	for (unsigned i = 0; i < count_of(kinds) && err == 0; i++)
		err = kinds[i]->list_running(d, &running);
	json_object_del(all, "bridges");
	json_object_del(all, "xconnects");
	json_object_del(all, "mac_filters");
	set_unless_empty(all, "bridges", bridges_of_list(&running));
	set_unless_empty(all, "xconnects", xconnects_of_list(&running));
	set_unless_empty(all, "mac_filters", mac_filters_of_list(&running));
	apply_list_deinit(&running);
	return err;
}
