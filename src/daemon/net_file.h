/*
 * net_file.h - a net.yaml in memory, kept as long as something that it asked for is there.
 */
#ifndef CONVOY_DAEMON_NET_FILE_H
#define CONVOY_DAEMON_NET_FILE_H

#include "base/arena.h"
#include "base/slice.h"
#include "daemon/net_config.h"

struct net_file {
	unsigned n_refs;
	struct arena arena;
	struct config_node *root;
	const struct net_config *config;
};

/*
 * net_file_load - read and check the file at @path. Returns 0 with one reference in @out, or an
 * error with its line in @error.
 */
must_check
int net_file_load(const char *path, struct config_error *error, struct net_file **out);

/* net_file_load_text - the same for @text, which is called @name in messages and copied. */
must_check
int net_file_load_text(const char *name, struct slice text, struct config_error *error,
		       struct net_file **out);

struct net_file *net_file_get(struct net_file *file);
void net_file_put(struct net_file *file);

#endif
