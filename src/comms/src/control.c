/* control.c - names of sockets, their flags and small requests. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/api.h"
#include "comms/src/stream.h"

/* --- names --- */

int convoy_getsockname(int cd, struct sockaddr *address, socklen_t *len)
{
	struct shm_address any = { .family = 4 };
	struct sock *s = sock_lock(cd);

	if (!s)
		return api_fail(-EBADF);
	sockaddr_of_address(s->local.family ? &s->local : &any, address, len);
	sock_unlock(s);
	return 0;
}

int convoy_getpeername(int cd, struct sockaddr *address, socklen_t *len)
{
	struct sock *s = sock_lock(cd);
	int err = -ENOTCONN;

	if (!s)
		return api_fail(-EBADF);
	if (s->state == SOCK_OPEN || s->deserted || adopt_is_elsewhere(s)) {
		sockaddr_of_address(&s->remote, address, len);
		err = 0;
	}
	sock_unlock(s);
	return api_result(err);
}

/* --- flags --- */

int convoy_fcntl(int cd, int command, long argument)
{
	struct sock *s = sock_lock(cd);
	int result = -EINVAL;

	if (!s)
		return api_fail(-EBADF);
	if (command == F_GETFL)
		result = O_RDWR | (s->nonblocking ? O_NONBLOCK : 0);
	if (command == F_SETFL) {
		s->nonblocking = argument & O_NONBLOCK;
		result = 0;
	}
	sock_unlock(s);
	return api_result(result);
}

int convoy_ioctl(int cd, unsigned long request, void *argument)
{
	struct sock *s = request == FIONREAD ? stream_lock(cd, false) : sock_lock(cd);
	bool open;
	int err = 0;

	if (!s)
		return api_fail(-EBADF);
	open = s->state == SOCK_OPEN;
	switch (request) {
	case FIONBIO:
		s->nonblocking = *(int *)argument;
		break;
	case FIONREAD:
		if (s->state == SOCK_LISTENING)
			err = -EINVAL;
		else
			*(int *)argument = open ? (int)(fifo_poll(&s->fifo) - s->lent_bytes) : 0;
		break;
	case SIOCOUTQ:
		if (open)
			fifo_room(&s->fifo);
		*(int *)argument = open ? (int)fifo_unread(&s->fifo) : 0;
		break;
	case SIOCATMARK:
		*(int *)argument = 0;
		break;
	default:
		err = -ENOTTY;
	}
	sock_unlock(s);
	return api_result(err);
}
