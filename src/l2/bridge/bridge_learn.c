/* bridge_learn.c - what a worker learns from the source of a frame; not on the way of most. */
#include "l2/bridge/bridge_private.h"

/* One more MAC of this generation; false at the limit or after a flush. */
static bool count_up(uint64_t *word, uint32_t gen, uint32_t limit)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

	do {
		if (macs_gen(old) != gen || (uint32_t)old >= limit)
			return false;
	} while (!__atomic_compare_exchange_n(word, &old, old + 1, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

static void count_down(uint64_t *word, uint32_t gen)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

	do {
		if (macs_gen(old) != gen || (uint32_t)old == 0)
			return;
	} while (!__atomic_compare_exchange_n(word, &old, old - 1, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

/* Values have some bits of the generation; the rest is as it is now. */
static void uncount_one(uint64_t *word, uint16_t gen_bits)
{
	uint64_t now = __atomic_load_n(word, __ATOMIC_RELAXED);

	if (macs_gen_bits(now) == gen_bits)
		count_down(word, macs_gen(now));
}

bool bridge_is_current(const struct bridges *all, uint32_t bridge, const struct mac_value *v)
{
	if (v->flags & MAC_STATIC)
		return true;
	return macs_gen_bits(__atomic_load_n(&all->port_macs[v->port], __ATOMIC_RELAXED)) ==
		       v->port_gen &&
	       macs_gen_bits(__atomic_load_n(&all->bridge_macs[bridge], __ATOMIC_RELAXED)) ==
		       v->bridge_gen;
}

void bridge_uncount(struct bridges *all, uint32_t bridge, const struct mac_value *v)
{
	if (v->flags & MAC_STATIC)
		return;
	uncount_one(&all->port_macs[v->port], v->port_gen);
	uncount_one(&all->bridge_macs[bridge], v->bridge_gen);
}

static bool may_learn(const struct bridge_run *r)
{
	return !__atomic_load_n(&r->port->no_learn, __ATOMIC_RELAXED) &&
	       !(__atomic_load_n(&r->bridge->flags, __ATOMIC_RELAXED) & BRIDGE_NO_LEARN);
}

static bool count_port(struct bridges *all, const struct bridge_run *r)
{
	return count_up(&all->port_macs[r->rx_if], r->port_gen,
			__atomic_load_n(&r->port->macs_limit, __ATOMIC_RELAXED));
}

static bool count_both(struct bridges *all, const struct bridge_run *r)
{
	if (!count_port(all, r))
		return false;
	if (count_up(&all->bridge_macs[r->bridge->index], r->bridge_gen,
		     __atomic_load_n(&r->bridge->macs_limit, __ATOMIC_RELAXED)))
		return true;
	count_down(&all->port_macs[r->rx_if], r->port_gen);
	return false;
}

static void uncount_both(struct bridges *all, const struct bridge_run *r)
{
	count_down(&all->port_macs[r->rx_if], r->port_gen);
	count_down(&all->bridge_macs[r->bridge->index], r->bridge_gen);
}

/* A MAC that is not known, or (@value) was before a flush. */
static enum bridge_verdict learn_new(struct worker *w, const struct bridge_run *r, uint64_t key,
				     uint64_t value)
{
	struct bridges *all = bridges_of(w->engine);
	struct bridge_counters *c = bridge_counters_of(w, r->bridge);
	struct mac_value old = mac_unpack(value);
	int err;

	if (!count_both(all, r)) {
		c->limited++;
		return BRIDGE_LIMITED;
	}
	if (value)
		err = mac_replace(&all->macs, key, value, r->expected) ? 0 : ERR_AGAIN;
	else
		err = mac_insert(&all->macs, key, r->expected);
	if (err != 0) {
		uncount_both(all, r);
		c->full += err == ERR_FULL;
		return err == ERR_FULL ? BRIDGE_FULL : BRIDGE_NOT_LEARNED;
	}
	if (value)
		bridge_uncount(all, r->bridge->index, &old);
	c->learned++;
	return BRIDGE_LEARNED;
}

static enum bridge_verdict move(struct worker *w, const struct bridge_run *r, uint64_t key,
				uint64_t value)
{
	struct bridges *all = bridges_of(w->engine);
	struct bridge_counters *c = bridge_counters_of(w, r->bridge);
	struct mac_value old = mac_unpack(value), new = mac_unpack(r->expected);

	new.moves = old.stamp == r->stamp ? old.moves : 0;
	if (new.moves >= BRIDGE_MOVES_MAX) {
		c->flapped++;
		return BRIDGE_FLAPPED;
	}
	new.moves++;
	if (!count_port(all, r)) {
		c->limited++;
		return BRIDGE_LIMITED;
	}
	if (!mac_replace(&all->macs, key, value, mac_pack(&new))) {
		count_down(&all->port_macs[r->rx_if], r->port_gen);
		return BRIDGE_NOT_LEARNED;
	}
	uncount_one(&all->port_macs[old.port], old.port_gen);
	c->moved++;
	return BRIDGE_MOVED;
}

enum bridge_verdict bridge_learn(struct worker *w, const struct bridge_run *r, uint64_t key,
				 struct mac_entry *entry, uint64_t value)
{
	struct mac_value v = mac_unpack(value);

	if (value && v.flags & MAC_FILTER)
		return BRIDGE_FILTERED;
	if (value && v.flags & MAC_STATIC)
		return v.port == r->rx_if ? BRIDGE_KNOWN : BRIDGE_FIXED_ELSEWHERE;
	if (!may_learn(r))
		return BRIDGE_NOT_LEARNED;
	if (!value || !bridge_is_current(bridges_of(w->engine), r->bridge->index, &v))
		return learn_new(w, r, key, value);
	if (v.port != r->rx_if)
		return move(w, r, key, value);
	if (v.stamp != r->stamp)
		mac_touch(entry, value, r->expected);
	return BRIDGE_KNOWN;
}
