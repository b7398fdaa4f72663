/* address_kind.c - the addresses of interfaces as objects of an apply. */
#include <stdio.h>

#include "base/err.h"
#include "base/writer.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "engine/engine.h"
#include "l3/ip4/address.h"
#include "l3/ip6/address.h"

enum { TEXT_MAX = 64, NAME_MAX_BYTES = INTERFACE_NAME_MAX + TEXT_MAX };

static void print(const struct ip_prefix *prefix, char text[TEXT_MAX])
{
	struct writer w = writer_of(text, TEXT_MAX - 1);

	ip_print_prefix(&w, prefix);
	text[writer_len(&w)] = '\0';
}

static int add(struct apply_list *out, const char *interface, const struct ip_prefix *prefix,
	       const struct config_node *at)
{
	struct ip_prefix *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	char text[TEXT_MAX], name[NAME_MAX_BYTES];
	const struct apply_item item = {
		.kind = &apply_address_kind,
		.name = name,
		.value = json_object(),
		.on = interface,
		.at = at,
		.object = object,
	};

	if (!object) {
		json_decref(item.value);
		return ERR_NOMEM;
	}
	*object = *prefix;
	print(prefix, text);
	snprintf(name, sizeof(name), "%s %s", interface, text);
	return apply_list_add(out, &item);
}

static int list_ip4(const struct interface *i, struct apply_list *out)
{
	list_for_each(link, &ip4_stack_of(i->engine)->addresses[i->index]) {
		const struct ip4_address *a = container_of(link, struct ip4_address, link);
		struct ip_prefix prefix = { ip6_mapped(a->prefix.addr), a->prefix.len };
		int err = add(out, i->name, &prefix, NULL);

		if (err < 0)
			return err;
	}
	return 0;
}

/* Not those that the stack has made by itself. */
static int list_ip6(const struct interface *i, struct apply_list *out)
{
	const struct ip6_link *l = ip6_stack_of(i->engine)->link[i->index];

	if (!l)
		return 0;
	list_for_each(link, &l->addresses) {
		const struct ip6_address *a = container_of(link, struct ip6_address, link);
		struct ip_prefix prefix = { a->prefix.addr, a->prefix.len };
		int err = a->origin == IP6_MANUAL ? add(out, i->name, &prefix, NULL) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}

static int list_running(struct convoyd *d, struct apply_list *out)
{

	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		const struct interface *i = interface_get_or_null(d->engine, index);

		int err = i ? list_ip4(i, out) : 0;

		if (err == 0 && i)
			err = list_ip6(i, out);
		if (err < 0)
			return err;
	}
	return 0;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	for (uint32_t n = 0; n < file->config->n_interfaces; n++) {
		const struct net_interface *i = &file->config->interfaces[n];

		for (uint32_t k = 0; k < i->n_addresses; k++) {
			int err = add(out, i->name, &i->addresses[k], i->at);

			if (err < 0)
				return err;
		}
	}
	return 0;
}

static int fail(struct config_error *error, const struct apply_item *item, const char *verb,
		int err)
{
	char text[TEXT_MAX];

	print(item->object, text);
	apply_fail(error, item, "interface \"%s\" cannot %s the address %s: %s", item->on, verb,
		   text,
		   err == ERR_INVAL   ? "it is no address of a host"
		   : err == ERR_EXIST ? "another interface has it"
		   : err == ERR_BUSY  ? "another interface is on this network"
		   : err == ERR_PERM  ? "it uses another's addresses"
		   : err == ERR_RANGE ? "IPv6 needs an MTU of at least 1280"
				      : err_text(err));
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct interface *i = interface_by_name_or_null(d->engine, item->on);
	const struct ip_prefix *prefix = item->object;
	int err = ERR_NOENT;

	if (i)
		err = ip_prefix_is_ip4(prefix)
			      ? ip4_add_address(d->engine, i->index, ip_prefix_ip4(prefix))
			      : ip6_add_address(d->engine, i->index, ip_prefix_ip6(prefix));
	return err < 0 ? fail(error, item, "have", err) : 0;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct interface *i = interface_by_name_or_null(d->engine, item->on);
	const struct ip_prefix *prefix = item->object;
	int err = ERR_NOENT;

	if (i)
		err = ip_prefix_is_ip4(prefix)
			      ? ip4_del_address(d->engine, i->index, ip_prefix_ip4(prefix))
			      : ip6_del_address(d->engine, i->index, ip_prefix_ip6(prefix));
	return err < 0 ? fail(error, item, "lose", err) : 0;
}

const struct apply_kind apply_address_kind = {
	.name = "address",
	.rank = 2,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
};
