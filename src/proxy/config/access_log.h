/* access_log.h - envoy.config.accesslog.v3.AccessLog: where each finished request is written. */
#ifndef CONVOY_PROXY_CONFIG_ACCESS_LOG_H
#define CONVOY_PROXY_CONFIG_ACCESS_LOG_H

#include "base/compiler.h"

struct config_node;

enum access_log_kind { ACCESS_LOG_FILE, ACCESS_LOG_STDOUT, ACCESS_LOG_STDERR };

struct access_log_config {
	uint8_t kind;	  /* enum access_log_kind */
	const char *path; /* ACCESS_LOG_FILE only, never NULL there */
	/* Format with %OPERATORS%; NULL means Envoy's default format. Newlines are the format's. */
	const char *format;
	const struct config_node *at;
};

#endif
