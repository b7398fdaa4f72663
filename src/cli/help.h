/* help.h - what the command line says about itself. */
#ifndef CONVOY_CLI_HELP_H
#define CONVOY_CLI_HELP_H

#include <jansson.h>
#include <stdio.h>

/* help_print_usage - what works without a running convoyd. */
void help_print_usage(FILE *out);

/* help_print_commands - one line for each of @commands. */
void help_print_commands(FILE *out, const json_t *commands);

/* help_print_command - usage, purpose and arguments of one command. */
void help_print_command(FILE *out, const json_t *command);

#endif
