/* snapshot.c - from a file to a counted, immutable configuration. */
#include "proxy/config/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "proxy/config/messages.h"

struct snapshot {
	atomic_uint references;
	struct arena arena;
	struct bootstrap_config bootstrap;
};

static int load_tree(struct snapshot *s, const struct snapshot_source *source,
		     struct config_error *error, struct config_node **root)
{
	struct config_node *overlay;
	int err = 0;

	*root = NULL;
	if (source->path)
		err = config_load_file(&s->arena, source->path, error, root);
	if (err || !source->overlay_yaml)
		return err;
	err = config_load_text(&s->arena, "--config-yaml", slice_of_text(source->overlay_yaml),
			       CONFIG_YAML, error, &overlay);
	if (!err)
		*root = *root ? config_merge(*root, overlay) : overlay;
	return err;
}

struct snapshot *snapshot_load_or_null(const struct snapshot_source *source,
				       struct config_error *error)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct config_decoder d = { .error = error };
	struct config_node *root;
	int err = ERR_NOMEM;

	error->text[0] = '\0';
	if (s) {
		arena_init(&s->arena, 65536, SIZE_MAX);
		atomic_init(&s->references, 1);
		d.arena = &s->arena;
		err = load_tree(s, source, error, &root);
	}
	if (!err)
		err = config_decode(&d, root, &bootstrap_message, &s->bootstrap);
	if (!err)
		return s;
	if (!error->text[0])
		config_fail_file(error, source->path ? source->path : "--config-yaml", 1, 1, "%s",
				 err_text(err));
	if (s)
		snapshot_put(s);
	return NULL;
}

const struct bootstrap_config *snapshot_bootstrap(const struct snapshot *s)
{
	return &s->bootstrap;
}

struct snapshot *snapshot_get(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	return s;
}

void snapshot_put(struct snapshot *s)
{
	if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
		return;
	arena_deinit(&s->arena);
	free(s);
}
