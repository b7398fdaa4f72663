/* stdio.h - see stdio.c. */
#ifndef CONVOY_COMMS_PRELOAD_STDIO_H
#define CONVOY_COMMS_PRELOAD_STDIO_H

/*
 * stdio_follow - @fd stands for something else now: if it is one of the standard three, the
 * standard stream is one over the stack's calls, or again the C library's.
 */
void stdio_follow(int fd);

#endif
