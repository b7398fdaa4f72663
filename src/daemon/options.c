/* options.c - convoyd's command line. */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "base/err.h"
#include "control/server.h"

enum { WORKERS_LIMIT = 64 };

enum { OPT_SOCKET = 256, OPT_WORKERS, OPT_LOG_LEVEL, OPT_CHECK, OPT_VERSION };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

void options_print_help(FILE *out)
{
	fprintf(out,
		"usage: convoyd -c net.yaml [OPTION...]\n"
		"Runs the network stack in the foreground until SIGTERM or SIGINT.\n"
		"\n"
		"  -c, --config FILE    what to run: workers, interfaces, routes "
		"(docs/operate.md)\n"
		"      --socket PATH    control socket; also CONVOY_SOCKET\n"
		"                       (default " CONTROL_SOCKET_DEFAULT ")\n"
		"      --workers N      packet threads, instead of what FILE says\n"
		"      --log-level L    off, error, warn, info or debug (default info)\n"
		"      --check          look at FILE, start nothing; exit status 0 or 2\n"
		"      --version        print the version\n"
		"      --help           print this\n"
		"\n"
		"Exit status: 0 ended as asked, 1 could not run, 2 bad usage or configuration.\n"
		"Ask a running convoyd with: convoy show interfaces\n");
}

static int bad_usage(FILE *errors, const char *option, const char *value, const char *expected)
{
	fprintf(errors, "convoyd: %s \"%s\": expected %s\n", option, value, expected);
	return ERR_INVAL;
}

static int parse_workers(struct options *o, const char *text, FILE *errors)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || n < 1 || n > WORKERS_LIMIT)
		return bad_usage(errors, "--workers", text, "a number from 1 to 64");
	o->n_workers = (uint32_t)n;
	return 0;
}

static int parse_one(struct options *o, int option, FILE *errors)
{
	switch (option) {
	case 'c':
		o->config_path = optarg;
		return 0;
	case OPT_SOCKET:
		o->socket_path = optarg;
		return 0;
	case OPT_WORKERS:
		return parse_workers(o, optarg, errors);
	case OPT_LOG_LEVEL:
		if (log_level_of(optarg, &o->log_level) == 0)
			return 0;
		return bad_usage(errors, "--log-level", optarg, "off, error, warn, info or debug");
	case OPT_CHECK:
		o->action = OPTIONS_CHECK;
		return 0;
	case OPT_VERSION:
		o->action = OPTIONS_VERSION;
		return 0;
	case 'h':
		o->action = OPTIONS_HELP;
		return 0;
	default: /* getopt has said what is wrong */
		fprintf(errors, "convoyd: see convoyd --help\n");
		return ERR_INVAL;
	}
}

int options_parse(struct options *o, int argc, char **argv, FILE *errors)
{
	const char *from_environment = getenv("CONVOY_SOCKET");
	int option, err;

	*o = (struct options){
		.log_level = LOG_LEVEL_INFO,
		.socket_path = from_environment && *from_environment ? from_environment
								     : CONTROL_SOCKET_DEFAULT,
	};
	optind = 0; /* start over, whoever parsed before */
	while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
		err = parse_one(o, option, errors);
		if (err < 0)
			return err;
	}
	if (optind < argc) {
		fprintf(errors, "convoyd: unexpected argument \"%s\"; see convoyd --help\n",
			argv[optind]);
		return ERR_INVAL;
	}
	if (!o->config_path && (o->action == OPTIONS_RUN || o->action == OPTIONS_CHECK)) {
		fprintf(errors, "convoyd: name a configuration: convoyd -c net.yaml "
				"(see convoyd --help)\n");
		return ERR_INVAL;
	}
	return 0;
}
