/* option.h - socket options that reach the transport. */
#ifndef CONVOY_COMMS_OPTION_H
#define CONVOY_COMMS_OPTION_H

#include "comms/src/sock.h"

/* option_replay - @s has become OPEN: tell the transport what was set before. The lock is held. */
void option_replay(struct sock *s);

#endif
