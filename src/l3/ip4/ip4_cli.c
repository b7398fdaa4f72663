/* ip4_cli.c - routes and addresses from the command line. */
#include "l3/ip4/ip4_cli.h"

#include "base/err.h"
#include "control/table.h"
#include "l3/ip4/address.h"
#include "l3/ip4/ip4_json.h"
#include "l3/ip4/route.h"

enum { SHOW_MAX = 1000 };

static const char *const source_names[] = {
	[FIB_SPECIAL] = "special", [FIB_INTERFACE] = "interface", [FIB_STATIC] = "static",
	[FIB_DYNAMIC] = "dynamic", [FIB_NEIGHBOR] = "neighbor",
};
_Static_assert(count_of(source_names) == N_FIB_SOURCES, "every source has a name");

/* --- show routes --- */

struct listing {
	const struct engine *engine;
	const struct fib *fib;
	json_t *list;
	unsigned left;
};

static json_t *path_json(const struct listing *l, const struct fib_path *path)
{
	const struct adjacency *a = adjacency_at(&l->fib->adjacencies, path->adjacency);

	return json_pack("{s:s, s:o, s:o, s:i}", "kind", adjacency_kind_name(a->kind), "via",
			 a->next_hop ? ip4_addr_json(a->next_hop) : json_null(), "interface",
			 a->if_index ? ip4_interface_json(l->engine, a->if_index) : json_null(),
			 "weight", (int)(path->weight ? path->weight : 1));
}

static json_t *route_json(const struct listing *l, const struct rib_node *n)
{
	const struct fib_route *r = n->owner;
	const struct fib_path *paths;
	unsigned n_paths = load_balance_paths(&l->fib->load_balances, r->load_balance, &paths);
	json_t *list = json_array();

	for (unsigned i = 0; i < n_paths; i++)
		json_array_append_new(list, path_json(l, &paths[i]));
	return json_pack("{s:o, s:s, s:o}", "prefix", ip4_prefix_json(fib_prefix_of(n)), "source",
			 source_names[r->source], "paths", list);
}

static bool list_one(const struct rib_node *n, void *context)
{
	struct listing *l = context;

	json_array_append_new(l->list, route_json(l, n));
	return --l->left > 0;
}

/* The route that an address would take. */
static int show_match(struct command_call *call, struct listing *l, uint32_t addr)
{
	struct vrf *v = fib_vrf_or_null(l->fib, VRF_DEFAULT);
	const struct rib_node *n = rib_match_or_null(&v->ip4.rib, fib_key_of_ip4(addr), 32);

	if (!n) {
		json_decref(l->list);
		return command_fail(call, ERR_NOENT, "no route leads there");
	}
	json_array_append_new(l->list, route_json(l, n));
	return command_reply(call, l->list);
}

static int show_routes(struct command_call *call)
{
	const struct engine *e = call->context;
	struct ip4_stack *s = ip4_stack_of(e);
	struct listing l = { .engine = e, .fib = s->fib };
	struct ip4_prefix from = { 0, 0 };
	uint32_t addr;
	int err;

	if (command_arg_text(call, "from")) {
		err = ip4_take_prefix(call, "from", &from);
		if (err != 0)
			return err;
	}
	l.left = (unsigned)command_arg_number(call, "limit", SHOW_MAX);
	l.list = json_array();
	if (command_arg_text(call, "to")) {
		err = ip4_take_addr(call, "to", &addr);
		if (err == 0)
			return show_match(call, &l, addr);
		json_decref(l.list);
		return err;
	}
	fib_walk(fib_vrf_or_null(s->fib, VRF_DEFAULT), from, list_one, &l);
	return command_reply(call, l.list);
}

static void render_routes(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "prefix", "prefix", TABLE_TEXT },
		{ "path.kind", "kind", TABLE_TEXT },
		{ "path.via", "via", TABLE_TEXT },
		{ "path.interface", "interface", TABLE_TEXT },
		{ "path.weight", "weight", TABLE_NUMBER },
		{ "source", "source", TABLE_TEXT },
	};
	json_t *rows = json_array(), *route, *path;
	size_t i, k;

	json_array_foreach((json_t *)list, i, route)
	{
		json_array_foreach(json_object_get(route, "paths"), k, path)
		{
			json_array_append_new(rows, json_pack("{s:O, s:O, s:O}", "prefix",
							      json_object_get(route, "prefix"),
							      "path", path, "source",
							      json_object_get(route, "source")));
		}
	}
	table_render(out, rows, columns, count_of(columns));
	json_decref(rows);
}

/* --- route add, route delete --- */

static const char *route_error(int err)
{
	switch (err) {
	case ERR_INVAL:
		return "bits are set behind the prefix's length";
	case ERR_UNREACHABLE:
		return "the next hop is not on the link of any interface";
	default:
		return err_text(err);
	}
}

static int add_route(struct command_call *call, struct ip4_prefix prefix)
{
	struct ip4_hop hop = { 0 };
	int err = 0;

	if (command_arg_flag(call, "blackhole"))
		return ip4_add_dead_route(call->context, VRF_DEFAULT, prefix, ADJACENCY_BLACKHOLE);
	if (command_arg_flag(call, "prohibit"))
		return ip4_add_dead_route(call->context, VRF_DEFAULT, prefix, ADJACENCY_PROHIBIT);
	if (command_arg_text(call, "via"))
		err = ip4_take_addr(call, "via", &hop.addr);
	if (err == 0 && command_arg_text(call, "interface"))
		err = ip4_take_interface(call, "interface", &hop.if_index);
	if (err == 0 && hop.addr == 0 && hop.if_index == 0)
		err = command_fail(call, ERR_INVAL,
				   "say where to: --via ADDRESS, --interface NAME, "
				   "--blackhole or --prohibit");
	return err ? err : ip4_add_route(call->context, VRF_DEFAULT, prefix, &hop, 1);
}

static int route_add(struct command_call *call)
{
	struct ip4_prefix prefix;
	int err = ip4_take_prefix(call, "prefix", &prefix);

	if (err == 0)
		err = add_route(call, prefix);
	if (err == 0)
		return command_reply(call, json_object());
	return call->why[0] ? err : command_fail(call, err, "no such route: %s", route_error(err));
}

static int route_delete(struct command_call *call)
{
	struct ip4_prefix prefix;
	int err = ip4_take_prefix(call, "prefix", &prefix);

	if (err != 0)
		return err;
	err = ip4_del_route(call->context, VRF_DEFAULT, prefix);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "no static route for this prefix; see: convoy show routes");
}

/* --- addresses --- */

static json_t *address_json(const struct engine *e, const struct ip4_address *a)
{
	return json_pack("{s:o, s:o}", "interface", ip4_interface_json(e, a->if_index), "address",
			 ip4_prefix_json(a->prefix));
}

static int show_addresses(struct command_call *call)
{
	const struct engine *e = call->context;
	struct ip4_stack *s = ip4_stack_of(e);
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		list_for_each(link, &s->addresses[i])
			json_array_append_new(
				list,
				address_json(e, container_of(link, struct ip4_address, link)));
	return command_reply(call, list);
}

static void render_addresses(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "address", "address", TABLE_TEXT },
	};

	table_render(out, list, columns, count_of(columns));
}

static int take_both(struct command_call *call, uint32_t *if_index, struct ip4_prefix *prefix)
{
	int err = ip4_take_interface(call, "interface", if_index);

	return err ? err : ip4_take_prefix(call, "address", prefix);
}

static int address_add(struct command_call *call)
{
	struct ip4_prefix prefix;
	uint32_t if_index;
	int err = take_both(call, &if_index, &prefix);

	if (err != 0)
		return err;
	err = ip4_add_address(call->context, if_index, prefix);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_INVAL   ? "this is no address of a host"
			    : err == ERR_EXIST ? "an interface has this address already"
			    : err == ERR_BUSY  ? "another interface is on this network"
					       : err_text(err));
}

static int address_delete(struct command_call *call)
{
	struct ip4_prefix prefix;
	uint32_t if_index;
	int err = take_both(call, &if_index, &prefix);

	if (err != 0)
		return err;
	err = ip4_del_address(call->context, if_index, prefix);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err,
			    "the interface has no such address; see: convoy show addresses");
}

static const struct command commands[] = {
	{ .name = "show routes",
	  .help = "IPv4 routes and where they lead",
	  .args = { { "to", COMMAND_TEXT, "only the route that this address takes",
		      .positional = true },
		    { "from", COMMAND_TEXT, "begin with this prefix" },
		    { "limit", COMMAND_NUMBER, "at most so many; 1000 if not given", .min = 1,
		      .max = 10000000 } },
	  .run = show_routes,
	  .render = render_routes },
	{ .name = "route add",
	  .help = "send packets for a prefix by a next hop or an interface",
	  .args = { { "prefix", COMMAND_TEXT, "such as 10.0.0.0/8 or 0.0.0.0/0", .required = true,
		      .positional = true },
		    { "via", COMMAND_TEXT, "address of the next hop" },
		    { "interface", COMMAND_TEXT, "interface that it leaves by" },
		    { "blackhole", COMMAND_FLAG, "drop them in silence" },
		    { "prohibit", COMMAND_FLAG, "refuse them with an ICMP error" } },
	  .run = route_add },
	{ .name = "route delete",
	  .help = "remove a static route",
	  .args = { { "prefix", COMMAND_TEXT, "its prefix", .required = true,
		      .positional = true } },
	  .run = route_delete },
	{ .name = "show addresses",
	  .help = "IPv4 addresses of interfaces",
	  .run = show_addresses,
	  .render = render_addresses },
	{ .name = "address add",
	  .help = "give an interface an IPv4 address",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "address", COMMAND_TEXT, "such as 10.0.0.1/24", .required = true,
		      .positional = true } },
	  .run = address_add },
	{ .name = "address delete",
	  .help = "take an IPv4 address from an interface",
	  .args = { { "interface", COMMAND_TEXT, "its name", .required = true, .positional = true },
		    { "address", COMMAND_TEXT, "as in show addresses", .required = true,
		      .positional = true } },
	  .run = address_delete },
};

int ip4_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
