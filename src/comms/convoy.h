/*
 * convoy.h - sockets on the Convoy stack, over shared memory.
 *
 * The calls are POSIX's with a prefix: the same arguments, return values, errno and edge cases as
 * on Linux, but for the descriptor. A convoy descriptor ("cd") is an int with CONVOY_CD_BIT set, so
 * that it never equals one of the kernel's. Where a call takes either (epoll, poll) the bit tells
 * which. Every call may be made from any thread; blocking calls return EINTR as POSIX says.
 *
 * The first call attaches the process to convoyd over $CONVOY_SOCKET (default
 * /run/convoy/convoy.sock, plus ".apps"), in namespace $CONVOY_NAMESPACE with $CONVOY_SECRET.
 * Without convoyd they fail with ENETDOWN, after one line on stderr that names the socket tried.
 *
 * Fork: the child has its own attachment and shares listeners and connections with its parent; what
 * that means is in docs/comms.md. Epoll descriptors must be made after the fork.
 */
#ifndef CONVOY_H
#define CONVOY_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVOY_API __attribute__((visibility("default")))

enum { CONVOY_CD_BIT = 1 << 30 };

/* --- sockets: AF_INET with SOCK_STREAM; others get EAFNOSUPPORT or EPROTONOSUPPORT --- */

CONVOY_API int convoy_socket(int domain, int type, int protocol);
CONVOY_API int convoy_bind(int cd, const struct sockaddr *address, socklen_t len);
CONVOY_API int convoy_listen(int cd, int backlog);
CONVOY_API int convoy_accept4(int cd, struct sockaddr *peer, socklen_t *len, int flags);
/*
 * A non-blocking connect of a thread that has no epoll descriptor of its own yet starts with that
 * thread's next call that adds it to one, polls, reads, writes or waits, so that its events
 * arrive at the worker that will want them.
 */
CONVOY_API int convoy_connect(int cd, const struct sockaddr *address, socklen_t len);
CONVOY_API int convoy_shutdown(int cd, int how);
CONVOY_API int convoy_close(int cd); /* also of an epoll descriptor */

/* convoy_dup - one more reference to @cd, to be closed as well; returns @cd itself. */
CONVOY_API int convoy_dup(int cd);

CONVOY_API int convoy_getsockname(int cd, struct sockaddr *address, socklen_t *len);
CONVOY_API int convoy_getpeername(int cd, struct sockaddr *address, socklen_t *len);
CONVOY_API int convoy_getsockopt(int cd, int level, int name, void *value, socklen_t *len);
CONVOY_API int convoy_setsockopt(int cd, int level, int name, const void *value, socklen_t len);

/* convoy_fcntl - F_GETFL and F_SETFL (O_NONBLOCK, O_ASYNC ignored). EINVAL for others. */
CONVOY_API int convoy_fcntl(int cd, int command, long argument);
/* convoy_ioctl - FIONREAD, FIONBIO, SIOCOUTQ, SIOCATMARK. ENOTTY for others. */
CONVOY_API int convoy_ioctl(int cd, unsigned long request, void *argument);

/* --- bytes --- */

CONVOY_API ssize_t convoy_read(int cd, void *to, size_t n);
CONVOY_API ssize_t convoy_write(int cd, const void *from, size_t n);
CONVOY_API ssize_t convoy_readv(int cd, const struct iovec *iov, int n);
CONVOY_API ssize_t convoy_writev(int cd, const struct iovec *iov, int n);
/* Flags: MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_TRUNC (discard). */
CONVOY_API ssize_t convoy_recv(int cd, void *to, size_t n, int flags);
/* Flags: MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE. */
CONVOY_API ssize_t convoy_send(int cd, const void *from, size_t n, int flags);
CONVOY_API ssize_t convoy_recvfrom(int cd, void *to, size_t n, int flags, struct sockaddr *peer,
				   socklen_t *len);
CONVOY_API ssize_t convoy_sendto(int cd, const void *from, size_t n, int flags,
				 const struct sockaddr *to, socklen_t len);
CONVOY_API ssize_t convoy_recvmsg(int cd, struct msghdr *message, int flags);
CONVOY_API ssize_t convoy_sendmsg(int cd, const struct msghdr *message, int flags);

/* convoy_sendfile - as sendfile(2); the file is read straight into the send fifo. */
CONVOY_API ssize_t convoy_sendfile(int cd, int file_fd, off_t *offset, size_t n);

/* --- bytes in place --- */

struct convoy_segment {
	const void *at; /* in the peer's memory, who may change it: copy before parsing */
	size_t len;
	uint32_t position; /* with @session: names the segment in convoy_release_segment() */
	uint32_t session;
};

/*
 * convoy_read_segments - borrow up to @bytes received bytes in place, without waiting.
 * Fills up to @max segments, each readable until it is released. Reads of any kind go on behind
 * them. Returns their number; 0 at the end of the stream; -1 with EAGAIN when nothing is there,
 * or when the session has lent as many segments as it can keep track of (64).
 */
CONVOY_API int convoy_read_segments(int cd, struct convoy_segment *segments, int max, size_t bytes);

/*
 * convoy_release_segment - give a segment back, in any order, from any thread, also after
 * convoy_close(), which takes effect with the last one. Reopens the sender's window.
 */
CONVOY_API void convoy_release_segment(const struct convoy_segment *segment);

/*
 * convoy_reserve - memory of the send fifo to fill: up to @max pieces, @bytes in all.
 * Returns their number or -1 with EAGAIN when there is no room. convoy_commit() must follow, from
 * the same thread and before any other write of this cd, with how many bytes were filled (0 is
 * fine).
 */
CONVOY_API int convoy_reserve(int cd, struct iovec *pieces, int max, size_t bytes);
CONVOY_API int convoy_commit(int cd, size_t bytes);

/* --- readiness --- */

/* A real epoll descriptor of the kernel: it can be nested, and it takes both kinds. */
CONVOY_API int convoy_epoll_create1(int flags);
CONVOY_API int convoy_epoll_ctl(int epfd, int op, int cd_or_fd, struct epoll_event *event);
CONVOY_API int convoy_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms);
CONVOY_API int convoy_epoll_pwait2(int epfd, struct epoll_event *events, int max,
				   const struct timespec *timeout, const sigset_t *mask);
/* convoy_epoll_active - true if @epfd holds or held convoy descriptors; else it is the kernel's. */
CONVOY_API bool convoy_epoll_active(int epfd);

CONVOY_API int convoy_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
CONVOY_API int convoy_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
			    const sigset_t *mask);

/*
 * For the owner of another event loop: register @epfd with it, edge-triggered, and never call
 * convoy_epoll_wait(). When it fires, and after each arm that fails: drain until 0, then arm.
 *
 * convoy_epoll_drain - up to @max events of convoy descriptors, without looking at the kernel.
 * Wakes the peers for which something was written since the last drain, arm or flush.
 *
 * convoy_epoll_arm - announce that the loop is going to sleep. Returns true if @epfd will become
 * readable when there is something to do; false if there is already: drain again.
 *
 * convoy_epoll_flush - wake peers now; for a loop that writes and then works on for long.
 */
CONVOY_API int convoy_epoll_drain(int epfd, struct epoll_event *events, int max);
CONVOY_API bool convoy_epoll_arm(int epfd);
CONVOY_API void convoy_epoll_flush(int epfd);

/*
 * convoy_epoll_adopt - the calling thread's new sessions belong to @epfd from now on, and @epfd is
 * driven by drain and arm.
 */
CONVOY_API int convoy_epoll_adopt(int epfd);

/* --- whose address --- */

enum convoy_where {
	CONVOY_WHERE_KERNEL, /* not the stack's */
	CONVOY_WHERE_STACK,
};

/*
 * convoy_where - would connect() to @address (or bind() with @for_bind) be the stack's business?
 * Returns an enum convoy_where, or -1 with ENETDOWN when convoyd cannot be asked. A wildcard bind
 * is the stack's; a loopback connect is if somebody listens there on the stack.
 */
CONVOY_API int convoy_where(const struct sockaddr *address, socklen_t len, bool for_bind);

/* convoy_epoll_dup - @copy is another number for the epoll descriptor @epfd; harmless on others.
 * -1 with ENOMEM. */
CONVOY_API int convoy_epoll_dup(int epfd, int copy);

/* convoy_epoll_forget - the number @epfd is about to be closed or overwritten; harmless on any
 * other. */
CONVOY_API void convoy_epoll_forget(int epfd);

/* convoy_fd_is_internal - true for a kernel descriptor that the library itself relies on. */
CONVOY_API bool convoy_fd_is_internal(int fd);

/* --- exec: sockets that stay open in the program that takes this one's place --- */

struct convoy_heirloom {
	int cd;
	int fd; /* a number that the program knows it by; several may be one socket */
};

/*
 * convoy_exec_begin - right before execve(2): @n sockets go along. Returns a descriptor that the
 * new program inherits and is to give to convoy_exec_take(), or -1 (ENOMEM). If the exec fails,
 * give it to convoy_exec_end().
 *
 * convoy_spawn_begin - the same for a child that this process is about to start, and which shares
 * the sockets with it. When it has been started, or could not be, give it to convoy_exec_end().
 */
CONVOY_API int convoy_exec_begin(const struct convoy_heirloom *what, unsigned n);
CONVOY_API int convoy_spawn_begin(const struct convoy_heirloom *what, unsigned n);
CONVOY_API void convoy_exec_end(int bundle_fd);

/*
 * convoy_exec_take - in the new program, before any other call: what it inherits, in *@out, which
 * the caller frees. Closes @bundle_fd. Returns their number, or -1 with EINVAL: it is no such
 * descriptor, and is left alone.
 */
CONVOY_API int convoy_exec_take(int bundle_fd, struct convoy_heirloom **out);

/*
 * convoy_exit - close every session in order; runs by itself at exit(), but not at _exit(). Waits
 * for servers that have bytes to get and have not accepted, a second at most.
 */
CONVOY_API void convoy_exit(void);

#ifdef __cplusplus
}
#endif

#endif
