/* fork.h - see fork.c. */
#ifndef CONVOY_COMMS_FORK_H
#define CONVOY_COMMS_FORK_H

/* fork_watch - be called around forks from now on; with the first attachment, under its lock. */
void fork_watch(void);

#endif
