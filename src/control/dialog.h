/*
 * dialog.h - one client's conversation in JSON-RPC 2.0: bytes in, lines out. No input or output
 * of its own, so that a fuzzer and tests can drive it.
 *
 *   {"jsonrpc":"2.0","id":1,"method":"show version","params":{"format":"text"}}     one request a
 * line
 *   {"jsonrpc":"2.0","id":1,"result":{"text":"convoyd 0.1.0\n"}}                    its answer
 *   {"jsonrpc":"2.0","method":"item","params":{"id":1,"item":{...}}}                streamed before
 * it
 *
 * "format" is understood for every command: "json" (when not given) or "text", which runs the
 * command's renderer and wraps its text. Several requests may be pending at once; answers carry
 * the request's id. Notifications and batches are refused. Error codes are those of JSON-RPC, and
 * -32000 + enum err for a command that failed.
 */
#ifndef CONVOY_CONTROL_DIALOG_H
#define CONVOY_CONTROL_DIALOG_H

#include "base/compiler.h"
#include "base/list.h"
#include "base/slice.h"
#include "control/command.h"

enum {
	DIALOG_LINE_MAX = 64 * 1024, /* bytes of one request */
	DIALOG_PENDING_MAX = 16,     /* requests under way at once */
	DIALOG_FILES_MAX = 4,	     /* descriptors received and not yet claimed by a request */
};

enum dialog_error {
	DIALOG_PARSE_ERROR = -32700,
	DIALOG_INVALID_REQUEST = -32600,
	DIALOG_UNKNOWN_METHOD = -32601,
	DIALOG_INVALID_PARAMS = -32602,
	DIALOG_COMMAND_FAILED = -32000,
};

struct dialog {
	const struct command_table *table;
	/* out - send one line, newline included; borrowed. A line that @may_drop is dropped with
	 * ERR_FULL when the client reads too slowly; an answer never is. */
	int (*out)(void *context, struct slice line, bool may_drop);
	void *context;
	struct list pending; /* of requests under way */
	unsigned n_pending;
	int files[DIALOG_FILES_MAX]; /* received descriptors, oldest first */
	unsigned n_files;
	size_t line_len;
	char line[DIALOG_LINE_MAX];
};

void dialog_init(struct dialog *d, const struct command_table *table,
		 int (*out)(void *context, struct slice line, bool may_drop), void *context);

/*
 * dialog_stop - the client will send no more. Pending commands that can end early do, with their
 * results on the way out. Returns true if there were any.
 */
bool dialog_stop(struct dialog *d);

/* dialog_deinit - the client has gone: cancels what is pending, closes unclaimed descriptors. */
void dialog_deinit(struct dialog *d);

/* dialog_input - bytes from the client. ERR_RANGE: a line is too long (told to the client); the
 * conversation cannot go on. */
must_check
int dialog_input(struct dialog *d, struct slice bytes);

/* dialog_take_fd - a descriptor from the client, for the next request with a COMMAND_OUTPUT
 * or COMMAND_INPUT argument. Taken, and closed at once if too many are waiting. */
void dialog_take_fd(struct dialog *d, int fd);

#endif
