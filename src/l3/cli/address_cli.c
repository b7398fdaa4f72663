/* address_cli.c - addresses of interfaces, of both families, from the command line. */
#include "base/err.h"
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/ip4/address.h"
#include "l3/ip6/address.h"

static void list_ip4(const struct engine *e, uint32_t if_index, json_t *list)
{
	list_for_each(link, &ip4_stack_of(e)->addresses[if_index]) {
		const struct ip4_address *a = container_of(link, struct ip4_address, link);

		json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:s}", "interface",
						      l2_interface_json(e, if_index), "address",
						      ip4_prefix_json(a->prefix), "state",
						      "preferred", "origin", "manual"));
	}
}

static void list_ip6(const struct engine *e, uint32_t if_index, json_t *list)
{
	const struct ip6_link *l = ip6_stack_of(e)->link[if_index];

	if (!l)
		return;
	list_for_each(link, &l->addresses) {
		const struct ip6_address *a = container_of(link, struct ip6_address, link);

		json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:s, s:o, s:o}", "interface",
						      l2_interface_json(e, if_index), "address",
						      ip6_prefix_json(&a->prefix), "state",
						      ip6_address_state_name(a->state), "origin",
						      ip6_origin_name(a->origin), "valid_seconds",
						      ip_left_json(e, a->valid_until_ns),
						      "preferred_seconds",
						      ip_left_json(e, a->preferred_until_ns)));
	}
}

static int show_addresses(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		list_ip4(e, i, list);
		list_ip6(e, i, list);
	}
	return command_reply(call, list);
}

static void render_addresses(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "address", "address", TABLE_TEXT },
		{ "state", "state", TABLE_TEXT },
		{ "origin", "origin", TABLE_TEXT },
	};

	table_render(out, list, columns, count_of(columns));
}

static int take_both(struct command_call *call, uint32_t *if_index, struct ip_prefix *prefix)
{
	const char *text = command_arg_text(call, "address");
	int err = ip_take_interface(call, "interface", if_index);

	if (err == 0 && ip_prefix_from_text(text, prefix) != 0)
		return command_fail(call, ERR_INVAL,
				    "\"%.60s\" is no address; expected one like 10.0.0.1/24 or "
				    "2001:db8::1/64",
				    text);
	return err;
}

static const char *add_error(int err)
{
	switch (err) {
	case ERR_INVAL:
		return "this is no address of a host";
	case ERR_EXIST:
		return "an interface has this address already";
	case ERR_BUSY:
		return "another interface is on this network";
	case ERR_PERM:
		return "the interface is unnumbered: it uses another's addresses";
	case ERR_RANGE:
		return "IPv6 needs an MTU of at least 1280";
	case ERR_FULL:
		return "the interface has as many addresses as it can have";
	default:
		return err_text(err);
	}
}

/* Frames of a port of l2 never come to an address. */
static int check_is_l3(struct command_call *call, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(call->context, if_index);

	if (!i || i->l2_node == NODE_NONE)
		return 0;
	return command_fail(call, ERR_BUSY,
			    "\"%s\" is a port of a bridge or cross-connect, which uses no address; "
			    "give it to the bridge's routed interface, made by: convoy bvi add",
			    i->name);
}

static int address_add(struct command_call *call)
{
	struct ip_prefix prefix;
	uint32_t if_index;
	int err = take_both(call, &if_index, &prefix);

	if (err == 0)
		err = check_is_l3(call, if_index);
	if (err != 0)
		return err;
	if (ip_prefix_is_ip4(&prefix))
		err = ip4_add_address(call->context, if_index, ip_prefix_ip4(&prefix));
	else
		err = ip6_add_address(call->context, if_index, ip_prefix_ip6(&prefix));
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s", add_error(err));
}

static int address_delete(struct command_call *call)
{
	struct ip_prefix prefix;
	uint32_t if_index;
	int err = take_both(call, &if_index, &prefix);

	if (err != 0)
		return err;
	if (ip_prefix_is_ip4(&prefix))
		err = ip4_del_address(call->context, if_index, ip_prefix_ip4(&prefix));
	else
		err = ip6_del_address(call->context, if_index, ip_prefix_ip6(&prefix));
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err,
			    "the interface has no such address; see: convoy show addresses");
}

static const struct command commands[] = {
	{ .name = "show addresses",
	  .help = "addresses of interfaces",
	  .run = show_addresses,
	  .render = render_addresses },
	{ .name = "address add",
	  .help = "give an interface an IPv4 or IPv6 address",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "address", COMMAND_TEXT, "such as 10.0.0.1/24 or 2001:db8::1/64",
		      .required = true, .positional = true } },
	  .run = address_add },
	{ .name = "address delete",
	  .help = "take an address from an interface",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "address", COMMAND_TEXT, "as in show addresses", .required = true,
		      .positional = true } },
	  .run = address_delete },
};

int address_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
