/*
 * net_config.h - what net.yaml says, checked and typed. docs/operate.md is its manual.
 */
#ifndef CONVOY_DAEMON_NET_CONFIG_H
#define CONVOY_DAEMON_NET_CONFIG_H

#include "base/arena.h"
#include "control/config_tree.h"

struct net_config {
	uint32_t n_workers;
	uint32_t n_buffers;
	uint64_t spin_ns; /* how long an idle worker polls before it sleeps */
};

/*
 * net_config_load - read and check @path; everything lives in @a.
 * Returns 0 or an error with its line in @error. Nothing outside @a is touched.
 */
must_check
int net_config_load(struct arena *a, const char *path, struct config_error *error,
		    const struct net_config **out);

#endif
