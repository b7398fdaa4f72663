/* route_event.c - what happens to routes, for `convoy monitor`. */
#include <stdlib.h>

#include "engine/event.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/fib/fib.h"

struct route_events {
	struct fib_watcher watcher;
	struct engine *engine;
};

static json_t *prefix_json(const struct vrf *v, const struct fib_table *t, struct fib_key key,
			   unsigned len)
{
	struct ip6_prefix prefix = { fib_key_ip6(key), (uint8_t)len };

	if (t == &v->ip4)
		return ip4_prefix_json((struct ip4_prefix){ fib_key_ip4(key), (uint8_t)len });
	return ip6_prefix_json(&prefix);
}

static void changed(struct fib_watcher *w, struct vrf *v, struct fib_table *t, struct fib_key key,
		    unsigned len)
{
	struct engine *e = container_of(w, struct route_events, watcher)->engine;
	const struct rib_node *n;
	json_t *name, *more;

	if (!event_wanted(e))
		return;
	n = rib_find_or_null(&t->rib, key, len);
	name = prefix_json(v, t, key, len);
	more = json_pack("{s:s}", "vrf", v->name);
	event_publish(e, &(struct event){ EVENT_ROUTE, n && n->owner ? "set" : "deleted",
					  json_string_value(name), more });
	json_decref(name);
	json_decref(more);
}

int route_events_init(struct engine *e)
{
	struct fib *f = e->module[MODULE_FIB];
	struct route_events *r = calloc(1, sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	r->engine = e;
	r->watcher.changed = changed;
	list_push(&f->watchers, &r->watcher.link);
	e->module[MODULE_ROUTE_EVENT] = r;
	return 0;
}

void route_events_deinit(struct engine *e)
{
	struct route_events *r = e->module[MODULE_ROUTE_EVENT];

	if (!r)
		return;
	list_remove(&r->watcher.link);
	free(r);
	e->module[MODULE_ROUTE_EVENT] = NULL;
}
