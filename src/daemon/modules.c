/*
 * modules.c - every module of convoyd in boot order. Nothing registers itself: what is not in a
 * table here does not run.
 */
#include "daemon/modules.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "control/command.h"
#include "control/server.h"
#include "daemon/convoyd.h"
#include "daemon/show_version.h"

enum { CONTROL_SOCKET_MODE = 0660 };

/* A part of the daemon. init() fails with an enum err after it has said why in the log. */
struct module {
	const char *name;
	int (*init)(struct convoyd *d);
	void (*deinit)(struct convoyd *d); /* NULL: nothing to undo */
};

static int init_commands(struct convoyd *d)
{
	d->commands = command_table_new();
	if (!d->commands)
		return ERR_NOMEM;
	return show_version_register(d->commands, d);
}

static void deinit_commands(struct convoyd *d)
{
	command_table_free(d->commands);
}

static int init_control(struct convoyd *d)
{
	char why[256];
	int err = control_server_open(&d->control, d->base, d->commands, d->options.socket_path,
				      CONTROL_SOCKET_MODE, why, sizeof(why));

	if (err < 0)
		log_error("control.open", "error=\"%s\"", why);
	return err;
}

static void deinit_control(struct convoyd *d)
{
	control_server_close(d->control);
}

static const struct module modules[] = {
	{ "commands", init_commands, deinit_commands },
	{ "control", init_control, deinit_control }, /* last: who asks finds everything there */
};

int modules_init(struct convoyd *d)
{
	for (; d->n_modules < count_of(modules); d->n_modules++) {
		int err = modules[d->n_modules].init(d);

		if (err < 0) {
			log_debug("module.init", "name=%s error=\"%s\"", modules[d->n_modules].name,
				  err_text(err));
			modules_deinit(d);
			return err;
		}
	}
	return 0;
}

void modules_deinit(struct convoyd *d)
{
	while (d->n_modules > 0) {
		const struct module *m = &modules[--d->n_modules];

		if (m->deinit)
			m->deinit(d);
	}
}
