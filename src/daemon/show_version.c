/* show_version.c - `show version`. */
#include "daemon/show_version.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"
#include "control/command.h"
#include "daemon/convoyd.h"

static int show_version(struct command_call *call)
{
	const struct convoyd *d = call->context;
	uint64_t up_ns = clock_now_ns(&clock_monotonic) - d->started_ns;

	return command_reply(
		call, json_pack("{s:s, s:i, s:I, s:s, s:s}", "version", convoy_version(), "pid",
				(int)getpid(), "uptime_s", (json_int_t)(up_ns / NS_PER_S), "config",
				d->options.config_path, "socket", d->options.socket_path));
}

static void render_version(struct text *out, const json_t *v)
{
	text_add(out, "convoyd %s, process %lld, up %lld s\n",
		 json_string_value(json_object_get(v, "version")),
		 (long long)json_integer_value(json_object_get(v, "pid")),
		 (long long)json_integer_value(json_object_get(v, "uptime_s")));
	text_add(out, "configuration %s\ncontrol socket %s\n",
		 json_string_value(json_object_get(v, "config")),
		 json_string_value(json_object_get(v, "socket")));
}

static const struct command commands[] = {
	{ .name = "show version",
	  .help = "which convoyd this is and how long it has run",
	  .run = show_version,
	  .render = render_version },
};

int show_version_register(struct command_table *table, struct convoyd *d)
{
	return command_table_add(table, commands, count_of(commands), d);
}
