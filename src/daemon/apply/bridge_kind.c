/* bridge_kind.c - bridges, without what belongs to them, as objects of an apply. */
#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"

/* As net.yaml says it: what is not the default. */
static json_t *value_of(const struct bridge_config *c)
{
	json_t *value = json_object();
	char age[16];

	if (c->no_learn)
		json_object_set_new(value, "learn", json_false());
	if (c->drop_unknown)
		json_object_set_new(value, "flood_unknown", json_false());
	if (c->drop_broadcast)
		json_object_set_new(value, "flood_broadcast", json_false());
	if (c->drop_multicast)
		json_object_set_new(value, "flood_multicast", json_false());
	if (c->answer)
		json_object_set_new(value, "answer", json_true());
	if (c->macs_limit)
		json_object_set_new(value, "macs_limit", json_integer(c->macs_limit));
	snprintf(age, sizeof(age), "%us", c->age_s);
	if (c->age_s != BRIDGE_AGE_DEFAULT_S)
		json_object_set_new(value, "age", json_string(age));
	return value;
}

static int add(struct apply_list *out, const char *name, const struct bridge_config *config,
	       const struct config_node *at)
{
	struct bridge_config *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	const struct apply_item item = { .kind = &apply_bridge_kind,
					 .name = name,
					 .value = value_of(config),
					 .at = at,
					 .object = object };

	if (!object) {
		json_decref(item.value);
		return ERR_NOMEM;
	}
	*object = *config;
	return apply_list_add(out, &item);
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	struct bridge *b = NULL;
	int err = 0;

	while (err == 0 && (b = bridge_next_or_null(d->engine, b)) != NULL)
		err = add(out, bridge_name(b), bridge_config_of(b), NULL);
	return err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_bridges && err == 0; n++) {
		const struct net_bridge *b = &file->config->bridges[n];

		err = add(out, b->name, &b->config, b->at);
	}
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	struct bridge *b;
	int err = bridge_create(d->engine, item->name, item->object, &b);

	if (err < 0)
		apply_fail(error, item, "bridge \"%s\": %s", item->name, err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	struct bridge *b = bridge_by_name_or_null(d->engine, item->name);

	if (!b) {
		apply_fail(error, item, "bridge \"%s\" is gone", item->name);
		return ERR_NOENT;
	}
	bridge_delete(b);
	return 0;
}

static bool can_change(const struct apply_item *from unused_arg,
		       const struct apply_item *to unused_arg)
{
	return true;
}

static int change(struct convoyd *d, const struct apply_item *from unused_arg,
		  const struct apply_item *to, struct config_error *error)
{
	struct bridge *b = bridge_by_name_or_null(d->engine, to->name);
	int err = b ? bridge_change(b, to->object) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, to, "bridge \"%s\": %s", to->name, err_text(err));
	return err;
}

const struct apply_kind apply_bridge_kind = {
	.name = "bridge",
	.rank = 0, /* before the interfaces, some of which are a bridge's */
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
	.can_change = can_change,
	.change = change,
};
