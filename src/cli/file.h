/*
 * file.h - the files that commands read and write: opened here, with the caller's rights, and
 * handed to convoyd.
 */
#ifndef CONVOY_CLI_FILE_H
#define CONVOY_CLI_FILE_H

#include "base/compiler.h"

/* file_open_output - a descriptor to write @path by; "-" is standard output. @made: there was no
 * such file. ERR_IO, errno says why. */
must_check
int file_open_output(const char *path, bool *made);

/*
 * file_open_input - a descriptor to read @path by from its start, always of a regular file: what
 * comes from a pipe or a terminal ("-" is standard input) is gathered in memory first, so that
 * convoyd never waits for it. ERR_IO, errno says why.
 */
must_check
int file_open_input(const char *path);

#endif
