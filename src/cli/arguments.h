/*
 * arguments.h - from words to a request, by what convoyd says about its commands. Pure.
 *
 *   convoy show sessions --app 3 tap0      "show sessions" {"app": 3, "interface": "tap0"}
 */
#ifndef CONVOY_CLI_ARGUMENTS_H
#define CONVOY_CLI_ARGUMENTS_H

#include <jansson.h>
#include <stddef.h>

#include "base/compiler.h"

struct request {
	const json_t *command; /* its description, borrowed from the list */
	json_t *params;
	/* The file of an output or input argument, borrowed; NULL if there is none. */
	const char *output, *input;
};

/*
 * arguments_parse - fill @rq for @command from the words after its name.
 * ERR_INVAL: @why says which word is wrong and what was expected; nothing to free then.
 */
must_check
int arguments_parse(const json_t *command, char *const *words, unsigned n_words, struct request *rq,
		    char *why, size_t room);

#endif
