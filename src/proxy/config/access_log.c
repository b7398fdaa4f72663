/* access_log.c - envoy.config.accesslog.v3.AccessLog and the loggers that exist. */
#include "proxy/config/access_log.h"

#include "proxy/config/messages.h"
#include "proxy/filter/access_log.h"

/* SubstitutionFormatString, and FileAccessLog's older fields, all end up as one format. */
static int take_format(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return config_take_string(d, n, &((struct access_log_config *)holder)->format);
}

static int take_format_source(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct data_source source;
	int err = data_source_take(d, n, &source);

	((struct access_log_config *)holder)->format = err ? NULL : source.bytes;
	return err;
}

static const struct config_field format_fields[] = {
	{ "text_format", CONFIG_CUSTOM, .decode = take_format },
	{ "text_format_source", CONFIG_CUSTOM, .decode = take_format_source },
	{ "json_format", CONFIG_MISSING, .feature = "access logs in JSON" },
	{ "omit_empty_values", CONFIG_ONLY, .only = "false" },
};
static const struct config_message format_message = {
	.name = "SubstitutionFormatString",
	.size = sizeof(struct access_log_config),
	.fields = format_fields,
	.n_fields = count_of(format_fields),
	.known = "content_type formatters json_format_options",
};

static int take_log_format(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct access_log_config format;
	int err = config_decode(d, n, &format_message, &format);

	if (!err && !format.format)
		err = config_fail(d->error, n, "\"text_format_source\" is missing");
	if (!err)
		((struct access_log_config *)holder)->format = format.format;
	return err;
}

static const struct config_field file_fields[] = {
	{ "path", CONFIG_STRING, .offset = offsetof(struct access_log_config, path),
	  .flags = CONFIG_REQUIRED },
	{ "format", CONFIG_CUSTOM, .decode = take_format },
	{ "log_format", CONFIG_CUSTOM, .decode = take_log_format },
	{ "json_format", CONFIG_MISSING, .feature = "access logs in JSON" },
	{ "typed_json_format", CONFIG_MISSING, .feature = "access logs in JSON" },
};
static const struct config_message file_message = {
	.name = "FileAccessLog",
	.size = sizeof(struct access_log_config),
	.fields = file_fields,
	.n_fields = count_of(file_fields),
};

static const struct config_field stream_fields[] = {
	{ "log_format", CONFIG_CUSTOM, .decode = take_log_format },
};
static const struct config_message stream_message = {
	.name = "StdoutAccessLog",
	.size = sizeof(struct access_log_config),
	.fields = stream_fields,
	.n_fields = count_of(stream_fields),
};

static const struct config_extension_kind loggers[] = {
	{ "envoy.extensions.access_loggers.file.v3.FileAccessLog", NULL, ACCESS_LOG_FILE,
	  &file_message },
	{ "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
	  "envoy.access_loggers.stdout", ACCESS_LOG_STDOUT, &stream_message },
	{ "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
	  "envoy.access_loggers.stderr", ACCESS_LOG_STDERR, &stream_message },
};

/* A format that cannot be used is found here and not when the first worker opens the log. */
static int check_format(struct config_decoder *d, const struct config_node *n,
			const struct access_log_config *log)
{
	struct access_format *f;
	char why[160];

	if (!log->format)
		return 0;
	f = access_format_new_or_null(log->format, why, sizeof(why));
	if (!f)
		return config_fail(d->error, n, "access log format: %s", why);
	access_format_free(f);
	return 0;
}

static int finish_access_log(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct access_log_config *log = holder;
	struct config_extension e;
	int err = config_take_extension(d, n, loggers, count_of(loggers), &e);

	if (!err)
		err = config_decode(d, e.config, e.kind->message, log);
	if (err)
		return err;
	log->kind = (uint8_t)e.kind->value;
	log->at = n;
	return check_format(d, n, log);
}

static const struct config_field access_log_fields[] = {
	{ "name", .type = CONFIG_NO_EFFECT },
	{ "typed_config", .type = CONFIG_BY_FINISH },
	{ "filter", CONFIG_MISSING, .feature = "access log filters" },
	{ "config", CONFIG_REPLACED, .feature = "typed_config" },
};
const struct config_message access_log_message = {
	.name = "AccessLog",
	.size = sizeof(struct access_log_config),
	.fields = access_log_fields,
	.n_fields = count_of(access_log_fields),
	.finish = finish_access_log,
};
