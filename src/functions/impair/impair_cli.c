/* impair_cli.c - `impair`, `impair clear`, `show impair`. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/command.h"
#include "control/table.h"
#include "functions/impair/impair.h"

enum { PERCENT_PPM = 10000 };

struct unit {
	const char *name;
	double factor;
};

static const struct unit time_units[] = {
	{ "ns", 1 }, { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", NS_PER_S }, { NULL, 0 },
};
static const struct unit share_units[] = { { "%", PERCENT_PPM }, { "ppm", 1 }, { NULL, 0 } };
static const struct unit rate_units[] = {
	{ "kbit", 1e3 }, { "Mbit", 1e6 }, { "Gbit", 1e9 }, { "bit", 1 }, { NULL, 0 },
};

/* Read "2.5ms" with one of @units; ERR_FORMAT for anything else. */
static int take_quantity(const char *text, const struct unit *units, double *out)
{
	char *end;
	double number = strtod(text, &end);

	if (end == text || !(number >= 0) || number > 1e12)
		return ERR_FORMAT;
	for (; units->name; units++) {
		if (strcmp(end, units->name) != 0)
			continue;
		*out = number * units->factor;
		return 0;
	}
	return ERR_FORMAT;
}

static int take(struct command_call *call, const char *name, const struct unit *units,
		const char *example, uint64_t *out)
{
	const char *text = command_arg_text(call, name);
	double value = 0;

	if (text && take_quantity(text, units, &value) < 0)
		return command_fail(call, ERR_INVAL, "--%s \"%s\": expected something like %s",
				    name, text, example);
	*out = (uint64_t)(value + 0.5);
	return 0;
}

static int take_share(struct command_call *call, const char *name, uint32_t *out)
{
	uint64_t ppm;
	int err = take(call, name, share_units, "0.5%", &ppm);

	if (!err && ppm > IMPAIR_PPM)
		return command_fail(call, ERR_INVAL, "--%s is more than all packets", name);
	*out = (uint32_t)ppm;
	return err;
}

static int take_config(struct command_call *call, struct impair_config *c)
{
	int err = take(call, "delay", time_units, "10ms", &c->delay_ns);

	if (!err)
		err = take(call, "jitter", time_units, "2ms", &c->jitter_ns);
	if (!err)
		err = take(call, "rate", rate_units, "10Mbit", &c->rate_bps);
	if (!err)
		err = take_share(call, "loss", &c->loss_ppm);
	if (!err)
		err = take_share(call, "duplicate", &c->duplicate_ppm);
	if (!err)
		err = take_share(call, "corrupt", &c->corrupt_ppm);
	if (!err)
		err = take_share(call, "reorder", &c->reorder_ppm);
	c->held_max = (uint32_t)command_arg_number(call, "limit", 0);
	c->seed = (uint64_t)command_arg_number(call, "seed", 0);
	return err;
}

static int take_interface(struct command_call *call, struct interface **out)
{
	const char *name = command_arg_text(call, "interface");

	*out = interface_by_name_or_null(call->context, name);
	if (*out)
		return 0;
	return command_fail(call, ERR_NOENT,
			    "no interface \"%s\"; `convoy show interfaces` lists them", name);
}

static int take_side(struct command_call *call, enum impair_side *out)
{
	const char *side = command_arg_text(call, "direction");

	*out = strcmp(side, "in") == 0 ? IMPAIR_IN : IMPAIR_OUT;
	if (*out == IMPAIR_OUT && strcmp(side, "out") != 0)
		return command_fail(call, ERR_INVAL, "the direction is \"in\" or \"out\"");
	return 0;
}

static int answer(struct command_call *call, int err)
{
	if (err == ERR_INVAL)
		return command_fail(call, err,
				    "jitter is at most the delay, delays at most a minute");
	if (err == ERR_BUSY)
		return command_fail(call, err, "an earlier change is under way; try again");
	return err ? err : command_reply(call, json_object());
}

static int run_impair(struct command_call *call)
{
	struct impair_config config = { 0 };
	enum impair_side side = IMPAIR_OUT;
	struct interface *i;
	int err = take_interface(call, &i);

	if (!err)
		err = take_side(call, &side);
	if (!err)
		err = take_config(call, &config);
	return err ? err : answer(call, impair_set(i, side, &config));
}

static int run_clear(struct command_call *call)
{
	struct interface *i;
	int err = take_interface(call, &i);

	if (!err)
		err = impair_clear(i, IMPAIR_IN);
	if (!err)
		err = impair_clear(i, IMPAIR_OUT);
	return answer(call, err);
}

static int run_show(struct command_call *call)
{
	struct engine *e = call->context;
	json_t *list = json_array();

	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		const struct interface *i = interface_get_or_null(e, index);

		for (unsigned side = 0; i && side < N_IMPAIR_SIDES; side++) {
			const struct impair_config *c =
				impair_get_or_null(i, (enum impair_side)side);

			if (!c)
				continue;
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:I}",
					  "interface", i->name, "direction",
					  side == IMPAIR_IN ? "in" : "out", "delay_us",
					  (json_int_t)(c->delay_ns / NS_PER_US), "jitter_us",
					  (json_int_t)(c->jitter_ns / NS_PER_US), "rate_bps",
					  (json_int_t)c->rate_bps, "loss_ppm", (int)c->loss_ppm,
					  "duplicate_ppm", (int)c->duplicate_ppm, "corrupt_ppm",
					  (int)c->corrupt_ppm, "reorder_ppm", (int)c->reorder_ppm,
					  "limit", (int)c->held_max, "seed", (json_int_t)c->seed));
		}
	}
	return command_reply(call, list);
}

static void render_show(struct text *out, const json_t *result)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "direction", "", TABLE_TEXT },
		{ "delay_us", "delay us", TABLE_NUMBER },
		{ "jitter_us", "jitter", TABLE_NUMBER },
		{ "rate_bps", "bit/s", TABLE_NUMBER },
		{ "loss_ppm", "loss ppm", TABLE_NUMBER },
		{ "duplicate_ppm", "dup", TABLE_NUMBER },
		{ "corrupt_ppm", "corrupt", TABLE_NUMBER },
		{ "reorder_ppm", "reorder", TABLE_NUMBER },
	};

	table_render(out, result, columns, count_of(columns));
}

static void render_nothing(struct text *out, const json_t *result)
{
	(void)out;
	(void)result;
}

static const struct command commands[] = {
	{ .name = "impair",
	  .help = "make one direction of an interface a bad wire",
	  .more = "  convoy impair lan out --delay 20ms --jitter 2ms --loss 1% --seed 7\n",
	  .args = { { "interface", COMMAND_TEXT, "which one", .required = true,
		      .positional = true },
		    { "direction", COMMAND_TEXT, "what it receives, or sends", .required = true,
		      .positional = true, .choices = "in|out" },
		    { "delay", COMMAND_TEXT, "of each packet: 10ms" },
		    { "jitter", COMMAND_TEXT, "more or less delay, in order: 2ms" },
		    { "rate", COMMAND_TEXT, "bits per second: 10Mbit" },
		    { "loss", COMMAND_TEXT, "share of packets lost: 0.5%" },
		    { "duplicate", COMMAND_TEXT, "share sent twice: 0.5%" },
		    { "corrupt", COMMAND_TEXT, "share with a bit turned: 0.5%" },
		    { "reorder", COMMAND_TEXT, "share overtaken, 5 ms late: 0.5%" },
		    { "limit", COMMAND_NUMBER, "packets under way at most, 1000 by default",
		      .min = 1, .max = IMPAIR_HELD_MAX },
		    { "seed", COMMAND_NUMBER, "of the dice, 1 by default" } },
	  .run = run_impair,
	  .render = render_nothing },
	{ .name = "impair clear",
	  .help = "make an interface an ordinary wire again",
	  .args = { { "interface", COMMAND_TEXT, "which one", .required = true,
		      .positional = true } },
	  .run = run_clear,
	  .render = render_nothing },
	{ .name = "show impair",
	  .help = "interfaces that are made bad on purpose",
	  .run = run_show,
	  .render = render_show },
};

int impair_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
