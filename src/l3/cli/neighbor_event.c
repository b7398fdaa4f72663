/* neighbor_event.c - what happens to a neighbour, for `convoy monitor`. */
#include "engine/event.h"
#include "l3/cli/ip_json.h"
#include "l3/neighbor/neighbor.h"
#include "l3/neighbor/publish.h"

void neighbor_event(const struct neighbor *n, const char *what)
{
	struct engine *e = n->table->engine;
	json_t *name, *more;

	if (!event_wanted(e))
		return;
	name = ip_addr_json(&n->addr);
	more = json_pack("{s:o}", "interface", l2_interface_json(e, n->if_index));
	if (neighbor_is_resolved(&n->machine))
		json_object_set_new(more, "mac", l2_mac_json(&n->mac));
	event_publish(e, &(struct event){ EVENT_NEIGHBOR, what, json_string_value(name), more });
	json_decref(name);
	json_decref(more);
}
