/* main.c - convoy-proxy, the program. */
#include <stdio.h>

#include "base/version.h"
#include "proxy/server/server.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int validate(const struct proxy_options *options)
{
	const struct snapshot_source source = { options->config_path, options->config_yaml };
	struct config_error error;
	struct snapshot *s = snapshot_load_or_null(&source, &error);

	if (!s) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_FAILED;
	}
	snapshot_put(s);
	printf("configuration '%s' OK\n", options->config_path ? options->config_path : "");
	return EXIT_FINE;
}

static int serve(const struct proxy_options *options)
{
	static struct server s;
	int err = server_open(&s, options), status;

	status = err == ERR_INVAL ? EXIT_USAGE : EXIT_FAILED;
	if (!err)
		err = server_run(&s);
	if (!err)
		status = EXIT_FINE;
	else if (s.error.text[0])
		fprintf(stderr, "%s\n", s.error.text);
	else
		fprintf(stderr, "convoy-proxy: cannot start: %s\n", err_text(err));
	server_close(&s);
	return status;
}

int main(int argc, char **argv)
{
	struct proxy_options options;

	if (proxy_options_parse(&options, argc, argv, stderr))
		return EXIT_USAGE;
	log_set_level(options.log_level);
	switch (options.action) {
	case PROXY_HELP:
		proxy_options_print_help(stdout);
		return EXIT_FINE;
	case PROXY_VERSION:
		printf("convoy-proxy %s\n", convoy_version());
		return EXIT_FINE;
	case PROXY_VALIDATE:
		return validate(&options);
	case PROXY_SERVE:
		return serve(&options);
	}
	return EXIT_USAGE;
}
