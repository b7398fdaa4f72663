/* unix_socket.h - listening unix sockets with a path: who may be there already, and what a dead one
 * left. */
#ifndef CONVOY_CONTROL_UNIX_SOCKET_H
#define CONVOY_CONTROL_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

/* The socket that was bound, so that only it is removed. */
struct unix_socket {
	int fd;
	char path[108];
	dev_t device;
	ino_t inode;
};

/*
 * unix_socket_listen - bind @path with @mode and listen, non-blocking, close-on-exec.
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @why:  the reason for people, when it fails
 *
 * Makes the last folder of @path if it is missing. A socket that nobody listens on is replaced.
 * ERR_EXIST: somebody lives there, or it is not a socket; ERR_RANGE: the path is too long;
 * ERR_PERM, ERR_IO: the system refused.
 */
must_check
int unix_socket_listen(struct unix_socket *s, const char *path, int type, mode_t mode, char *why,
		       size_t room);

/* unix_socket_close - stop listening and remove the path, if it is still the one bound. */
void unix_socket_close(struct unix_socket *s);

#endif
