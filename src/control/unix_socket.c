/*
 * unix_socket.c - bind a path without taking it away from a living owner.
 * Looking, removing and binding happen under a lock on the folder, so that of two programs that
 * start at once only one wins.
 */
#include "control/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

enum { BACKLOG = 64 };

static int refuse(char *why, size_t room, const char *path, const char *what, int errno_value)
{
	snprintf(why, room, "%s: %s: %s", path, what, strerror(errno_value));
	return err_of_errno(errno_value) == ERR_PERM ? ERR_PERM : ERR_IO;
}

/* The folder of @path, made if missing, locked until the descriptor is closed. */
static int lock_folder(const char *path, char *why, size_t room)
{
	char copy[sizeof(((struct unix_socket *)0)->path)];
	const char *folder;
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return refuse(why, room, folder, "cannot make the folder", errno);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refuse(why, room, folder, "cannot open the folder", errno);
	if (flock(fd, LOCK_EX) < 0) {
		int saved = errno;

		close(fd);
		return refuse(why, room, folder, "cannot lock the folder", saved);
	}
	return fd;
}

/* 0 if the path is free now; a dead socket is removed. */
static int clear_path(const struct sockaddr_un *address, int type, char *why, size_t room)
{
	const char *path = address->sun_path;
	struct stat st;
	int probe, rc, saved;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : refuse(why, room, path, "cannot look at it", errno);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, room, "%s: exists and is not a socket; choose another path", path);
		return ERR_EXIST;
	}
	probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return refuse(why, room, path, "cannot make a socket", errno);
	rc = connect(probe, (const struct sockaddr *)address, sizeof(*address));
	saved = errno;
	close(probe);
	if (rc < 0 && saved == ECONNREFUSED)
		return unlink(path) < 0 ? refuse(why, room, path, "cannot remove", errno) : 0;
	if (rc < 0 && saved != EAGAIN && saved != EPROTOTYPE)
		return refuse(why, room, path, "cannot tell whether it is in use", saved);
	snprintf(why, room, "%s: in use by another running program; stop it or choose another path",
		 path);
	return ERR_EXIST;
}

static int bind_and_listen(struct unix_socket *s, const struct sockaddr_un *address, int type,
			   mode_t mode, char *why, size_t room)
{
	struct stat st;
	mode_t old;
	int rc;

	s->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return refuse(why, room, s->path, "cannot make a socket", errno);
	old = umask(0777 & ~mode); /* the mode holds from the first moment */
	rc = bind(s->fd, (const struct sockaddr *)address, sizeof(*address));
	umask(old);
	if (rc < 0 || listen(s->fd, BACKLOG) < 0 || lstat(s->path, &st) < 0) {
		int saved = errno;

		close(s->fd);
		s->fd = -1;
		return refuse(why, room, s->path, "cannot listen", saved);
	}
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return 0;
}

int unix_socket_listen(struct unix_socket *s, const char *path, int type, mode_t mode, char *why,
		       size_t room)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int folder, err;

	_Static_assert(sizeof(s->path) == sizeof(address.sun_path), "one limit");
	s->fd = -1;
	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(why, room, "%s: the path is longer than %zu bytes", path,
			 sizeof(address.sun_path) - 1);
		return ERR_RANGE;
	}
	strcpy(address.sun_path, path);
	strcpy(s->path, path);
	folder = lock_folder(path, why, room);
	if (folder < 0)
		return folder;
	err = clear_path(&address, type, why, room);
	if (err == 0)
		err = bind_and_listen(s, &address, type, mode, why, room);
	close(folder);
	return err;
}

void unix_socket_close(struct unix_socket *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	if (lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		unlink(s->path);
}
