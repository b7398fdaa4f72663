/* options.c - one table of every flag: what it takes, where it goes, what it says in --help. */
#include "proxy/server/options.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { MAX_CONCURRENCY = 1024, DRAIN_TIME_DEFAULT_S = 600 };

enum flag_kind {
	FLAG_TEXT,   /* [const char *] */
	FLAG_U32,    /* [uint32_t] */
	FLAG_U64,    /* [uint64_t] */
	FLAG_ACTION, /* no value: .action */
	FLAG_MODE,
	FLAG_LEVEL,
	FLAG_NOTHING_VALUE, /* takes a value that changes nothing here */
	FLAG_NOTHING,	    /* takes none, changes nothing */
};

struct flag {
	const char *name; /* without dashes */
	char letter;	  /* 0: none */
	enum flag_kind kind;
	size_t offset;
	uint64_t min, max;
	enum proxy_action action;
	const char *value; /* in --help */
	const char *help;
};

#define TO(member) .offset = offsetof(struct proxy_options, member)
static const struct flag flags[] = {
	{ "config-path", 'c', FLAG_TEXT, TO(config_path), .value = "FILE",
	  .help = "Envoy v3 bootstrap, YAML or JSON" },
	{ "config-yaml", 0, FLAG_TEXT, TO(config_yaml), .value = "YAML",
	  .help = "bootstrap text, merged over the file" },
	{ "mode", 0, FLAG_MODE, .value = "MODE", .help = "serve (default) or validate" },
	{ "concurrency", 0, FLAG_U32, TO(concurrency), .min = 1, .max = MAX_CONCURRENCY,
	  .value = "N", .help = "worker threads (default: one per CPU)" },
	{ "log-level", 'l', FLAG_LEVEL, .value = "LEVEL",
	  .help = "trace, debug, info (default), warn, error, critical or off" },
	{ "log-path", 0, FLAG_TEXT, TO(log_path), .value = "FILE",
	  .help = "write the log here, not to standard error" },
	{ "drain-time-s", 0, FLAG_U32, TO(drain_time_s), .max = UINT32_MAX, .value = "SECONDS",
	  .help = "how long to wait for requests when ending (600)" },
	{ "admin-address-path", 0, FLAG_TEXT, TO(admin_address_path), .value = "FILE",
	  .help = "write the admin page's address here" },
	{ "service-cluster", 0, FLAG_TEXT, TO(service_cluster), .value = "NAME",
	  .help = "name of this node's cluster" },
	{ "service-node", 0, FLAG_TEXT, TO(service_node), .value = "NAME",
	  .help = "name of this node" },
	{ "service-zone", 0, FLAG_TEXT, TO(service_zone), .value = "NAME",
	  .help = "zone of this node" },
	{ "base-id", 0, FLAG_U64, TO(base_id), .max = UINT32_MAX, .value = "ID",
	  .help = "accepted; processes do not share anything" },
	{ "restart-epoch", 0, FLAG_U64, TO(restart_epoch), .max = 0, .value = "0",
	  .help = "only 0: there is no hot restart" },
	{ "parent-shutdown-time-s", 0, FLAG_NOTHING_VALUE },
	{ "file-flush-interval-msec", 0, FLAG_NOTHING_VALUE },
	{ "use-dynamic-base-id", 0, FLAG_NOTHING },
	{ "cpuset-threads", 0, FLAG_NOTHING }, /* what --concurrency does by itself */
	{ "disable-hot-restart", 0, FLAG_NOTHING },
	{ "reject-unknown-dynamic-fields", 0, FLAG_NOTHING },
	{ "version", 0, FLAG_ACTION, .action = PROXY_VERSION, .help = "print the version" },
	{ "help", 'h', FLAG_ACTION, .action = PROXY_HELP, .help = "print this" },
};

static uint32_t usable_cpus(void)
{
	cpu_set_t set;
	int n;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	n = CPU_COUNT(&set);
	return n > 0 ? (uint32_t)n : 1;
}

static int complain(FILE *errors, const char *what, const char *argument, const char *hint)
{
	fprintf(errors, "convoy-proxy: %s \"%s\"%s%s; see convoy-proxy --help\n", what, argument,
		*hint ? ": " : "", hint);
	return ERR_INVAL;
}

/* The flag that @argument names, and the value that follows its '='. */
static const struct flag *flag_or_null(const char *argument, const char **value)
{
	size_t len;

	*value = NULL;
	if (argument[0] != '-' || !argument[1])
		return NULL;
	for (size_t i = 0; i < count_of(flags) && argument[1] != '-'; i++)
		if (flags[i].letter == argument[1]) {
			if (argument[2])
				*value = argument + 2 + (argument[2] == '=');
			return &flags[i];
		}
	if (argument[1] != '-')
		return NULL;
	argument += 2;
	len = strcspn(argument, "=");
	for (size_t i = 0; i < count_of(flags); i++)
		if (strlen(flags[i].name) == len && !memcmp(flags[i].name, argument, len)) {
			if (argument[len])
				*value = argument + len + 1;
			return &flags[i];
		}
	return NULL;
}

static int take_number(const struct flag *f, const char *value, uint64_t *number, FILE *errors)
{
	char *end;

	errno = 0;
	*number = strtoull(value, &end, 10);
	if (!*value || *end || *value == '-' || errno || *number < f->min || *number > f->max)
		return complain(errors, f->name, value, "not a number that it takes");
	return 0;
}

static int take_mode(struct proxy_options *o, const char *value, FILE *errors)
{
	if (!strcmp(value, "serve"))
		o->action = PROXY_SERVE;
	else if (!strcmp(value, "validate"))
		o->action = PROXY_VALIDATE;
	else
		return complain(errors, "unknown mode", value, "serve or validate");
	return 0;
}

/* Envoy's levels onto the log's; trace is as much as there is. */
static int take_level(struct proxy_options *o, const char *value, FILE *errors)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "trace", LOG_LEVEL_DEBUG }, { "debug", LOG_LEVEL_DEBUG },
		{ "info", LOG_LEVEL_INFO },   { "warning", LOG_LEVEL_WARN },
		{ "warn", LOG_LEVEL_WARN },   { "error", LOG_LEVEL_ERROR },
		{ "err", LOG_LEVEL_ERROR },   { "critical", LOG_LEVEL_ERROR },
		{ "off", LOG_LEVEL_OFF },
	};

	for (size_t i = 0; i < count_of(levels); i++)
		if (!strcmp(value, levels[i].name)) {
			o->log_level = levels[i].level;
			o->log_level_text = value;
			return 0;
		}
	return complain(errors, "unknown log level", value, "");
}

static int take_value(struct proxy_options *o, const struct flag *f, const char *value,
		      FILE *errors)
{
	uint8_t *at = (uint8_t *)o + f->offset;
	uint64_t number;

	switch (f->kind) {
	case FLAG_TEXT:
		if (!*value)
			return complain(errors, "empty value for", f->name, "");
		*(const char **)at = value;
		return 0;
	case FLAG_U32:
		if (take_number(f, value, &number, errors))
			return ERR_INVAL;
		*(uint32_t *)at = (uint32_t)number;
		return 0;
	case FLAG_U64:
		return take_number(f, value, (uint64_t *)at, errors);
	case FLAG_MODE:
		return take_mode(o, value, errors);
	case FLAG_LEVEL:
		return take_level(o, value, errors);
	default:
		return 0;
	}
}

int proxy_options_parse(struct proxy_options *o, int argc, char **argv, FILE *errors)
{
	*o = (struct proxy_options){ .concurrency = usable_cpus(),
				     .drain_time_s = DRAIN_TIME_DEFAULT_S,
				     .log_level = LOG_LEVEL_INFO,
				     .log_level_text = "info" };
	for (int i = 1; i < argc; i++) {
		const char *value;
		const struct flag *f = flag_or_null(argv[i], &value);

		if (!f)
			return complain(errors, "unknown argument", argv[i], "");
		if (f->kind == FLAG_ACTION || f->kind == FLAG_NOTHING) {
			if (value)
				return complain(errors, "no value is taken by", argv[i], "");
			if (f->kind == FLAG_ACTION) {
				o->action = f->action;
				return 0;
			}
			continue;
		}
		if (!value && ++i == argc)
			return complain(errors, "a value is missing after", argv[i - 1], "");
		if (take_value(o, f, value ? value : argv[i], errors))
			return ERR_INVAL;
	}
	if (!o->config_path && !o->config_yaml) {
		fprintf(errors, "convoy-proxy: no configuration; give -c FILE or --config-yaml "
				"YAML; see convoy-proxy --help\n");
		return ERR_INVAL;
	}
	return 0;
}

void proxy_options_print_help(FILE *out)
{
	fputs("convoy-proxy - an L7 proxy that takes Envoy's configuration\n\n"
	      "  convoy-proxy -c FILE [options]\n\n",
	      out);
	for (size_t i = 0; i < count_of(flags); i++) {
		char left[48];
		char letter[8] = "    ";

		if (!flags[i].help)
			continue;
		if (flags[i].letter)
			snprintf(letter, sizeof(letter), "-%c, ", flags[i].letter);
		snprintf(left, sizeof(left), "%s--%s %s", letter, flags[i].name,
			 flags[i].value ? flags[i].value : "");
		fprintf(out, "  %-32s %s\n", left, flags[i].help);
	}
	fputs("\nExit status: 0 fine, 1 the work failed (with validate: the configuration does "
	      "not\n"
	      "hold), 2 bad usage or configuration.\n",
	      out);
}
