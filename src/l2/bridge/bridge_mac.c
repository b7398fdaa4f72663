/* bridge_mac.c - main's side of the MAC table: fixed addresses, flushes, ageing. */
#include <stdlib.h>

#include "base/log.h"
#include "l2/bridge/answer.h"
#include "l2/bridge/bridge_private.h"

enum { TRIES = 1 << 20, SWEEP_NS = NS_PER_S /* once through the table */ };

/* --- entries --- */

/* Workers hold a bucket for some nanoseconds, so a few tries are enough. */
int bridge_put_mac(struct bridge *b, const struct mac *mac, uint32_t if_index)
{
	struct bridges *all = bridges_of(b->engine);
	const struct mac_value v = { .port = if_index,
				     .flags = if_index ? MAC_STATIC : MAC_STATIC | MAC_FILTER };
	uint64_t key = mac_key(b->index, mac), value;

	for (unsigned n = 0; n < TRIES; n++) {
		int err = mac_insert(&all->macs, key, mac_pack(&v));
		struct mac_value old;

		if (err == 0 || err == ERR_FULL)
			return err;
		if (err == ERR_EXIST &&
		    mac_find_or_null(&all->macs, mac_hash(&all->macs, key), key, &value) &&
		    mac_replace(&all->macs, key, value, mac_pack(&v))) {
			old = mac_unpack(value);
			bridge_uncount(all, b->index, &old);
			return 0;
		}
		cpu_relax();
	}
	return ERR_BUSY;
}

/* False if there is none. */
static bool take_entry(struct bridge *b, const struct mac *mac)
{
	struct bridges *all = bridges_of(b->engine);
	uint64_t key = mac_key(b->index, mac), value;

	for (unsigned n = 0; n < TRIES; n++) {
		struct mac_value old;

		if (!mac_find_or_null(&all->macs, mac_hash(&all->macs, key), key, &value))
			return false;
		if (mac_remove(&all->macs, key, value)) {
			old = mac_unpack(value);
			bridge_uncount(all, b->index, &old);
			return true;
		}
		cpu_relax();
	}
	log_error("bridge.mac", "bridge=%s error=\"entry is busy\"", b->name);
	return false;
}

void bridge_take_mac(struct bridge *b, const struct mac *mac)
{
	take_entry(b, mac);
}

/* --- fixed addresses --- */

static struct fixed_mac *find_fixed_or_null(struct bridge *b, const struct mac *mac)
{
	list_for_each(link, &b->fixed) {
		struct fixed_mac *f = container_of(link, struct fixed_mac, link);

		if (mac_equal(&f->mac, mac))
			return f;
	}
	return NULL;
}

static bool is_bvi_mac(const struct bridge *b, const struct mac *mac)
{
	const struct interface *bvi = b->bvi ? interface_get_or_null(b->engine, b->bvi) : NULL;

	return bvi && memcmp(bvi->mac, mac->b, MAC_BYTES) == 0;
}

int bridge_add_mac(struct bridge *b, const struct mac *mac, const struct interface *i)
{
	struct fixed_mac *f = find_fixed_or_null(b, mac);
	bool is_new = !f;
	int err;

	if (mac_is_group(mac) || mac_is_zero(mac) || is_bvi_mac(b, mac))
		return ERR_INVAL;
	if (i && bridge_of_port_or_null(i) != b)
		return ERR_NOENT;
	if (is_new)
		f = calloc(1, sizeof(*f));
	if (!f)
		return ERR_NOMEM;
	err = bridge_put_mac(b, mac, i ? i->index : 0);
	if (err != 0) {
		if (is_new)
			free(f);
		return err;
	}
	f->mac = *mac;
	f->if_index = i ? i->index : 0;
	if (is_new)
		list_push(&b->fixed, &f->link);
	return 0;
}

static void forget_fixed(struct bridge *b, struct fixed_mac *f)
{
	take_entry(b, &f->mac);
	list_remove(&f->link);
	free(f);
}

int bridge_delete_mac(struct bridge *b, const struct mac *mac)
{
	struct fixed_mac *f = find_fixed_or_null(b, mac);

	if (is_bvi_mac(b, mac))
		return ERR_INVAL;
	if (f) {
		forget_fixed(b, f);
		return 0;
	}
	return take_entry(b, mac) ? 0 : ERR_NOENT;
}

void bridge_forget_fixed(struct bridge *b, const struct interface *i)
{
	list_for_each(link, &b->fixed) {
		struct fixed_mac *f = container_of(link, struct fixed_mac, link);

		if (!i || f->if_index == i->index)
			forget_fixed(b, f);
	}
}

void bridge_walk_fixed(const struct bridge *b,
		       bool (*visit)(const struct bridge *b, const struct mac *mac,
				     uint32_t if_index, void *context),
		       void *context)
{
	list_for_each(link, &b->fixed) {
		const struct fixed_mac *f = container_of(link, struct fixed_mac, link);

		if (!visit(b, &f->mac, f->if_index, context))
			return;
	}
}

/* --- flushes --- */

/* The next generation, with nothing in it. */
static void next_gen(uint64_t *word)
{
	uint64_t gen = macs_gen(__atomic_load_n(word, __ATOMIC_RELAXED)) + 1u;

	__atomic_store_n(word, gen << 32, __ATOMIC_RELAXED);
}

void bridge_flush(struct bridge *b)
{
	next_gen(&bridges_of(b->engine)->bridge_macs[b->index]);
}

void bridge_flush_port(const struct interface *i)
{
	next_gen(&bridges_of(i->engine)->port_macs[i->index]);
}

/* --- ageing --- */

struct sweep {
	struct bridges *all;
	uint16_t stamp;
};

static bool sweep_one(uint64_t key, uint64_t value, void *context)
{
	const struct sweep *s = context;
	struct mac_value v = mac_unpack(value);
	uint32_t index = (uint32_t)(key >> 48);
	const struct bridge *b = s->all->bridge[index];
	/* A worker's clock may be a little ahead of main's. */
	bool is_old = b && b->age && (int16_t)(uint16_t)(s->stamp - v.stamp) > (int32_t)b->age;

	if (v.flags & MAC_STATIC)
		return true;
	if ((!b || is_old || !bridge_is_current(s->all, index, &v)) &&
	    mac_remove(&s->all->macs, key, value))
		bridge_uncount(s->all, index, &v);
	return true;
}

void bridge_tick(struct engine *e, uint64_t now_ns)
{
	struct bridges *all = bridges_of(e);
	struct sweep s = { all, mac_stamp_of(now_ns) };
	uint64_t past_ns = now_ns - all->swept_ns;
	uint32_t n = MAC_BUCKETS;

	all->swept_ns = now_ns;
	answers_tick(all->answers, now_ns);
	if (mac_table_count(&all->macs) == 0)
		return;
	if (past_ns < SWEEP_NS)
		n = (uint32_t)(past_ns * MAC_BUCKETS / SWEEP_NS);
	mac_walk(&all->macs, all->sweep_at, n, sweep_one, &s);
	all->sweep_at = (all->sweep_at + n) & (MAC_BUCKETS - 1);
}
