/* mac_filter_cli.c - lists of MAC addresses from the command line. */
#include "control/table.h"
#include "l2/l2_cli.h"
#include "l2/mac_filter/mac_filter.h"

static json_t *entries_json(const struct interface *i)
{
	json_t *list = json_array();
	uint32_t n;
	const struct mac_filter_entry *entry = mac_filter_list(i, &n);

	for (uint32_t k = 0; k < n; k++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:s}", "side",
				  mac_filter_side_name((enum mac_filter_side)entry[k].side), "mac",
				  l2_mac_json(&entry[k].mac), "action",
				  mac_filter_action_name((enum mac_filter_action)entry[k].action)));
	return list;
}

static json_t *filter_json(const struct interface *i)
{
	return json_pack("{s:s, s:I, s:I, s:o}", "interface", i->name, "dropped_sources",
			 (json_int_t)mac_filter_dropped(i, MAC_FILTER_SOURCE),
			 "dropped_destinations",
			 (json_int_t)mac_filter_dropped(i, MAC_FILTER_DESTINATION), "entries",
			 entries_json(i));
}

static int show_filters(struct command_call *call)
{
	const struct engine *e = call->context;
	struct interface *only = NULL;
	json_t *list;
	int err = 0;

	if (command_arg_text(call, "interface"))
		err = l2_take_interface(call, "interface", &only);
	if (err != 0)
		return err;
	list = json_array();
	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		const struct interface *i = interface_get_or_null(e, index);
		uint32_t n = 0;

		if (i)
			mac_filter_list(i, &n);
		if (n > 0 && (!only || only == i))
			json_array_append_new(list, filter_json(i));
	}
	return command_reply(call, list);
}

static void render_filters(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "side", "side", TABLE_TEXT },
		{ "mac", "mac", TABLE_TEXT },
		{ "action", "action", TABLE_TEXT },
	};
	json_t *rows = json_array(), *entry;
	const json_t *filter;
	size_t at, k;

	json_array_foreach((json_t *)list, at, filter)
	{
		json_array_foreach(json_object_get(filter, "entries"), k, entry)
		{
			json_t *row = json_copy(entry);

			json_object_set(row, "interface", json_object_get(filter, "interface"));
			json_array_append_new(rows, row);
		}
	}
	table_render(out, rows, columns, count_of(columns));
	json_array_foreach((json_t *)list, at, filter)
		text_add(out,
			 "%s has dropped %" JSON_INTEGER_FORMAT " by source, %" JSON_INTEGER_FORMAT
			 " by destination\n",
			 json_string_value(json_object_get(filter, "interface")),
			 json_integer_value(json_object_get(filter, "dropped_sources")),
			 json_integer_value(json_object_get(filter, "dropped_destinations")));
	json_decref(rows);
}

static int take_side(struct command_call *call, uint8_t *side)
{
	int value = mac_filter_side_from_text(command_arg_text(call, "side"));

	if (value < 0)
		return command_fail(call, ERR_INVAL, "\"%.20s\": expected source or destination",
				    command_arg_text(call, "side"));
	*side = (uint8_t)value;
	return 0;
}

static int take_entry(struct command_call *call, struct interface **i,
		      struct mac_filter_entry *entry)
{
	int err = l2_take_interface(call, "interface", i);

	if (err == 0)
		err = take_side(call, &entry->side);
	return err ? err : l2_take_mac(call, "mac", &entry->mac);
}

static const char *add_error(int err)
{
	switch (err) {
	case ERR_INVAL:
		return "no frame has this address on this side: zero, or a group as source";
	case ERR_EXIST:
		return "the address is listed on this side; delete it first";
	case ERR_FULL:
		return "the interface lists as many addresses as it can: 4096";
	default:
		return err_text(err);
	}
}

static int filter_add(struct command_call *call)
{
	struct mac_filter_entry entry = { .action = MAC_FILTER_DENY };
	const char *action = command_arg_text(call, "action");
	struct interface *i;
	int value = mac_filter_action_from_text(action), err;

	if (value < 0)
		return command_fail(call, ERR_INVAL, "\"%.20s\": expected allow or deny", action);
	entry.action = (uint8_t)value;
	err = take_entry(call, &i, &entry);
	if (err != 0)
		return err;
	err = mac_filter_add(i, &entry);
	return err == 0 ? command_reply(call, json_object())
			: command_fail(call, err, "%s", add_error(err));
}

static int filter_delete(struct command_call *call)
{
	struct mac_filter_entry entry;
	struct interface *i;
	int err = take_entry(call, &i, &entry);

	if (err != 0)
		return err;
	err = mac_filter_delete(i, &entry.mac, (enum mac_filter_side)entry.side);
	if (err == ERR_NOENT)
		return command_fail(call, err,
				    "\"%s\" does not list it; see: convoy show mac-filters",
				    i->name);
	return err ? err : command_reply(call, json_object());
}

static const struct command commands[] = {
	{ .name = "show mac-filters",
	  .help = "MAC addresses that interfaces allow or deny, and drops",
	  .args = { { "interface", COMMAND_TEXT, "only this one", .positional = true } },
	  .run = show_filters,
	  .render = render_filters },
	{ .name = "mac-filter add",
	  .help = "allow or deny a MAC address to send by an interface",
	  .more = "  convoy mac-filter add lan deny source 02:00:00:00:00:66\n",
	  .args = { { "interface", COMMAND_TEXT, "that the frames come by", .required = true,
		      .positional = true },
		    { "action", COMMAND_TEXT, "allow: then no others pass that are not allowed too",
		      .required = true, .positional = true, .choices = "deny|allow" },
		    { "side", COMMAND_TEXT, "which address of their frames", .required = true,
		      .positional = true, .choices = "source|destination" },
		    { "mac", COMMAND_TEXT, "the address", .required = true, .positional = true } },
	  .run = filter_add,
	  .render = l2_render_nothing },
	{ .name = "mac-filter delete",
	  .help = "list a MAC address no more",
	  .args = { { "interface", COMMAND_TEXT, "whose list", .required = true,
		      .positional = true },
		    { "side", COMMAND_TEXT, "which address of their frames", .required = true,
		      .positional = true, .choices = "source|destination" },
		    { "mac", COMMAND_TEXT, "the address", .required = true, .positional = true } },
	  .run = filter_delete,
	  .render = l2_render_nothing },
};

int mac_filter_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
