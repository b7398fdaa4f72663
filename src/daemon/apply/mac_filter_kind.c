/* mac_filter_kind.c - addresses that interfaces allow or deny, as objects of an apply. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"

enum { NAME_BYTES = INTERFACE_NAME_MAX + 16 + MAC_TEXT_LEN + 1 };

/* The value is an item of "mac_filters". */
static int add(struct apply_list *out, const char *interface, const struct mac_filter_entry *entry,
	       const struct config_node *at)
{
	const char *side = mac_filter_side_name((enum mac_filter_side)entry->side);
	struct mac_filter_entry *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	char mac[MAC_TEXT_LEN + 1] = "", name[NAME_BYTES];
	struct writer w = writer_of(mac, MAC_TEXT_LEN);
	struct apply_item item = { .kind = &apply_mac_filter_kind,
				   .name = name,
				   .on = interface,
				   .at = at,
				   .object = object };

	if (!object)
		return ERR_NOMEM;
	*object = *entry;
	mac_print(&w, &entry->mac);
	snprintf(name, sizeof(name), "%s %s %s", interface, side, mac);
	item.value =
		json_pack("{s:s, s:s, s:s}", "interface", interface, "action",
			  mac_filter_action_name((enum mac_filter_action)entry->action), side, mac);
	return apply_list_add(out, &item);
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	int err = 0;

	for (uint32_t index = 1; index < INTERFACES_MAX && err == 0; index++) {
		const struct interface *i = interface_get_or_null(d->engine, index);
		const struct mac_filter_entry *entry;
		uint32_t n = 0;

		if (!i)
			continue;
		entry = mac_filter_list(i, &n);
		for (uint32_t k = 0; k < n && err == 0; k++)
			err = add(out, i->name, &entry[k], NULL);
	}
	return err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_mac_filters && err == 0; n++) {
		const struct net_mac_filter *f = &file->config->mac_filters[n];

		err = add(out, f->interface, &f->entry, f->at);
	}
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct interface *i = interface_by_name_or_null(d->engine, item->on);
	int err = i ? mac_filter_add(i, item->object) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "mac filter %s: %s", item->name,
			   err == ERR_FULL ? "the interface lists 4096 addresses, which is the most"
					   : err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct interface *i = interface_by_name_or_null(d->engine, item->on);
	const struct mac_filter_entry *entry = item->object;
	int err = ERR_NOENT;

	if (i)
		err = mac_filter_delete(i, &entry->mac, (enum mac_filter_side)entry->side);
	if (err < 0)
		apply_fail(error, item, "mac filter %s cannot be removed: %s", item->name,
			   err_text(err));
	return err;
}

const struct apply_kind apply_mac_filter_kind = {
	.name = "mac filter",
	.rank = 8,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
};
