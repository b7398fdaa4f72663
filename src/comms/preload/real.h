/*
 * real.h - the C library's own calls, which ours stand in front of.
 * Looked up once, by name, behind this library in the search order.
 */
#ifndef CONVOY_COMMS_PRELOAD_REAL_H
#define CONVOY_COMMS_PRELOAD_REAL_H

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* What a program calls; everything else stays hidden. */
#define SHIM __attribute__((visibility("default")))

struct real {
	int (*socket)(int domain, int type, int protocol);
	int (*bind)(int fd, const struct sockaddr *address, socklen_t len);
	int (*listen)(int fd, int backlog);
	int (*accept4)(int fd, struct sockaddr *address, socklen_t *len, int flags);
	int (*connect)(int fd, const struct sockaddr *address, socklen_t len);
	int (*shutdown)(int fd, int how);
	int (*getsockname)(int fd, struct sockaddr *address, socklen_t *len);
	int (*getpeername)(int fd, struct sockaddr *address, socklen_t *len);
	int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
	int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t len);
	int (*close)(int fd);
	int (*close_range)(unsigned first, unsigned last, int flags);
	int (*dup)(int fd);
	int (*dup2)(int fd, int to);
	int (*dup3)(int fd, int to, int flags);
	int (*fcntl)(int fd, int command, ...);
	int (*ioctl)(int fd, unsigned long request, ...);
	int (*execve)(const char *path, char *const argv[], char *const envp[]);
	int (*execvpe)(const char *file, char *const argv[], char *const envp[]);
	int (*posix_spawn)(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attributes, char *const argv[],
			   char *const envp[]);
	int (*posix_spawnp)(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attributes, char *const argv[],
			    char *const envp[]);
	int (*posix_spawn_file_actions_init)(posix_spawn_file_actions_t *actions);
	int (*posix_spawn_file_actions_destroy)(posix_spawn_file_actions_t *actions);
	int (*posix_spawn_file_actions_addclose)(posix_spawn_file_actions_t *actions, int fd);
	int (*posix_spawn_file_actions_addopen)(posix_spawn_file_actions_t *actions, int fd,
						const char *path, int flags, mode_t mode);
	int (*posix_spawn_file_actions_adddup2)(posix_spawn_file_actions_t *actions, int fd,
						int to);
	int (*posix_spawn_file_actions_addclosefrom_np)(posix_spawn_file_actions_t *actions,
							int from);
	int (*fexecve)(int fd, char *const argv[], char *const envp[]);
	int (*execveat)(int dir, const char *path, char *const argv[], char *const envp[],
			int flags);
	FILE *(*fdopen)(int fd, const char *mode);
	int (*fileno)(FILE *stream);
	void (*exit_now)(int status) __attribute__((noreturn));
	ssize_t (*read)(int fd, void *to, size_t n);
	ssize_t (*write)(int fd, const void *from, size_t n);
	ssize_t (*readv)(int fd, const struct iovec *iov, int n);
	ssize_t (*writev)(int fd, const struct iovec *iov, int n);
	ssize_t (*recv)(int fd, void *to, size_t n, int flags);
	ssize_t (*recvfrom)(int fd, void *to, size_t n, int flags, struct sockaddr *peer,
			    socklen_t *len);
	ssize_t (*recvmsg)(int fd, struct msghdr *message, int flags);
	int (*recvmmsg)(int fd, struct mmsghdr *messages, unsigned n, int flags,
			struct timespec *timeout);
	ssize_t (*send)(int fd, const void *from, size_t n, int flags);
	ssize_t (*sendto)(int fd, const void *from, size_t n, int flags, const struct sockaddr *to,
			  socklen_t len);
	ssize_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
	int (*sendmmsg)(int fd, struct mmsghdr *messages, unsigned n, int flags);
	ssize_t (*sendfile)(int out, int in, off_t *offset, size_t n);
	int (*poll)(struct pollfd *fds, nfds_t n, int timeout_ms);
	int (*ppoll)(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		     const sigset_t *mask);
	int (*select)(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout);
	int (*pselect)(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout,
		       const sigset_t *mask);
	int (*epoll_create1)(int flags);
	int (*epoll_ctl)(int epfd, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(int epfd, struct epoll_event *events, int max, int timeout_ms);
	int (*epoll_pwait)(int epfd, struct epoll_event *events, int max, int timeout_ms,
			   const sigset_t *mask);
	int (*epoll_pwait2)(int epfd, struct epoll_event *events, int max,
			    const struct timespec *timeout, const sigset_t *mask);
};

/* real_calls - the table; looks the names up when the first caller comes. */
const struct real *real_calls(void);

#endif
