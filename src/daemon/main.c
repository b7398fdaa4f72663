/* main.c - convoyd, the program: a thin main over the library. */
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/version.h"
#include "daemon/convoyd.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int check(const struct options *options)
{
	struct config_error error = { "" };
	struct net_file *file;
	int err = net_file_load(options->config_path, &error, &file);

	if (err < 0) {
		fprintf(stderr, "%s\n", error.text[0] ? error.text : err_text(err));
		return EXIT_USAGE;
	}
	net_file_put(file);
	printf("%s: fine\n", options->config_path);
	return EXIT_OK;
}

static int run(const struct options *options)
{
	struct convoyd d;
	int err = convoyd_open(&d, options);

	if (err < 0 && d.error.text[0]) {
		fprintf(stderr, "%s\n", d.error.text);
		return d.config ? EXIT_FAILED
				: EXIT_USAGE; /* it read well, but the system refused */
	}
	if (err < 0) {
		fprintf(stderr, "convoyd: cannot start: %s\n", err_text(err));
		return EXIT_FAILED;
	}
	convoyd_run(&d);
	convoyd_close(&d);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options options;

	if (options_parse(&options, argc, argv, stderr) < 0)
		return EXIT_USAGE;
	log_set_level(options.log_level);
	switch (options.action) {
	case OPTIONS_HELP:
		options_print_help(stdout);
		return EXIT_OK;
	case OPTIONS_VERSION:
		printf("convoyd %s\n", convoy_version());
		return EXIT_OK;
	case OPTIONS_CHECK:
		return check(&options);
	case OPTIONS_RUN:
		return run(&options);
	}
	return EXIT_USAGE;
}
