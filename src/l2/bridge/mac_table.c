/* mac_table.c - the writers' side of the MAC table. */
#include "l2/bridge/mac_table.h"

#include <sys/mman.h>

enum { TABLE_BYTES = MAC_BUCKETS * sizeof(struct mac_bucket), SMALL_PAGE = 4096 };

int mac_table_init(struct mac_table *t, uint64_t seed)
{
	void *at = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return ERR_NOMEM;
	madvise(at, TABLE_BYTES, MADV_HUGEPAGE);
	*t = (struct mac_table){ .bucket = at, .seed = seed };
	return 0;
}

/* By additions of nothing: workers may be using the table. */
void mac_table_touch(struct mac_table *t)
{
	uint8_t *byte = (uint8_t *)t->bucket;

	if (t->touched)
		return;
	for (size_t at = 0; at < TABLE_BYTES; at += SMALL_PAGE)
		__atomic_fetch_add(&byte[at], 0, __ATOMIC_RELAXED);
	t->touched = true;
}

void mac_table_deinit(struct mac_table *t)
{
	if (t->bucket)
		munmap(t->bucket, TABLE_BYTES);
	t->bucket = NULL;
}

/* --- locks: one byte for some buckets; a pair is taken both or not at all --- */

struct locks {
	uint8_t *first, *second; /* second NULL: the same */
};

static uint8_t *lock_of(struct mac_table *t, const struct mac_bucket *b)
{
	return &t->lock[(b - t->bucket) % MAC_LOCKS];
}

static bool try_lock(uint8_t *lock)
{
	return __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) == 0;
}

static void unlock(uint8_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

static bool take_locks(struct mac_table *t, uint64_t hash, struct locks *l)
{
	l->first = lock_of(t, mac_bucket(t, hash, 0));
	l->second = lock_of(t, mac_bucket(t, hash, 1));
	if (l->second == l->first)
		l->second = NULL;
	if (!try_lock(l->first))
		return false;
	if (!l->second || try_lock(l->second))
		return true;
	unlock(l->first);
	return false;
}

static void give_locks(const struct locks *l)
{
	unlock(l->first);
	if (l->second)
		unlock(l->second);
}

/* --- changes, with the locks held --- */

static unsigned count_free(const struct mac_bucket *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAC_BUCKET_ENTRIES; i++)
		n += b->entry[i].key == 0;
	return n;
}

static struct mac_entry *free_entry_or_null(struct mac_bucket *b)
{
	for (unsigned i = 0; i < MAC_BUCKET_ENTRIES; i++)
		if (b->entry[i].key == 0)
			return &b->entry[i];
	return NULL;
}

/* The first bucket, which lookups try first, unless it is nearly full and the second less so. */
static struct mac_entry *place_or_null(const struct mac_table *t, uint64_t hash)
{
	struct mac_bucket *first = mac_bucket(t, hash, 0), *second = mac_bucket(t, hash, 1);
	unsigned n_first = count_free(first);

	if (n_first <= 1 && count_free(second) > n_first)
		return free_entry_or_null(second);
	return free_entry_or_null(first);
}

static int insert_locked(struct mac_table *t, uint64_t hash, uint64_t key, uint64_t value)
{
	struct mac_entry *e;
	uint64_t found;

	if (mac_find_or_null(t, hash, key, &found))
		return ERR_EXIST;
	e = place_or_null(t, hash);
	if (!e)
		return ERR_FULL;
	__atomic_store_n(&e->key, key, __ATOMIC_RELEASE);
	__atomic_store_n(&e->value, value, __ATOMIC_RELEASE);
	__atomic_fetch_add(&t->n, 1, __ATOMIC_RELAXED);
	return 0;
}

int mac_insert(struct mac_table *t, uint64_t key, uint64_t value)
{
	uint64_t hash = mac_hash(t, key);
	struct locks locks;
	int err;

	if (mac_table_count(t) >= MACS_MAX)
		return ERR_FULL;
	if (!take_locks(t, hash, &locks))
		return ERR_AGAIN;
	err = insert_locked(t, hash, key, value);
	give_locks(&locks);
	return err;
}

static bool exchange(struct mac_table *t, uint64_t key, uint64_t old, uint64_t new)
{
	uint64_t hash = mac_hash(t, key), value;
	struct mac_entry *e;
	struct locks locks;
	bool done;

	if (!take_locks(t, hash, &locks))
		return false;
	e = mac_find_or_null(t, hash, key, &value);
	done = e && __atomic_compare_exchange_n(&e->value, &old, new, false, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED);
	if (done && !new) {
		__atomic_store_n(&e->key, 0, __ATOMIC_RELEASE);
		__atomic_fetch_sub(&t->n, 1, __ATOMIC_RELAXED);
	}
	give_locks(&locks);
	return done;
}

bool mac_replace(struct mac_table *t, uint64_t key, uint64_t old, uint64_t new)
{
	return exchange(t, key, old, new);
}

bool mac_remove(struct mac_table *t, uint64_t key, uint64_t old)
{
	return exchange(t, key, old, 0);
}

void mac_walk(const struct mac_table *t, uint32_t first, uint32_t n,
	      bool (*visit)(uint64_t key, uint64_t value, void *context), void *context)
{
	for (uint32_t at = 0; at < n; at++) {
		struct mac_bucket *b = &t->bucket[(first + at) & (MAC_BUCKETS - 1)];

		for (unsigned i = 0; i < MAC_BUCKET_ENTRIES; i++) {
			uint64_t key = __atomic_load_n(&b->entry[i].key, __ATOMIC_ACQUIRE);
			uint64_t value = __atomic_load_n(&b->entry[i].value, __ATOMIC_ACQUIRE);

			if (key && value &&
			    __atomic_load_n(&b->entry[i].key, __ATOMIC_RELAXED) == key &&
			    !visit(key, value, context))
				return;
		}
	}
}
