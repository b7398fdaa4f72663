/*
 * heirs.h - the program's sockets for a program that it starts: by exec, or by posix_spawn. The
 * number of the descriptor that carries them is passed on in the environment.
 */
#ifndef CONVOY_COMMS_PRELOAD_HEIRS_H
#define CONVOY_COMMS_PRELOAD_HEIRS_H

#include <stdbool.h>

#include "comms/convoy.h"

#define HEIRS_VARIABLE "CONVOY_INHERITED"

/* What an exec or a spawn needs beside its arguments. */
struct heirs_plan {
	int bundle; /* -1: nothing goes along */
	char **made;
	char *const *envp; /* for the new program */
	char variable[sizeof(HEIRS_VARIABLE) + 16];
};

/*
 * heirs_prepare - the @n sockets of @what are to go along; @envp is the environment meant for the
 * program, borrowed until heirs_end(). @spawn: it is a child, and this program goes on. Returns 0,
 * or -1 with errno: the program is not to be started.
 */
int heirs_prepare(struct heirs_plan *p, const struct convoy_heirloom *what, unsigned n, bool spawn,
		  char *const envp[]);

/* heirs_end - the exec has failed, or the child has been started or not. Keeps errno. */
void heirs_end(struct heirs_plan *p);

#endif
