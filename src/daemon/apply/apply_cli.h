/* apply_cli.h - the commands `apply` and `save`. */
#ifndef CONVOY_DAEMON_APPLY_CLI_H
#define CONVOY_DAEMON_APPLY_CLI_H

#include "base/compiler.h"

struct convoyd;

must_check
int apply_cli_register(struct convoyd *d);

#endif
