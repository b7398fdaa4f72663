/* connect.h - connects that wait for their thread to choose an epoll set. */
#ifndef CONVOY_COMMS_CONNECT_H
#define CONVOY_COMMS_CONNECT_H

#include "comms/src/sock.h"

/*
 * connect_deferred - start the DEFERRED connect of @s at @w. unhomed and @w are held; on return @s
 * lives at @w.
 */
void connect_deferred(struct sock *s, struct worker *w);

/* connect_deferred_of_thread - start all of this thread at the worker of its set, or the process's.
 */
void connect_deferred_of_thread(void);

/* connect_deferred_by_cd - the same for one socket, before its state is looked at. */
void connect_deferred_by_cd(int cd);

/* connect_forget - @s is closed while DEFERRED. unhomed is held. */
void connect_forget(struct sock *s);

/* connect_refused - a cached answer about an address may be wrong. */
void connect_fork_child(void);

#endif
