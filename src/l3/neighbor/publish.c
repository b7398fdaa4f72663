/* publish.c - adjacencies and host routes of neighbours, in either family. */
#include "l3/neighbor/publish.h"

#include "base/err.h"
#include "base/log.h"
#include "l3/ip4/address.h"
#include "l3/ip6/heard.h"

static struct ip4_stack *stack4_of(const struct neighbor *n)
{
	return ip4_stack_of(n->table->engine);
}

static struct ip6_stack *stack6_of(const struct neighbor *n)
{
	return ip6_stack_of(n->table->engine);
}

static struct fib *fib_of(const struct neighbor *n)
{
	return stack4_of(n)->fib;
}

static int add_route(const struct neighbor *n, const struct fib_path *path)
{
	struct fib *f = fib_of(n);

	if (neighbor_is_ip4(n))
		return fib_add_route(f, fib_vrf_or_null(f, stack4_of(n)->vrf_of[n->if_index]),
				     (struct ip4_prefix){ ip6_mapped_ip4(&n->addr), 32 },
				     FIB_NEIGHBOR, path, 1);
	return fib6_add_route(f, fib_vrf_or_null(f, stack6_of(n)->vrf_of[n->if_index]),
			      (struct ip6_prefix){ fib6_scoped(&n->addr, n->if_index), 128 },
			      FIB_NEIGHBOR, path, 1);
}

static int del_route(const struct neighbor *n)
{
	struct fib *f = fib_of(n);

	if (neighbor_is_ip4(n))
		return fib_del_route(f, fib_vrf_or_null(f, stack4_of(n)->vrf_of[n->if_index]),
				     (struct ip4_prefix){ ip6_mapped_ip4(&n->addr), 32 },
				     FIB_NEIGHBOR);
	return fib6_del_route(f, fib_vrf_or_null(f, stack6_of(n)->vrf_of[n->if_index]),
			      (struct ip6_prefix){ fib6_scoped(&n->addr, n->if_index), 128 },
			      FIB_NEIGHBOR);
}

static uint64_t packets_sent(const struct neighbor *n)
{
	const struct engine *e = n->table->engine;
	uint64_t sum = ip4_stack_of(e)->sent_by_shortcut[n->adjacency];

	for (unsigned i = 0; i < e->n_workers; i++)
		sum += __atomic_load_n(&ip4_of(e->worker[i])->sent[n->adjacency], __ATOMIC_RELAXED);
	return sum;
}

bool neighbor_was_used(struct neighbor *n)
{
	uint64_t sent = n->adjacency ? packets_sent(n) : 0;
	bool used = sent != n->sent_seen;

	n->sent_seen = sent;
	return used;
}

static void set_addresses(struct adjacency *a, const struct neighbor *n)
{
	if (neighbor_is_ip4(n)) {
		a->family = 4;
		a->next_hop = ip6_mapped_ip4(&n->addr);
		a->source = be32_of(ip4_source_for(stack4_of(n), n->if_index, a->next_hop));
	} else {
		a->family = 6;
		a->next_hop6 = n->addr;
		a->source6 = ip6_source_on(stack6_of(n), n->if_index, &n->addr);
	}
}

/* What was heard by an interface that is up proves a link, even if the device tells of it later. */
static bool is_usable(const struct neighbor *n, const struct interface *i)
{
	bool heard = neighbor_is_resolved(&n->machine) && n->machine.state != NEIGHBOR_STATIC;

	return i->up && (i->link || heard);
}

static uint32_t mtu_of(const struct neighbor *n, const struct interface *i)
{
	return neighbor_is_ip4(n) ? i->mtu_bytes : ip6_mtu_on(stack6_of(n), i);
}

static struct adjacency adjacency_value(const struct neighbor *n)
{
	const struct interface *i = interface_get_or_null(n->table->engine, n->if_index);
	struct adjacency a = { .kind = ADJACENCY_INCOMPLETE,
			       .if_index = n->if_index,
			       .mtu_bytes = i ? mtu_of(n, i) : 0 };
	struct ethernet_hdr eth = {
		.dst = n->mac,
		.type = be16_of(neighbor_is_ip4(n) ? ETHERNET_IP4 : ETHERNET_IP6),
	};

	set_addresses(&a, n);
	if (!i || !is_usable(n, i)) {
		a.kind = ADJACENCY_UNREACHABLE;
	} else if (neighbor_is_resolved(&n->machine)) {
		memcpy(eth.src.b, i->mac, MAC_BYTES);
		memcpy(a.rewrite, &eth, sizeof(eth));
		a.rewrite_len = sizeof(eth);
		a.kind = ADJACENCY_REWRITE;
	}
	return a;
}

int neighbor_put_adjacency(struct neighbor *n)
{
	struct adjacency value = adjacency_value(n);
	int err;

	if (n->adjacency != ADJACENCY_NONE)
		err = adjacency_change(&fib_of(n)->adjacencies, n->adjacency, &value);
	else
		err = adjacency_new(&fib_of(n)->adjacencies, &value, &n->adjacency);
	if (err != 0)
		return err;
	load_balance_refill(&fib_of(n)->load_balances, n->adjacency);
	fib_touch(fib_of(n));
	return 0;
}

int neighbor_publish(struct neighbor *n)
{
	int err = neighbor_put_adjacency(n);
	struct fib_path path = { n->adjacency, 1 };

	if (err != 0)
		return err;
	n->sent_seen = packets_sent(n);
	if (n->has_route)
		return 0;
	err = add_route(n, &path);
	n->has_route = err == 0;
	return err;
}

void neighbor_hide(struct neighbor *n)
{
	int err = n->has_route ? del_route(n) : 0;

	n->has_route = false;
	if (err != 0)
		log_error("neighbor.withdraw", "error=\"%s\"", err_text(err));
}

void neighbor_withdraw(struct neighbor *n)
{
	int err = 0;

	neighbor_hide(n);
	if (n->adjacency == ADJACENCY_NONE)
		return;
	if (n->n_pins > 0) {
		err = neighbor_put_adjacency(n);
	} else {
		adjacency_put(&fib_of(n)->adjacencies, n->adjacency);
		n->adjacency = ADJACENCY_NONE;
	}
	if (err != 0)
		log_error("neighbor.withdraw", "error=\"%s\"", err_text(err));
}
