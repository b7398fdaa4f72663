/* answer_kind.c - fixed answers of bridges, to ARP and ND, as objects of an apply. */
#include <string.h>

#include "base/err.h"
#include "daemon/apply/kind.h"
#include "daemon/convoyd.h"
#include "daemon/net_file.h"
#include "engine/engine.h"
#include "l2/bridge/answer.h"
#include "l2/l2_cli.h"

enum { ADDR_TEXT_MAX = 64, NAME_BYTES = BRIDGE_NAME_MAX + 1 + ADDR_TEXT_MAX };

struct fixed {
	char bridge[BRIDGE_NAME_MAX];
	struct ip6_addr addr;
	struct mac mac;
};

static int add(struct apply_list *out, const char *bridge, const struct ip6_addr *addr,
	       const struct mac *mac, const struct config_node *at)
{
	struct fixed *object = arena_alloc_or_null(&out->arena, sizeof(*object));
	char name[NAME_BYTES] = "";
	struct writer w = writer_of(name, sizeof(name) - 1);
	struct apply_item item = { .kind = &apply_answer_kind, .name = name, .at = at };

	if (!object)
		return ERR_NOMEM;
	*object = (struct fixed){ .addr = *addr, .mac = *mac };
	strncpy(object->bridge, bridge, sizeof(object->bridge) - 1);
	put_format(&w, "%s ", object->bridge);
	ip_print_addr(&w, addr);
	item.object = object;
	item.value = json_pack("{s:o}", "mac", l2_mac_json(mac));
	return apply_list_add(out, &item);
}

struct listing {
	struct apply_list *out;
	int err;
};

static bool list_one(const struct bridge *b, const struct answer *a, void *context)
{
	struct listing *l = context;

	if (a->is_fixed)
		l->err = add(l->out, bridge_name(b), &a->key.addr, &a->mac, NULL);
	return l->err == 0;
}

static int list_running(struct convoyd *d, struct apply_list *out)
{
	struct listing l = { out, 0 };
	struct bridge *b = NULL;

	while (l.err == 0 && (b = bridge_next_or_null(d->engine, b)) != NULL)
		bridge_walk_answers(b, list_one, &l);
	return l.err;
}

static int list_wanted(struct net_file *file, struct apply_list *out)
{
	int err = 0;

	for (uint32_t n = 0; n < file->config->n_bridges; n++) {
		const struct net_bridge *b = &file->config->bridges[n];

		for (uint32_t k = 0; k < b->n_answers && err == 0; k++)
			err = add(out, b->name, &b->answers[k].addr, &b->answers[k].mac,
				  b->answers[k].at);
	}
	return err;
}

static int create(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct fixed *f = item->object;
	struct bridge *b = bridge_by_name_or_null(d->engine, f->bridge);
	int err = b ? bridge_add_answer(b, &f->addr, &f->mac) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "answer %s: %s", item->name,
			   err == ERR_INVAL ? "this is no address of a single station"
					    : err_text(err));
	return err;
}

static int take_away(struct convoyd *d, const struct apply_item *item, struct config_error *error)
{
	const struct fixed *f = item->object;
	struct bridge *b = bridge_by_name_or_null(d->engine, f->bridge);
	int err = b ? bridge_delete_answer(b, &f->addr) : ERR_NOENT;

	if (err < 0)
		apply_fail(error, item, "answer %s cannot be removed: %s", item->name,
			   err_text(err));
	return err;
}

const struct apply_kind apply_answer_kind = {
	.name = "answer",
	.rank = 7,
	.list_running = list_running,
	.list_wanted = list_wanted,
	.create = create,
	.remove = take_away,
};
