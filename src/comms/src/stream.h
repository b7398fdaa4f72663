/* stream.h - bytes of a session; what the public calls share. Results are counts or -errno. */
#ifndef CONVOY_COMMS_STREAM_H
#define CONVOY_COMMS_STREAM_H

#include <sys/uio.h>

#include "comms/src/sock.h"

/* stream_read - recv(2) into @iov. @flags: MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_TRUNC. */
ssize_t stream_read(int cd, const struct iovec *iov, int n_iov, int flags);

/* stream_write - send(2) from @iov. @flags: MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE. */
ssize_t stream_write(int cd, const struct iovec *iov, int n_iov, int flags);

/*
 * stream_lock - sock_lock(), after a connect that was put off has begun and a connection that
 * another process has is here.
 */
struct sock *stream_lock(int cd, bool to_write);

/* stream_can_write - 0, or why not now: -EAGAIN, -EPIPE, -ENOTCONN, … The lock is held. */
int stream_can_write(struct sock *s);

/* stream_wrote - tell the peer, unless the program holds bytes back. The lock is held. */
void stream_wrote(struct sock *s, bool more);

/* stream_ask_room - nothing could be written: ask for room; then try once more. The lock is held.
 */
void stream_ask_room(struct sock *s);

/* stream_consume - @n bytes at the read position, behind what is lent, are done with. */
void stream_consume(struct sock *s, uint32_t n);

/* stream_take_error - the pending error, taken; 0 for none. */
int stream_take_error(struct sock *s);

/* stream_wait - for @events on @s, whose lock is held on entry and, with 0, on return; *@s is
 * looked up again. -EBADF, -EINTR, -EAGAIN (deadline): the lock is not held. */
int stream_wait(struct sock **s, int cd, uint32_t events, uint64_t deadline_ns);

#endif
