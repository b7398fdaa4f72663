/*
 * memif_bell.h - ringing an eventfd that another program has as well. write(2) may wait there: the
 * other program can take O_NONBLOCK away, which belongs to the open file, and fill the counter. A
 * completion of asynchronous I/O (io_submit(2), aio_resfd) is told to an eventfd by the kernel
 * itself, which adds what fits and never waits.
 */
#ifndef CONVOY_DRIVERS_MEMIF_BELL_H
#define CONVOY_DRIVERS_MEMIF_BELL_H

#include <linux/aio_abi.h>

#include "base/compiler.h"

/* What all workers ring by. */
struct memif_ringer {
	aio_context_t context; /* 0: without asynchronous I/O; then it is write(2) */
	int nothing_fd;	       /* an empty file, of which reading ends at once */
};

/* memif_ringer_open - context 0 if the system has none. Main. */
void memif_ringer_open(struct memif_ringer *r);
void memif_ringer_close(struct memif_ringer *r);

/* memif_ring_bell - add one to the eventfd @fd; any thread. */
void memif_ring_bell(const struct memif_ringer *r, int fd);

#endif
