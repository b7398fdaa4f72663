/* route_cli.c - routes of both families from the command line. */

#include "base/err.h"
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/ip4/route.h"
#include "l3/ip6/route.h"

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
	const struct vrf *vrf;
	json_t *list;
	unsigned left;
};

static json_t *next_hop_json(const struct adjacency *a)
{
	if (a->next_hop)
		return ip4_addr_json(a->next_hop);
	return ip6_is_unspecified(&a->next_hop6) ? json_null() : ip_addr_json(&a->next_hop6);
}

static json_t *path_json(const struct listing *l, const struct fib_path *path)
{
	const struct adjacency *a = adjacency_at(&l->fib->adjacencies, path->adjacency);

	return json_pack("{s:s, s:o, s:o, s:i}", "kind",
			 adjacency_kind_name((enum adjacency_kind)a->kind), "via", next_hop_json(a),
			 "interface",
			 a->if_index ? ip_interface_json(l->engine, a->if_index) : json_null(),
			 "weight", (int)(path->weight ? path->weight : 1));
}

static json_t *route_json(const struct listing *l, const struct rib_node *n, json_t *prefix)
{
	const struct fib_route *r = n->owner;
	const struct fib_path *paths;
	unsigned n_paths = load_balance_paths(&l->fib->load_balances, r->load_balance, &paths);
	json_t *list = json_array();

	for (unsigned i = 0; i < n_paths; i++)
		json_array_append_new(list, path_json(l, &paths[i]));
	return json_pack("{s:o, s:s, s:o}", "prefix", prefix, "source", source_names[r->source],
			 "paths", list);
}

static json_t *prefix6_json(const struct rib_node *n)
{
	uint32_t if_index;
	struct ip6_prefix prefix = fib6_prefix_of(n, &if_index);

	return ip6_prefix_json(&prefix);
}

static bool list_one(const struct rib_node *n, void *context)
{
	struct listing *l = context;

	json_array_append_new(l->list, route_json(l, n, ip4_prefix_json(fib_prefix_of(n))));
	return --l->left > 0;
}

static bool list_one6(const struct rib_node *n, void *context)
{
	struct listing *l = context;

	json_array_append_new(l->list, route_json(l, n, prefix6_json(n)));
	return --l->left > 0;
}

/* The route that an address would take. */
static int show_match(struct command_call *call, struct listing *l, const struct ip6_addr *addr)
{
	const struct vrf *v = l->vrf;
	bool is_ip4 = ip6_is_mapped(addr);
	const struct rib_node *n =
		is_ip4 ? rib_match_or_null(&v->ip4.rib, fib_key_of_ip4(ip6_mapped_ip4(addr)), 32)
		       : rib_match_or_null(&v->ip6.rib, fib6_key_on(addr, 0), 128);

	if (!n) {
		json_decref(l->list);
		return command_fail(call, ERR_NOENT, "no route leads there");
	}
	json_array_append_new(
		l->list,
		route_json(l, n, is_ip4 ? ip4_prefix_json(fib_prefix_of(n)) : prefix6_json(n)));
	return command_reply(call, l->list);
}

/* IPv4 first, then IPv6, from @from on. */
static void list_routes(struct listing *l, const struct ip_prefix *from)
{
	const struct vrf *v = l->vrf;
	struct ip6_prefix first = { .len = 0 };

	if (ip_prefix_is_ip4(from))
		fib_walk(v, ip_prefix_ip4(from), list_one, l);
	else
		first = ip_prefix_ip6(from);
	if (l->left > 0)
		fib6_walk(v, first, list_one6, l);
}

static int show_routes(struct command_call *call)
{
	const struct engine *e = call->context;
	struct listing l = { .engine = e, .fib = ip4_stack_of(e)->fib };
	struct ip_prefix from = { ip6_mapped(0), 0 };
	struct ip6_addr addr;
	uint32_t vrf;
	int err = ip_take_vrf(call, "vrf", &vrf);

	if (err == 0 && command_arg_text(call, "from"))
		err = ip_take_prefix(call, "from", &from);
	if (err == 0 && command_arg_text(call, "to"))
		err = ip_take_addr(call, "to", &addr);
	if (err != 0)
		return err;
	l.vrf = fib_vrf_or_null(l.fib, vrf);
	l.left = (unsigned)command_arg_number(call, "limit", SHOW_MAX);
	l.list = json_array();
	if (command_arg_text(call, "to"))
		return show_match(call, &l, &addr);
	list_routes(&l, &from);
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
		return "the next hop is not on the link of any interface, and no route leads to it";
	default:
		return err_text(err);
	}
}

static int add_dead(struct command_call *call, uint32_t vrf, const struct ip_prefix *prefix,
		    enum adjacency_kind kind)
{
	if (ip_prefix_is_ip4(prefix))
		return ip4_add_dead_route(call->context, vrf, ip_prefix_ip4(prefix), kind);
	return ip6_add_dead_route(call->context, vrf, ip_prefix_ip6(prefix), kind);
}

static int add_lookup(struct command_call *call, uint32_t vrf, const struct ip_prefix *prefix)
{
	uint32_t to;
	int err = ip_take_vrf(call, "lookup", &to);

	if (err != 0)
		return err;
	if (to == vrf)
		return command_fail(call, ERR_INVAL, "the route is in that VRF itself");
	if (ip_prefix_is_ip4(prefix))
		return ip4_add_lookup_route(call->context, vrf, ip_prefix_ip4(prefix), to);
	return ip6_add_lookup_route(call->context, vrf, ip_prefix_ip6(prefix), to);
}

static int add_living(struct command_call *call, uint32_t vrf, const struct ip_prefix *prefix,
		      const struct ip6_addr *via, uint32_t if_index)
{
	struct ip4_hop hop4 = { .if_index = if_index };
	struct ip6_hop hop6 = { .if_index = if_index };

	if (ip_prefix_is_ip4(prefix)) {
		hop4.addr = ip6_mapped_ip4(via);
		return ip4_add_route(call->context, vrf, ip_prefix_ip4(prefix), &hop4, 1);
	}
	hop6.addr = *via;
	return ip6_add_route(call->context, vrf, ip_prefix_ip6(prefix), FIB_STATIC, &hop6, 1);
}

static int add_route(struct command_call *call, uint32_t vrf, const struct ip_prefix *prefix)
{
	bool has_via = command_arg_text(call, "via") != NULL;
	struct ip6_addr via = ip6_of(0, 0);
	uint32_t if_index = 0;
	int err = 0;

	if (command_arg_flag(call, "blackhole"))
		return add_dead(call, vrf, prefix, ADJACENCY_BLACKHOLE);
	if (command_arg_text(call, "lookup"))
		return add_lookup(call, vrf, prefix);
	if (command_arg_flag(call, "prohibit"))
		return add_dead(call, vrf, prefix, ADJACENCY_PROHIBIT);
	if (has_via)
		err = ip_take_addr(call, "via", &via);
	if (err == 0 && has_via && ip6_is_mapped(&via) != ip_prefix_is_ip4(prefix))
		err = command_fail(call, ERR_INVAL,
				   "prefix and next hop are of different families");
	if (err == 0 && command_arg_text(call, "interface"))
		err = ip_take_interface(call, "interface", &if_index);
	if (err == 0 && !has_via && if_index == 0)
		err = command_fail(call, ERR_INVAL,
				   "say where to: --via ADDRESS, --interface NAME, "
				   "--blackhole or --prohibit");
	if (err == 0 && if_index == 0 && ip6_is_link_local(&via))
		err = command_fail(call, ERR_INVAL,
				   "a link-local next hop needs its link: add --interface NAME");
	return err ? err : add_living(call, vrf, prefix, &via, if_index);
}

static int route_add(struct command_call *call)
{
	struct ip_prefix prefix;
	uint32_t vrf;
	int err = ip_take_prefix(call, "prefix", &prefix);

	if (err == 0)
		err = ip_take_vrf(call, "vrf", &vrf);
	if (err == 0)
		err = add_route(call, vrf, &prefix);
	if (err == 0)
		return command_reply(call, json_object());
	return call->why[0] ? err : command_fail(call, err, "no such route: %s", route_error(err));
}

static int route_delete(struct command_call *call)
{
	struct ip_prefix prefix;
	uint32_t vrf;
	int err = ip_take_prefix(call, "prefix", &prefix);

	if (err == 0)
		err = ip_take_vrf(call, "vrf", &vrf);
	if (err != 0)
		return err;
	if (ip_prefix_is_ip4(&prefix))
		err = ip4_del_route(call->context, vrf, ip_prefix_ip4(&prefix));
	else
		err = ip6_del_route(call->context, vrf, ip_prefix_ip6(&prefix), FIB_STATIC);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "no static route for this prefix; see: convoy show routes");
}

static const struct command commands[] = {
	{ .name = "show routes",
	  .help = "routes and where they lead",
	  .args = { { "to", COMMAND_TEXT, "only the route that this address takes",
		      .positional = true },
		    { "from", COMMAND_TEXT, "begin with this prefix" },
		    { "limit", COMMAND_NUMBER, "at most so many; 1000 if not given", .min = 1,
		      .max = 10000000 },
		    { "vrf", COMMAND_TEXT, "in this VRF" } },
	  .run = show_routes,
	  .render = render_routes },
	{ .name = "route add",
	  .help = "send packets for a prefix by a next hop or an interface",
	  .args = { { "prefix", COMMAND_TEXT, "such as 10.0.0.0/8 or 2001:db8::/32",
		      .required = true, .positional = true },
		    { "via", COMMAND_TEXT, "address of the next hop" },
		    { "interface", COMMAND_TEXT, "interface that it leaves by" },
		    { "blackhole", COMMAND_FLAG, "drop them in silence" },
		    { "prohibit", COMMAND_FLAG, "refuse them with an ICMP error" },
		    { "lookup", COMMAND_TEXT, "look them up in this other VRF" },
		    { "vrf", COMMAND_TEXT, "in this VRF" } },
	  .run = route_add },
	{ .name = "route delete",
	  .help = "remove a static route",
	  .args = { { "prefix", COMMAND_TEXT, "its prefix", .required = true, .positional = true },
		    { "vrf", COMMAND_TEXT, "in this VRF" } },
	  .run = route_delete },
};

int route_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
