/*
 * interface_cli.c - `interface add`, `interface set`, `interface delete`: one interface more, other
 * or less than in the running configuration, by an apply of that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "control/command.h"
#include "control/config_encode.h"
#include "daemon/apply/apply_cli.h"
#include "daemon/apply/save.h"
#include "daemon/convoyd.h"
#include "daemon/interfaces.h"
#include "engine/engine.h"
#include "l2/bridge/bridge.h"

enum { ARENA_CHUNK_BYTES = 4096 };

/* The members that the operator has written, as JSON. */
static int take_members(struct command_call *call, json_t **out)
{
	const char *text = command_arg_text(call, "members");
	struct config_error error = { "" };
	struct config_node *root;
	struct arena arena;
	int err;

	*out = NULL;
	if (!text)
		return 0;
	arena_init(&arena, ARENA_CHUNK_BYTES, SIZE_MAX);
	err = config_load_text(&arena, APPLY_COMMAND, slice_of_text(text), CONFIG_YAML, &error,
			       &root);
	if (err == 0 && root->kind == CONFIG_MAP)
		*out = config_encode_tree(root);
	arena_deinit(&arena);
	if (err < 0)
		return command_fail(call, err, "%s", error.text);
	if (*out)
		return 0;
	return command_fail(
		call, ERR_INVAL,
		"expected members of an interface as in net.yaml: '{mtu: 9000, tap: {}}'");
}

static json_t *find_or_null(json_t *all, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(all, "interfaces"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
			return one;
	}
	return NULL;
}

/* Make the running configuration what @all says, which goes. */
static int apply(struct command_call *call, json_t *all)
{
	char *text = all ? json_dumps(all, 0) : NULL;
	int err = text ? apply_text(call, text) : ERR_NOMEM;

	free(text);
	json_decref(all);
	return err;
}

static int run_add(struct command_call *call)
{
	json_t *all, *one, *list;
	int err = take_members(call, &one);

	if (err < 0)
		return err;
	json_object_set_new(one, "name", json_string(command_arg_text(call, "name")));
	all = save_running(call->context);
	list = json_object_get(all, "interfaces");
	if (!list)
		json_object_set_new(all, "interfaces", list = json_array());
	json_array_append_new(list, one);
	return apply(call, all);
}

/* null takes a member away. */
static void change(json_t *one, const json_t *members)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)members, key, value)
	{
		if (json_is_null(value))
			json_object_del(one, key);
		else
			json_object_set(one, key, value);
	}
}

static void change_by_options(const struct command_call *call, json_t *one)
{
	int64_t mtu = command_arg_number(call, "mtu", 0);

	if (mtu)
		json_object_set_new(one, "mtu", json_integer(mtu));
	if (command_arg_flag(call, "up"))
		json_object_del(one, "down");
	if (command_arg_flag(call, "down"))
		json_object_set_new(one, "down", json_true());
}

static int run_set(struct command_call *call)
{
	const char *name = command_arg_text(call, "name");
	json_t *all, *one, *members;
	int err = take_members(call, &members);

	if (err < 0)
		return err;
	all = save_running(call->context);
	one = all ? find_or_null(all, name) : NULL;
	if (!one) {
		json_decref(members);
		json_decref(all);
		return command_fail(call, ERR_NOENT,
				    "no interface \"%.32s\"; see: convoy show interfaces", name);
	}
	change(one, members);
	change_by_options(call, one);
	json_decref(members);
	return apply(call, all);
}

static int run_delete(struct command_call *call)
{
	struct convoyd *d = call->context;
	const char *name = command_arg_text(call, "name");
	struct interface *i = interface_by_name_or_null(d->engine, name);
	struct interface_record *r = interfaces_find_or_null(d, name);

	if (!i)
		return command_fail(call, ERR_NOENT,
				    "no interface \"%.32s\"; see: convoy show interfaces", name);
	if (d->apply)
		return command_fail(call, ERR_BUSY,
				    "a change is under way; try again when it is over");
	if (bridge_of_port_or_null(i) && !bridge_port_config_or_null(i))
		return command_fail(call, ERR_BUSY,
				    "it is the routed interface of a bridge: convoy bvi delete");
	if (r)
		interfaces_remove(d, r);
	else
		interface_remove(i);
	return command_reply(call, json_object());
}

static const struct command commands[] = {
	{ .name = "interface add",
	  .help = "make an interface of any kind, as net.yaml would",
	  .more = "  convoy interface add wan '{af_packet: {device: eth1}, addresses: "
		  "[192.0.2.1/24]}'\n"
		  "  convoy interface add lo0 '{loop: {}}'\n",
	  .args = { { "name", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "members", COMMAND_WORDS,
		      "what net.yaml would say of it: '{tap: {}, addresses: [10.0.0.1/24]}'",
		      .required = true, .positional = true } },
	  .run = run_add,
	  .render = apply_render },
	{ .name = "interface set",
	  .help = "change an interface, in place where that is possible",
	  .more = "  convoy interface set wan --mtu 1400\n"
		  "  convoy interface set wan '{proxies: null}'\n",
	  .args = { { "name", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "members", COMMAND_WORDS,
		      "as in net.yaml: '{proxies: [10.0.0.7]}'; null takes one away",
		      .positional = true },
		    { "mtu", COMMAND_NUMBER, "bytes of an IP packet", .min = INTERFACE_MTU_MIN,
		      .max = INTERFACE_MTU_MAX },
		    { "up", COMMAND_FLAG, "let it carry packets" },
		    { "down", COMMAND_FLAG, "let it carry none" } },
	  .run = run_set,
	  .render = apply_render },
	{ .name = "interface delete",
	  .help = "remove an interface with all that stands on it",
	  .more = "Its addresses, its subinterfaces and the routes over it go with it.\n",
	  .args = { { "name", COMMAND_TEXT, "its name", .required = true, .positional = true } },
	  .run = run_delete },
};

int interface_cli_register(struct convoyd *d)
{
	return command_table_add(d->commands, commands, count_of(commands), d);
}
