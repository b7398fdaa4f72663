/* parts.c - how convoyd starts and stops each of its parts. */
#include "daemon/parts.h"

#include <event2/event.h>

#include "base/err.h"
#include "base/log.h"
#include "control/command.h"
#include "control/server.h"
#include "daemon/apply/apply.h"
#include "daemon/apply/apply_cli.h"
#include "daemon/convoyd.h"
#include "daemon/interfaces.h"
#include "daemon/modules.h"
#include "daemon/monitor.h"
#include "daemon/show_interfaces.h"
#include "daemon/show_version.h"
#include "drivers/generator/generator.h"
#include "engine/engine.h"
#include "engine/engine_cli.h"
#include "l3/ip6/ip6.h"

enum { CONTROL_SOCKET_MODE = 0660 };

int part_commands_init(struct convoyd *d)
{
	d->commands = command_table_new();
	return d->commands ? show_version_register(d->commands, d) : ERR_NOMEM;
}

void part_commands_deinit(struct convoyd *d)
{
	command_table_free(d->commands);
}

static void on_messages(evutil_socket_t fd unused_arg, short what unused_arg, void *context)
{
	struct convoyd *d = context;

	engine_turn_main(d->engine);
}

int part_engine_init(struct convoyd *d)
{
	const struct engine_options options = {
		.nodes = modules_nodes,
		.n_nodes = modules_n_nodes,
		.arcs = modules_arcs,
		.n_arcs = modules_n_arcs,
		.n_workers = d->options.n_workers ? d->options.n_workers : d->config->n_workers,
		.n_buffers = d->config->n_buffers,
		.shared_buffers = d->config->shared_buffers,
		.spin_us = (uint32_t)(d->config->spin_ns / NS_PER_US),
	};
	int err = engine_new(&options, &d->engine);

	if (err < 0)
		return err;
	err = engine_cli_register(d->commands, d->engine);
	if (err == 0)
		err = trace_cli_register(d->commands, d->engine);
	if (err == 0)
		err = show_interfaces_register(d->commands, d);
	if (err == 0)
		err = monitor_register(d);
	if (err == 0)
		err = generator_cli_register(d->commands, d->engine);
	if (err < 0)
		goto fail;
	d->messages =
		event_new(d->base, engine_main_fd(d->engine), EV_READ | EV_PERSIST, on_messages, d);
	if (!d->messages || event_add(d->messages, NULL) < 0) {
		err = ERR_NOMEM;
		goto fail;
	}
	return 0;
fail:
	part_engine_deinit(d);
	return err;
}

void part_engine_deinit(struct convoyd *d)
{
	if (d->messages)
		event_free(d->messages);
	engine_free(d->engine);
}

int part_interfaces_init(struct convoyd *d)
{
	int err;

	interfaces_follow(d);
	err = apply_boot(d);
	if (err == 0)
		err = apply_cli_register(d);
	if (err == 0)
		err = interface_cli_register(d);
	if (err < 0)
		engine_stop(d->engine); /* no worker ran; it delivers what they were told */
	return err;
}

void part_interfaces_deinit(struct convoyd *d)
{
	apply_abandon(d);
	interfaces_forget(d);
}

int part_workers_init(struct convoyd *d)
{
	return engine_start(d->engine);
}

void part_workers_deinit(struct convoyd *d)
{
	ip6_farewell(d->engine);
	engine_stop(d->engine);
}

int part_control_init(struct convoyd *d)
{
	char why[256];
	int err = control_server_open(&d->control, d->base, d->commands, d->options.socket_path,
				      CONTROL_SOCKET_MODE, why, sizeof(why));

	if (err < 0)
		log_error("control.open", "error=\"%s\"", why);
	return err;
}

void part_control_deinit(struct convoyd *d)
{
	control_server_close(d->control);
}
