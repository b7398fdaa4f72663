/* notify.h - telling the service manager that the daemon serves now. */
#ifndef CONVOY_DAEMON_NOTIFY_H
#define CONVOY_DAEMON_NOTIFY_H

/* notify_manager - send @state ("READY=1", "STOPPING=1") to the socket that NOTIFY_SOCKET names, if
 * it names one. A manager that cannot be reached costs a line in the log. */
void notify_manager(const char *state);

#endif
