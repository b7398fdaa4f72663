/*
 * judge.c - is the way of a packet so plain that the kernel can go it alone?
 *
 * Whatever the graph may do besides is a feature on an arc of the interfaces, or another input node
 * than ethernet-input. What is not known to be harmless there bars shortcuts: feature.h.
 */
#include <string.h>

#include "engine/feature.h"
#include "engine/graph.h"
#include "engine/trace.h"
#include "l3/ip4/ip4.h"
#include "l3/ip6/ip6.h"
#include "l3/shortcut/shortcut.h"
#include "wire/ethernet.h"

static const char *const names[] = {
	[SHORTCUT_PLAIN] = "plain",
	[SHORTCUT_WATCHED] = "watched",
	[SHORTCUT_DEVICE] = "device",
	[SHORTCUT_STATE] = "state",
	[SHORTCUT_L2] = "l2",
	[SHORTCUT_FEATURE] = "feature",
	[SHORTCUT_ROUTE] = "route",
	[SHORTCUT_PATHS] = "paths",
	[SHORTCUT_SAME_WAY] = "same-way",
};
_Static_assert(count_of(names) == N_SHORTCUT_FAULTS, "every fault has a name");

const char *shortcut_fault_name(enum shortcut_fault f)
{
	return names[f];
}

bool shortcut_is_watched(const struct engine *e)
{
	return trace_is_on(e) || graph_has_taps(e);
}

static struct fib_key key_of(const struct shortcut_sample *s)
{
	struct ip6_addr addr;
	be32 addr4;

	if (s->family == 4) {
		memcpy(&addr4, s->address, sizeof(addr4));
		return fib_key_of_ip4(host32(addr4));
	}
	memcpy(&addr, s->address, sizeof(addr));
	return fib_key_of_ip6(&addr);
}

static uint32_t leaf_of(const struct vrf *v, unsigned family, struct fib_key key)
{
	return family == 4 ? trie_lookup4(&v->ip4.trie, fib_key_ip4(key))
			   : trie_lookup6(&v->ip6.trie, key);
}

/* The VRF where packets of @family that come by @if_index are looked up. */
static const struct vrf *vrf_or_null(const struct engine *e, unsigned family, uint32_t if_index)
{
	const struct ip4_stack *ip4 = ip4_stack_of(e);
	uint32_t vrf = family == 4 ? ip4->vrf_of[if_index] : ip6_stack_of(e)->vrf_of[if_index];

	return vrf == IP6_OFF ? NULL : fib_vrf_or_null(ip4->fib, vrf);
}

/* As fib_follow(), but nothing on the way may depend on the flow. */
static enum shortcut_fault follow(const struct engine *e, const struct shortcut_sample *s,
				  const struct adjacency **out)
{
	const struct fib *f = ip4_stack_of(e)->fib;
	const struct vrf *v = vrf_or_null(e, s->family, s->in);
	struct fib_key key = key_of(s);
	uint32_t leaf;

	if (!v || (s->family == 6 && fib6_is_link_local(&key)))
		return SHORTCUT_ROUTE;
	leaf = leaf_of(v, s->family, key);
	for (unsigned step = 0; step <= FIB_FOLLOW_MAX; step++) {
		const struct adjacency *a;

		if (load_balance_has_many(&f->load_balances, leaf))
			return SHORTCUT_PATHS;
		a = adjacency_at(&f->adjacencies, load_balance_pick(&f->load_balances, leaf, 0));
		*out = a;
		if (!adjacency_points_on(a))
			return a->kind == ADJACENCY_REWRITE ? SHORTCUT_PLAIN : SHORTCUT_ROUTE;
		leaf = a->to;
		if (a->kind != ADJACENCY_LOOKUP)
			continue;
		v = fib_vrf_or_null(f, a->to);
		if (!v)
			return SHORTCUT_ROUTE;
		leaf = leaf_of(v, s->family, key);
	}
	return SHORTCUT_ROUTE;
}

static enum shortcut_fault judge_arcs(const struct engine *e, unsigned family, uint32_t in,
				      uint32_t out)
{
	bool bars = feature_bars_shortcuts(e, ARC_DEVICE_INPUT, in) ||
		    feature_bars_shortcuts(e, ARC_INTERFACE_OUTPUT, out);

	if (family == 4)
		bars |= feature_bars_shortcuts(e, ARC_IP4_UNICAST, in) ||
			feature_bars_shortcuts(e, ARC_IP4_OUTPUT, out);
	else
		bars |= feature_bars_shortcuts(e, ARC_IP6_UNICAST, in) ||
			feature_bars_shortcuts(e, ARC_IP6_OUTPUT, out);
	return bars ? SHORTCUT_FEATURE : SHORTCUT_PLAIN;
}

static enum shortcut_fault judge_interfaces(const struct engine *e, unsigned family,
					    const struct interface *in, const struct interface *out)
{
	if (!in || !out || in->shortcut_port == 0 || out->shortcut_port == 0)
		return SHORTCUT_DEVICE;
	if (in == out)
		return SHORTCUT_SAME_WAY;
	if (!interface_is_running(in) || !interface_is_running(out))
		return SHORTCUT_STATE;
	if (in->input_node != e->features.arc[ARC_DEVICE_INPUT].end || out->l2_node != NODE_NONE)
		return SHORTCUT_L2;
	return judge_arcs(e, family, in->index, out->index);
}

/* The link header is one of Ethernet, without tags. */
static bool is_ethernet(const struct adjacency *a, unsigned family)
{
	struct ethernet_hdr eth;

	if (a->rewrite_len != sizeof(eth))
		return false;
	memcpy(&eth, a->rewrite, sizeof(eth));
	return host16(eth.type) == (family == 4 ? ETHERNET_IP4 : ETHERNET_IP6);
}

enum shortcut_fault shortcut_judge(const struct engine *e, const struct shortcut_sample *s,
				   struct shortcut_slot *slot, struct shortcut *record)
{
	const struct interface *in = interface_get_or_null(e, s->in), *out;
	const struct adjacency *a = NULL;
	enum shortcut_fault fault;

	if (!in)
		return SHORTCUT_DEVICE;
	fault = follow(e, s, &a);
	if (fault != SHORTCUT_PLAIN)
		return fault;
	out = interface_get_or_null(e, a->if_index);
	fault = judge_interfaces(e, s->family, in, out);
	if (fault != SHORTCUT_PLAIN)
		return fault;
	if (!is_ethernet(a, s->family))
		return SHORTCUT_ROUTE;
	*slot = (struct shortcut_slot){
		.ingress = in->shortcut_port | (s->family == 6 ? SHORTCUT_IP6 : 0),
		.egress = out->shortcut_port,
		.mtu_bytes = a->mtu_bytes,
	};
	memcpy(slot->address, s->address, sizeof(slot->address));
	memcpy(slot->macs, a->rewrite, sizeof(slot->macs));
	*record = (struct shortcut){ .in = in->index, .out = out->index, .adjacency = a->index };
	return SHORTCUT_PLAIN;
}
