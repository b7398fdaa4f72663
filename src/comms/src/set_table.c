/* set_table.c - see set_table.h. Read without a lock. */
#include "comms/src/set_table.h"

#include <stdlib.h>

enum { CHUNK = 1024, MAX_FD = 1 << 20 };

static _Atomic(_Atomic(struct set *) *) chunks[MAX_FD / CHUNK];
static struct lock lock;

static _Atomic(struct set *) *entry_or_null(int fd)
{
	_Atomic(struct set *) *chunk;

	if (fd < 0 || fd >= MAX_FD)
		return NULL;
	chunk = atomic_load_explicit(&chunks[fd / CHUNK], memory_order_acquire);
	return chunk ? &chunk[fd % CHUNK] : NULL;
}

struct set *set_of_fd_or_null(int epfd)
{
	_Atomic(struct set *) *entry = entry_or_null(epfd);

	return entry ? atomic_load_explicit(entry, memory_order_acquire) : NULL;
}

bool set_remember(struct set *set)
{
	_Atomic(struct set *) *entry;

	if (set->epfd < 0 || set->epfd >= MAX_FD)
		return false;
	lock_take(&lock);
	if (!entry_or_null(set->epfd))
		atomic_store_explicit(&chunks[set->epfd / CHUNK], calloc(CHUNK, sizeof(*entry)),
				      memory_order_release);
	entry = entry_or_null(set->epfd);
	if (entry)
		atomic_store_explicit(entry, set, memory_order_release);
	lock_give(&lock);
	return entry != NULL;
}

struct set *set_forget(int epfd)
{
	_Atomic(struct set *) *entry = entry_or_null(epfd);

	return entry ? atomic_exchange(entry, NULL) : NULL;
}

/* The child's numbers name the parent's epoll descriptors until it makes its own. */
void sets_fork_child(void)
{
	lock = (struct lock){ LOCK_FREE };
	for (unsigned i = 0; i < count_of(chunks); i++) {
		_Atomic(struct set *) *chunk = atomic_load(&chunks[i]);

		for (unsigned k = 0; chunk && k < CHUNK; k++) {
			struct set *set = atomic_exchange(&chunk[k], NULL);

			if (!set)
				continue;
			while (!list_empty(&set->watches))
				watch_drop(container_of(set->watches.next, struct watch, in_set));
			free(set->others);
			free(set);
		}
	}
}
