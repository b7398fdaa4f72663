/* vlan.c - subinterfaces come, follow their parents, and go. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "l2/vlan/vlan_private.h"

enum { LAST_WORDS_MAX = 1514 };

static int fail(char *why, size_t room, int err, const char *text)
{
	snprintf(why, room, "%s", text);
	return err;
}

const struct vlan *vlan_of_or_null(const struct interface *i)
{
	return i->driver == &vlan_driver ? i->device : NULL;
}

static bool is_bad_match(const struct vlan_match *m)
{
	for (unsigned n = 0; n < m->n; n++)
		if (m->id[n] == VLAN_ID_PRIORITY || m->id[n] > VLAN_ID_MAX)
			return true;
	return false;
}

static bool is_bad_inside(const struct vlan_inside *inside)
{
	for (unsigned n = 0; n < inside->n; n++)
		if (host16(inside->tag[n].tci) > VLAN_ID_MAX ||
		    !vlan_is_tpid(host16(inside->tag[n].tpid)))
			return true;
	return false;
}

static int check(const struct vlans *v, const struct vlan_config *c, const struct interface *parent,
		 char *why, size_t room)
{
	if (!parent)
		return fail(why, room, ERR_NOENT, "there is no such parent interface");
	if (vlan_of_or_null(parent))
		return fail(why, room, ERR_INVAL,
			    "the parent is itself a VLAN; name two tags of its own parent instead");
	if (parent->ip_only)
		return fail(why, room, ERR_UNSUPPORTED, "the parent: " INTERFACE_IP_ONLY_TEXT);
	if (is_bad_match(&c->match))
		return fail(why, room, ERR_INVAL, "VLAN ids go from 1 to 4094");
	if (is_bad_inside(&c->inside))
		return fail(why, room, ERR_INVAL, "the ids of tags go from 0 to 4094");
	if (c->mtu_bytes > parent->mtu_bytes)
		return fail(why, room, ERR_INVAL, "the MTU is larger than the parent's");
	list_for_each(link, &v->children[parent->index])
		if (vlan_match_equal(&container_of(link, struct vlan, link)->match, &c->match))
			return fail(why, room, ERR_EXIST,
				    "another interface of the parent has these tags");
	return 0;
}

static void settle_parent(struct vlans *v, struct interface *parent)
{
	interface_set_classifier(parent, v->table[parent->index] ? v->input_node : NODE_NONE);
}

static void replace_table(struct vlans *v, uint32_t parent, struct vlan_table *new)
{
	struct vlan_table *old = v->table[parent];

	rcu_publish(v->table[parent], new);
	if (old)
		vlan_table_free_later(old);
}

/* The table of @parent's children, made anew; ERR_NOMEM and the old one stays. */
static int build_table(struct vlans *v, struct interface *parent)
{
	struct list *children = &v->children[parent->index];
	struct vlan_entry *entries;
	struct vlan_table *t;
	uint32_t n = 0;

	list_for_each(link, children)
		n++;
	entries = calloc(n, sizeof(*entries));
	if (!entries)
		return ERR_NOMEM;
	n = 0;
	list_for_each(link, children) {
		const struct vlan *one = container_of(link, struct vlan, link);

		entries[n++] = (struct vlan_entry){ one->match, one->interface->index };
	}
	t = vlan_table_new_or_null(entries, n);
	free(entries);
	if (!t)
		return ERR_NOMEM;
	replace_table(v, parent->index, t);
	settle_parent(v, parent);
	return 0;
}

static int add_interface(struct engine *e, const struct vlan_config *c, struct vlan *one,
			 const struct interface *parent)
{
	const struct interface_params params = {
		.name = c->name,
		.mac = parent->mac,
		.mtu_bytes = c->mtu_bytes ? c->mtu_bytes : parent->mtu_bytes,
		.caps = CAP_CSUM | CAP_TSO | CAP_RX_CSUM | (parent->device_caps & CAP_LRO),
		.driver = &vlan_driver,
		.device = one,
		.below = parent,
	};

	return interface_add(e, &params, &one->interface);
}

int vlan_create(struct engine *e, const struct vlan_config *c, struct interface **out, char *why,
		size_t room)
{
	struct vlans *v = vlans_of(e);
	struct interface *parent = interface_by_name_or_null(e, c->parent);
	int err = check(v, c, parent, why, room);
	struct vlan *one;

	if (err != 0)
		return err;
	one = calloc(1, sizeof(*one));
	if (!one)
		return fail(why, room, ERR_NOMEM, err_text(ERR_NOMEM));
	one->match = c->match;
	one->inside = c->inside;
	one->outside = vlan_inside_of(&c->match);
	one->parent = parent->index;
	one->has_mtu = c->mtu_bytes != 0;
	list_init(&one->link);
	err = add_interface(e, c, one, parent);
	if (err != 0) {
		free(one);
		return fail(why, room, err,
			    err == ERR_EXIST   ? "the name is taken"
			    : err == ERR_INVAL ? "the name is empty, too long or not printable"
					       : err_text(err));
	}
	*out = one->interface;
	list_push(&v->children[parent->index], &one->link);
	err = build_table(v, parent);
	if (err != 0) {
		interface_remove(one->interface);
		return fail(why, room, err, err_text(err));
	}
	interface_set_link(one->interface, parent->up && parent->link);
	return 0;
}

/* Nothing is allocated, so that it cannot fail. */
static void close_vlan(struct interface *i)
{
	struct vlans *v = vlans_of(i->engine);
	struct vlan *one = i->device;
	struct interface *parent = interface_get_or_null(i->engine, one->parent);

	list_remove(&one->link);
	if (v->table[one->parent])
		vlan_table_remove(v->table[one->parent], i->index);
	if (list_empty(&v->children[one->parent]))
		replace_table(v, one->parent, NULL);
	if (parent)
		settle_parent(v, parent);
}

static void free_vlan(struct interface *i)
{
	free(i->device);
}

static void describe(const struct interface *i, struct writer *out)
{
	const struct vlan *one = i->device;
	const struct interface *parent = interface_get_or_null(i->engine, one->parent);

	put_format(out, "parent %s\ntags ", parent ? parent->name : "gone");
	vlan_print_match(out, &one->match);
	put_text(out, "\n");
}

/* With the tags of the wire. Last words of l3 have none inside. */
static void emit_below(const struct interface *i, struct slice frame, interface_emit *emit,
		       void *context)
{
	const struct vlan *one = i->device;
	const struct interface *parent = interface_get_or_null(i->engine, one->parent);
	uint8_t tagged[LAST_WORDS_MAX + VLAN_TAGS_MAX * VLAN_TAG_LEN];
	struct writer w = writer_of(tagged, sizeof(tagged));

	if (!parent || one->inside.n > 0 || frame.len < ETHERNET_HDR_LEN)
		return;
	put_bytes(&w, frame.at, VLAN_TAGS_AT);
	put_bytes(&w, one->outside.tag, one->outside.n * VLAN_TAG_LEN);
	put_bytes(&w, frame.at + VLAN_TAGS_AT, frame.len - VLAN_TAGS_AT);
	if (writer_ok(&w))
		emit(context, parent, slice_of(tagged, writer_len(&w)));
}

static int set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room)
{
	struct vlan *one = i->device;
	const struct interface *parent = interface_get_or_null(i->engine, one->parent);

	if (parent && mtu_bytes > parent->mtu_bytes)
		return fail(why, room, ERR_RANGE, "the MTU is larger than the parent's");
	one->has_mtu = true;
	return 0;
}

int vlan_follow_mtu(struct interface *i, char *why, size_t room)
{
	struct vlan *one = i->device;
	const struct interface *parent = interface_get_or_null(i->engine, one->parent);
	int err = parent ? interface_set_mtu(i, parent->mtu_bytes, why, room) : 0;

	if (err == 0)
		one->has_mtu = false;
	return err;
}

const struct interface_driver vlan_driver = {
	.name = "vlan",
	.tx = &vlan_tx_node,
	.shared_tx = true,
	.set_mtu = set_mtu,
	.close = close_vlan,
	.free = free_vlan,
	.emit_below = emit_below,
	.describe = describe,
};

/* A child without an MTU of its own has the parent's; no child has a larger one. */
static void follow_mtu(struct vlan *one, const struct interface *parent)
{
	bool had_mtu = one->has_mtu;
	char why[128] = "";

	if (had_mtu && one->interface->mtu_bytes <= parent->mtu_bytes)
		return;
	if (interface_set_mtu(one->interface, parent->mtu_bytes, why, sizeof(why)) != 0)
		log_error("vlan.mtu", "name=%s error=\"%s\"", one->interface->name, why);
	one->has_mtu = had_mtu;
}

/* IPv6 on a subinterface, say, needs the parent's MTU as well. */
static const char *mtu_fault(const struct interface_listener *l, const struct interface *i,
			     uint32_t mtu_bytes)
{
	const struct vlans *v = container_of(l, struct vlans, listener);

	list_for_each(link, &v->children[i->index]) {
		const struct vlan *one = container_of(link, struct vlan, link);
		const char *fault = NULL;

		if (!one->has_mtu || one->interface->mtu_bytes > mtu_bytes)
			fault = interface_mtu_fault_or_null(one->interface, mtu_bytes);
		if (fault)
			return fault;
	}
	return NULL;
}

static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct vlans *v = container_of(l, struct vlans, listener);

	list_for_each(link, &v->children[i->index]) {
		struct interface *child = container_of(link, struct vlan, link)->interface;

		if (event == INTERFACE_REMOVED)
			interface_remove(child);
		else if (event == INTERFACE_MTU)
			follow_mtu(container_of(link, struct vlan, link), i);
		else
			interface_set_link(child, i->up && i->link);
	}
}

int vlan_init(struct engine *e)
{
	struct vlans *v = calloc(1, sizeof(*v));

	if (!v)
		return ERR_NOMEM;
	v->engine = e;
	v->input_node = graph_node_id(&e->graph, "vlan-input");
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		list_init(&v->children[i]);
	v->listener.changed = follow;
	v->listener.mtu_fault = mtu_fault;
	interface_listen(e, &v->listener);
	e->module[MODULE_VLAN] = v;
	if (v->input_node != NODE_NONE)
		return 0;
	vlan_deinit(e);
	return ERR_NOENT;
}

void vlan_deinit(struct engine *e)
{
	struct vlans *v = vlans_of(e);

	if (!v)
		return;
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		list_for_each(link, &v->children[i])
			interface_remove(container_of(link, struct vlan, link)->interface);
	interface_unlisten(&v->listener);
	e->module[MODULE_VLAN] = NULL;
	free(v);
}
