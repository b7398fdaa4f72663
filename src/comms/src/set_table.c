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

bool set_remember(struct set *set, int fd)
{
	_Atomic(struct set *) *entry;

	if (fd < 0 || fd >= MAX_FD)
		return false;
	lock_take(&lock);
	if (!entry_or_null(fd))
		atomic_store_explicit(&chunks[fd / CHUNK], calloc(CHUNK, sizeof(*entry)),
				      memory_order_release);
	entry = entry_or_null(fd);
	if (entry) {
		set->n_fds++;
		atomic_store_explicit(entry, set, memory_order_release);
	}
	lock_give(&lock);
	return entry != NULL;
}

/* Any number of @set; it has one. */
static int number_of(const struct set *set)
{
	for (int fd = 0; fd < MAX_FD; fd++)
		if (set_of_fd_or_null(fd) == set)
			return fd;
	return -1;
}

struct set *set_forget(int epfd)
{
	_Atomic(struct set *) *entry = entry_or_null(epfd);
	struct set *set;

	if (!entry || !atomic_load_explicit(entry, memory_order_acquire))
		return NULL;
	lock_take(&lock);
	set = atomic_exchange(entry, NULL);
	if (set && --set->n_fds > 0) {
		if (set->epfd == epfd)
			set->epfd = number_of(set);
		set = NULL;
	}
	lock_give(&lock);
	return set;
}

/* The child's numbers name the parent's epoll descriptors until it makes its own. */
void sets_fork_child(void)
{
	lock = (struct lock){ LOCK_FREE };
	for (unsigned i = 0; i < count_of(chunks); i++) {
		_Atomic(struct set *) *chunk = atomic_load(&chunks[i]);

		for (unsigned k = 0; chunk && k < CHUNK; k++) {
			struct set *set = atomic_exchange(&chunk[k], NULL);

			if (!set || --set->n_fds > 0)
				continue;
			while (!list_empty(&set->watches))
				watch_drop(container_of(set->watches.next, struct watch, in_set));
			free(set->others);
			free(set);
		}
	}
}
