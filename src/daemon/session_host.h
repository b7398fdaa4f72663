/* session_host.h - what routing answers to the session layer. */
#ifndef CONVOY_DAEMON_SESSION_HOST_H
#define CONVOY_DAEMON_SESSION_HOST_H

#include "session/layer.h"

/* session_host_of - the answers of @e's FIB; valid as long as IPv4 runs there. */
struct session_host session_host_of(struct engine *e);

#endif
