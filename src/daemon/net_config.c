/* net_config.c - the tables of net.yaml. */
#include "daemon/net_config.h"

#include "control/config_decode.h"

enum { WORKERS_LIMIT = 64, BUFFERS_MIN = 1024, BUFFERS_LIMIT = 1 << 22 };

#define SPIN_LIMIT_NS 10000000ull

static const struct net_config net_defaults = { .n_workers = 1, .n_buffers = 16384 };

static const struct config_field net_fields[] = {
	{ .name = "workers",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_config, n_workers),
	  .min = 1,
	  .max = WORKERS_LIMIT },
	{ .name = "buffers",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct net_config, n_buffers),
	  .min = BUFFERS_MIN,
	  .max = BUFFERS_LIMIT },
	{ .name = "spin",
	  .type = CONFIG_DURATION,
	  .offset = offsetof(struct net_config, spin_ns),
	  .max = SPIN_LIMIT_NS },
};

static const struct config_message net_message = {
	.name = "net",
	.size = sizeof(struct net_config),
	.defaults = &net_defaults,
	.fields = net_fields,
	.n_fields = count_of(net_fields),
};

int net_config_load(struct arena *a, const char *path, struct config_error *error,
		    const struct net_config **out)
{
	struct config_decoder decoder = { .arena = a, .error = error };
	struct net_config *config = arena_alloc_or_null(a, sizeof(*config));
	struct config_node *root;
	int err;

	if (!config)
		return ERR_NOMEM;
	err = config_load_file(a, path, error, &root);
	if (err < 0)
		return err;
	err = config_decode(&decoder, root, &net_message, config);
	if (err < 0)
		return err;
	*out = config;
	return 0;
}
