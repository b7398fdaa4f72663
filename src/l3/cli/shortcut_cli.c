/* shortcut_cli.c - the destinations that take shortcuts, and why others do not. */
#include <string.h>

#include "base/err.h"
#include "control/table.h"
#include "l2/l2_cli.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/shortcut/shortcut.h"

static json_t *address_json(const struct shortcut_slot *slot)
{
	struct ip6_addr addr;
	be32 addr4;

	if (slot->ingress & SHORTCUT_IP6) {
		memcpy(&addr, slot->address, sizeof(addr));
		return ip_addr_json(&addr);
	}
	memcpy(&addr4, slot->address, sizeof(addr4));
	return ip4_addr_json(host32(addr4));
}

static json_t *shortcut_json(const struct engine *e, const struct shortcuts *s, uint32_t at)
{
	const struct shortcut_slot *slot = &s->table->slot[at];
	const struct shortcut *r = &s->of[at];
	struct mac mac;

	memcpy(mac.b, slot->macs, sizeof(mac.b));
	return json_pack("{s:o, s:o, s:o, s:o, s:i, s:I, s:I, s:b}", "from",
			 l2_interface_json(e, r->in), "destination", address_json(slot), "to",
			 l2_interface_json(e, r->out), "mac", l2_mac_json(&mac), "mtu_bytes",
			 (int)slot->mtu_bytes, "packets", (json_int_t)slot->n_packets, "bytes",
			 (json_int_t)slot->n_bytes, "in_use",
			 slot->epoch != 0 && slot->epoch == s->table->epoch);
}

static json_t *refusals_json(const struct engine *e)
{
	const uint64_t *n = shortcut_refusals(e);
	json_t *object = json_object();

	for (unsigned f = SHORTCUT_PLAIN + 1; f < N_SHORTCUT_FAULTS; f++)
		json_object_set_new(object, shortcut_fault_name(f), json_integer((json_int_t)n[f]));
	return object;
}

static int run_show(struct command_call *call)
{
	const struct engine *e = call->context;
	const struct shortcuts *s = shortcuts_of_or_null(e);
	json_t *list = json_array();

	for (uint32_t n = 0; s && n < s->n_used; n++)
		if (s->of[s->used[n]].state == SHORTCUT_USED)
			json_array_append_new(list, shortcut_json(e, s, s->used[n]));
	return command_reply(call, json_pack("{s:o, s:I, s:I, s:o}", "shortcuts", list, "learnt",
					     (json_int_t)(s ? s->n_learnt : 0), "no_room",
					     (json_int_t)(s ? s->n_no_room : 0), "refused",
					     refusals_json(e)));
}

static void render_show(struct text *out, const json_t *reply)
{
	static const struct table_column columns[] = {
		{ "from", "from", TABLE_TEXT },
		{ "destination", "destination", TABLE_TEXT },
		{ "to", "to", TABLE_TEXT },
		{ "mac", "MAC", TABLE_TEXT },
		{ "packets", "packets", TABLE_NUMBER },
		{ "bytes", "bytes", TABLE_BYTES },
	};
	json_t *refused = json_object_get(reply, "refused"), *n;
	const char *name;

	table_render(out, json_object_get(reply, "shortcuts"), columns, count_of(columns));
	json_object_foreach(refused, name, n) if (json_integer_value(n) > 0) text_add(
		out, "not plain: %s, %lld samples\n", name, (long long)json_integer_value(n));
	if (json_integer_value(json_object_get(reply, "no_room")) > 0)
		text_add(out, "no room: %lld samples\n",
			 (long long)json_integer_value(json_object_get(reply, "no_room")));
}

static int run_clear(struct command_call *call)
{
	shortcuts_clear(call->context);
	return command_reply(call, json_object());
}

static const struct command commands[] = {
	{ .name = "show shortcuts",
	  .help = "destinations that the kernel forwards by itself",
	  .run = run_show,
	  .render = render_show },
	{ .name = "shortcuts clear",
	  .help = "forget all shortcuts; those in use are learnt again",
	  .run = run_clear },
};

int shortcut_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
