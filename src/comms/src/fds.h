/*
 * fds.h - the library's own kernel descriptors: moved to high numbers, where programs that count on
 * low ones or close "everything from 3 up" do not meet them, and remembered.
 */
#ifndef CONVOY_COMMS_FDS_H
#define CONVOY_COMMS_FDS_H

#include "base/compiler.h"

/*
 * fd_keep - take @fd over: it is moved up if there is room, made close-on-exec, and marked.
 * Returns the number that it has now; a negative @fd is returned as it is.
 */
int fd_keep(int fd);

/* fd_drop - close a kept descriptor and set *@fd to -1; harmless on a negative one. */
void fd_drop(int *fd);

bool fd_is_kept(int fd);

/* fds_close_kept - in the child of a fork: all of them are the parent's. */
void fds_close_kept(void);

#endif
