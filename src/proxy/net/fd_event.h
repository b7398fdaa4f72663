/*
 * fd_event.h - readiness of a kernel descriptor. For proxy/net only (kernel handles, the wake
 * descriptor of the comms library, c-ares' sockets); everybody else has io_handle's events.
 */
#ifndef CONVOY_PROXY_NET_FD_EVENT_H
#define CONVOY_PROXY_NET_FD_EVENT_H

#include "proxy/net/dispatcher.h"

enum { FD_READ = 1, FD_WRITE = 2, FD_CLOSED = 4 /* the peer sent its last byte (EPOLLRDHUP) */ };

/* Embed it in its owner; @impl is libevent's. */
struct fd_event {
	void (*fn)(void *context, unsigned ready);
	void *context;
	struct dispatcher *dispatcher;
	_Alignas(8) unsigned char impl[128];
};

/*
 * fd_event_open - watch @fd; not more than one event may watch a descriptor.
 * @mask: FD_* bits
 * @edge: report changes once (the owner reads until it is drained) instead of the level
 * Returns 0 or ERR_IO (the descriptor cannot be polled, or memory).
 */
must_check
int fd_event_open(struct fd_event *e, struct dispatcher *d, int fd, unsigned mask, bool edge,
		  void (*fn)(void *context, unsigned ready), void *context);

/* fd_event_close - before the descriptor is closed. The callback is not called again. */
void fd_event_close(struct fd_event *e);

#endif
