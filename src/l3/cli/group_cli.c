/* group_cli.c - the multicast groups of interfaces from the command line. */
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/ip6/address.h"
#include "l3/mld/mld.h"

static void list_link(const struct engine *e, const struct mld_link *m, json_t *list)
{
	list_for_each(link, &m->listener.groups) {
		const struct mld_group *g = container_of(link, struct mld_group, link);

		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:s, s:i, s:I, s:I}", "interface",
						l2_interface_json(e, m->on->if_index), "group",
						ip_addr_json(&g->addr), "state",
						g->is_left     ? "left"
						: g->n_changes ? "joining"
							       : "joined",
						"version", mld_listener_is_v1(&m->listener) ? 1 : 2,
						"queries", (json_int_t)m->n_queries, "reports",
						(json_int_t)m->n_reports));
	}
}

static int show_groups(struct command_call *call)
{
	const struct engine *e = call->context;
	const struct ip6_stack *s = ip6_stack_of(e);
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (s->link[i] && s->link[i]->mld)
			list_link(e, s->link[i]->mld, list);
	return command_reply(call, list);
}

static void render_groups(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "group", "group", TABLE_TEXT },	{ "interface", "interface", TABLE_TEXT },
		{ "state", "state", TABLE_TEXT },	{ "version", "version", TABLE_NUMBER },
		{ "queries", "queries", TABLE_NUMBER }, { "reports", "reports", TABLE_NUMBER },
	};

	table_render(out, list, columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "show groups",
	  .help = "IPv6 multicast groups that interfaces have joined",
	  .more = "version, queries, reports: the MLD it speaks, what it has heard and sent.\n",
	  .run = show_groups,
	  .render = render_groups },
};

int group_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
