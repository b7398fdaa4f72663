/* data_source.c - envoy.config.core.v3.DataSource, read while the configuration is loaded. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/config/messages.h"

enum { MAX_FILE_BYTES = 1 << 20 };

enum source_kind { SOURCE_NONE, SOURCE_FILE, SOURCE_TEXT, SOURCE_VARIABLE };

struct source {
	uint8_t kind;
	const char *text;
};

static const struct config_field source_fields[] = {
	{ "filename", CONFIG_STRING, .offset = offsetof(struct source, text),
	  .case_offset = offsetof(struct source, kind), .case_is = SOURCE_FILE,
	  .flags = CONFIG_NOT_EMPTY },
	{ "inline_string", CONFIG_STRING, .offset = offsetof(struct source, text),
	  .case_offset = offsetof(struct source, kind), .case_is = SOURCE_TEXT },
	{ "environment_variable", CONFIG_STRING, .offset = offsetof(struct source, text),
	  .case_offset = offsetof(struct source, kind), .case_is = SOURCE_VARIABLE,
	  .flags = CONFIG_NOT_EMPTY },
	{ "inline_bytes", CONFIG_MISSING, .feature = "data in base64" },
	{ "watched_directory", CONFIG_MISSING, .feature = "watching of files" },
};
static const struct config_message source_message = {
	.name = "DataSource",
	.size = sizeof(struct source),
	.fields = source_fields,
	.n_fields = count_of(source_fields),
};

static int read_file(struct config_decoder *d, const struct config_node *n, const char *path,
		     struct data_source *out)
{
	char *buf = malloc(MAX_FILE_BYTES + 1);
	FILE *f = fopen(path, "re");
	int err = 0;

	if (!buf || !f)
		err = config_fail(d->error, n, "cannot open \"%.100s\": %s", path, strerror(errno));
	if (!err) {
		out->len = fread(buf, 1, MAX_FILE_BYTES + 1, f);
		if (ferror(f))
			err = config_fail(d->error, n, "cannot read \"%.100s\": %s", path,
					  strerror(errno));
		else if (out->len > MAX_FILE_BYTES)
			err = config_fail(d->error, n, "\"%.100s\" is larger than %u bytes", path,
					  MAX_FILE_BYTES);
	}
	if (!err) {
		out->bytes = arena_text_or_null(d->arena, slice_of(buf, out->len));
		err = out->bytes ? 0 : ERR_NOMEM;
	}
	if (f)
		fclose(f);
	free(buf);
	return err;
}

int data_source_take(struct config_decoder *d, const struct config_node *n, struct data_source *out)
{
	struct source s;
	int err = config_decode(d, n, &source_message, &s);

	if (err)
		return err;
	if (s.kind == SOURCE_NONE)
		return config_fail(d->error, n, "\"filename\" or \"inline_string\" is missing");
	if (s.kind == SOURCE_FILE)
		return read_file(d, n, s.text, out);
	if (s.kind == SOURCE_VARIABLE) {
		const char *value = getenv(s.text);

		if (!value)
			return config_fail(d->error, n, "environment variable \"%.80s\" is not set",
					   s.text);
		s.text = arena_text_or_null(d->arena, slice_of_text(value));
		if (!s.text)
			return ERR_NOMEM;
	}
	out->bytes = s.text;
	out->len = strlen(s.text);
	return 0;
}
