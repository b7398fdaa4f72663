/*
 * mac_table.h - which port a MAC address of a bridge domain is behind: one table for all bridges.
 *
 *   hash of (bridge, MAC) ──> one of two buckets, a cache line each:
 *   │ key value │ key value │ key value │ key value │
 *
 * Every worker looks up and learns; main ages and flushes. Readers never wait: a value counts only
 * while its key stands, looked at before and after. Writers of a bucket exclude each other by a
 * lock that is only ever tried; who does not get it leaves the matter to the next frame. A value
 * may change by compare-and-swap without the lock, but only its stamp.
 *
 * A value carries the generations of its port and bridge when it was learnt. Flushing one of them
 * makes its generation another; what is left in the table no longer counts, and main sweeps it up.
 */
#ifndef CONVOY_L2_MAC_TABLE_H
#define CONVOY_L2_MAC_TABLE_H

#include "base/compiler.h"
#include "base/err.h"
#include "wire/ethernet.h"

enum {
	MAC_BUCKET_ENTRIES = 4,
	MAC_BUCKETS = 1 << 16,
	MACS_MAX = MAC_BUCKETS * MAC_BUCKET_ENTRIES / 2, /* half full */
	MAC_LOCKS = 1024,
};

struct mac_entry {
	uint64_t key;	/* atomic; bridge << 48 | MAC, 0: free */
	uint64_t value; /* atomic; 0: not there yet, or not any more */
};

struct mac_bucket {
	struct mac_entry entry[MAC_BUCKET_ENTRIES];
} cacheline_aligned;
_Static_assert(sizeof(struct mac_bucket) == 64, "one cache line");

struct mac_table {
	struct mac_bucket *bucket; /* [MAC_BUCKETS], mapped: 4 MiB, none before mac_table_touch() */
	bool touched;
	uint64_t seed;
	uint32_t n; /* atomic: entries, whether they still count or not */
	uint8_t lock[MAC_LOCKS];
};

/* --- values --- */

enum {
	MAC_PORT_BITS = 16,  /* interface index; 0 for a filter */
	MAC_STAMP_BITS = 16, /* when it was last seen, in units of MAC_STAMP_SHIFT */
	MAC_GEN_BITS = 12,   /* of the port, then of the bridge */
	MAC_FLAG_BITS = 4,
	MAC_MOVES_BITS = 4, /* within the unit of the stamp */
	MAC_STAMP_AT = MAC_PORT_BITS,
	MAC_PORT_GEN_AT = MAC_STAMP_AT + MAC_STAMP_BITS,
	MAC_BRIDGE_GEN_AT = MAC_PORT_GEN_AT + MAC_GEN_BITS,
	MAC_FLAGS_AT = MAC_BRIDGE_GEN_AT + MAC_GEN_BITS,
	MAC_MOVES_AT = MAC_FLAGS_AT + MAC_FLAG_BITS,
	MAC_STAMP_SHIFT = 30, /* nanoseconds to stamps: 1.07 s */
};
_Static_assert(MAC_MOVES_AT + MAC_MOVES_BITS == 64, "a value is one word");

enum mac_flag {
	MAC_STATIC = 1 << 0, /* by configuration: neither ages nor moves nor is flushed */
	MAC_FILTER = 1 << 1, /* frames from and to it are dropped; static as well */
};

struct mac_value {
	uint32_t port;
	uint16_t stamp;
	uint16_t port_gen, bridge_gen;
	uint8_t flags; /* enum mac_flag */
	uint8_t moves;
};

static inline uint64_t mac_pack(const struct mac_value *v)
{
	return (uint64_t)v->port | (uint64_t)v->stamp << MAC_STAMP_AT |
	       (uint64_t)v->port_gen << MAC_PORT_GEN_AT |
	       (uint64_t)v->bridge_gen << MAC_BRIDGE_GEN_AT | (uint64_t)v->flags << MAC_FLAGS_AT |
	       (uint64_t)v->moves << MAC_MOVES_AT;
}

static inline struct mac_value mac_unpack(uint64_t value)
{
	const uint64_t gen_mask = (1 << MAC_GEN_BITS) - 1;

	return (struct mac_value){
		.port = (uint32_t)(value & ((1 << MAC_PORT_BITS) - 1)),
		.stamp = (uint16_t)(value >> MAC_STAMP_AT),
		.port_gen = (uint16_t)(value >> MAC_PORT_GEN_AT & gen_mask),
		.bridge_gen = (uint16_t)(value >> MAC_BRIDGE_GEN_AT & gen_mask),
		.flags = (uint8_t)(value >> MAC_FLAGS_AT & ((1 << MAC_FLAG_BITS) - 1)),
		.moves = (uint8_t)(value >> MAC_MOVES_AT),
	};
}

static inline uint16_t mac_stamp_of(uint64_t now_ns)
{
	return (uint16_t)(now_ns >> MAC_STAMP_SHIFT);
}

/* --- the table --- */

/* mac_table_init - empty; @seed keeps others from choosing addresses that collide. ERR_NOMEM. */
must_check
int mac_table_init(struct mac_table *t, uint64_t seed);
void mac_table_deinit(struct mac_table *t);

/*
 * mac_table_touch - main, before the first bridge: have the system give the memory now. It would
 * clear a page, perhaps a huge one, whenever a worker came upon a new one, which takes it up to
 * some hundred microseconds each time.
 */
void mac_table_touch(struct mac_table *t);

static inline uint64_t mac_key(uint32_t bridge, const struct mac *mac)
{
	uint32_t high;
	uint16_t low;

	memcpy(&high, mac->b, 4);
	memcpy(&low, mac->b + 4, 2);
	return (uint64_t)bridge << 48 | (uint64_t)__builtin_bswap32(high) << 16 |
	       __builtin_bswap16(low);
}

static inline struct mac mac_of_key(uint64_t key)
{
	struct mac m;

	for (unsigned i = 0; i < MAC_BYTES; i++)
		m.b[i] = (uint8_t)(key >> (40 - 8 * i));
	return m;
}

static inline uint64_t mac_hash(const struct mac_table *t, uint64_t key)
{
	uint64_t h = (key ^ t->seed) * 0x9e3779b97f4a7c15u;

	return (h ^ h >> 32) * 0xd6e8feb86659fd93u;
}

/* mac_bucket - the first (@which 0) or the second bucket of a hash. */
static inline struct mac_bucket *mac_bucket(const struct mac_table *t, uint64_t hash,
					    unsigned which)
{
	return &t->bucket[(which ? hash >> 16 : hash >> 40) & (MAC_BUCKETS - 1)];
}

static inline unsigned mac_is_at(const struct mac_bucket *b, unsigned i, uint64_t key)
{
	return __atomic_load_n(&b->entry[i].key, __ATOMIC_ACQUIRE) == key;
}

/* Without a branch on where in the bucket the key is, which nobody could predict. */
static inline struct mac_entry *mac_find_in(struct mac_bucket *b, uint64_t key, uint64_t *value)
{
	unsigned found = mac_is_at(b, 0, key) | mac_is_at(b, 1, key) << 1 |
			 mac_is_at(b, 2, key) << 2 | mac_is_at(b, 3, key) << 3;
	struct mac_entry *e;

	_Static_assert(MAC_BUCKET_ENTRIES == 4, "all are looked at");
	if (!found)
		return NULL;
	e = &b->entry[__builtin_ctz(found)];
	*value = __atomic_load_n(&e->value, __ATOMIC_ACQUIRE);
	return *value && __atomic_load_n(&e->key, __ATOMIC_RELAXED) == key ? e : NULL;
}

/* mac_find_or_null - the entry of @key, with its value as it was at one moment. */
static inline struct mac_entry *mac_find_or_null(const struct mac_table *t, uint64_t hash,
						 uint64_t key, uint64_t *value)
{
	struct mac_entry *e = mac_find_in(mac_bucket(t, hash, 0), key, value);

	return likely(e != NULL) ? e : mac_find_in(mac_bucket(t, hash, 1), key, value);
}

/*
 * mac_insert - add @key. Any thread. Returns 0, ERR_EXIST (somebody was faster), ERR_FULL (no room
 * in the table or in both buckets) or ERR_AGAIN (another writer has a bucket).
 */
must_check
int mac_insert(struct mac_table *t, uint64_t key, uint64_t value);

/*
 * mac_replace - change the value of @key from @old to @new. Any thread. False if it has another
 * value by now, or another writer has the bucket.
 */
must_check
bool mac_replace(struct mac_table *t, uint64_t key, uint64_t old, uint64_t new);

/* mac_touch - the same for a @new that differs from @old in nothing but its stamp and moves. */
static inline void mac_touch(struct mac_entry *e, uint64_t old, uint64_t new)
{
	__atomic_compare_exchange_n(&e->value, &old, new, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

/* mac_remove - take @key out if its value is still @old. Any thread. False as above. */
must_check
bool mac_remove(struct mac_table *t, uint64_t key, uint64_t old);

/*
 * mac_walk - call @visit for every entry of @n buckets from @first on, which may remove it.
 * Not a moment's picture: entries come and go meanwhile. Stops when @visit returns false.
 */
void mac_walk(const struct mac_table *t, uint32_t first, uint32_t n,
	      bool (*visit)(uint64_t key, uint64_t value, void *context), void *context);

static inline uint32_t mac_table_count(const struct mac_table *t)
{
	return __atomic_load_n(&t->n, __ATOMIC_RELAXED);
}

#endif
