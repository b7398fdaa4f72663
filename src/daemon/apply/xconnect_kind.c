/*
 * xconnect_kind.c - cross-connects as objects of an apply: one for each end, so that the removal of
 * either interface concerns one of them. The first end that is made joins both, the first that is
 * taken away parts them.
 */
#include <string.h>

#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"
#include "l2/xconnect/xconnect.h"

static int add(struct apply_list *out, const char *end, const char *other,
	       const struct config_node *at)
{
	const struct apply_item item = { .kind = &apply_xconnect_kind,
					 .name = end,
					 .value = json_pack("{s:s}", "other", other),
					 .on = end,
					 .at = at };

	return apply_list_add(out, &item);
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	int err = 0;

	for (uint32_t index = 1; index < INTERFACES_MAX && err == 0; index++) {
		const struct interface *i = interface_get_or_null(d->engine, index);
		const struct interface *peer = i ? xconnect_peer_or_null(i) : NULL;

		if (peer)
			err = add(out, i->name, peer->name, NULL);
	}
	return err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_xconnects && err == 0; n++) {
		const struct net_xconnect *x = &file->config->xconnects[n];

		err = add(out, x->ports[0], x->ports[1], x->at);
		if (err == 0)
			err = add(out, x->ports[1], x->ports[0], x->at);
	}
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const char *name = json_string_value(json_object_get(item->value, "other"));
	struct interface *i = interface_by_name_or_null(d->engine, item->name);
	struct interface *other = interface_by_name_or_null(d->engine, name);
	int err;

	if (i && other && xconnect_peer_or_null(i) == other)
		return 0;
	err = i && other ? xconnect_create(i, other) : ERR_NOENT;
	if (err < 0)
		apply_fail(error, item, "\"%s\" and \"%s\" cannot be joined: %s", item->name, name,
			   err == ERR_INVAL	    ? "they are one"
			   : err == ERR_BUSY	    ? "one is in a bridge or cross-connect already"
			   : err == ERR_UNSUPPORTED ? INTERFACE_IP_ONLY_TEXT
						    : err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item,
		     struct config_error *error unused_arg)
{
	struct interface *i = interface_by_name_or_null(d->engine, item->name);
	int err = i ? xconnect_delete(i) : 0;

	return err == ERR_NOENT ? 0 : err; /* its other end was first */
}

const struct apply_kind apply_xconnect_kind = {
	.name = "xconnect",
	.rank = 6,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
};
