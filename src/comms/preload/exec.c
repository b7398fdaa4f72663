/* exec.c - the program's sockets over exec: what is not closed on exec goes along. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comms/convoy.h"
#include "comms/preload/heirs.h"
#include "comms/preload/real.h"
#include "comms/preload/stdio.h"
#include "comms/preload/table.h"

static bool goes_along(int fd)
{
	int flags = cd_of(fd) >= 0 ? real_calls()->fcntl(fd, F_GETFD) : -1;

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

static unsigned count_heirlooms(void)
{
	unsigned n = 0;

	for (int fd = 0, end = fd_end(); fd < end; fd++)
		n += goes_along(fd);
	return n;
}

/* What is not closed on exec, to be freed; NULL with ENOMEM. */
static struct convoy_heirloom *heirlooms(unsigned *n)
{
	unsigned room = count_heirlooms();
	struct convoy_heirloom *what = calloc(room + 1, sizeof(*what));

	*n = 0;
	for (int fd = 0, end = fd_end(); what && fd < end && *n < room; fd++)
		if (goes_along(fd))
			what[(*n)++] = (struct convoy_heirloom){ .cd = cd_of(fd), .fd = fd };
	return what;
}

/* @envp with our variable in it, and without an older one. */
static char **extend(char *const envp[], char *variable)
{
	size_t n = 0, have = 0;
	char **made;

	while (envp && envp[n])
		n++;
	made = calloc(n + 2, sizeof(*made));
	for (size_t i = 0; made && i < n; i++)
		if (strncmp(envp[i], HEIRS_VARIABLE "=", sizeof(HEIRS_VARIABLE)) != 0)
			made[have++] = envp[i];
	if (made)
		made[have] = variable;
	return made;
}

int heirs_prepare(struct heirs_plan *p, const struct convoy_heirloom *what, unsigned n, bool spawn,
		  char *const envp[])
{
	*p = (struct heirs_plan){ .bundle = -1, .envp = envp };
	if (n == 0)
		return 0;
	p->bundle = spawn ? convoy_spawn_begin(what, n) : convoy_exec_begin(what, n);
	if (p->bundle < 0)
		return -1;
	snprintf(p->variable, sizeof(p->variable), HEIRS_VARIABLE "=%d", p->bundle);
	p->made = extend(envp, p->variable);
	p->envp = p->made;
	if (p->made)
		return 0;
	convoy_exec_end(p->bundle);
	errno = ENOMEM;
	return -1;
}

void heirs_end(struct heirs_plan *p)
{
	if (p->bundle >= 0)
		convoy_exec_end(p->bundle);
	free(p->made);
}

/* 0, or -1 with errno: the exec is not to be tried. */
static int prepare(struct heirs_plan *p, char *const envp[])
{
	unsigned n;
	struct convoy_heirloom *what = heirlooms(&n);
	int err = what ? heirs_prepare(p, what, n, false, envp) : -1;

	free(what);
	return err;
}

/* It has failed: back to where we were. */
static int give_up(struct heirs_plan *p)
{
	heirs_end(p);
	return -1;
}

/* --- the C library's names --- */

SHIM int execve(const char *path, char *const argv[], char *const envp[])
{
	struct heirs_plan p;

	if (prepare(&p, envp) < 0)
		return -1;
	real_calls()->execve(path, argv, p.envp);
	return give_up(&p);
}

SHIM int execvpe(const char *file, char *const argv[], char *const envp[])
{
	struct heirs_plan p;

	if (prepare(&p, envp) < 0)
		return -1;
	real_calls()->execvpe(file, argv, p.envp);
	return give_up(&p);
}

SHIM int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct heirs_plan p;

	if (prepare(&p, envp) < 0)
		return -1;
	real_calls()->fexecve(fd, argv, p.envp);
	return give_up(&p);
}

SHIM int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	struct heirs_plan p;

	if (prepare(&p, envp) < 0)
		return -1;
	real_calls()->execveat(dir, path, argv, p.envp, flags);
	return give_up(&p);
}

SHIM int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

SHIM int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

/* The arguments of execl and its kin up to their NULL, as an array to be freed; NULL with ENOMEM.
 */
static char **collect(const char *first, va_list *args)
{
	va_list counted;
	char **argv;
	size_t n = first ? 1 : 0;

	va_copy(counted, *args);
	while (first && va_arg(counted, char *))
		n++;
	va_end(counted);
	argv = calloc(n + 1, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[0] = (char *)(uintptr_t)first;
	for (size_t i = 1; first && i <= n; i++)
		argv[i] = va_arg(*args, char *);
	return argv;
}

SHIM int execl(const char *path, const char *first, ...)
{
	va_list args;
	char **argv;

	va_start(args, first);
	argv = collect(first, &args);
	va_end(args);
	if (argv)
		execve(path, argv, environ);
	free(argv);
	return -1;
}

SHIM int execlp(const char *file, const char *first, ...)
{
	va_list args;
	char **argv;

	va_start(args, first);
	argv = collect(first, &args);
	va_end(args);
	if (argv)
		execvpe(file, argv, environ);
	free(argv);
	return -1;
}

SHIM int execle(const char *path, const char *first, ...)
{
	va_list args;
	char *const *envp;
	char **argv;

	va_start(args, first);
	argv = collect(first, &args);
	envp = va_arg(args, char *const *);
	va_end(args);
	if (argv)
		execve(path, argv, envp);
	free(argv);
	return -1;
}

/*
 * A child of vfork() would change our tables in its parent's memory: it closes descriptors, and
 * makes duplicates, before it execs. POSIX lets vfork() be a fork().
 */
SHIM pid_t vfork(void)
{
	return fork();
}

/* --- the new program --- */

__attribute__((constructor)) static void take_over(void)
{
	const char *text = getenv(HEIRS_VARIABLE);
	struct convoy_heirloom *what;
	int n;

	if (!text)
		return;
	n = convoy_exec_take(atoi(text), &what);
	unsetenv(HEIRS_VARIABLE);
	for (int i = 0; i < n; i++)
		fd_set_cd(what[i].fd, what[i].cd);
	if (n >= 0)
		free(what);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		stdio_follow(fd);
}
