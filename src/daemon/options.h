/* options.h - convoyd's command line. */
#ifndef CONVOY_DAEMON_OPTIONS_H
#define CONVOY_DAEMON_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/log.h"

enum options_action { OPTIONS_RUN, OPTIONS_CHECK, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
	enum options_action action;
	const char *config_path;
	const char *socket_path; /* --socket, else CONVOY_SOCKET, else the default */
	uint32_t n_workers;	 /* 0: as the configuration says */
	enum log_level log_level;
};

/*
 * options_parse - fill @o from the command line and the environment. Strings are borrowed.
 * Returns 0, or ERR_INVAL after a line on @errors that says what to do.
 */
must_check
int options_parse(struct options *o, int argc, char **argv, FILE *errors);

void options_print_help(FILE *out);

#endif
