/* net_config_fuzz.c - any text as net.yaml: it is decoded or refused with one line. */
#include "daemon/net_config.h"

/* libfyaml 0.7.12 loses a page of its own after some syntax errors. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml";
}

enum { CHUNK_BYTES = 16 * 1024, LIMIT_BYTES = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct net_config *config = NULL;
	struct config_error error = { "" };
	struct config_node *root;
	struct arena arena;
	int err;

	arena_init(&arena, CHUNK_BYTES, LIMIT_BYTES);
	err = config_load_text(&arena, "net.yaml", slice_of(data, size), CONFIG_YAML, &error,
			       &root);
	if (err == 0)
		err = net_config_decode(&arena, root, &error, &config);
	if (err == ERR_INVAL || err == ERR_FORMAT)
		invariant(error.text[0] && !strchr(error.text, '\n'));
	if (err == 0)
		invariant(config->n_workers > 0 && config->n_buffers > 0);
	arena_deinit(&arena);
	return 0;
}
