/* apply_cli.h - the commands `apply` and `save`, and those that apply a piece of net.yaml. */
#ifndef CONVOY_DAEMON_APPLY_CLI_H
#define CONVOY_DAEMON_APPLY_CLI_H

#include "base/compiler.h"
#include "control/text.h"

#include <jansson.h>

struct command_call;
struct convoyd;

/* What stands for a file's name where a command makes the configuration. */
#define APPLY_COMMAND "this command"

must_check
int apply_cli_register(struct convoyd *d);

/* interface_cli_register - `interface add`, `interface set`, `interface delete`. ERR_NOMEM. */
must_check
int interface_cli_register(struct convoyd *d);

/*
 * apply_text - what a command whose context is struct convoyd returns from run(): the configuration
 * @text is applied, the answer is what has changed.
 */
int apply_text(struct command_call *call, const char *text);

/* apply_render - that answer as text. */
void apply_render(struct text *out, const json_t *result);

#endif
