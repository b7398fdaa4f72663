/* pmtu.c - the table of path MTUs: small sets, each entry under a sequence number of its own. */
#include "l3/ip6/pmtu.h"

enum { PMTU_TRIES = 64 }; /* each that fails is another worker's that did not */

static uint32_t get32(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static uint64_t get64(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static unsigned set_of(const struct pmtu_table *t, uint32_t vrf, const struct ip6_addr *dst)
{
	uint64_t h = (ip6_high(dst) ^ t->seed ^ (uint64_t)vrf << 40) * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 32 ^ ip6_low(dst)) * 0x9e3779b97f4a7c15u;
	return (unsigned)(h >> 56) % PMTU_SETS;
}

/* Pairs with write_one(): a copy in which nobody has written meanwhile, and how old it is. */
static bool read_at(const struct pmtu_entry *e, struct pmtu *out, uint32_t *at)
{
	uint32_t seq = __atomic_load_n(&e->seq, __ATOMIC_ACQUIRE);

	out->dst = ip6_of(get64(&e->high), get64(&e->low));
	out->vrf = get32(&e->vrf);
	out->mtu_bytes = get32(&e->mtu_bytes);
	out->until_ns = get64(&e->until_ns);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*at = seq;
	return !(seq & 1) && get32(&e->seq) == seq;
}

static bool read_one(const struct pmtu_entry *e, struct pmtu *out)
{
	uint32_t seq;

	return read_at(e, out, &seq);
}

/* False if another has written there since it was read, at @seq. */
static bool write_one(struct pmtu_entry *e, uint32_t seq, const struct pmtu *in)
{
	if (!__atomic_compare_exchange_n(&e->seq, &seq, seq + 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&e->high, ip6_high(&in->dst), __ATOMIC_RELAXED);
	__atomic_store_n(&e->low, ip6_low(&in->dst), __ATOMIC_RELAXED);
	__atomic_store_n(&e->vrf, in->vrf, __ATOMIC_RELAXED);
	__atomic_store_n(&e->mtu_bytes, in->mtu_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&e->until_ns, in->until_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&e->seq, seq + 2, __ATOMIC_RELEASE);
	return true;
}

static bool is_about(const struct pmtu *p, uint32_t vrf, const struct ip6_addr *dst,
		     uint64_t now_ns)
{
	return p->until_ns > now_ns && p->vrf == vrf && ip6_equal(&p->dst, dst);
}

/* What is known of a host, or a place for it. */
struct place {
	struct pmtu_entry *entry; /* NULL: others write to all of them */
	uint32_t seq;		  /* of the entry when it was looked at */
	uint32_t mtu_bytes;	  /* the least that any entry says; UINT32_MAX for nothing */
};

/* Where @dst is, or what is forgotten next; not where somebody writes. */
static struct place look(struct pmtu_entry *set, uint32_t vrf, const struct ip6_addr *dst,
			 uint64_t now_ns)
{
	struct place place = { .mtu_bytes = UINT32_MAX };
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < PMTU_WAYS; i++) {
		struct pmtu p;
		uint32_t seq;
		bool is;

		if (!read_at(&set[i], &p, &seq))
			continue;
		is = is_about(&p, vrf, dst, now_ns);
		if (is && p.mtu_bytes < place.mtu_bytes)
			place.mtu_bytes = p.mtu_bytes;
		if (is || p.until_ns < first) {
			first = is ? 0 : p.until_ns;
			place.entry = &set[i];
			place.seq = seq;
		}
	}
	return place;
}

/*
 * Nobody waits: an entry is written only if it is still what was looked at. If not, or if another
 * writes there, a second look sees what it says, or finds another place; a host that has two then
 * has the lesser.
 */
bool pmtu_learn(struct pmtu_table *t, uint32_t vrf, const struct ip6_addr *dst, uint32_t mtu_bytes,
		uint64_t now_ns)
{
	const struct pmtu new = { *dst, vrf, mtu_bytes, now_ns + PMTU_LIFE_NS };
	struct pmtu_entry *set = t->entry[set_of(t, vrf, dst)];

	if (mtu_bytes < IP6_MIN_MTU)
		return false;
	for (unsigned i = 0; i < PMTU_TRIES; i++) {
		struct place place = look(set, vrf, dst, now_ns);

		if (place.mtu_bytes <= mtu_bytes)
			return false;
		if (!place.entry || !write_one(place.entry, place.seq, &new))
			continue;
		__atomic_store_n(&t->until_ns, new.until_ns, __ATOMIC_RELAXED);
		return true;
	}
	return false;
}

uint32_t pmtu_of(const struct pmtu_table *t, uint32_t vrf, const struct ip6_addr *dst,
		 uint32_t mtu_bytes, uint64_t now_ns)
{
	const struct pmtu_entry *set;
	struct pmtu p;

	if (likely(get64(&t->until_ns) <= now_ns))
		return mtu_bytes;
	set = t->entry[set_of(t, vrf, dst)];
	for (unsigned i = 0; i < PMTU_WAYS; i++)
		if (read_one(&set[i], &p) && is_about(&p, vrf, dst, now_ns) &&
		    p.mtu_bytes < mtu_bytes)
			mtu_bytes = p.mtu_bytes;
	return mtu_bytes;
}

bool pmtu_read(const struct pmtu_table *t, unsigned at, uint64_t now_ns, struct pmtu *out)
{
	return read_one(&t->entry[at / PMTU_WAYS][at % PMTU_WAYS], out) && out->until_ns > now_ns;
}
