/* program.h - can this program run on the preload library? */
#ifndef CONVOY_CLI_PROGRAM_H
#define CONVOY_CLI_PROGRAM_H

#include <stddef.h>

#include "base/compiler.h"

enum { PROGRAM_PATH_MAX = 4096 };

/*
 * program_find - what execvp(3) would run for @name, looked up in PATH if it has no slash.
 * ERR_NOENT, or ERR_PERM if all that was found may not be executed.
 */
must_check
int program_find(const char *name, char path[PROGRAM_PATH_MAX]);

/*
 * program_check - look for what keeps a preload library out of the program at @path (of a script:
 * out of its interpreter): no dynamic linker, a Go program, rights that come with the file, another
 * kind of machine.
 * Returns 0 when nothing does; ERR_UNSUPPORTED with a sentence in @why; ERR_IO, ERR_NOENT or
 * ERR_PERM when it cannot be read, ERR_FORMAT when it is no program.
 */
must_check
int program_check(const char *path, char *why, size_t room);

#endif
