/* kernel_handle.h - a kernel socket as an I/O handle; for kernel_*.c only. */
#ifndef CONVOY_PROXY_NET_KERNEL_HANDLE_H
#define CONVOY_PROXY_NET_KERNEL_HANDLE_H

#include "proxy/net/fd_event.h"
#include "proxy/net/socket_interface.h"

struct kernel_handle {
	struct io_handle handle;
	int fd;
	uint8_t family;	  /* enum address_family */
	uint8_t ready;	  /* IO_* bits that may succeed */
	uint8_t enabled;  /* IO_* bits that the owner wants to hear of */
	uint8_t injected; /* IO_* bits to report next turn */
	bool watched;
	bool closed;
	bool peer_ended; /* EPOLLRDHUP was seen: reads go on to the end */
	bool bulk;	 /* the last read filled its room: ask for more at once */
	io_event_fn fn;
	void *context;
	struct dispatcher *dispatcher;
	struct task inject;
	struct deferred deletion;
	struct fd_event event;
};

static inline struct kernel_handle *kernel_handle_of(struct io_handle *h)
{
	return container_of(h, struct kernel_handle, handle);
}

/* kernel_handle_new_or_null - over @fd, taken unless NULL; it must not block. */
struct io_handle *kernel_handle_new_or_null(int fd, enum address_family family);

/* kernel_err - errno as an enum err, with the meanings that io_handle.h gives them. */
int kernel_err(void);

/* In kernel_options.c */
int kernel_set_option(struct io_handle *h, enum io_option option, int value);
int kernel_get_option(struct io_handle *h, enum io_option option, int *value);
int kernel_local_address(struct io_handle *h, struct address *out);
int kernel_peer_address(struct io_handle *h, struct address *out);
int64_t kernel_rtt_us(struct io_handle *h);
int64_t kernel_cwnd_bytes(struct io_handle *h);

#endif
