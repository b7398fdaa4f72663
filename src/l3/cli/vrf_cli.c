/* vrf_cli.c - routing domains from the command line. */
#include "base/err.h"
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/ip4/ip4.h"
#include "l3/vrf/vrf.h"

static json_t *interfaces_json(const struct engine *e, const struct vrf *v)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (interface_get_or_null(e, i) && vrf_of_interface(e, i) == v)
			json_array_append_new(list, l2_interface_json(e, i));
	return list;
}

static int show_vrfs(struct command_call *call)
{
	const struct engine *e = call->context;
	const struct fib *f = e->module[MODULE_FIB];
	json_t *list = json_array();

	for (uint32_t i = 0; i < VRFS_MAX; i++) {
		const struct vrf *v = fib_vrf_or_null(f, i);

		if (v)
			json_array_append_new(
				list, json_pack("{s:s, s:I, s:I, s:I, s:o}", "name", v->name,
						"index", (json_int_t)i, "ip4_prefixes",
						(json_int_t)v->ip4.rib.n_prefixes, "ip6_prefixes",
						(json_int_t)v->ip6.rib.n_prefixes, "interfaces",
						interfaces_json(e, v)));
	}
	return command_reply(call, list);
}

static void render_vrfs(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "name", "name", TABLE_TEXT },
		{ "ip4_prefixes", "IPv4", TABLE_NUMBER },
		{ "ip6_prefixes", "IPv6", TABLE_NUMBER },
		{ "interfaces", "interfaces", TABLE_NUMBER },
	};
	json_t *rows = json_array(), *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
	{
		json_t *row = json_copy(v);

		json_object_set_new(row, "interfaces",
				    json_integer((json_int_t)json_array_size(
					    json_object_get(v, "interfaces"))));
		json_array_append_new(rows, row);
	}
	table_render(out, rows, columns, count_of(columns));
	json_decref(rows);
}

static int run_add(struct command_call *call)
{
	const char *name = command_arg_text(call, "name");
	int err = vrf_add(call->context, name);

	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "no VRF \"%.40s\": %s", name,
			    err == ERR_EXIST ? "there is one already"
			    : err == ERR_INVAL
				    ? "a name has 1 to 31 printable characters, no blanks"
				    : err_text(err));
}

static int run_delete(struct command_call *call)
{
	const char *name = command_arg_text(call, "name");
	int err = vrf_del(call->context, name);

	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_NOENT  ? "no VRF of that name; see: convoy show vrfs"
			    : err == ERR_BUSY ? "it still has interfaces or routes, or routes of "
						"others look it up; the default one stays"
					      : err_text(err));
}

static int run_move(struct command_call *call)
{
	const struct fib *f = ((struct engine *)call->context)->module[MODULE_FIB];
	uint32_t if_index, vrf;
	const char *what = NULL;
	int err = ip_take_interface(call, "interface", &if_index);

	if (err == 0)
		err = ip_take_vrf(call, "vrf", &vrf);
	if (err != 0)
		return err;
	err = vrf_move_interface(call->context, if_index, fib_vrf_or_null(f, vrf), &what);
	return err ? command_fail(call, err, "%s", what) : command_reply(call, json_object());
}

static const struct command commands[] = {
	{ .name = "show vrfs",
	  .help = "routing domains, their prefixes and interfaces",
	  .run = show_vrfs,
	  .render = render_vrfs },
	{ .name = "vrf add",
	  .help = "make a routing domain, for both families",
	  .args = { { "name", COMMAND_TEXT, "its name", .required = true, .positional = true } },
	  .run = run_add },
	{ .name = "vrf delete",
	  .help = "remove a routing domain without interfaces and routes",
	  .args = { { "name", COMMAND_TEXT, "its name", .required = true, .positional = true } },
	  .run = run_delete },
	{ .name = "vrf move",
	  .help = "put an interface, and what is on it, into a VRF",
	  .more = "Its addresses, neighbors and the static routes that lead over it alone go "
		  "along.\n",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "vrf", COMMAND_TEXT, "the VRF's name", .required = true,
		      .positional = true } },
	  .run = run_move },
};

int vrf_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
