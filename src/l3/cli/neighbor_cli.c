/* neighbor_cli.c - neighbours from the command line. */
#include "base/err.h"
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/neighbor/proxy.h"

struct listing {
	const struct engine *engine;
	uint32_t only; /* interface index, 0 for all */
	json_t *list;
};

static bool list_one(const struct neighbor *n, void *context)
{
	struct listing *l = context;
	uint64_t age_ns = clock_now_ns(l->engine->clock) - n->machine.confirmed_ns;

	if (l->only && l->only != n->if_index)
		return true;
	json_array_append_new(l->list,
			      json_pack("{s:o, s:o, s:o, s:s, s:b, s:o}", "interface",
					l2_interface_json(l->engine, n->if_index), "address",
					ip_addr_json(&n->addr), "mac",
					mac_is_zero(&n->mac) ? json_null() : l2_mac_json(&n->mac),
					"state", neighbor_state_name(n->machine.state), "router",
					n->is_router, "confirmed_seconds_ago",
					n->machine.confirmed_ns
						? json_integer((json_int_t)(age_ns / NS_PER_S))
						: json_null()));
	return true;
}

static int show_neighbors(struct command_call *call)
{
	struct listing l = { .engine = call->context };
	int err = 0;

	if (command_arg_text(call, "interface"))
		err = ip_take_interface(call, "interface", &l.only);
	if (err != 0)
		return err;
	l.list = json_array();
	neighbor_walk(l.engine, list_one, &l);
	return command_reply(call, l.list);
}

static void render_neighbors(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "address", "address", TABLE_TEXT },
		{ "mac", "mac", TABLE_TEXT },
		{ "interface", "interface", TABLE_TEXT },
		{ "state", "state", TABLE_TEXT },
		{ "confirmed_seconds_ago", "seconds", TABLE_NUMBER },
	};

	table_render(out, list, columns, count_of(columns));
}

/* --- show neighbor-table --- */

static int show_table(struct command_call *call)
{
	struct neighbor_counts c = neighbor_counts(call->context);

	return command_reply(
		call, json_pack("{s:i, s:i, s:I, s:I, s:I, s:I}", "neighbors", (int)c.n, "limit",
				NEIGHBORS_MAX, "asked", (json_int_t)c.n_asked, "failed",
				(json_int_t)c.n_failed, "evicted", (json_int_t)c.n_evicted,
				"refused", (json_int_t)c.n_refused));
}

static void render_table(struct text *out, const json_t *counts)
{
	static const struct table_column columns[] = {
		{ "neighbors", "neighbors", TABLE_NUMBER }, { "limit", "limit", TABLE_NUMBER },
		{ "asked", "asked", TABLE_NUMBER },	    { "failed", "failed", TABLE_NUMBER },
		{ "evicted", "evicted", TABLE_NUMBER },	    { "refused", "refused", TABLE_NUMBER },
	};
	json_t *rows = json_pack("[O]", (json_t *)counts);

	table_render(out, rows, columns, count_of(columns));
	json_decref(rows);
}

/* --- neighbor add, delete --- */

static int take_both(struct command_call *call, uint32_t *if_index, struct ip6_addr *addr)
{
	int err = ip_take_interface(call, "interface", if_index);

	return err ? err : ip_take_addr(call, "address", addr);
}

static int neighbor_add(struct command_call *call)
{
	const char *text = command_arg_text(call, "mac");
	struct ip6_addr addr;
	uint32_t if_index;
	struct mac mac;
	int err = take_both(call, &if_index, &addr);

	if (err != 0)
		return err;
	if (mac_from_text(text, &mac) != 0)
		return command_fail(call, ERR_INVAL,
				    "\"%.40s\" is no MAC address; expected one like "
				    "02:00:00:00:00:01",
				    text);
	err = neighbor_add_static(call->context, if_index, &addr, &mac);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_UNREACHABLE
				    ? "the address is not in a prefix of the interface"
			    : err == ERR_INVAL ? "this is no MAC address of a single station"
					       : err_text(err));
}

static int neighbor_delete(struct command_call *call)
{
	struct ip6_addr addr;
	uint32_t if_index;
	int err = take_both(call, &if_index, &addr);

	if (err != 0)
		return err;
	err = neighbor_del(call->context, if_index, &addr);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "no such neighbour; see: convoy show neighbors");
}

/* --- proxies --- */

static int show_proxies(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		const struct neighbor_proxies *p = neighbor_proxies_of_or_null(e, i);

		for (uint32_t k = 0; p && k < p->n; k++)
			json_array_append_new(list, json_pack("{s:o, s:o}", "interface",
							      l2_interface_json(e, i), "address",
							      ip_addr_json(&p->addr[k])));
	}
	return command_reply(call, list);
}

static void render_proxies(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "address", "address", TABLE_TEXT },
	};

	table_render(out, list, columns, count_of(columns));
}

static int proxy_add(struct command_call *call)
{
	struct ip6_addr addr;
	uint32_t if_index;
	int err = take_both(call, &if_index, &addr);

	if (err != 0)
		return err;
	err = neighbor_add_proxy(call->context, if_index, &addr);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_INVAL   ? "this is no address of a single host"
			    : err == ERR_EXIST ? "the interface answers for it already"
			    : err == ERR_FULL  ? "the interface answers for 256 addresses, the most"
					       : err_text(err));
}

static int proxy_delete(struct command_call *call)
{
	struct ip6_addr addr;
	uint32_t if_index;
	int err = take_both(call, &if_index, &addr);

	if (err != 0)
		return err;
	err = neighbor_del_proxy(call->context, if_index, &addr);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err,
			    "the interface does not answer for it; see: convoy show "
			    "proxies");
}

static const struct command commands[] = {
	{ .name = "show neighbors",
	  .help = "link addresses of neighbours, oldest confirmation first",
	  .args = { { "interface", COMMAND_TEXT, "only on this interface", .positional = true } },
	  .run = show_neighbors,
	  .render = render_neighbors },
	{ .name = "show neighbor-table",
	  .help = "how full the table of neighbours is",
	  .more = "asked: neighbours asked for; failed: silent ones; evicted: given up for newer\n"
		  "ones; refused: not taken for want of room.\n",
	  .run = show_table,
	  .render = render_table },
	{ .name = "neighbor add",
	  .help = "fix the link address of a neighbour",
	  .args = { { "interface", COMMAND_TEXT, "interface that it is on", .required = true,
		      .positional = true },
		    { "address", COMMAND_TEXT, "its IPv4 or IPv6 address", .required = true,
		      .positional = true },
		    { "mac", COMMAND_TEXT, "its MAC address", .required = true,
		      .positional = true } },
	  .run = neighbor_add },
	{ .name = "neighbor delete",
	  .help = "forget a neighbour, fixed or learnt",
	  .args = { { "interface", COMMAND_TEXT, "interface that it is on", .required = true,
		      .positional = true },
		    { "address", COMMAND_TEXT, "its IPv4 or IPv6 address", .required = true,
		      .positional = true } },
	  .run = neighbor_delete },
	{ .name = "show proxies",
	  .help = "addresses of others that interfaces answer for",
	  .run = show_proxies,
	  .render = render_proxies },
	{ .name = "proxy add",
	  .help = "answer ARP or ND for somebody else's address",
	  .args = { { "interface", COMMAND_TEXT, "where it is asked for", .required = true,
		      .positional = true },
		    { "address", COMMAND_TEXT, "IPv4 or IPv6; a route should lead there",
		      .required = true, .positional = true } },
	  .run = proxy_add },
	{ .name = "proxy delete",
	  .help = "do not answer for it any more",
	  .args = { { "interface", COMMAND_TEXT, "where it was asked for", .required = true,
		      .positional = true },
		    { "address", COMMAND_TEXT, "as in show proxies", .required = true,
		      .positional = true } },
	  .run = proxy_delete },
};

int neighbor_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
