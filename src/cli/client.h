/* client.h - the command line's side of the control socket. */
#ifndef CONVOY_CLI_CLIENT_H
#define CONVOY_CLI_CLIENT_H

#include <jansson.h>
#include <stdio.h>

#include "base/compiler.h"

enum { CLIENT_WHY_MAX = 512 };

struct client {
	int fd;
	FILE *in;
	const char *path;
	char why[CLIENT_WHY_MAX]; /* the reason of the last failure, for people */
};

/* client_open - connect to convoyd at @path (borrowed). ERR_*, with @c->why saying what to do. */
must_check
int client_open(struct client *c, const char *path);
void client_close(struct client *c);

/*
 * client_call - send one command and wait for its result.
 * @params:  reference taken
 * @pass_fd: a descriptor that goes with the request, or -1
 * @on_item: called for each streamed item's params; NULL when none are expected. From the first on,
 *           SIGINT asks convoyd to end the call and answer with what it has; a second one ends us
 *
 * Returns 0 and a new reference in @result; ERR_FORMAT when convoyd has found a fault in the file
 * that went along, ERR_REFUSED when it has answered with another error, ERR_CLOSED when it went
 * away, with @c->why set.
 */
must_check
int client_call(struct client *c, const char *method, json_t *params, int pass_fd,
		void (*on_item)(const json_t *params), json_t **result);

#endif
