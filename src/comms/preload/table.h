/*
 * table.h - which of the program's descriptors are the stack's.
 *
 * Every socket of the stack has a real descriptor number of the kernel, held by a socket that is
 * never connected: a stray system call on it fails with ENOTCONN, and /proc, limits, dup and close
 * behave. A TCP socket starts as a plain kernel socket, "undecided"; bind() or connect() shows
 * whose address it is, and then it stays the kernel's or its number stands for a convoy descriptor.
 */
#ifndef CONVOY_COMMS_PRELOAD_TABLE_H
#define CONVOY_COMMS_PRELOAD_TABLE_H

#include <stdbool.h>
#include <sys/epoll.h>

/* cd_of - the convoy descriptor behind @fd, -1 if it is the kernel's. Any number may be asked. */
int cd_of(int fd);

/* fd_is_undecided - a TCP socket that is neither bound nor connected. */
bool fd_is_undecided(int fd);

/* fd_mark_undecided - @fd is a new IPv4 stream socket. */
void fd_mark_undecided(int fd);

/* fd_configured - setsockopt was called on it: options are to be copied if it becomes the stack's.
 */
void fd_configured(int fd);

/* fd_decide_kernel - it stays the kernel's. */
void fd_decide_kernel(int fd);

/*
 * fd_decide_stack - make @fd stand for a new convoy socket with the options that it has been
 * given; registrations in epoll move along. Returns its cd, or -1 with errno.
 */
int fd_decide_stack(int fd);

/* fd_for_cd - a new descriptor number for @cd, close-on-exec or not; -1 with errno (EMFILE). */
int fd_for_cd(int cd, bool cloexec);

/* fd_set_cd - @fd, a fresh duplicate, stands for @cd, whose reference it takes over. */
void fd_set_cd(int fd, int cd);

/* fd_forget - @fd is about to be closed or overwritten: drop its reference to the stack. */
void fd_forget(int fd);

/* fd_end - one past the highest number that may have an entry. */
int fd_end(void);

/* fd_watched - an undecided @fd was added to, changed in or (@event NULL) removed from @epfd. */
void fd_watched(int fd, int epfd, const struct epoll_event *event);

#endif
