/* socket.h - see socket.c. */
#ifndef CONVOY_COMMS_SOCKET_H
#define CONVOY_COMMS_SOCKET_H

void socket_fork_child(void);

#endif
