/* save.c - from the running objects back to net.yaml. */
#include "daemon/apply/save.h"

#include <string.h>

#include "control/config_encode.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_config_tables.h"

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

static void release(struct apply_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->item[i]->kind->release)
			list->item[i]->kind->release(list->item[i]);
	apply_list_deinit(list);
}

json_t *save_running(struct convoyd *d)
{
	json_t *all = config_encode(&net_message, d->config, d->file->root), *list = json_array();
	struct apply_list interfaces, addresses;
	int err;

	apply_list_init(&interfaces);
	apply_list_init(&addresses);
	err = apply_interface_kind.list_running(d, &interfaces);
	if (err == 0)
		err = apply_address_kind.list_running(d, &addresses);
	for (unsigned i = 0; i < interfaces.n; i++)
		json_array_append_new(list, interface_of(interfaces.item[i], &addresses));
	json_object_set_new(all, "interfaces", list);
	release(&interfaces);
	release(&addresses);
	if (err == 0)
		return all;
	json_decref(all);
	return NULL;
}
