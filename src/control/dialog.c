/*
 * dialog.c - lines to requests, requests to calls, calls to answers.
 *
 * A request lives in a struct request from its line until its answer; a command that returns
 * COMMAND_PENDING leaves it in the dialog's list, where dialog_deinit() finds it.
 */
#include "control/dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

struct request {
	struct command_call call;
	struct dialog *dialog;
	struct list link; /* in dialog->pending */
	json_t *id;
	bool as_text;
};

/* Sends @message, whose reference is taken. */
static int send_message(struct dialog *d, json_t *message, bool may_drop)
{
	char *line = json_dumps(message, JSON_COMPACT);
	size_t len;
	int err;

	json_decref(message);
	if (!line)
		return ERR_NOMEM;
	len = strlen(line);
	line[len] = '\n'; /* in place of the NUL, which a slice does not need */
	err = d->out(d->context, slice_of(line, len + 1), may_drop);
	free(line);
	return err;
}

/* @why as JSON text; it may quote a client's bytes, cut off inside a character. */
static json_t *reason(const char *why)
{
	json_t *text = NULL;

	for (size_t len = strlen(why); !text && len > 0; len--)
		text = json_stringn(why, len);
	return text ? text : json_string("");
}

/* An error that cannot be sent has nowhere else to go. */
static void send_error(struct dialog *d, json_t *id, int code, const char *why)
{
	(void)send_message(d,
			   json_pack("{s:s, s:O?, s:{s:i, s:o}}", "jsonrpc", "2.0", "id", id,
				     "error", "code", code, "message", reason(why)),
			   false);
}

static void request_free(struct request *rq)
{
	list_remove(&rq->link);
	rq->dialog->n_pending--;
	if (rq->call.file_fd >= 0)
		close(rq->call.file_fd);
	json_decref(rq->call.params);
	json_decref(rq->call.result);
	json_decref(rq->id);
	free(rq);
}

static json_t *rendered(void (*render)(struct text *, const json_t *), const json_t *value)
{
	struct text text = { 0 };
	json_t *wrapped;

	if (render) {
		render(&text, value);
	} else if (!json_is_object(value) || json_object_size(value) > 0) { /* else: it is done */
		char *dump = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

		text_add(&text, "%s\n", dump ? dump : "");
		free(dump);
	}
	wrapped = json_pack("{s:s}", "text", text.at ? text.at : "");
	text_deinit(&text);
	return wrapped;
}

static void answer(struct request *rq, int err)
{
	const char *why = rq->call.why[0] ? rq->call.why : err_text(err);
	json_t *result;

	if (err < 0) {
		send_error(rq->dialog, rq->id, DIALOG_COMMAND_FAILED + err, why);
		return;
	}
	result = rq->as_text ? rendered(rq->call.command->render, rq->call.result)
			     : json_incref(rq->call.result);
	err = send_message(
		rq->dialog,
		json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", rq->id, "result", result),
		false);
	if (err < 0)
		send_error(rq->dialog, rq->id, DIALOG_COMMAND_FAILED + err, err_text(err));
}

static void call_finished(struct command_call *call, int err)
{
	struct request *rq = container_of(call, struct request, call);

	invariant(err < 0 || call->result);
	answer(rq, err);
	request_free(rq);
}

static int call_item(struct command_call *call, const json_t *item)
{
	struct request *rq = container_of(call, struct request, call);
	json_t *params = rq->as_text ? rendered(call->command->render_item, item)
				     : json_pack("{s:O}", "item", (json_t *)item);

	json_object_set(params, "id", rq->id);
	return send_message(
		rq->dialog,
		json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "item", "params", params),
		true);
}

static const struct command_sink sink = { .item = call_item, .finished = call_finished };

/* The reserved "format" leaves the parameters before the command sees them. */
static int take_format(struct request *rq, char *why, size_t room)
{
	const json_t *format = json_object_get(rq->call.params, "format");
	const char *text = json_string_value(format);

	if (!format)
		return 0;
	if (!text || (strcmp(text, "json") != 0 && strcmp(text, "text") != 0)) {
		snprintf(why, room, "format must be \"json\" or \"text\"");
		return ERR_INVAL;
	}
	rq->as_text = strcmp(text, "text") == 0;
	json_object_del(rq->call.params, "format");
	return 0;
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Hands the oldest received descriptor to a request that names a file. */
static int take_file(struct request *rq, char *why, size_t room)
{
	struct dialog *d = rq->dialog;

	for (unsigned i = 0; i < COMMAND_ARGS_MAX && rq->call.command->args[i].name; i++) {
		const struct command_arg *arg = &rq->call.command->args[i];

		if ((arg->kind != COMMAND_OUTPUT && arg->kind != COMMAND_INPUT) ||
		    !json_object_get(rq->call.params, arg->name))
			continue;
		if (d->n_files == 0) {
			snprintf(why, room, "%s: no descriptor came with the request", arg->name);
			return ERR_INVAL;
		}
		rq->call.file_fd = d->files[0];
		d->n_files--;
		memmove(d->files, d->files + 1, d->n_files * sizeof(d->files[0]));
		if (arg->kind == COMMAND_INPUT && !is_regular(rq->call.file_fd)) {
			snprintf(why, room, "%s: the descriptor is of no regular file", arg->name);
			return ERR_INVAL;
		}
	}
	return 0;
}

static void run_request(struct request *rq)
{
	char why[256];
	int rc;

	if (take_format(rq, why, sizeof(why)) < 0 ||
	    command_check_params(rq->call.command, rq->call.params, why, sizeof(why)) < 0 ||
	    take_file(rq, why, sizeof(why)) < 0) {
		send_error(rq->dialog, rq->id, DIALOG_INVALID_PARAMS, why);
		request_free(rq);
		return;
	}
	rc = rq->call.command->run(&rq->call);
	if (rc == COMMAND_PENDING)
		return; /* may be over already: not a byte of @rq is touched here */
	call_finished(&rq->call, rc);
}

/* NULL, and the reason sent, when the message is not a request that can be served. */
static struct request *request_of_or_null(struct dialog *d, json_t *message)
{
	json_t *id = json_object_get(message, "id");
	const char *version = json_string_value(json_object_get(message, "jsonrpc"));
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "params");
	const struct command *command;
	struct request *rq;
	void *context;
	char why[128];

	if (!json_is_object(message) || !version || strcmp(version, "2.0") != 0 || !method ||
	    !(json_is_string(id) || json_is_integer(id)) || (params && !json_is_object(params))) {
		send_error(d, NULL, DIALOG_INVALID_REQUEST,
			   "a request is one object with jsonrpc \"2.0\", an id (number or text), "
			   "a method and, if any, params as an object");
		return NULL;
	}
	command = command_find_or_null(d->table, method, &context);
	if (!command) {
		snprintf(why, sizeof(why), "no command \"%.64s\"", method);
		send_error(d, id, DIALOG_UNKNOWN_METHOD, why);
		return NULL;
	}
	if (d->n_pending >= DIALOG_PENDING_MAX) {
		send_error(d, id, DIALOG_COMMAND_FAILED + ERR_FULL,
			   "too many requests are under way on this connection");
		return NULL;
	}
	rq = calloc(1, sizeof(*rq));
	if (!rq)
		return NULL;
	rq->dialog = d;
	rq->id = json_incref(id);
	rq->call = (struct command_call){
		.command = command,
		.context = context,
		.params = params ? json_incref(params) : json_object(),
		.file_fd = -1,
		.sink = &sink,
	};
	list_push(&d->pending, &rq->link);
	d->n_pending++;
	return rq;
}

static void serve_line(struct dialog *d, const char *line, size_t len)
{
	json_error_t error;
	json_t *message = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	struct request *rq;
	char why[256];

	if (!message) {
		snprintf(why, sizeof(why), "not JSON: %.200s", error.text);
		send_error(d, NULL, DIALOG_PARSE_ERROR, why);
		return;
	}
	rq = request_of_or_null(d, message);
	if (rq)
		run_request(rq);
	json_decref(message);
}

int dialog_input(struct dialog *d, struct slice bytes)
{
	while (bytes.len > 0) {
		const uint8_t *newline = memchr(bytes.at, '\n', bytes.len);
		size_t n = newline ? (size_t)(newline - bytes.at) : bytes.len;

		if (d->line_len + n > sizeof(d->line)) {
			send_error(d, NULL, DIALOG_INVALID_REQUEST,
				   "the request is longer than 65536 bytes");
			return ERR_RANGE;
		}
		memcpy(d->line + d->line_len, bytes.at, n);
		d->line_len += n;
		if (!newline)
			break;
		if (d->line_len > 0)
			serve_line(d, d->line, d->line_len);
		d->line_len = 0;
		bytes = slice_from(bytes, n + 1);
	}
	return 0;
}

void dialog_take_fd(struct dialog *d, int fd)
{
	if (d->n_files == DIALOG_FILES_MAX)
		close(fd);
	else
		d->files[d->n_files++] = fd;
}

void dialog_init(struct dialog *d, const struct command_table *table,
		 int (*out)(void *context, struct slice line, bool may_drop), void *context)
{
	d->table = table;
	d->out = out;
	d->context = context;
	list_init(&d->pending);
	d->n_pending = 0;
	d->n_files = 0;
	d->line_len = 0;
}

bool dialog_stop(struct dialog *d)
{
	bool any = false;

	list_for_each(link, &d->pending) {
		struct request *rq = container_of(link, struct request, link);

		if (!rq->call.on_stop)
			continue;
		any = true;
		rq->call.on_stop(&rq->call); /* frees it */
	}
	return any;
}

void dialog_deinit(struct dialog *d)
{
	list_for_each(link, &d->pending) {
		struct request *rq = container_of(link, struct request, link);

		rq->call.on_cancel(&rq->call);
		request_free(rq);
	}
	for (unsigned i = 0; i < d->n_files; i++)
		close(d->files[i]);
	d->n_files = 0;
}
