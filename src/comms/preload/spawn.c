/*
 * spawn.c - the program's sockets for what posix_spawn starts. The C library does the work, and
 * dup2 and close for the child by system calls of its own; so what a program adds to its file
 * actions is noted here as well, and done to a copy of the table to see which sockets stay open.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

#include "comms/preload/heirs.h"
#include "comms/preload/real.h"
#include "comms/preload/table.h"

/* Only what changes who is open: an addopen() or addclose() is a close here. */
struct action {
	enum { ACTION_CLOSE, ACTION_DUP2, ACTION_CLOSE_FROM } kind;
	int fd, to;
};

/* The notes about one posix_spawn_file_actions_t. */
struct notes {
	struct notes *next;
	const posix_spawn_file_actions_t *about;
	struct action *action;
	unsigned n;
};

/* One descriptor of the child to be. */
struct entry {
	int fd, cd;
	bool closes; /* on exec */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct notes *all; /* under the lock */

/* --- notes --- */

static struct notes **find(const posix_spawn_file_actions_t *about)
{
	struct notes **at = &all;

	while (*at && (*at)->about != about)
		at = &(*at)->next;
	return at;
}

static void forget(const posix_spawn_file_actions_t *about)
{
	struct notes **at, *gone;

	pthread_mutex_lock(&lock);
	at = find(about);
	gone = *at;
	if (gone) {
		*at = gone->next;
		free(gone->action);
		free(gone);
	}
	pthread_mutex_unlock(&lock);
}

/* 0 or ENOMEM. */
static int append(const posix_spawn_file_actions_t *about, struct action a)
{
	struct notes **at = find(about), *n = *at;
	struct action *more;

	if (!n) {
		n = *at = calloc(1, sizeof(*n));
		if (!n)
			return ENOMEM;
		n->about = about;
	}
	more = realloc(n->action, (n->n + 1) * sizeof(*more));
	if (!more)
		return ENOMEM;
	n->action = more;
	more[n->n++] = a;
	return 0;
}

static int note(const posix_spawn_file_actions_t *about, struct action a)
{
	int err;

	pthread_mutex_lock(&lock);
	err = append(about, a);
	pthread_mutex_unlock(&lock);
	return err;
}

/* --- who stays open --- */

static unsigned close_one(struct entry *e, unsigned n, int fd)
{
	for (unsigned i = 0; i < n; i++)
		if (e[i].fd == fd)
			e[i--] = e[--n];
	return n;
}

static unsigned duplicate(struct entry *e, unsigned n, int fd, int to)
{
	struct entry copy = { .fd = -1 };

	for (unsigned i = 0; i < n; i++)
		if (e[i].fd == fd)
			copy = (struct entry){ .fd = to, .cd = e[i].cd };
	n = close_one(e, n, to);
	if (copy.fd >= 0)
		e[n++] = copy;
	return n;
}

static unsigned apply(struct entry *e, unsigned n, const struct action *a)
{
	if (a->kind == ACTION_DUP2)
		return duplicate(e, n, a->fd, a->to);
	if (a->kind == ACTION_CLOSE)
		return close_one(e, n, a->fd);
	/* It closes what carries the sockets, too. */
	return 0;
}

/* What is open now, in an array with room for @more; NULL with ENOMEM. */
static struct entry *open_now(unsigned more, unsigned *n)
{
	int end = fd_end();
	struct entry *e = calloc((size_t)end + more + 1, sizeof(*e));

	*n = 0;
	for (int fd = 0; e && fd < end; fd++) {
		int flags = cd_of(fd) >= 0 ? real_calls()->fcntl(fd, F_GETFD) : -1;

		if (flags >= 0)
			e[(*n)++] = (struct entry){ fd, cd_of(fd), flags & FD_CLOEXEC };
	}
	return e;
}

/* The sockets of the child, to be freed; NULL with @n 0: none, or no memory (@err). */
static struct convoy_heirloom *heirlooms(const posix_spawn_file_actions_t *actions, unsigned *n,
					 int *err)
{
	const struct notes *notes;
	struct convoy_heirloom *what;
	struct entry *e;
	unsigned n_open, n_kept = 0;

	pthread_mutex_lock(&lock);
	notes = actions ? *find(actions) : NULL;
	e = open_now(notes ? notes->n : 0, &n_open);
	for (unsigned i = 0; e && notes && i < notes->n; i++)
		n_open = apply(e, n_open, &notes->action[i]);
	pthread_mutex_unlock(&lock);
	what = calloc(n_open + 1, sizeof(*what));
	for (unsigned i = 0; e && what && i < n_open; i++)
		if (!e[i].closes)
			what[n_kept++] = (struct convoy_heirloom){ .cd = e[i].cd, .fd = e[i].fd };
	*err = e && what ? 0 : ENOMEM;
	*n = *err ? 0 : n_kept;
	free(e);
	return what;
}

typedef int (*spawn_call)(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			  const posix_spawnattr_t *attributes, char *const argv[],
			  char *const envp[]);

static int spawn(spawn_call call, pid_t *pid, const char *path,
		 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
		 char *const argv[], char *const envp[])
{
	struct heirs_plan p;
	unsigned n;
	int err;
	struct convoy_heirloom *what = heirlooms(actions, &n, &err);

	if (!err && heirs_prepare(&p, what, n, true, envp) < 0)
		err = errno;
	free(what);
	if (err)
		return err;
	err = call(pid, path, actions, attributes, argv, p.envp);
	heirs_end(&p);
	return err;
}

/* --- the C library's names --- */

SHIM int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	return spawn(real_calls()->posix_spawn, pid, path, actions, attributes, argv, envp);
}

SHIM int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	return spawn(real_calls()->posix_spawnp, pid, file, actions, attributes, argv, envp);
}

SHIM int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
	forget(actions); /* of one that was never destroyed */
	return real_calls()->posix_spawn_file_actions_init(actions);
}

SHIM int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
	forget(actions);
	return real_calls()->posix_spawn_file_actions_destroy(actions);
}

SHIM int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd)
{
	int err = real_calls()->posix_spawn_file_actions_addclose(actions, fd);

	return err ? err : note(actions, (struct action){ ACTION_CLOSE, fd, -1 });
}

SHIM int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd,
					  const char *path, int flags, mode_t mode)
{
	int err = real_calls()->posix_spawn_file_actions_addopen(actions, fd, path, flags, mode);

	return err ? err : note(actions, (struct action){ ACTION_CLOSE, fd, -1 });
}

SHIM int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int to)
{
	int err = real_calls()->posix_spawn_file_actions_adddup2(actions, fd, to);

	return err ? err : note(actions, (struct action){ ACTION_DUP2, fd, to });
}

SHIM int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from)
{
	int err = real_calls()->posix_spawn_file_actions_addclosefrom_np(actions, from);

	return err ? err : note(actions, (struct action){ ACTION_CLOSE_FROM, from, -1 });
}
