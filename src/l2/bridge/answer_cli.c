/* answer_cli.c - what a bridge answers for, from the command line. */
#include "control/table.h"
#include "l2/bridge/answer.h"
#include "l2/bridge/bridge_cli.h"
#include "l2/l2_cli.h"

static json_t *addr_json(const struct ip6_addr *addr)
{
	char text[64];
	struct writer w = writer_of(text, sizeof(text));

	ip_print_addr(&w, addr);
	return json_stringn(text, writer_len(&w));
}

static json_t *tags_json(uint32_t tags)
{
	char text[32];
	struct writer w = writer_of(text, sizeof(text));

	answer_print_tags(&w, tags);
	return tags ? json_stringn(text, writer_len(&w)) : json_null();
}

static bool list_one(const struct bridge *b, const struct answer *a, void *context)
{
	json_array_append_new(context,
			      json_pack("{s:s, s:o, s:o, s:o, s:s, s:b}", "bridge", b->name,
					"address", addr_json(&a->key.addr), "tags",
					tags_json(a->key.tags), "mac", l2_mac_json(&a->mac), "kind",
					a->is_fixed ? "static" : "heard", "router", a->is_router));
	return true;
}

static int show_answers(struct command_call *call)
{
	struct bridge *only = NULL, *b = NULL;
	json_t *list;
	int err = 0;

	if (command_arg_text(call, "bridge"))
		err = bridge_take(call, "bridge", &only);
	if (err != 0)
		return err;
	list = json_array();
	while ((b = bridge_next_or_null(call->context, b)) != NULL)
		if (!only || b == only)
			bridge_walk_answers(b, list_one, list);
	return command_reply(call, list);
}

static void render_answers(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "bridge", "bridge", TABLE_TEXT }, { "address", "address", TABLE_TEXT },
		{ "tags", "tags", TABLE_TEXT },	    { "mac", "mac", TABLE_TEXT },
		{ "kind", "kind", TABLE_TEXT },
	};

	table_render(out, list, columns, count_of(columns));
}

static int take_addr(struct command_call *call, struct bridge **b, struct ip6_addr *addr)
{
	const char *text = command_arg_text(call, "address");
	int err = bridge_take(call, "bridge", b);

	if (err == 0 && ip_addr_from_text(text, addr) != 0)
		return command_fail(call, ERR_INVAL,
				    "\"%.60s\" is no address; expected one like 10.0.0.1 or "
				    "2001:db8::1",
				    text);
	return err;
}

static int run_add(struct command_call *call)
{
	struct ip6_addr addr;
	struct bridge *b;
	struct mac mac;
	int err = take_addr(call, &b, &addr);

	if (err == 0)
		err = l2_take_mac(call, "mac", &mac);
	if (err != 0)
		return err;
	err = bridge_add_answer(b, &addr, &mac);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "%s",
			    err == ERR_INVAL ? "this is no address of a single station"
					     : err_text(err));
}

static int run_delete(struct command_call *call)
{
	struct ip6_addr addr;
	struct bridge *b;
	int err = take_addr(call, &b, &addr);

	if (err != 0)
		return err;
	err = bridge_delete_answer(b, &addr);
	if (err == 0)
		return command_reply(call, json_object());
	return command_fail(call, err, "no such address; see: convoy show answers");
}

static const struct command commands[] = {
	{ .name = "show answers",
	  .help = "who has which IP address, for bridges that answer",
	  .args = { { "bridge", COMMAND_TEXT, "only of this bridge", .positional = true } },
	  .run = show_answers,
	  .render = render_answers },
	{ .name = "answer add",
	  .help = "fix who has an IP address, for a bridge that answers",
	  .args = { { "bridge", COMMAND_TEXT, "of which bridge", .required = true,
		      .positional = true },
		    { "address", COMMAND_TEXT, "IPv4 or IPv6", .required = true,
		      .positional = true },
		    { "mac", COMMAND_TEXT, "who has it", .required = true, .positional = true } },
	  .run = run_add,
	  .render = l2_render_nothing },
	{ .name = "answer delete",
	  .help = "forget who has an IP address, fixed or heard",
	  .args = { { "bridge", COMMAND_TEXT, "of which bridge", .required = true,
		      .positional = true },
		    { "address", COMMAND_TEXT, "IPv4 or IPv6", .required = true,
		      .positional = true } },
	  .run = run_delete,
	  .render = l2_render_nothing },
};

int bridge_answer_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
