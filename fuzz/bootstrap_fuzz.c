/* bootstrap_fuzz.c - the proxy's configuration: any text loads or is refused by exactly one line.
 */
#include <stdlib.h>
#include <string.h>

#include "control/config_tree.h"
#include "proxy/config/snapshot.h"

/* libfyaml 0.7.12 loses a page of its own after some syntax errors. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct snapshot_source source = { .overlay_yaml = text };
	struct config_error error;
	struct snapshot *s;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	s = snapshot_load_or_null(&source, &error);
	if (s)
		snapshot_put(s);
	else
		invariant(error.text[0] && !strchr(error.text, '\n'));
	free(text);
	return 0;
}
