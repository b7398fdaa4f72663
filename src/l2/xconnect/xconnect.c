/* xconnect.c - which port is joined to which. */
#include "l2/xconnect/xconnect.h"

#include <stdlib.h>

#include "base/log.h"
#include "l2/xconnect/xconnect_private.h"

struct interface *xconnect_peer_or_null(const struct interface *i)
{
	const struct xconnects *x = xconnects_of(i->engine);

	return x->peer[i->index] ? interface_get_or_null(i->engine, x->peer[i->index]) : NULL;
}

static void set_peer(struct interface *i, uint32_t peer)
{
	__atomic_store_n(&xconnects_of(i->engine)->peer[i->index], peer, __ATOMIC_RELAXED);
}

static void leave_l2(struct interface *i)
{
	if (interface_set_l2(i, NODE_NONE) != 0)
		log_error("xconnect.delete", "interface=%s error=\"no offload\"", i->name);
}

int xconnect_create(struct interface *a, struct interface *b)
{
	uint16_t node = xconnects_of(a->engine)->node;
	int err;

	if (a == b)
		return ERR_INVAL;
	if (a->ip_only || b->ip_only)
		return ERR_UNSUPPORTED;
	if (a->l2_node != NODE_NONE || b->l2_node != NODE_NONE)
		return ERR_BUSY;
	set_peer(a, b->index);
	set_peer(b, a->index);
	err = interface_set_l2(a, node);
	if (err == 0)
		err = interface_set_l2(b, node);
	if (err != 0) {
		leave_l2(a);
		leave_l2(b);
		set_peer(a, 0);
		set_peer(b, 0);
	}
	return err;
}

int xconnect_delete(struct interface *either)
{
	struct interface *other = xconnect_peer_or_null(either);

	if (!other)
		return ERR_NOENT;
	leave_l2(either);
	leave_l2(other);
	set_peer(either, 0);
	set_peer(other, 0);
	return 0;
}

static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	const struct xconnects *x = container_of(l, struct xconnects, listener);

	if (event == INTERFACE_REMOVED && x->peer[i->index] && xconnect_delete(i) != 0)
		log_error("xconnect.delete", "interface=%s error=\"no peer\"", i->name);
}

int xconnect_init(struct engine *e)
{
	struct xconnects *x = calloc(1, sizeof(*x));

	if (!x)
		return ERR_NOMEM;
	x->engine = e;
	x->node = graph_node_id(&e->graph, "xconnect");
	x->listener.changed = follow;
	interface_listen(e, &x->listener);
	e->module[MODULE_XCONNECT] = x;
	if (x->node != NODE_NONE)
		return 0;
	xconnect_deinit(e);
	return ERR_NOENT;
}

void xconnect_deinit(struct engine *e)
{
	struct xconnects *x = xconnects_of(e);

	if (!x)
		return;
	interface_unlisten(&x->listener);
	e->module[MODULE_XCONNECT] = NULL;
	free(x);
}
