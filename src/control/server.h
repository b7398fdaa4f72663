/*
 * server.h - the control socket: clients on a unix socket, each with a dialog, on the main loop.
 * The program must ignore SIGPIPE.
 */
#ifndef CONVOY_CONTROL_SERVER_H
#define CONVOY_CONTROL_SERVER_H

#include <sys/types.h>

#include "base/compiler.h"
#include "control/command.h"

struct event_base;
struct control_server;

enum {
	CONTROL_CLIENTS_MAX = 64,
	CONTROL_BACKLOG_MAX =
		1024 * 1024, /* unread bytes at which items for a client are dropped */
};

#define CONTROL_SOCKET_DEFAULT "/run/convoy/convoy.sock"

/*
 * control_server_open - listen on @path and serve @table; both outlive the server.
 * @mode: of the socket; who may write to it may command
 * @why:  the reason for people, when it fails; errors as unix_socket_listen(), and ERR_NOMEM
 */
must_check
int control_server_open(struct control_server **out, struct event_base *base,
			const struct command_table *table, const char *path, mode_t mode, char *why,
			size_t room);

/* control_server_close - drop all clients, cancel their calls, remove the socket. NULL is fine. */
void control_server_close(struct control_server *server);

#endif
