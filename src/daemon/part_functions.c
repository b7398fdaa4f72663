/* part_functions.c - start and stop the functions that keep state, with their commands. */
#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "functions/capture/capture.h"
#include "functions/impair/impair.h"
#include "functions/spread/spread.h"

static int register_commands(struct convoyd *d)
{
	int err = capture_cli_register(d->commands, d->engine);

	if (err == 0)
		err = spread_cli_register(d->commands, d->engine);
	return err < 0 ? err : impair_cli_register(d->commands, d->engine);
}

int part_functions_init(struct convoyd *d)
{
	int err = capture_init(d->engine);

	if (err < 0)
		return err;
	err = impair_init(d->engine);
	if (err < 0)
		goto no_impair;
	err = register_commands(d);
	if (err < 0)
		goto no_commands;
	return 0;
no_commands:
	impair_deinit(d->engine);
no_impair:
	capture_deinit(d->engine);
	return err;
}

void part_functions_deinit(struct convoyd *d)
{
	impair_deinit(d->engine);
	capture_deinit(d->engine);
}
