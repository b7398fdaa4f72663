/* vrf_kind.c - VRFs as objects of an apply. */
#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"
#include "l3/vrf/vrf.h"

static int add(struct apply_list *out, const char *name, const struct config_node *at)
{
	const struct apply_item item = {
		.kind = &apply_vrf_kind, .name = name, .value = json_object(), .at = at
	};

	return apply_list_add(out, &item);
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	const struct fib *f = d->engine->module[MODULE_FIB];
	int err = 0;

	for (uint32_t i = 0; i < VRFS_MAX && err == 0; i++) {
		const struct vrf *v = fib_vrf_or_null(f, i);

		if (v && i != VRF_DEFAULT)
			err = add(out, v->name, NULL);
	}
	return err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_vrfs && err == 0; n++)
		err = add(out, file->config->vrfs[n], config_member_or_null(file->root, "vrfs"));
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	int err = vrf_add(d->engine, item->name);

	if (err < 0)
		apply_fail(error, item, "VRF \"%s\": %s", item->name, err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	int err = vrf_del(d->engine, item->name);

	if (err < 0)
		apply_fail(error, item, "VRF \"%s\" cannot be removed: %s", item->name,
			   err == ERR_BUSY ? "it has interfaces or routes that are not in the file"
					   : err_text(err));
	return err;
}

const struct apply_kind apply_vrf_kind = {
	.name = "vrf",
	.rank = 0, /* before the interfaces that are in it */
	.is_domain = true,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
};
