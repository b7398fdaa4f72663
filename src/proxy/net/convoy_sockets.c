/* convoy_sockets.c - the socket interface of our own stack. */
#include <stdlib.h>

#include "proxy/net/convoy_worker.h"
#include "proxy/net/socket_interface.h"

static int convoy_open(struct socket_interface *si, struct dispatcher *d, enum io_type type,
		       enum address_family family, struct io_handle **out)
{
	struct convoy_worker *w = socket_interface_worker(si, d);
	struct convoy_handle *h;
	int err, cd;

	if (family != ADDRESS_IP4 || type != IO_STREAM)
		return ERR_UNSUPPORTED;
	invariant(w);
	err = convoy_worker_attach(w);
	if (err)
		return err;
	cd = convoy_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (cd < 0)
		return convoy_err();
	h = convoy_handle_new_or_null(w, cd);
	if (!h) {
		convoy_close(cd);
		return ERR_FULL;
	}
	*out = &h->handle;
	return 0;
}

static bool convoy_family_supported(struct socket_interface *si unused_arg,
				    enum address_family family)
{
	return family == ADDRESS_IP4;
}

static int convoy_worker_start(struct socket_interface *si unused_arg, struct dispatcher *d,
			       void **state)
{
	struct convoy_worker *w;
	int err = convoy_worker_new(d, &w);

	*state = err ? NULL : w;
	return err;
}

static void convoy_worker_stop(struct socket_interface *si unused_arg,
			       struct dispatcher *d unused_arg, void *state)
{
	convoy_worker_free(state);
}

static void convoy_free(struct socket_interface *si)
{
	free(si);
}

static const struct socket_interface_ops convoy_sockets = {
	.name = SOCKET_NAME_CONVOY,
	.aliases = { SOCKET_NAME_VCL },
	.open = convoy_open,
	.family_supported = convoy_family_supported,
	.worker_start = convoy_worker_start,
	.worker_stop = convoy_worker_stop,
	.free = convoy_free,
};

struct socket_interface *convoy_sockets_new(void)
{
	struct socket_interface *si = calloc(1, sizeof(*si));

	invariant(si);
	si->ops = &convoy_sockets;
	return si;
}
