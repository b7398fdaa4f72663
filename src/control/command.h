/*
 * command.h - the commands of a running daemon, as its control socket and `convoy` offer them.
 *
 * A module lists its commands in a const array; daemon/modules.c registers them:
 *
 *	static const struct command commands[] = {
 *		{ .name = "show neighbors",
 *		  .help = "link-layer addresses of neighbours",
 *		  .args = { { "interface", COMMAND_TEXT, "only this interface", .positional = true }
 *}, .run = show_neighbors, .render = render_neighbors },
 *	};
 *
 * A command answers with JSON; its renderer turns that JSON into text for people. Both run on the
 * main thread and never wait. A command that cannot answer at once returns COMMAND_PENDING and
 * calls command_finish() later; one that streams sends items until then.
 */
#ifndef CONVOY_CONTROL_COMMAND_H
#define CONVOY_CONTROL_COMMAND_H

#include <jansson.h>

#include "base/compiler.h"
#include "control/text.h"

enum { COMMAND_ARGS_MAX = 12, COMMAND_PENDING = 1 };

enum command_arg_kind {
	COMMAND_TEXT,
	COMMAND_NUMBER, /* a whole number within min..max */
	COMMAND_FLAG,	/* true when given */
	/* Files that the client opens and hands over; of one command at most one. "-" is standard
	 * output or input there. An input comes as a regular file: reading it does not wait. A
	 * fault in it is ERR_FORMAT, with "FILE:LINE:COLUMN: what" as the reason. */
	COMMAND_OUTPUT,
	COMMAND_INPUT,
	COMMAND_WORDS, /* text: all further words of a command line, with blanks between */
};

struct command_arg {
	const char *name; /* --name VALUE on the command line, a member of params in JSON-RPC */
	enum command_arg_kind kind;
	const char *help;
	bool required;
	bool positional;     /* may be given without its name, in the order listed */
	const char *choices; /* what it may be, "on|off"; NULL: anything, or what run() knows */
	int64_t min, max;    /* of a number; both 0 for any that is not negative */
};

struct command_call;

struct command {
	const char *name; /* words as typed: "show interfaces" */
	const char *help; /* lower case, no full stop, 55 characters */
	const char *more; /* whole lines for `convoy help NAME`: details, examples; NULL */
	struct command_arg args[COMMAND_ARGS_MAX]; /* up to the first without a name */
	/*
	 * run - do it. Returns 0 after command_reply(); COMMAND_PENDING when @call->on_cancel is
	 * set and command_finish() will follow; or an enum err, best by `return command_fail(...)`.
	 */
	int (*run)(struct command_call *call);
	/* render - the result as text; NULL shows indented JSON. */
	void (*render)(struct text *out, const json_t *result);
	/* render_item - one streamed item as text; NULL unless the command streams. */
	void (*render_item)(struct text *out, const json_t *item);
};

/* What the one who called has to offer; implemented by dialog.c and by tests. */
struct command_sink {
	/* item - one streamed item, borrowed. 0, or ERR_FULL if the client reads too slowly. */
	int (*item)(struct command_call *call, const json_t *item);
	/* finished - the call is over and @call is freed. */
	void (*finished)(struct command_call *call, int err);
};

/* One invocation of a command. It lives until run() or command_finish() or on_cancel() is over. */
struct command_call {
	const struct command *command;
	void *context;	/* what the command was registered with */
	json_t *params; /* checked against command->args; read with command_arg_*() */
	json_t *result; /* from command_reply() */
	char why[256];	/* from command_fail() */
	int file_fd;	/* of the COMMAND_OUTPUT or COMMAND_INPUT argument; -1 if none */
	void *state;	/* the command's own, while pending */
	/* on_cancel - the client has gone; forget @call now and do not finish it. */
	void (*on_cancel)(struct command_call *call);
	/*
	 * on_stop - the client asks for no more, but waits for the result (Ctrl-C in `convoy`):
	 * command_finish() before this returns. NULL: as good as gone, on_cancel().
	 */
	void (*on_stop)(struct command_call *call);
	const struct command_sink *sink;
};

/* command_arg_text - the argument, or NULL if it was not given. Borrowed from the call. */
const char *command_arg_text(const struct command_call *call, const char *name);
int64_t command_arg_number(const struct command_call *call, const char *name, int64_t otherwise);
bool command_arg_flag(const struct command_call *call, const char *name);

/* command_take_file - the descriptor of the COMMAND_OUTPUT or COMMAND_INPUT argument, now the
 * caller's to close; -1 if there is none. */
int command_take_file(struct command_call *call);

/* command_reply - answer with @result, whose reference is taken. Returns 0; ERR_NOMEM for NULL. */
int command_reply(struct command_call *call, json_t *result);

/* command_fail - say why in a sentence that tells people what to do. Returns @err. */
int command_fail(struct command_call *call, int err, const char *format, ...) printf_like(3, 4);

/* command_item - stream one item (reference taken). ERR_FULL: dropped, the client reads too slowly.
 */
int command_item(struct command_call *call, json_t *item);

/* command_finish - end a pending call, once; @call is gone then. 0 needs a command_reply() before.
 */
void command_finish(struct command_call *call, int err);

/* The registered commands, in order of registration. */
struct command_table;

/* command_table_new - holds one command, "commands", which describes all of them. NULL: no memory.
 */
struct command_table *command_table_new(void);
void command_table_free(struct command_table *table);

/* command_table_add - register @n commands, borrowed until the table is freed. Two commands of one
 * name are a broken invariant. @context is handed to each call. */
must_check
int command_table_add(struct command_table *table, const struct command *commands, unsigned n,
		      void *context);

/* command_describe - one element of the answer to "commands". A new reference; NULL: no memory. */
json_t *command_describe(const struct command *command);

/* command_find_or_null - the command of this name. */
const struct command *command_find_or_null(const struct command_table *table, const char *name,
					   void **context);

/*
 * command_check_params - hold @params (an object or NULL) against the arguments of @command.
 * Returns 0; ERR_INVAL with the reason in @why, which has @room bytes.
 */
must_check
int command_check_params(const struct command *command, const json_t *params, char *why,
			 size_t room);

#endif
