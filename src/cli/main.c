/*
 * main.c - convoy, the command line: a thin client of convoyd's control socket. convoyd describes
 * its commands, so this program knows none of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/version.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/file.h"
#include "cli/help.h"
#include "cli/names.h"
#include "cli/own.h"
#include "cli/status.h"
#include "control/server.h"

enum { LINE_MAX_BYTES = 512 };

struct options {
	const char *socket_path;
	bool json, help, version;
	char **words; /* what is left: command and arguments */
	unsigned n_words;
};

/* Text from other machines and programs must not steer the terminal. */
static void print_text(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' && *text != '\n' && *text != '\t' ? '?' : *text);
}

static void print_item(const json_t *params)
{
	const json_t *item = json_object_get(params, "item");
	const char *text = json_string_value(json_object_get(params, "text"));

	if (text) {
		print_text(text);
	} else if (item) {
		json_dumpf(item, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	}
	fflush(stdout);
}

static void print_result(const json_t *result, bool json)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	if (json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (text) {
		print_text(text);
	}
}

static int failed(const char *why)
{
	fprintf(stderr, "convoy: %s\n", why);
	return STATUS_FAILED;
}

/* Joins words as a command's name would be written. */
static void join(const struct options *o, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < o->n_words && n < room; i++)
		n += (size_t)snprintf(out + n, room - n, "%s%s", i ? " " : "", o->words[i]);
}

/* The words name no command: say which ones may be meant. Help on a group of them lists it. */
static int unknown_command(const struct options *o, const json_t *commands)
{
	char name[LINE_MAX_BYTES];
	json_t *near = names_near(commands, o->words, o->n_words);
	int status = STATUS_USAGE;

	join(o, name, sizeof(name));
	if (o->help && json_array_size(near) > 0) {
		help_print_commands(stdout, near);
		status = STATUS_OK;
	} else if (json_array_size(near) == 0) {
		fprintf(stderr, "convoy: no command \"%s\"; see convoy help\n", name);
	} else {
		fprintf(stderr, "convoy: no command \"%s\"; there are:\n", name);
		help_print_commands(stderr, near);
	}
	json_decref(near);
	return status;
}

static int run_request(struct client *client, struct request *rq, bool json)
{
	const char *method = json_string_value(json_object_get(rq->command, "name"));
	const char *path = rq->output ? rq->output : rq->input;
	json_t *result;
	bool made = false; /* the file */
	int file = -1, err;

	if (path) {
		file = rq->output ? file_open_output(path, &made) : file_open_input(path);
		if (file < 0) {
			fprintf(stderr, "convoy: %s: %s\n", path, strerror(errno));
			json_decref(rq->params);
			return STATUS_FAILED;
		}
	}
	json_object_set_new(rq->params, "format", json_string(json ? "json" : "text"));
	err = client_call(client, method, rq->params, file, print_item, &result);
	if (file >= 0)
		close(file);
	if (err < 0 && made)
		unlink(path);		      /* nothing was written to it, or not all */
	if (err == ERR_FORMAT && rq->input) { /* FILE:LINE:COLUMN: what is wrong there */
		fprintf(stderr, "%s\n", client->why);
		return STATUS_USAGE;
	}
	if (err < 0)
		return failed(client->why);
	if (!rq->output || strcmp(rq->output, "-") != 0) /* standard output is the capture */
		print_result(result, json);
	json_decref(result);
	return STATUS_OK;
}

static int run_command(const struct options *o, struct client *client, const json_t *commands)
{
	struct request rq;
	char why[LINE_MAX_BYTES];
	unsigned n_used;
	const json_t *command = names_find_or_null(commands, o->words, o->n_words, &n_used);

	if (!command)
		return unknown_command(o, commands);
	if (o->help) {
		help_print_command(stdout, command);
		return STATUS_OK;
	}
	if (arguments_parse(command, o->words + n_used, o->n_words - n_used, &rq, why,
			    sizeof(why)) < 0) {
		fprintf(stderr, "convoy: %s\n", why);
		help_print_command(stderr, command);
		return STATUS_USAGE;
	}
	return run_request(client, &rq, o->json);
}

static int print_help(const struct options *o, struct client *client, const json_t *commands)
{
	if (o->n_words > 0) {
		struct options one = *o;

		one.help = true;
		return run_command(&one, client, commands);
	}
	help_print_usage(stdout);
	printf("\nCommands of convoyd at %s:\n\n", o->socket_path);
	help_print_commands(stdout, commands);
	return STATUS_OK;
}

static int ask_convoyd(const struct options *o, bool help)
{
	struct client client;
	json_t *commands;
	int status;

	if (client_open(&client, o->socket_path) < 0 ||
	    client_call(&client, "commands", json_object(), -1, NULL, &commands) < 0) {
		status = help && o->n_words == 0 ? STATUS_OK : failed(client.why);
		if (status == STATUS_OK) {
			help_print_usage(stdout);
			printf("\nAll other commands are convoyd's; it lists them when it runs.\n");
		}
		client_close(&client);
		return status;
	}
	own_add(commands);
	status = help ? print_help(o, &client, commands) : run_command(o, &client, commands);
	json_decref(commands);
	client_close(&client);
	return status;
}

/* Takes the options that every command has out of the words; after "exec" and "completion words"
 * they are not ours. */
static int take_options(struct options *o, int argc, char **argv)
{
	const char *from_environment = getenv("CONVOY_SOCKET");

	*o = (struct options){
		.socket_path = from_environment && *from_environment ? from_environment
								     : CONTROL_SOCKET_DEFAULT,
		.words = argv + 1,
	};
	for (int i = 1; i < argc; i++) {
		if (o->n_words == 0 &&
		    (strcmp(argv[i], "exec") == 0 || strcmp(argv[i], "completion") == 0)) {
			for (; i < argc; i++)
				o->words[o->n_words++] = argv[i];
		} else if (strcmp(argv[i], "--json") == 0) {
			o->json = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			o->help = true;
		} else if (strcmp(argv[i], "--version") == 0 && o->n_words == 0) {
			o->version = true;
		} else if (strncmp(argv[i], "--socket=", 9) == 0) {
			o->socket_path = argv[i] + 9;
		} else if (strcmp(argv[i], "--socket") == 0) {
			if (++i == argc) {
				fprintf(stderr, "convoy: --socket needs a path\n");
				return ERR_INVAL;
			}
			o->socket_path = argv[i];
		} else {
			o->words[o->n_words++] = argv[i];
		}
	}
	o->words[o->n_words] = NULL;
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	int status;

	if (take_options(&o, argc, argv) < 0)
		return STATUS_USAGE;
	if (o.version) {
		printf("convoy %s\n", convoy_version());
		return STATUS_OK;
	}
	if (o.n_words > 0 && strcmp(o.words[0], "help") == 0) {
		o.words++;
		o.n_words--;
		return own_print_help(o.words) ? STATUS_OK : ask_convoyd(&o, true);
	}
	if (o.help && own_print_help(o.words))
		return STATUS_OK;
	if (own_run(o.socket_path, o.words, o.json, &status))
		return status;
	if (o.n_words == 0 && !o.help) {
		help_print_usage(stderr);
		return STATUS_USAGE;
	}
	return ask_convoyd(&o, o.help && o.n_words == 0);
}
