/*
 * table.h - a worker's connections by key: open addressing, eight slots to a cache line.
 *
 * A slot is {hash, reference}; the reference says which of three kinds of object it names, each in
 * a pool of its own that starts with its key. The caller compares keys. A lookup over a frame is
 * three passes: hash and prefetch the slot, prefetch the object, use it.
 */
#ifndef CONVOY_TRANSPORT_TCP_TABLE_H
#define CONVOY_TRANSPORT_TCP_TABLE_H

#include "base/compiler.h"
#include "base/err.h"

enum tcp_kind {
	TCP_KIND_NONE,
	TCP_KIND_CONN,
	TCP_KIND_HALF_OPEN,
	TCP_KIND_TIME_WAIT,
};

enum { TCP_REF_INDEX_BITS = 28 };

/* Kind and pool index in 32 bits; 0 is none. */
typedef uint32_t tcp_ref;

static inline tcp_ref tcp_ref_of(enum tcp_kind kind, uint32_t index)
{
	return (uint32_t)kind << TCP_REF_INDEX_BITS | index;
}

static inline enum tcp_kind tcp_ref_kind(tcp_ref ref)
{
	return (enum tcp_kind)(ref >> TCP_REF_INDEX_BITS);
}

static inline uint32_t tcp_ref_index(tcp_ref ref)
{
	return ref & ((1u << TCP_REF_INDEX_BITS) - 1);
}

struct tcp_slot {
	uint32_t hash;
	tcp_ref ref;
};

struct tcp_table {
	struct tcp_slot *slots;
	uint32_t mask;
	uint32_t n_used;
};

/* tcp_table_init - room for @n entries at half load; ERR_NOMEM. Pages are touched when used. */
must_check
int tcp_table_init(struct tcp_table *t, uint32_t n);
void tcp_table_deinit(struct tcp_table *t);

static inline const struct tcp_slot *tcp_table_slot(const struct tcp_table *t, uint32_t hash)
{
	return &t->slots[hash & t->mask];
}

/*
 * tcp_table_next - the references stored under @hash, one after the other.
 * @cursor: set to @hash before the first call
 * Returns 0 after the last one.
 */
static inline tcp_ref tcp_table_next(const struct tcp_table *t, uint32_t hash, uint32_t *cursor)
{
	for (;;) {
		const struct tcp_slot *slot = &t->slots[(*cursor)++ & t->mask];

		if (slot->ref == 0 || slot->hash == hash)
			return slot->ref;
	}
}

/* tcp_table_add - ERR_FULL beyond the number given at the start. */
must_check
int tcp_table_add(struct tcp_table *t, uint32_t hash, tcp_ref ref);

/* tcp_table_remove, tcp_table_replace - asserts that @ref is stored under @hash. */
void tcp_table_remove(struct tcp_table *t, uint32_t hash, tcp_ref ref);
void tcp_table_replace(struct tcp_table *t, uint32_t hash, tcp_ref ref, tcp_ref with);

#endif
