/* address.c - addresses of a link, their routes, and the view that workers have of them. */
#include "l3/ip6/address.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/siphash.h"
#include "l3/ip6/autoconf.h"
#include "l3/mld/mld.h"
#include "l3/neighbor/neighbor.h"

static const char *const state_names[] = {
	[IP6_TENTATIVE] = "tentative",
	[IP6_PREFERRED] = "preferred",
	[IP6_DEPRECATED] = "deprecated",
	[IP6_DUPLICATED] = "duplicated",
};
static const char *const origin_names[] = {
	[IP6_MANUAL] = "manual",
	[IP6_LINK_LOCAL] = "link-local",
	[IP6_AUTOCONF] = "autoconf",
};

const char *ip6_address_state_name(enum ip6_address_state state)
{
	return state_names[state];
}

const char *ip6_origin_name(enum ip6_origin origin)
{
	return origin_names[origin];
}

static struct vrf *vrf_of(const struct ip6_link *l)
{
	return fib_vrf_or_null(l->stack->fib, l->stack->vrf_of[l->if_index]);
}

/* Link-local prefixes have their link in the table's key. */
static struct ip6_prefix scoped(const struct ip6_link *l, const struct ip6_addr *a, unsigned len)
{
	return (struct ip6_prefix){ fib6_scoped(a, l->if_index), (uint8_t)len };
}

static struct ip6_prefix network_of(const struct ip6_address *a)
{
	struct ip6_addr first = ip6_masked(&a->prefix.addr, a->prefix.len);

	return scoped(a->on, &first, a->prefix.len);
}

static struct ip6_prefix host_of(const struct ip6_address *a)
{
	return scoped(a->on, &a->prefix.addr, 128);
}

static int add_route(const struct ip6_address *a, struct ip6_prefix prefix,
		     enum adjacency_kind kind)
{
	struct ip6_stack *s = a->on->stack;
	const struct interface *i = interface_get_or_null(s->engine, a->on->if_index);
	struct adjacency value = { .kind = (uint8_t)kind,
				   .family = 6,
				   .if_index = a->on->if_index,
				   .mtu_bytes = i ? ip6_mtu_on(s, i) : 0,
				   .source6 = a->prefix.addr };
	struct fib_path path = { .weight = 1 };
	int err = adjacency_new(&s->fib->adjacencies, &value, &path.adjacency);

	if (err != 0)
		return err;
	err = fib6_add_route(s->fib, vrf_of(a->on), prefix, FIB_INTERFACE, &path, 1);
	adjacency_put(&s->fib->adjacencies, path.adjacency);
	return err;
}

static void del_route(const struct ip6_address *a, struct ip6_prefix prefix)
{
	int err = fib6_del_route(a->on->stack->fib, vrf_of(a->on), prefix, FIB_INTERFACE);

	if (err != 0 && err != ERR_NOENT)
		log_error("ip6.address", "error=\"%s\"", err_text(err));
}

/* Another address of the link that is connected to, or could be, the same prefix. */
static struct ip6_address *sharer_or_null(const struct ip6_address *a)
{
	list_for_each(link, &a->on->addresses) {
		struct ip6_address *other = container_of(link, struct ip6_address, link);

		if (other != a && other->prefix.len == a->prefix.len &&
		    ip6_common_len(&other->prefix.addr, &a->prefix.addr) >= a->prefix.len)
			return other;
	}
	return NULL;
}

/* An address whose prefix is not advertised as on-link has a /128: autoconf.c. */
static int connect_prefix(struct ip6_address *a)
{
	const struct ip6_address *sharer = sharer_or_null(a);
	int err;

	if (a->is_connected || a->prefix.len == 128 || (sharer && sharer->is_connected))
		return 0;
	err = add_route(a, network_of(a), ADJACENCY_GLEAN);
	a->is_connected = err == 0;
	return err;
}

static void disconnect_prefix(struct ip6_address *a)
{
	struct ip6_address *sharer = sharer_or_null(a);

	if (!a->is_connected)
		return;
	a->is_connected = false;
	del_route(a, network_of(a));
	if (sharer && a->on->is_up && connect_prefix(sharer) != 0)
		log_error("ip6.address", "error=\"out of memory\"");
}

static bool is_usable(enum ip6_address_state state)
{
	return state == IP6_PREFERRED || state == IP6_DEPRECATED;
}

/* What the FIB has follows from the state of the address and of the link. */
static void update_routes(struct ip6_address *a)
{
	bool want = a->on->is_up && is_usable(a->state);
	int err = 0;

	if (a->on->is_up && a->state != IP6_DUPLICATED)
		err = connect_prefix(a);
	else
		disconnect_prefix(a);
	if (want && !a->is_local)
		err = err ? err : add_route(a, host_of(a), ADJACENCY_LOCAL);
	else if (!want && a->is_local)
		del_route(a, host_of(a));
	a->is_local = want && err == 0;
	if (err != 0)
		log_error("ip6.address", "error=\"%s\"", err_text(err));
}

void ip6_addresses_leave(struct ip6_link *l)
{
	list_for_each(link, &l->addresses) {
		struct ip6_address *a = container_of(link, struct ip6_address, link);

		if (a->is_local)
			del_route(a, host_of(a));
		if (a->is_connected)
			del_route(a, network_of(a));
		a->is_local = a->is_connected = false;
	}
}

void ip6_addresses_join(struct ip6_link *l)
{
	list_for_each(link, &l->addresses)
		update_routes(container_of(link, struct ip6_address, link));
}

/* --- the view --- */

static void free_view(struct rcu_later *later)
{
	free(container_of(later, struct ip6_view, later));
}

static void replace_view(struct ip6_link *l, struct ip6_view *view)
{
	struct ip6_view *old = l->stack->view[l->if_index];

	rcu_publish(l->stack->view[l->if_index], view);
	if (old)
		rcu_free_later(&old->later, free_view);
}

void ip6_publish_view(struct ip6_link *l)
{
	struct ip6_view *v = calloc(1, sizeof(*v));

	if (!v) {
		log_error("ip6.view", "error=\"out of memory\"");
		return;
	}
	v->is_router = l->advertiser != NULL;
	v->is_host = l->host != NULL;
	v->hop_limit = l->heard.hop_limit ? l->heard.hop_limit : IP6_DEFAULT_HOP_LIMIT;
	list_for_each(link, &l->addresses) {
		const struct ip6_address *a = container_of(link, struct ip6_address, link);

		struct ip6_view_address *out = &v->address[v->n_addresses++];

		*out = (struct ip6_view_address){
			a->prefix, a->state, a->n_routers, { { { 0 } } }
		};
		memcpy(out->router, a->router, sizeof(out->router));
	}
	v->n_on_link = l->host ? l->host->n_on_link : 0;
	for (unsigned i = 0; i < v->n_on_link; i++)
		v->on_link[i] = l->host->on_link[i].prefix;
	replace_view(l, v);
	mld_sync(l->stack->engine, l->if_index);
}

void ip6_withdraw_view(struct ip6_link *l)
{
	replace_view(l, NULL);
}

/* --- life --- */

struct ip6_address *ip6_address_find_or_null(const struct ip6_link *l, const struct ip6_addr *addr)
{
	list_for_each(link, &l->addresses) {
		struct ip6_address *a = container_of(link, struct ip6_address, link);

		if (ip6_equal(&a->prefix.addr, addr))
			return a;
	}
	return NULL;
}

void ip6_address_set_state(struct ip6_address *a, enum ip6_address_state state)
{
	a->state = state;
	update_routes(a);
	ip6_publish_view(a->on);
}

struct ip6_address *ip6_address_new_or_null(struct ip6_link *l, struct ip6_prefix prefix,
					    enum ip6_origin origin)
{
	struct ip6_address *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->on = l;
	a->prefix = prefix;
	a->origin = origin;
	a->preferred_until_ns = a->valid_until_ns = UINT64_MAX;
	timer_init(&a->dad, NULL);
	timer_init(&a->life, NULL);
	list_push(&l->addresses, &a->link);
	l->n_addresses++;
	if (l->is_up)
		ip6_dad_start(a);
	else
		ip6_publish_view(l);
	return a;
}

void ip6_address_free(struct ip6_address *a)
{
	struct ip6_link *l = a->on;

	ip6_dad_stop(a);
	timer_cancel(&l->stack->wheel, &a->life);
	a->state = IP6_DUPLICATED; /* of all states the one without routes */
	update_routes(a);
	list_remove(&a->link);
	l->n_addresses--;
	free(a);
	ip6_publish_view(l);
	neighbors_forget_off_link(l->stack->engine, l->if_index);
}

/* RFC 7217 §5: F(prefix, interface, counter, secret). */
static uint64_t stable_id(const struct ip6_link *l, const struct ip6_addr *prefix,
			  unsigned n_retries)
{
	const struct interface *i = interface_get_or_null(l->stack->engine, l->if_index);
	struct {
		uint8_t prefix[8];
		char name[INTERFACE_NAME_MAX];
		uint32_t n_retries;
		uint32_t zero;
	} in = { .n_retries = n_retries };
	struct siphash_key key;

	memcpy(in.prefix, prefix->b, sizeof(in.prefix));
	memcpy(in.name, i->name, sizeof(in.name));
	memcpy(&key, l->stack->secret, sizeof(key));
	return siphash(&key, &in, sizeof(in));
}

uint64_t ip6_interface_id_of(const struct ip6_link *l, const struct ip6_addr *prefix,
			     unsigned n_retries)
{
	const struct interface *i = interface_get_or_null(l->stack->engine, l->if_index);
	struct mac mac;

	if (l->options.interface_id == IP6_STABLE)
		return stable_id(l, prefix, n_retries);
	memcpy(mac.b, i->mac, sizeof(mac.b));
	return nd_eui64(&mac);
}

/* --- for others --- */

static bool is_possible(const struct ip6_prefix *p)
{
	const struct ip6_addr *a = &p->addr;

	if (ip6_is_multicast(a) || ip6_is_loopback(a) || ip6_is_unspecified(a) || ip6_is_mapped(a))
		return false;
	if (ip6_is_link_local(a))
		return p->len == 64 && ip6_high(a) == FIB6_LINK_LOCAL;
	return p->len > 0;
}

/* True if an interface of the VRF has the address; only those of the link count if link-local. */
static bool is_taken(const struct ip6_stack *s, const struct ip6_link *l, const struct ip6_addr *a)
{
	for (uint32_t i = 1; i < INTERFACES_MAX; i++) {
		const struct ip6_link *other = s->link[i];

		if (!other || s->vrf_of[i] != s->vrf_of[l->if_index] ||
		    (other != l && ip6_is_link_local(a)))
			continue;
		if (ip6_address_find_or_null(other, a))
			return true;
	}
	return false;
}

static int add_manual(struct ip6_stack *s, struct ip6_link *l, const struct ip6_prefix *prefix)
{
	if (is_taken(s, l, &prefix->addr))
		return ERR_EXIST;
	if (l->n_addresses >= IP6_ADDRESSES_MAX)
		return ERR_FULL;
	return ip6_address_new_or_null(l, *prefix, IP6_MANUAL) ? 0 : ERR_NOMEM;
}

int ip6_add_address(struct engine *e, uint32_t if_index, struct ip6_prefix prefix)
{
	const struct ip6_link_options options = IP6_DEFAULT_OPTIONS;
	struct ip6_stack *s = ip6_stack_of(e);
	bool is_first;
	int err;

	if (if_index >= INTERFACES_MAX)
		return ERR_NOENT;
	if (!is_possible(&prefix))
		return ERR_INVAL;
	is_first = !s->link[if_index];
	err = is_first ? ip6_enable(e, if_index, &options) : 0;
	if (err != 0)
		return err;
	s->link[if_index]->is_implied |= is_first;
	err = add_manual(s, s->link[if_index], &prefix);
	if (err != 0 && is_first && ip6_disable(e, if_index) != 0)
		log_error("ip6.address", "error=\"IPv6 cannot be switched off\"");
	return err;
}

int ip6_del_address(struct engine *e, uint32_t if_index, struct ip6_prefix prefix)
{
	struct ip6_stack *s = ip6_stack_of(e);
	struct ip6_link *l = if_index < INTERFACES_MAX ? s->link[if_index] : NULL;
	struct ip6_address *a = l ? ip6_address_find_or_null(l, &prefix.addr) : NULL;

	if (!a || a->prefix.len != prefix.len)
		return ERR_NOENT;
	ip6_address_free(a);
	return l->is_implied ? ip6_disable_unless_needed(e, if_index) : 0;
}

bool ip6_is_on_link(const struct ip6_stack *s, uint32_t if_index, const struct ip6_addr *addr)
{
	const struct ip6_link *l = s->link[if_index];

	if (!l || ip6_address_find_or_null(l, addr))
		return false;
	list_for_each(link, &l->addresses) {
		const struct ip6_address *a = container_of(link, struct ip6_address, link);

		if (ip6_prefix_has(&a->prefix, addr))
			return true;
	}
	for (unsigned i = 0; l->host && i < l->host->n_on_link; i++)
		if (ip6_prefix_has(&l->host->on_link[i].prefix, addr))
			return true;
	return false;
}
