/* config_fuzz.c - the configuration loader: any text loads or is refused by exactly one line. */
#include <stdlib.h>
#include <string.h>

#include "control/config_tree.h"

/* libfyaml 0.7.12 loses a page of its own after some syntax errors. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml";
}

static void visit(const struct config_node *n, unsigned depth)
{
	uint32_t count = 0;

	invariant(depth <= CONFIG_MAX_DEPTH);
	for (const struct config_node *c = n->first; c; c = c->next) {
		invariant(c->parent == n && c->idx == count);
		invariant((n->kind == CONFIG_MAP) == (c->key != NULL));
		count++;
		visit(c, depth + 1);
	}
	invariant(count == n->n_items);
}

static void load(const uint8_t *data, size_t size, enum config_syntax syntax)
{
	struct config_error error = { "" };
	struct config_node *root;
	struct arena a;

	arena_init(&a, 16384, 64 << 20);
	if (config_load_text(&a, "f", slice_of(data, size), syntax, &error, &root) == 0)
		visit(root, 0);
	else
		invariant(error.text[0] && !strchr(error.text, '\n'));
	arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	load(data, size, CONFIG_YAML);
	load(data, size, CONFIG_JSON);
	return 0;
}
