/* proxy.c - the addresses that interfaces answer for. */
#include "l3/neighbor/proxy.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/mld/mld.h"

static struct neighbors *table_of(const struct engine *e)
{
	return e->module[MODULE_NEIGHBOR];
}

static uint32_t find(const struct neighbor_proxies *p, const struct ip6_addr *addr)
{
	uint32_t i = 0;

	while (p && i < p->n && !ip6_equal(&p->addr[i], addr))
		i++;
	return i;
}

static void free_list(struct rcu_later *later)
{
	free(container_of(later, struct neighbor_proxies, later));
}

static void replace(struct neighbors *t, uint32_t if_index, struct neighbor_proxies *list)
{
	struct neighbor_proxies *old = t->proxies[if_index];

	rcu_publish(t->proxies[if_index], list);
	if (old)
		rcu_free_later(&old->later, free_list);
	mld_sync(t->engine, if_index);
}

static struct neighbor_proxies *new_or_null(uint32_t n)
{
	struct neighbor_proxies *list = calloc(1, sizeof(*list) + n * sizeof(list->addr[0]));

	if (list)
		list->n = n;
	return list;
}

static bool is_host(const struct ip6_addr *a)
{
	uint32_t ip4 = ip6_mapped_ip4(a);

	if (ip6_is_mapped(a))
		return !ip4_is_multicast(ip4) && !ip4_is_loopback(ip4) && !ip4_is_reserved(ip4) &&
		       !ip4_is_this_network(ip4);
	return !ip6_is_multicast(a) && !ip6_is_loopback(a) && !ip6_is_unspecified(a);
}

int neighbor_add_proxy(struct engine *e, uint32_t if_index, const struct ip6_addr *addr)
{
	struct neighbors *t = table_of(e);
	struct neighbor_proxies *old, *list;
	uint32_t n;

	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	if (!is_host(addr))
		return ERR_INVAL;
	old = t->proxies[if_index];
	n = old ? old->n : 0;
	if (find(old, addr) < n)
		return ERR_EXIST;
	if (n == NEIGHBOR_PROXIES_MAX)
		return ERR_FULL;
	list = new_or_null(n + 1);
	if (!list)
		return ERR_NOMEM;
	if (n > 0)
		memcpy(list->addr, old->addr, n * sizeof(list->addr[0]));
	list->addr[n] = *addr;
	replace(t, if_index, list);
	return 0;
}

int neighbor_del_proxy(struct engine *e, uint32_t if_index, const struct ip6_addr *addr)
{
	struct neighbors *t = table_of(e);
	struct neighbor_proxies *old = if_index < INTERFACES_MAX ? t->proxies[if_index] : NULL;
	uint32_t at = find(old, addr);
	struct neighbor_proxies *list;

	if (!old || at == old->n)
		return ERR_NOENT;
	list = new_or_null(old->n - 1);
	if (!list)
		return ERR_NOMEM;
	memcpy(list->addr, old->addr, at * sizeof(list->addr[0]));
	memcpy(list->addr + at, old->addr + at + 1, (old->n - 1 - at) * sizeof(list->addr[0]));
	replace(t, if_index, list);
	return 0;
}

bool neighbor_is_proxy(const struct engine *e, uint32_t if_index, const struct ip6_addr *addr)
{
	const struct neighbor_proxies *p = neighbor_proxies_of_or_null(e, if_index);

	return p && find(p, addr) < p->n;
}

bool neighbor_proxy_listens(const struct engine *e, uint32_t if_index, const struct ip6_addr *group)
{
	const struct neighbor_proxies *p = neighbor_proxies_of_or_null(e, if_index);

	for (uint32_t i = 0; p && i < p->n; i++) {
		struct ip6_addr asked = ip6_solicited_node(&p->addr[i]);

		if (!ip6_is_mapped(&p->addr[i]) && ip6_equal(&asked, group))
			return true;
	}
	return false;
}

void neighbor_drop_proxies(struct neighbors *t, uint32_t if_index)
{
	replace(t, if_index, NULL);
}
