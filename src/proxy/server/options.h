/* options.h - convoy-proxy's command line, which is Envoy's. */
#ifndef CONVOY_PROXY_SERVER_OPTIONS_H
#define CONVOY_PROXY_SERVER_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/log.h"

enum proxy_action { PROXY_SERVE, PROXY_VALIDATE, PROXY_HELP, PROXY_VERSION };

struct proxy_options {
	enum proxy_action action;
	const char *config_path;	/* NULL: only --config-yaml */
	const char *config_yaml;	/* NULL: only the file */
	const char *log_path;		/* NULL: standard error */
	const char *admin_address_path; /* file to write the admin page's address to; NULL: none */
	const char *service_cluster, *service_node, *service_zone; /* NULL: as the node says */
	uint32_t concurrency;					   /* worker threads, at least 1 */
	uint32_t drain_time_s;
	uint64_t base_id, restart_epoch; /* as given; there is no hot restart to use them */
	enum log_level log_level;
	const char *log_level_text; /* as given, for /server_info */
};

/*
 * proxy_options_parse - fill @o from the command line. Strings are borrowed.
 * Returns 0, or ERR_INVAL after a line on @errors that says what to do.
 */
must_check
int proxy_options_parse(struct proxy_options *o, int argc, char **argv, FILE *errors);

void proxy_options_print_help(FILE *out);

#endif
