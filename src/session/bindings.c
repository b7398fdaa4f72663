/* bindings.c - reserved addresses and the rules of who may share them. */
#include "session/bindings.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "shm/rpc.h"

enum { PORT_FIRST = 32768, PORT_LAST = 60999 };

void bindings_init(struct bindings *b)
{
	uint64_t seed;

	list_init(&b->all);
	b->last_id = 0;
	random_secret(&seed, sizeof(seed));
	random_seed(&b->random, seed);
}

void bindings_deinit(struct bindings *b)
{
	struct list *link;

	while ((link = list_pop_or_null(&b->all)))
		free(container_of(link, struct binding, of_all));
}

static bool is_wildcard(const struct shm_address *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

static bool same_ip(const struct shm_address *a, const struct shm_address *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* As Linux: SO_REUSEPORT shares among one user's sockets, SO_REUSEADDR while nobody listens. */
static bool may_share(const struct binding *a, const struct binding *b)
{
	if ((a->flags & b->flags & RPC_REUSE_PORT) && a->uid == b->uid)
		return true;
	return (a->flags & b->flags & RPC_REUSE_ADDRESS) && !a->listening && !b->listening;
}

static bool conflict(const struct bindings *all, const struct binding *wanted)
{
	list_for_each(link, &all->all) {
		struct binding *b = container_of(link, struct binding, of_all);

		if (b->fib == wanted->fib && b->address.port == wanted->address.port &&
		    b->address.family == wanted->address.family &&
		    (is_wildcard(&b->address) || is_wildcard(&wanted->address) ||
		     same_ip(&b->address, &wanted->address)) &&
		    !may_share(b, wanted))
			return true;
	}
	return false;
}

/* A port that nobody has on this address; 0 when there is none. */
static uint16_t free_port(struct bindings *all, struct binding *wanted)
{
	uint32_t n = PORT_LAST - PORT_FIRST + 1;
	uint32_t start = random_below(&all->random, n);

	for (uint32_t i = 0; i < n; i++) {
		wanted->address.port = (uint16_t)(PORT_FIRST + (start + i) % n);
		if (!conflict(all, wanted))
			return wanted->address.port;
	}
	return 0;
}

int binding_new(struct bindings *all, const struct binding *wanted, struct binding **out)
{
	struct binding *b;

	if (wanted->address.family != 4 && wanted->address.family != 6)
		return ERR_INVAL;
	b = malloc(sizeof(*b));
	if (!b)
		return ERR_NOMEM;
	*b = *wanted;
	b->listening = false;
	b->n_holders = 1;
	if (b->address.port == 0 ? free_port(all, b) == 0 : conflict(all, b)) {
		free(b);
		return wanted->address.port == 0 ? ERR_FULL : ERR_BUSY;
	}
	if (++all->last_id == 0)
		all->last_id = 1;
	b->id = all->last_id;
	list_push(&all->all, &b->of_all);
	*out = b;
	return 0;
}

bool binding_put(struct binding *b)
{
	if (--b->n_holders > 0)
		return false;
	list_remove(&b->of_all);
	free(b);
	return true;
}

bool bindings_listener_at(const struct bindings *all, uint32_t fib,
			  const struct shm_address *address)
{
	list_for_each(link, &all->all) {
		struct binding *b = container_of(link, struct binding, of_all);

		if (b->listening && b->fib == fib && b->address.port == address->port &&
		    b->address.family == address->family &&
		    (is_wildcard(&b->address) || same_ip(&b->address, address)))
			return true;
	}
	return false;
}
