/* waiting_cli.c - packets that wait on workers, from the command line. */
#include "control/command.h"
#include "control/table.h"
#include "l3/cli/l3_cli.h"
#include "l3/neighbor/neighbor.h"
#include "l3/reassembly/reassembly.h"

static void list_one(json_t *list, const struct worker *w, const char *what, unsigned family,
		     uint32_t n, uint32_t max)
{
	json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:i, s:i}", "worker", (int)w->index,
					      "for", what, "family", (int)family, "waiting", (int)n,
					      "limit", (int)max));
}

static void list_worker(json_t *list, const struct worker *w)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		struct neighbor_held held = neighbor_held(w, family == 4);
		struct reassembly_use use = reassembly_use_of(family == 4 ? reassembly_of(w)->ip4
									  : reassembly_of(w)->ip6);

		list_one(list, w, "neighbors", family, held.n, held.max);
		list_one(list, w, "fragments", family, use.n_bufs, use.bufs_max);
	}
}

static int show_waiting(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *list = json_array();

	for (unsigned i = 0; i < e->n_workers; i++)
		list_worker(list, e->worker[i]);
	return command_reply(call, list);
}

static void render_waiting(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "worker", "worker", TABLE_NUMBER }, { "for", "for", TABLE_TEXT },
		{ "family", "family", TABLE_NUMBER }, { "waiting", "waiting", TABLE_NUMBER },
		{ "limit", "limit", TABLE_NUMBER },
	};

	table_render(out, list, columns, count_of(columns));
}

static const struct command commands[] = {
	{ .name = "show waiting",
	  .help = "packets that wait for neighbors and for fragments",
	  .more = "Each worker has limits of its own. Packets that wait for a neighbor's address "
		  "are\n"
		  "counted, and buffers of fragments whose packet is not whole.\n",
	  .run = show_waiting,
	  .render = render_waiting },
};

int waiting_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
