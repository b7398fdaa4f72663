/*
 * af_xdp_socket.c - opening the sockets of a device: memory, rings, queues, the program.
 *
 * No library: what libxdp would add is a dispatcher that stays on the device when its user is
 * killed. Our program hangs on a descriptor and goes with the process.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/af_xdp/af_xdp_private.h"
#include "drivers/bpf.h"

enum {
	RING_DEFAULT = 1024,
	BUSY_POLL_BUDGET = 64,
	BIND_TRIES = 100,
	SEND_BUFFER = 8 << 20, /* bytes of copies that may wait in the kernel to be sent */
	/* Newer than Debian 12's headers: */
	BIND_CHAINS = 1 << 4,  /* XDP_USE_SG, Linux 6.6 */
	MAX_TX_SKB_BUDGET = 9, /* XDP_MAX_TX_SKB_BUDGET, Linux 6.17 */
	PREFER_BUSY_POLL = 69, /* SO_PREFER_BUSY_POLL, Linux 5.11 */
};

struct opening {
	struct af_xdp *xdp;
	const struct netdev_info *info;
	char *why;
	size_t why_bytes;
};

static int failed(struct opening *o, int errno_value, const char *what)
{
	return netdev_fail(o->why, o->why_bytes, errno_value, "device %s: cannot %s",
			   o->xdp->netdev.name, what);
}

static uint32_t ring_size(const struct af_xdp *x)
{
	return x->config.ring ? x->config.ring : RING_DEFAULT;
}

/* --- memory and rings --- */

/* Pinned memory counts against RLIMIT_MEMLOCK for those without CAP_IPC_LOCK. */
static void raise_memory_limit(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &all) < 0)
		log_debug("af_xdp.memlock", "errno=%d", errno);
}

/* The pool is the memory of the first queue's socket; the other queues' share it. */
static int register_memory(struct opening *o, int fd)
{
	const struct buf_pool *pool = &o->xdp->engine->bufs;
	const struct xdp_umem_reg request = {
		.addr = (uintptr_t)pool->base,
		.len = pool->map_bytes,
		.chunk_size = sizeof(struct buf), /* a packet ends where its buffer does */
		.flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG,
	};

	raise_memory_limit();
	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &request, sizeof(request)) == 0)
		return 0;
	return failed(o, errno,
		      errno == ENOBUFS ? "lock the buffer pool in memory: `ulimit -l unlimited` "
					 "or fewer buffers"
				       : "use the buffer pool as its memory (XDP_UMEM_REG)");
}

static int map_ring(struct opening *o, struct xdp_queue *q, struct xdp_ring *r, off_t where,
		    const struct xdp_ring_offset *offset, size_t slot_bytes)
{
	uint32_t n = ring_size(o->xdp);
	uint8_t *map;

	r->map_bytes = offset->desc + n * slot_bytes;
	map = mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, q->fd,
		   where);
	if (map == MAP_FAILED)
		return failed(o, errno, "map a ring");
	r->map = map;
	r->producer = (uint32_t *)(void *)(map + offset->producer);
	r->consumer = (uint32_t *)(void *)(map + offset->consumer);
	r->flags = (uint32_t *)(void *)(map + offset->flags);
	r->slots = map + offset->desc;
	r->mask = n - 1;
	r->mine = r->theirs = 0;
	return 0;
}

static int make_rings(struct opening *o, struct xdp_queue *q)
{
	static const int options[] = { XDP_RX_RING, XDP_TX_RING, XDP_UMEM_FILL_RING,
				       XDP_UMEM_COMPLETION_RING };
	struct xdp_mmap_offsets at;
	socklen_t len = sizeof(at);
	uint32_t n = ring_size(o->xdp);
	int err;

	for (unsigned i = 0; i < count_of(options); i++)
		if (setsockopt(q->fd, SOL_XDP, options[i], &n, sizeof(n)) < 0)
			return failed(o, errno, "make a ring");
	if (getsockopt(q->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len) < 0 || len != sizeof(at))
		return failed(o, errno, "learn where its rings lie (Linux 5.4)");
	err = map_ring(o, q, &q->rx, XDP_PGOFF_RX_RING, &at.rx, sizeof(struct xdp_desc));
	if (!err)
		err = map_ring(o, q, &q->tx, XDP_PGOFF_TX_RING, &at.tx, sizeof(struct xdp_desc));
	if (!err)
		err = map_ring(o, q, &q->fill, (off_t)XDP_UMEM_PGOFF_FILL_RING, &at.fr,
			       sizeof(uint64_t));
	if (!err)
		err = map_ring(o, q, &q->completion, (off_t)XDP_UMEM_PGOFF_COMPLETION_RING, &at.cr,
			       sizeof(uint64_t));
	return err;
}

/* --- binding to the device --- */

/*
 * 0 or an errno value. The kernel lets go of a queue some time after its last socket was closed,
 * by us or by one that was killed: it gets a moment.
 */
static int bind_queue(const struct opening *o, const struct xdp_queue *q, unsigned flags)
{
	const struct timespec pause = { 0, 2 * NS_PER_MS };
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = (uint16_t)flags,
		.sxdp_ifindex = (uint32_t)o->info->index,
		.sxdp_queue_id = q->index,
	};

	if (q->index > 0) { /* takes the first one's memory, and does as that does */
		address.sxdp_flags = XDP_SHARED_UMEM;
		address.sxdp_shared_umem_fd = (uint32_t)o->xdp->queue[0].fd;
	}
	for (unsigned n = 0; n < BIND_TRIES; n++) {
		if (bind(q->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return 0;
		if (errno != EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	return errno;
}

/* The best of what the kernel, the device and the configuration allow. */
static int bind_first(struct opening *o, const struct xdp_queue *q)
{
	struct af_xdp *x = o->xdp;
	unsigned flags = XDP_USE_NEED_WAKEUP | BIND_CHAINS;
	int errno_value;

	/* Hardware needs each buffer in one piece, also physically. */
	if (x->config.copying == AF_XDP_COPY_NEVER)
		flags |= XDP_ZEROCOPY;
	else if (x->config.copying == AF_XDP_COPY_ALWAYS || !x->engine->bufs.huge ||
		 x->config.mode == AF_XDP_MODE_GENERIC)
		flags |= XDP_COPY;
	errno_value = bind_queue(o, q, flags);
	if (errno_value == EINVAL || errno_value == EOPNOTSUPP) {
		flags &= ~(unsigned)BIND_CHAINS;
		errno_value = bind_queue(o, q, flags);
	}
	x->chains = flags & BIND_CHAINS;
	return errno_value;
}

static int explain_bind(struct opening *o, const struct xdp_queue *q, int errno_value)
{
	char what[160];

	if (errno_value == EBUSY) {
		snprintf(what, sizeof(what),
			 "use queue %u: another AF_XDP socket has it; end that program", q->index);
	} else if (errno_value == EINVAL && q->index >= o->info->n_rx_queues) {
		snprintf(what, sizeof(what), "use queue %u: it has %u; lower \"queues\"", q->index,
			 o->info->n_rx_queues);
	} else if (o->xdp->config.copying == AF_XDP_COPY_NEVER) {
		snprintf(what, sizeof(what),
			 "receive without copying (copy: never): driver \"%s\" has no zero copy",
			 o->info->driver);
		failed(o, errno_value, what);
		return ERR_UNSUPPORTED;
	} else {
		snprintf(what, sizeof(what), "bind an AF_XDP socket to queue %u", q->index);
	}
	return failed(o, errno_value, what);
}

static void learn_mode(struct af_xdp *x, const struct xdp_queue *q)
{
	struct xdp_options options = { 0 };
	socklen_t len = sizeof(options);

	x->zero_copy = getsockopt(q->fd, SOL_XDP, XDP_OPTIONS, &options, &len) == 0 &&
		       (options.flags & XDP_OPTIONS_ZEROCOPY);
}

static int set_busy_poll(struct opening *o, int fd)
{
	int us = (int)o->xdp->config.busy_poll_us, on = 1, budget = BUSY_POLL_BUDGET;

	if (us == 0)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, PREFER_BUSY_POLL, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)) < 0)
		return failed(o, errno, "poll busily (busy_poll; Linux 5.11)");
	return 0;
}

static int open_queue(struct opening *o, struct xdp_queue *q)
{
	int errno_value, budget = FRAME_MAX, bytes = SEND_BUFFER, err = 0;

	q->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (q->fd < 0 && (errno == EPERM || errno == EACCES))
		return netdev_fail(o->why, o->why_bytes, errno,
				   "AF_XDP sockets need CAP_NET_RAW: run as root");
	if (q->fd < 0) {
		failed(o, errno, "open an AF_XDP socket (CONFIG_XDP_SOCKETS); use af_packet");
		return ERR_UNSUPPORTED;
	}
	if (q->index == 0)
		err = register_memory(o, q->fd);
	if (!err)
		err = make_rings(o, q);
	if (!err)
		err = set_busy_poll(o, q->fd);
	if (err)
		return err;
	errno_value = q->index == 0 ? bind_first(o, q) : bind_queue(o, q, 0);
	if (errno_value)
		return explain_bind(o, q, errno_value);
	/* Where it is unknown, one system call sends 32 packets at most. */
	if (setsockopt(q->fd, SOL_XDP, MAX_TX_SKB_BUDGET, &budget, sizeof(budget)) < 0)
		log_debug("af_xdp.budget", "errno=%d", errno);
	if (setsockopt(q->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		log_debug("af_xdp.sndbuf", "errno=%d", errno);
	q->input.fd = q->fd;
	if (q->index == 0)
		learn_mode(o->xdp, q);
	return 0;
}

/* --- sending by a program --- */

/*
 * It has every frame copied, so that it is for where the kernel would do that; it is known to be
 * faster where what is sent ends in another stack of this machine.
 */
static bool wants_sender(const struct opening *o)
{
	const struct af_xdp *x = o->xdp;

	return x->config.program == BPF_SENDER_ALWAYS ||
	       (x->config.program == BPF_SENDER_AUTO && !x->zero_copy &&
		strcmp(o->info->driver, "veth") == 0 &&
		o->info->mtu_bytes <= AF_XDP_SENDER_MTU_MAX);
}

static int open_sender(struct opening *o, struct xdp_queue *q)
{
	int err;

	if (!wants_sender(o))
		return 0;
	err = bpf_sender_open(&q->sender, o->info->index);
	if (err == 0 || o->xdp->config.program == BPF_SENDER_AUTO)
		return 0;
	return failed(o, -err,
		      "send by a program (Linux 5.5 with CONFIG_BPF_SYSCALL, CAP_BPF and "
		      "CAP_NET_ADMIN); leave out \"send_by_program\"");
}

/* --- the program --- */

static int explain_attach(struct opening *o, int errno_value)
{
	const char *name = o->xdp->netdev.name;

	if (errno_value == EBUSY || errno_value == EEXIST)
		return netdev_fail(o->why, o->why_bytes, errno_value,
				   "device %s has another XDP program: `ip link set %s xdp off`, "
				   "or end who put it there",
				   name, name);
	if (errno_value == EPERM)
		return netdev_fail(o->why, o->why_bytes, errno_value,
				   "device %s: XDP programs need CAP_NET_ADMIN and CAP_BPF: "
				   "run as root",
				   name);
	if (errno_value == ERANGE && !o->xdp->chains) {
		failed(o, errno_value,
		       "attach its XDP program: with this MTU it needs packets in several pieces "
		       "(Linux 6.6)");
		return ERR_UNSUPPORTED;
	}
	if (errno_value == ERANGE || errno_value == EINVAL)
		return failed(o, errno_value,
			      "attach its XDP program: the MTU may be too large for it");
	failed(o, errno_value, "attach an XDP program (CONFIG_BPF_SYSCALL, CONFIG_XDP_SOCKETS)");
	return ERR_UNSUPPORTED;
}

static int attach_program(struct opening *o)
{
	struct af_xdp *x = o->xdp;
	int fd = -EOPNOTSUPP;

	x->native = false;
	if (x->config.mode != AF_XDP_MODE_GENERIC) {
		fd = bpf_redirect_to_sockets(o->info->index, x->map_fd, true, x->chains);
		x->native = fd >= 0;
	}
	if (fd == -EOPNOTSUPP && x->config.mode == AF_XDP_MODE_NATIVE) {
		netdev_fail(o->why, o->why_bytes, EOPNOTSUPP,
			    "driver \"%s\" of device %s has no XDP: leave \"mode\" out, or generic",
			    o->info->driver, x->netdev.name);
		return ERR_UNSUPPORTED;
	}
	if (fd == -EOPNOTSUPP)
		fd = bpf_redirect_to_sockets(o->info->index, x->map_fd, false, x->chains);
	if (fd < 0)
		return explain_attach(o, -fd);
	x->link_fd = fd;
	return 0;
}

static int open_program(struct opening *o)
{
	struct af_xdp *x = o->xdp;
	int fd = bpf_socket_map(x->n_queues);

	if (fd < 0)
		return explain_attach(o, -fd);
	x->map_fd = fd;
	for (uint32_t i = 0; i < x->n_queues; i++) {
		int err = bpf_socket_map_set(x->map_fd, i, x->queue[i].fd);

		if (err < 0)
			return failed(o, -err, "direct packets to its sockets");
	}
	return attach_program(o);
}

int af_xdp_open_sockets(struct af_xdp *x, const struct netdev_info *info, char *why,
			size_t why_bytes)
{
	struct opening o = { x, info, why, why_bytes };
	int err = 0;

	if (!x->has_mac) /* the first device's, also when another one takes its place */
		memcpy(x->mac, info->mac, MAC_LEN);
	x->has_mac = true;
	x->partial = strcmp(info->driver, "veth") == 0;
	x->promiscuous = x->config.promiscuous || memcmp(x->mac, info->mac, MAC_LEN) != 0;
	for (uint32_t i = 0; i < x->n_queues && !err; i++)
		err = open_queue(&o, &x->queue[i]);
	for (uint32_t i = 0; i < x->n_queues && !err; i++)
		err = open_sender(&o, &x->queue[i]);
	if (!err)
		err = open_program(&o);
	if (!err)
		err = netdev_join(&x->netdev, info, x->promiscuous, &x->membership_fd, why,
				  why_bytes);
	if (err)
		af_xdp_close_sockets(x);
	else if (x->n_queues < info->n_rx_queues)
		log_warn("af_xdp.queues", "device=%s queues=%u has=%u rest=kernel", x->netdev.name,
			 x->n_queues, info->n_rx_queues);
	return err;
}

/* --- closing --- */

static void unmap(struct xdp_ring *r)
{
	if (r->map)
		munmap(r->map, r->map_bytes);
	r->map = NULL;
}

struct returned {
	uint32_t n;
	uint32_t idx[];
};

static void free_returned(struct worker *w, void *arg)
{
	struct returned *r = arg;

	buf_free(&w->bufs, r->idx, r->n);
	free(r);
}

/* The kernel is done with the pool: what it still had goes back, by way of a worker's stock. */
static void reclaim(struct af_xdp *x)
{
	uint32_t n_buffers = x->engine->bufs.n_buffers, n = 0;
	struct returned *r;

	for (uint32_t i = 1; i <= n_buffers; i++)
		n += x->lent[i];
	if (n == 0)
		return;
	r = malloc(sizeof(*r) + n * sizeof(r->idx[0]));
	if (!r) {
		log_error("af_xdp.reclaim", "device=%s buffers=%u error=\"out of memory\"",
			  x->netdev.name, n);
		return;
	}
	r->n = 0;
	for (uint32_t i = 1; i <= n_buffers; i++) {
		if (!x->lent[i])
			continue;
		x->lent[i] = 0;
		r->idx[r->n++] = i * BUF_STRIDE_LINES;
		buf_at(x->engine->bufs.base, i * BUF_STRIDE_LINES)->next = 0;
	}
	if (!x->engine->running)
		free_returned(x->engine->worker[0], r);
	else if (worker_call(x->engine->worker[0], free_returned, r) < 0)
		log_error("af_xdp.reclaim", "device=%s buffers=%u error=\"out of memory\"",
			  x->netdev.name, n);
}

void af_xdp_close_sockets(struct af_xdp *x)
{
	netdev_close_fd(&x->link_fd);
	netdev_close_fd(&x->map_fd);
	netdev_close_fd(&x->membership_fd);
	for (uint32_t i = x->n_queues; i-- > 0;) { /* the first has the memory */
		struct xdp_queue *q = &x->queue[i];

		unmap(&q->rx);
		unmap(&q->tx);
		unmap(&q->fill);
		unmap(&q->completion);
		bpf_sender_close(&q->sender);
		netdev_close_fd(&q->fd);
	}
	reclaim(x);
}
