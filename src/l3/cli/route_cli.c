/* route_cli.c - routes of both families from the command line. */
#include <stdio.h>

#include "base/err.h"
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/ip4/ip4.h"
#include "l3/route/paths.h"

enum { SHOW_MAX = 1000, WORDS_MAX = 8192 };

static const char *const source_names[] = {
	[FIB_SPECIAL] = "special", [FIB_INTERFACE] = "interface",   [FIB_STATIC] = "static",
	[FIB_DYNAMIC] = "dynamic", [FIB_ADVERTISED] = "advertised", [FIB_NEIGHBOR] = "neighbor",
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

	const struct vrf *v = a->kind == ADJACENCY_LOOKUP ? fib_vrf_or_null(l->fib, a->to) : NULL;

	return json_pack(
		"{s:s, s:o, s:o, s:s?, s:i}", "kind",
		adjacency_kind_name((enum adjacency_kind)a->kind), "via", next_hop_json(a),
		"interface", a->if_index ? l2_interface_json(l->engine, a->if_index) : json_null(),
		"vrf", v ? v->name : NULL, "weight", (int)(path->weight ? path->weight : 1));
}

static json_t *route_json(const struct listing *l, const struct rib_node *n, json_t *prefix)
{
	const struct fib_route *r = n->owner;
	const struct fib_path *paths;
	unsigned n_paths = load_balance_paths(&l->fib->load_balances, r->load_balance, &paths);
	json_t *list = json_array();

	for (unsigned i = 0; i < n_paths; i++)
		json_array_append_new(list, path_json(l, &paths[i]));
	return json_pack("{s:o, s:s, s:b, s:o}", "prefix", prefix, "source",
			 source_names[r->source], "resilient",
			 load_balance_is_resilient(&l->fib->load_balances, r->load_balance),
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

/* The next hop, or the VRF that says more. */
static json_t *via_text(const json_t *path)
{
	const json_t *vrf = json_object_get(path, "vrf");

	return json_is_string(vrf) ? json_sprintf("vrf %s", json_string_value(vrf))
				   : json_incref(json_object_get(path, "via"));
}

static void render_routes(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "prefix", "prefix", TABLE_TEXT },
		{ "path.kind", "kind", TABLE_TEXT },
		{ "via", "via", TABLE_TEXT },
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
			json_array_append_new(rows,
					      json_pack("{s:O, s:o, s:O, s:O}", "prefix",
							json_object_get(route, "prefix"), "via",
							via_text(path), "path", path, "source",
							json_object_get(route, "source")));
		}
	}
	table_render(out, rows, columns, count_of(columns));
	json_decref(rows);
	if (json_array_size(list) == SHOW_MAX)
		text_add(out, "stopped after %d; more with --limit N, --from PREFIX\n", SHOW_MAX);
}

/* --- route add, route delete --- */

/* The options that stand for words. */
static void words_of_options(const struct command_call *call, struct writer *w)
{
	const char *via = command_arg_text(call, "via");
	const char *interface = command_arg_text(call, "interface");

	if (via || interface)
		put_format(w, "via %s", via ? via : "");
	if (interface)
		put_format(w, " dev %s", interface);
	if (command_arg_flag(call, "blackhole"))
		put_format(w, " blackhole");
	if (command_arg_flag(call, "prohibit"))
		put_format(w, " prohibit");
	if (command_arg_flag(call, "unreachable"))
		put_format(w, " unreachable");
	if (command_arg_text(call, "lookup"))
		put_format(w, " lookup %s", command_arg_text(call, "lookup"));
}

/* Where to, as words; ERR_INVAL when it is said twice or not at all. */
static int take_words(struct command_call *call, char text[WORDS_MAX])
{
	const char *to = command_arg_text(call, "to");
	struct writer w = writer_of(text, WORDS_MAX - 1);

	words_of_options(call, &w);
	if (to && writer_len(&w) > 0)
		return command_fail(call, ERR_INVAL,
				    "say where to by words or by options, not by both");
	if (to)
		put_format(&w, "%s", to);
	if (!writer_ok(&w))
		return command_fail(call, ERR_RANGE, "that is too long for a route");
	text[writer_len(&w)] = '\0';
	if (text[0])
		return 0;
	return command_fail(call, ERR_INVAL,
			    "say where to: via ADDRESS, via dev INTERFACE, lookup VRF, blackhole, "
			    "prohibit or unreachable");
}

static int add_route(struct command_call *call, uint32_t vrf, const struct ip_prefix *prefix)
{
	bool is_ip4 = ip_prefix_is_ip4(prefix);
	struct route_hop hops[LOAD_BALANCE_PATHS];
	struct route_text_fault fault;
	struct route_text_to text;
	const char *what = NULL;
	char words[WORDS_MAX];
	struct route_to to;
	int err = take_words(call, words);

	if (err != 0)
		return err;
	if (route_text_to(slice_of_text(words), 1, is_ip4, &text, &fault) != 0)
		return command_fail(call, ERR_INVAL, "\"%.80s\": %s", words + (fault.column - 1),
				    fault.what);
	err = route_to_of_text(call->context, vrf, is_ip4, &text, hops, &to, &what);
	if (err == 0)
		err = route_set(call->context, vrf, prefix, FIB_STATIC, &to, 0, &what);
	return err ? command_fail(call, err, "the route cannot be: %s", what) : 0;
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
	return err ? err : command_reply(call, json_object());
}

static int route_delete(struct command_call *call)
{
	struct ip_prefix prefix;
	bool loaded;
	uint32_t vrf;
	int err = ip_take_prefix(call, "prefix", &prefix);

	if (err == 0)
		err = ip_take_vrf(call, "vrf", &vrf);
	if (err != 0)
		return err;
	loaded = command_arg_flag(call, "loaded");
	err = loaded ? route_unload(call->context, vrf, &prefix)
		     : route_del(call->context, vrf, &prefix, FIB_STATIC);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "no %s route for this prefix; see: convoy show routes%s",
			    loaded ? "loaded" : "static",
			    loaded ? "" : " (\"dynamic\" ones go with --loaded)");
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
	  .help = "send packets for a prefix by next hops, or nowhere",
	  .more = "TO is one of: via ADDRESS [dev INTERFACE] [vrf NAME] [weight N] [via …] "
		  "[resilient],\n"
		  "via dev INTERFACE, lookup VRF, blackhole, prohibit, unreachable.\n"
		  "  convoy route add 10.0.0.0/8 via 192.0.2.1\n"
		  "  convoy route add 10.1.0.0/16 via 192.0.2.1 weight 3 via 192.0.2.2 dev lan "
		  "resilient\n"
		  "  convoy route add 10.2.0.0/16 via dev lan\n"
		  "  convoy route add 10.3.0.0/16 blackhole\n"
		  "  convoy route add 10.4.0.0/16 lookup blue --vrf red\n",
	  .args = { { "prefix", COMMAND_TEXT, "such as 10.0.0.0/8 or 2001:db8::/32",
		      .required = true, .positional = true },
		    { "to", COMMAND_WORDS, "next hops, in words: see below", .positional = true,
		      .choices = "via|dev|vrf|weight|resilient|lookup|blackhole|prohibit|"
				 "unreachable" },
		    { "via", COMMAND_TEXT, "address of the next hop" },
		    { "interface", COMMAND_TEXT, "interface that it leaves by" },
		    { "blackhole", COMMAND_FLAG, "drop them in silence" },
		    { "prohibit", COMMAND_FLAG, "refuse them: administratively prohibited" },
		    { "unreachable", COMMAND_FLAG, "refuse them: unreachable" },
		    { "lookup", COMMAND_TEXT, "look them up in this other VRF" },
		    { "vrf", COMMAND_TEXT, "in this VRF" } },
	  .run = route_add },
	{ .name = "route delete",
	  .help = "remove a static route, or a loaded one",
	  .args = { { "prefix", COMMAND_TEXT, "its prefix", .required = true, .positional = true },
		    { "loaded", COMMAND_FLAG, "the one that `route load` has made" },
		    { "vrf", COMMAND_TEXT, "in this VRF" } },
	  .run = route_delete },
};

int route_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
