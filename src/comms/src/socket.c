/* socket.c - making and ending sockets; whose address it is. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/api.h"
#include "comms/src/attach.h"
#include "comms/src/connect.h"
#include "comms/src/fds.h"
#include "comms/src/listener.h"
#include "comms/src/os.h"
#include "comms/src/set.h"
#include "comms/src/socket.h"
#include "comms/src/stream.h"
#include "comms/src/wait.h"

int convoy_socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct sock *s;

	if (domain != AF_INET)
		return api_fail(-EAFNOSUPPORT);
	if (kind != SOCK_STREAM || (protocol != 0 && protocol != IPPROTO_TCP))
		return api_fail(-EPROTONOSUPPORT);
	s = sock_new_or_null(&unhomed);
	if (!s)
		return api_fail(-ENFILE);
	s->nonblocking = type & SOCK_NONBLOCK;
	return sock_name(s);
}

int convoy_dup(int cd)
{
	struct sock *s = sock_lock(cd);

	if (!s)
		return api_fail(-EBADF);
	s->refs++;
	sock_unlock(s);
	return cd;
}

/* --- close --- */

/* The last reference is gone. The home's lock is held. */
static void end_sock(struct sock *s)
{
	bool abort = s->options.linger && s->options.linger_s == 0;

	switch ((enum sock_state)s->state) {
	case SOCK_OPEN:
		sock_unname(s);
		source_forsake(&s->source);
		sock_close_session(s, abort);
		break;
	case SOCK_CONNECTING:
		sock_unname(s);
		source_forsake(&s->source); /* freed when the answer comes */
		break;
	default:
		connect_forget(s);
		if (s->state == SOCK_INHERITED)
			adopt_leave(s);
		if (s->listener)
			listener_close(s);
		sock_free(s);
	}
}

/* Are there bytes that SO_LINGER makes the last close wait for? What is cut through has arrived. */
static bool must_linger(struct sock *s)
{
	return s->refs == 1 && !s->shared && s->options.linger && s->options.linger_s > 0 &&
	       s->state == SOCK_OPEN && s->link->to_stack && !s->moving && s->n_lent == 0 &&
	       fifo_poll(&s->fifo) == 0 && !fifo_was_reset(&s->fifo) &&
	       (fifo_room(&s->fifo), fifo_unread(&s->fifo) > 0);
}

/* Send the end of the stream and wait until all before it has been acknowledged. Locked before, and
 * after if the socket is still there. */
static struct sock *linger(struct sock *s, int cd)
{
	uint64_t deadline_ns = wait_deadline((uint64_t)s->options.linger_s * NS_PER_S);
	int err = 0;

	fifo_set_state(&s->fifo, SHM_FIN, 0);
	sock_announce(s);
	s->closing = true;
	while (s && !err && !(sock_ready(s, EPOLLOUT) & EPOLLOUT))
		err = stream_wait(&s, cd, EPOLLOUT, deadline_ns);
	return err ? sock_lock(cd) : s;
}

int convoy_close(int cd)
{
	struct sock *s;
	struct worker *home;

	if (!(cd & CONVOY_CD_BIT)) {
		set_close(cd);
		return os_close(cd);
	}
	s = sock_lock(cd);
	if (!s)
		return api_fail(-EBADF);
	if (unlikely(must_linger(s)))
		s = linger(s, cd);
	if (!s)
		return 0; /* another thread has closed it meanwhile */
	if (unlikely(adopt_may_change(s)))
		adopt_hear_out(s);
	home = source_home(&s->source);
	if (--s->refs == 0)
		end_sock(s);
	worker_give_lock(home);
	return 0;
}

/* Returns @s, or NULL, as adopt_bring_back(). */
static struct sock *end_writing(struct sock *s, int cd)
{
	fifo_set_state(&s->fifo, SHM_FIN, 0);
	sock_announce(s);
	while (s && adopt_may_change(s)) {
		adopt_hear_out(s);
		if (!adopt_is_elsewhere(s))
			break;
		/* Whoever took it has not seen that. */
		s = adopt_bring_back(s, cd, true);
		if (!s || s->state != SOCK_OPEN)
			break;
		fifo_set_state(&s->fifo, SHM_FIN, 0);
		sock_announce(s);
	}
	return s;
}

int convoy_shutdown(int cd, int how)
{
	struct sock *s;
	int err = 0;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return api_fail(-EINVAL);
	s = stream_lock(cd, how == SHUT_WR);
	if (!s)
		return api_fail(-EBADF);
	if (s->deserted && how != SHUT_RD)
		s->deserted =
			false; /* an end says nothing to nobody, and writing fails from now on */
	else if (s->state != SOCK_OPEN && !s->deserted)
		err = -ENOTCONN;
	if (err || s->state != SOCK_OPEN) {
		sock_unlock(s);
		return api_result(err);
	}
	if (how != SHUT_WR)
		s->read_shut = true;
	if (how != SHUT_RD)
		s = end_writing(s, cd);
	if (!s)
		return 0; /* another thread has closed it meanwhile */
	source_notify(&s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
	sock_unlock(s);
	return api_result(err);
}

/* --- whose address --- */

/* Answers that hold for a second, so that a burst of connects does not ask for each. */
enum { CACHE_ENTRIES = 64, CACHE_NS = 1000000000 };

static struct {
	struct lock lock;
	struct {
		struct shm_address address;
		uint64_t until_ns;
		uint32_t epoch;
	} entry[CACHE_ENTRIES];
} cache;

static unsigned cache_index(const struct shm_address *a)
{
	uint32_t ip;

	memcpy(&ip, a->ip, sizeof(ip));
	return ((ip ^ a->port) * 2654435761u >> 16) % CACHE_ENTRIES;
}

static bool cache_has(const struct shm_address *a)
{
	unsigned i = cache_index(a);
	bool found;

	lock_take(&cache.lock);
	found = cache.entry[i].epoch == attach_epoch() && cache.entry[i].epoch != 0 &&
		memcmp(&cache.entry[i].address, a, sizeof(*a)) == 0 &&
		clock_now_ns(&clock_monotonic) < cache.entry[i].until_ns;
	lock_give(&cache.lock);
	return found;
}

static void cache_add(const struct shm_address *a)
{
	unsigned i = cache_index(a);

	lock_take(&cache.lock);
	cache.entry[i].address = *a;
	cache.entry[i].epoch = attach_epoch();
	cache.entry[i].until_ns = clock_now_ns(&clock_monotonic) + CACHE_NS;
	lock_give(&cache.lock);
}

static int ask_where(const struct shm_address *a, bool for_bind)
{
	struct rpc_request q = { .type = RPC_WHERE, .address = *a };
	struct rpc_reply r;
	int err;

	if (!for_bind && cache_has(a))
		return CONVOY_WHERE_STACK;
	err = attach_ensure();
	if (err)
		return err;
	if (attach_call(&q, &r, NULL, 0))
		return -ENETDOWN;
	/* A name for oneself must be an address of the stack; a peer may be any that it reaches. */
	if (r.where == RPC_WHERE_KERNEL || (for_bind && r.where != RPC_WHERE_LOCAL))
		return CONVOY_WHERE_KERNEL;
	if (!for_bind)
		cache_add(a);
	return CONVOY_WHERE_STACK;
}

int convoy_where(const struct sockaddr *address, socklen_t len, bool for_bind)
{
	static const uint8_t any[4];
	struct shm_address a;
	int err = address_of_sockaddr(&a, address, len);
	bool loopback;

	if (err)
		return CONVOY_WHERE_KERNEL;
	loopback = a.ip[0] == 127;
	if (for_bind && (loopback || memcmp(a.ip, any, sizeof(any)) == 0)) {
		err = attach_ensure();
		return err ? (loopback ? CONVOY_WHERE_KERNEL : api_fail(err)) : CONVOY_WHERE_STACK;
	}
	err = ask_where(&a, for_bind);
	/* Without convoyd the kernel's loopback still works. */
	if (err < 0 && loopback)
		return CONVOY_WHERE_KERNEL;
	return api_result(err);
}

void convoy_epoll_forget(int epfd)
{
	set_close(epfd);
}

bool convoy_fd_is_internal(int fd)
{
	return fd_is_kept(fd);
}

void socket_fork_child(void)
{
	cache.lock = (struct lock){ LOCK_FREE };
}
