/* net_file.c - loads net.yaml and counts who needs it. */
#include "daemon/net_file.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024, LIMIT_BYTES = 64 << 20 };

static struct net_file *file_new_or_null(void)
{
	struct net_file *file = calloc(1, sizeof(*file));

	if (file) {
		file->n_refs = 1;
		arena_init(&file->arena, CHUNK_BYTES, LIMIT_BYTES);
	}
	return file;
}

/* Takes @file. */
static int finish(struct net_file *file, int err, struct config_error *error, struct net_file **out)
{
	if (err == 0)
		err = net_config_decode(&file->arena, file->root, error, &file->config);
	if (err < 0)
		net_file_put(file);
	else
		*out = file;
	return err;
}

int net_file_load(const char *path, struct config_error *error, struct net_file **out)
{
	struct net_file *file = file_new_or_null();

	if (!file)
		return ERR_NOMEM;
	return finish(file, config_load_file(&file->arena, path, error, &file->root), error, out);
}

static enum config_syntax syntax_of(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".json") == 0 ? CONFIG_JSON : CONFIG_YAML;
}

int net_file_load_text(const char *name, struct slice text, struct config_error *error,
		       struct net_file **out)
{
	struct net_file *file = file_new_or_null();
	int err;

	if (!file)
		return ERR_NOMEM;
	err = config_load_text(&file->arena, name, text, syntax_of(name), error, &file->root);
	return finish(file, err, error, out);
}

struct net_file *net_file_get(struct net_file *file)
{
	file->n_refs++;
	return file;
}

void net_file_put(struct net_file *file)
{
	if (!file || --file->n_refs > 0)
		return;
	arena_deinit(&file->arena);
	free(file);
}
