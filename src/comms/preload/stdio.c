/*
 * stdio.c - the C library's streams over sockets of the stack. Its own streams call the kernel from
 * inside; so a stream over one of ours is made of our calls instead: what a program opens with
 * fdopen(), and the three standard ones where inetd and the like have put a connection.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "comms/preload/real.h"
#include "comms/preload/stdio.h"
#include "comms/preload/table.h"

enum { STANDARD = 3 };

/* Streams of ours, by descriptor, for fileno(); more than so many have none. */
enum { STREAMS = 1024 };
static FILE *streams[STREAMS];

static int fd_of(void *cookie)
{
	return (int)(intptr_t)cookie;
}

static ssize_t stream_read(void *cookie, char *to, size_t n)
{
	return read(fd_of(cookie), to, n);
}

static ssize_t stream_write(void *cookie, const char *from, size_t n)
{
	ssize_t put = write(fd_of(cookie), from, n);

	return put < 0 ? 0 : put; /* what fopencookie(3) wants to hear of an error */
}

static int stream_close(void *cookie)
{
	int fd = fd_of(cookie);

	if (fd < STREAMS)
		streams[fd] = NULL;
	return close(fd);
}

static FILE *stream_or_null(int fd, const char *mode)
{
	cookie_io_functions_t calls = { .read = stream_read,
					.write = stream_write,
					.close = stream_close };
	FILE *f = fopencookie((void *)(intptr_t)fd, mode, calls);

	if (f && fd < STREAMS)
		streams[fd] = f;
	return f;
}

SHIM FILE *fdopen(int fd, const char *mode)
{
	return cd_of(fd) >= 0 ? stream_or_null(fd, mode) : real_calls()->fdopen(fd, mode);
}

SHIM int fileno(FILE *f)
{
	for (int fd = 0; f && fd < STREAMS && fd < fd_end(); fd++)
		if (streams[fd] == f)
			return fd;
	return real_calls()->fileno(f);
}

SHIM int fileno_unlocked(FILE *f)
{
	return fileno(f);
}

static FILE **standard_stream(int fd)
{
	FILE **const standard[STANDARD] = { &stdin, &stdout, &stderr };

	return standard[fd];
}

void stdio_follow(int fd)
{
	static FILE *before[STANDARD];
	FILE **place, *ours;

	if (fd < 0 || fd >= STANDARD)
		return;
	place = standard_stream(fd);
	if (cd_of(fd) < 0) {
		if (before[fd] && *place == streams[fd])
			*place = before[fd];
		return;
	}
	ours = streams[fd] ? streams[fd] : stream_or_null(fd, fd == STDIN_FILENO ? "r" : "w");
	if (!ours || *place == ours)
		return;
	if (fd == STDERR_FILENO)
		setvbuf(ours, NULL, _IONBF, 0);
	before[fd] = *place;
	*place = ours;
}

/* Before the connections end (fork.c), which the C library's own flush would come after. */
__attribute__((destructor)) static void flush_streams(void)
{
	for (int fd = 0; fd < STREAMS && fd < fd_end(); fd++)
		if (streams[fd])
			fflush(streams[fd]);
}
