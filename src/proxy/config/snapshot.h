/*
 * snapshot.h - one loaded configuration: immutable, counted, shared by all workers.
 *
 *   file ─> tree (control/config_tree) ─> structs (control/config_decode, tables here) ─> checks
 *
 * Everything that hangs off a snapshot (strings, arrays, tree nodes) lives until its last put.
 */
#ifndef CONVOY_PROXY_CONFIG_SNAPSHOT_H
#define CONVOY_PROXY_CONFIG_SNAPSHOT_H

#include "proxy/config/bootstrap.h"

struct snapshot;
struct config_error;

struct snapshot_source {
	const char *path;	  /* file, YAML or JSON; NULL: only the overlay */
	const char *overlay_yaml; /* text merged over the file, from --config-yaml; NULL: none */
};

/*
 * snapshot_load - read, decode and check a configuration; the caller holds the one reference.
 * @error: the one line that says what is wrong and where; set when NULL is returned
 */
struct snapshot *snapshot_load_or_null(const struct snapshot_source *source,
				       struct config_error *error);

const struct bootstrap_config *snapshot_bootstrap(const struct snapshot *s);

/* From any thread. */
struct snapshot *snapshot_get(struct snapshot *s);
void snapshot_put(struct snapshot *s);

#endif
