/* part_functions.c - start and stop the functions that keep state, with their commands. */
#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "functions/capture/capture.h"

int part_functions_init(struct convoyd *d)
{
	int err = capture_init(d->engine);

	if (err < 0)
		return err;
	err = capture_cli_register(d->commands, d->engine);
	if (err < 0)
		capture_deinit(d->engine);
	return err;
}

void part_functions_deinit(struct convoyd *d)
{
	capture_deinit(d->engine);
}
