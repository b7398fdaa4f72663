/* link.c - IPv6 on an interface: on, off, and along with its ups and downs. */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "l3/ip6/address.h"
#include "l3/ip6/advertise.h"
#include "l3/ip6/autoconf.h"
#include "l3/mld/mld.h"
#include "l3/neighbor/neighbor.h"
#include "l3/route/route.h"

static int add_link_local(struct ip6_link *l)
{
	struct ip6_addr prefix = ip6_of(FIB6_LINK_LOCAL, 0);
	struct ip6_prefix p = { ip6_of(FIB6_LINK_LOCAL, ip6_interface_id_of(l, &prefix, 0)), 64 };

	return ip6_address_new_or_null(l, p, IP6_LINK_LOCAL) ? 0 : ERR_NOMEM;
}

static void take_up(struct ip6_link *l)
{
	if (l->is_up)
		return;
	l->is_up = true;
	mld_start(l);
	list_for_each(link, &l->addresses)
		ip6_dad_start(container_of(link, struct ip6_address, link));
	ip6_advertise_start(l);
	ip6_host_start(l);
}

static void take_down(struct ip6_link *l)
{
	if (!l->is_up)
		return;
	ip6_advertise_stop(l);
	ip6_host_stop(l);
	mld_stop(l);
	l->is_up = false;
	list_for_each(link, &l->addresses) {
		struct ip6_address *a = container_of(link, struct ip6_address, link);

		ip6_dad_stop(a);
		ip6_address_set_state(a, IP6_TENTATIVE);
	}
}

static void free_link(struct ip6_link *l)
{
	struct ip6_stack *s = l->stack;

	take_down(l);
	ip6_host_free(l);
	ip6_advertise_free(l);
	neighbor6_forget_link(s->engine, l->if_index);
	while (!list_empty(&l->addresses))
		ip6_address_free(container_of(l->addresses.next, struct ip6_address, link));
	mld_link_free(l);
	ip6_withdraw_view(l);
	__atomic_store_n(&s->vrf_of[l->if_index], IP6_OFF, __ATOMIC_RELAXED);
	shortcuts_doubt(s->engine);
	s->link[l->if_index] = NULL;
	free(l);
}

static int new_link(struct ip6_stack *s, const struct interface *i,
		    const struct ip6_link_options *options)
{
	struct ip6_link *l;
	int err;

	if (i->mtu_bytes < IP6_MIN_MTU)
		return ERR_RANGE;
	l = calloc(1, sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	*l = (struct ip6_link){ .stack = s, .if_index = i->index, .options = *options };
	list_init(&l->addresses);
	s->link[i->index] = l;
	__atomic_store_n(&s->vrf_of[i->index], ip4_vrf_of(ip4_stack_of(s->engine), i->index),
			 __ATOMIC_RELAXED);
	err = mld_link_new(l);
	if (err == 0)
		err = add_link_local(l);
	if (err == 0 && options->autoconf)
		err = ip6_host_new(l);
	if (err != 0) {
		free_link(l);
		return err;
	}
	if (i->up)
		take_up(l);
	return 0;
}

int ip6_enable(struct engine *e, uint32_t if_index, const struct ip6_link_options *options)
{
	struct ip6_stack *s = ip6_stack_of(e);
	const struct interface *i = interface_get_or_null(e, if_index);
	struct ip6_link *l;
	int err = 0;

	if (!i)
		return ERR_NOENT;
	l = s->link[if_index];
	if (!l)
		return new_link(s, i, options);
	l->options = *options;
	l->is_implied = false;
	if (options->autoconf && !l->host)
		err = ip6_host_new(l);
	else if (!options->autoconf && l->host)
		ip6_host_free(l);
	ip6_publish_view(l);
	return err;
}

int ip6_disable(struct engine *e, uint32_t if_index)
{
	struct ip6_stack *s = ip6_stack_of(e);

	if (if_index >= INTERFACES_MAX || !s->link[if_index])
		return ERR_NOENT;
	routes_del_ip6(e, if_index);
	free_link(s->link[if_index]);
	return 0;
}

int ip6_disable_unless_needed(struct engine *e, uint32_t if_index)
{
	const struct ip6_link_options usual = IP6_DEFAULT_OPTIONS;
	struct ip6_stack *s = ip6_stack_of(e);
	struct ip6_link *l = if_index < INTERFACES_MAX ? s->link[if_index] : NULL;

	if (!l)
		return ERR_NOENT;
	list_for_each(link, &l->addresses) {
		const struct ip6_address *a = container_of(link, struct ip6_address, link);
		int err;

		if (a->origin != IP6_MANUAL)
			continue;
		ip6_advertise_free(l);
		err = ip6_enable(e, if_index, &usual);
		l->is_implied = true;
		return err;
	}
	return ip6_disable(e, if_index);
}

static void follow(struct interface_listener *listener, struct interface *i,
		   enum interface_event event)
{
	struct ip6_stack *s = container_of(listener, struct ip6_stack, listener);
	struct ip6_link *l = s->link[i->index];

	if (!l)
		return;
	if (event == INTERFACE_UP)
		take_up(l);
	else if (event == INTERFACE_DOWN)
		take_down(l);
	else if (event == INTERFACE_REMOVED && ip6_disable(s->engine, i->index) != 0)
		log_error("ip6.link", "interface=%s error=\"cannot be disabled\"", i->name);
}

/* RFC 8200 §5. */
static const char *mtu_fault(const struct interface_listener *listener, const struct interface *i,
			     uint32_t mtu_bytes)
{
	const struct ip6_stack *s = container_of(listener, struct ip6_stack, listener);

	return s->link[i->index] && mtu_bytes < IP6_MIN_MTU
		       ? "it speaks IPv6, which needs an MTU of at least 1280"
		       : NULL;
}

void ip6_farewell(struct engine *e)
{
	struct ip6_stack *s = ip6_stack_of(e);

	for (unsigned i = 0; i < INTERFACES_MAX; i++) {
		if (!s->link[i])
			continue;
		ip6_advertise_stop(s->link[i]);
		mld_stop(s->link[i]);
	}
}

void ip6_links_init(struct ip6_stack *s)
{
	s->listener.mtu_fault = mtu_fault;
	s->listener.changed = follow;
	interface_listen(s->engine, &s->listener);
}

void ip6_links_deinit(struct ip6_stack *s)
{
	if (!s)
		return;
	if (list_linked(&s->listener.link))
		interface_unlisten(&s->listener);
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		if (s->link[i])
			free_link(s->link[i]);
}
