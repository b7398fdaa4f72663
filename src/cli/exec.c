/*
 * exec.c - `convoy exec`: puts libconvoy-preload.so before the program's libraries and the socket
 * into its environment, then becomes the program. It is the same as
 *
 *	LD_PRELOAD=libconvoy-preload.so CONVOY_SOCKET=... PROGRAM
 *
 * with checks for what would silently stay on the kernel's network.
 */
#include "cli/exec.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/client.h"
#include "cli/help.h"
#include "cli/program.h"

static const char preload_name[] = "libconvoy-preload.so";

const struct command exec_command = {
	.name = "exec",
	.help = "run a program with its TCP sockets on the stack",
	.more = "The program is unchanged. Statically linked programs, Go programs and setuid\n"
		"programs cannot run so, and are refused.\n"
		"  convoy exec -v nginx -g 'daemon off;'\n",
	.args = { { "verbose", COMMAND_FLAG, "or -v: it reports which of its sockets go where" },
		  { "program", COMMAND_WORDS, "and its arguments; -- may stand before it",
		    .required = true, .positional = true } },
};

static void print_usage(FILE *out)
{
	json_t *described = command_describe(&exec_command);

	json_object_set_new(described, "no_json", json_true());
	help_print_command(out, described);
	json_decref(described);
}

/* The library beside this program (a build folder), else where it is installed. */
static int find_preload(char path[PROGRAM_PATH_MAX], char *why, size_t room)
{
	char self[PROGRAM_PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len > 0) {
		self[len] = '\0';
		snprintf(path, PROGRAM_PATH_MAX, "%.*s/%s", PROGRAM_PATH_MAX - 64, dirname(self),
			 preload_name);
		if (access(path, R_OK) == 0)
			return 0;
	}
	snprintf(path, PROGRAM_PATH_MAX, "%s/%s", CONVOY_LIBDIR, preload_name);
	if (access(path, R_OK) == 0)
		return 0;
	snprintf(why, room, "cannot find %s, neither beside this program nor in %s", preload_name,
		 CONVOY_LIBDIR);
	return ERR_NOENT;
}

static int set_environment(const char *preload, const char *socket_path, bool verbose)
{
	const char *others = getenv("LD_PRELOAD");
	char absolute[PROGRAM_PATH_MAX];
	char *value;
	int rc;

	/* The program may change its folder before it opens the socket. */
	if (!realpath(socket_path, absolute))
		snprintf(absolute, sizeof(absolute), "%s", socket_path);
	if (strpbrk(preload, " :")) {
		fprintf(stderr,
			"convoy exec: %s: LD_PRELOAD cannot hold a space or a colon; "
			"move or install Convoy elsewhere\n",
			preload);
		return ERR_UNSUPPORTED;
	}
	if (asprintf(&value, "%s%s%s", preload, others && *others ? ":" : "",
		     others ? others : "") < 0)
		return ERR_NOMEM;
	rc = setenv("LD_PRELOAD", value, 1) | setenv("CONVOY_SOCKET", absolute, 1);
	if (verbose)
		rc |= setenv("CONVOY_VERBOSE", "1", 1);
	free(value);
	return rc ? ERR_NOMEM : 0;
}

/* Says so now rather than from inside the program; it may still be started before convoyd. */
static void warn_if_unreachable(const char *socket_path)
{
	struct client client;

	if (client_open(&client, socket_path) < 0)
		fprintf(stderr, "convoy exec: warning: %s\n", client.why);
	client_close(&client);
}

int exec_main(const char *socket_path, char **argv)
{
	char path[PROGRAM_PATH_MAX], preload[PROGRAM_PATH_MAX], why[PROGRAM_PATH_MAX + 256] = "";
	bool verbose = false;
	int err;

	for (; *argv && (*argv)[0] == '-'; argv++) {
		if (strcmp(*argv, "--") == 0) {
			argv++;
			break;
		}
		if (strcmp(*argv, "-h") == 0 || strcmp(*argv, "--help") == 0) {
			print_usage(stdout);
			return 0;
		}
		if (strcmp(*argv, "-v") != 0 && strcmp(*argv, "--verbose") != 0) {
			fprintf(stderr, "convoy exec: unknown option %s\n", *argv);
			print_usage(stderr);
			return 2;
		}
		verbose = true;
	}
	if (!*argv) {
		fprintf(stderr, "convoy exec: name a program\n");
		print_usage(stderr);
		return 2;
	}
	err = program_find(*argv, path);
	if (err < 0)
		snprintf(why, sizeof(why), "%s: %s", *argv,
			 err == ERR_PERM ? "may not be executed" : "no such program");
	if (err == 0)
		err = program_check(path, why, sizeof(why));
	if (err == 0)
		err = find_preload(preload, why, sizeof(why));
	if (err == 0)
		err = set_environment(preload, socket_path, verbose);
	if (err == 0) {
		warn_if_unreachable(socket_path);
		execv(path, argv);
		snprintf(why, sizeof(why), "%s: %s", path, strerror(errno));
	}
	fprintf(stderr, "convoy exec: %s\n", why[0] ? why : err_text(err));
	return 1;
}
