/* path_mtu_cli.c - what is known of path MTUs, from the command line. */
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/ip6/ip6.h"

static int show_path_mtus(struct command_call *call)
{
	const struct engine *e = call->context;
	const struct ip6_stack *s = ip6_stack_of(e);
	uint64_t now_ns = clock_now_ns(e->clock);
	json_t *list = json_array();
	struct pmtu p;

	for (unsigned i = 0; i < PMTU_ENTRIES; i++)
		if (pmtu_read(&s->path_mtus, i, now_ns, &p)) {
			const struct vrf *v = fib_vrf_or_null(s->fib, p.vrf);
			json_int_t left = (json_int_t)((p.until_ns - now_ns) / NS_PER_S);

			json_array_append_new(list, json_pack("{s:o, s:s, s:i, s:I}", "address",
							      ip_addr_json(&p.dst), "vrf",
							      v ? v->name : "", "mtu",
							      (int)p.mtu_bytes, "seconds", left));
		}
	return command_reply(call, list);
}

static void render_path_mtus(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "address", "address", TABLE_TEXT },
		{ "vrf", "vrf", TABLE_TEXT },
		{ "mtu", "mtu", TABLE_NUMBER },
		{ "seconds", "seconds", TABLE_NUMBER },
	};

	table_render(out, list, columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "show path-mtus",
	  .help = "how long IPv6 packets to a host may be, as routers say",
	  .more = "seconds: how much longer that is believed.\n",
	  .run = show_path_mtus,
	  .render = render_path_mtus },
};

int path_mtu_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
