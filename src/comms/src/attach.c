/* attach.c - the unix socket to convoyd. */
#include "comms/src/attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "comms/src/fds.h"
#include "comms/src/fork.h"
#include "comms/src/lock.h"
#include "comms/src/os.h"

#define DEFAULT_SOCKET "/run/convoy/convoy.sock"

enum { ANSWER_SECONDS = 10 };

static struct {
	struct lock lock;
	int fd, child_fd;
	uint32_t n_stack_workers;
	_Atomic uint32_t last_epoch;
	_Atomic uint32_t epoch;
	bool told;
	struct sockaddr_un address;
} attach = { .fd = -1, .child_fd = -1 };

bool attach_verbose(void)
{
	const char *text = getenv("CONVOY_VERBOSE");

	return text && *text && *text != '0';
}

uint32_t attach_epoch(void)
{
	return atomic_load_explicit(&attach.epoch, memory_order_acquire);
}

bool attach_was_lost(void)
{
	return attach_epoch() == 0 && attach.last_epoch != 0;
}

uint32_t attach_n_stack_workers(void)
{
	return attach.n_stack_workers;
}

static void tell_once(const char *what)
{
	if (attach.told)
		return;
	attach.told = true;
	fprintf(stderr, "convoy: %s: %s\n", attach.address.sun_path, what);
}

static void set_address(void)
{
	const char *path = getenv("CONVOY_SOCKET");

	if (attach.address.sun_family)
		return;
	attach.address.sun_family = AF_UNIX;
	snprintf(attach.address.sun_path, sizeof(attach.address.sun_path), "%s%s",
		 path && *path ? path : DEFAULT_SOCKET, RPC_SOCKET_SUFFIX);
}

/* --- requests --- */

static void forget(void)
{
	fd_drop(&attach.fd);
	atomic_store_explicit(&attach.epoch, 0, memory_order_release);
}

static void close_fds(struct rpc_fds *fds)
{
	for (unsigned i = 0; i < fds->n; i++)
		os_close(fds->fd[i]);
	fds->n = 0;
}

static int exchange(struct rpc_request *q, struct rpc_reply *r, struct rpc_fds *fds)
{
	int err = rpc_send(attach.fd, q, sizeof(*q), NULL, 0);

	fds->n = 0;
	if (!err)
		err = rpc_receive(attach.fd, r, sizeof(*r), fds->fd, &fds->n);
	if (!err && r->type != q->type)
		err = ERR_PROTOCOL;
	if (err) {
		/* Without its answer the conversation is out of step: end it. */
		close_fds(fds);
		forget();
		return ERR_CLOSED;
	}
	return r->err;
}

static int call_locked(struct rpc_request *q, struct rpc_reply *r, struct rpc_fds *fds,
		       unsigned n_expected)
{
	struct rpc_fds got = { .n = 0 };
	int err;

	q->version = SHM_VERSION;
	if (attach.fd < 0)
		return ERR_CLOSED;
	err = exchange(q, r, &got);
	if (!err && got.n != n_expected)
		err = ERR_PROTOCOL;
	if (err || !fds)
		close_fds(&got);
	else
		*fds = got;
	return err;
}

int attach_call(struct rpc_request *q, struct rpc_reply *r, struct rpc_fds *fds,
		unsigned n_expected)
{
	int err;

	lock_take(&attach.lock);
	err = call_locked(q, r, fds, n_expected);
	lock_give(&attach.lock);
	return err;
}

/* --- the attachment itself --- */

static int open_socket(void)
{
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd;

	set_address();
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&attach.address, sizeof(attach.address)) < 0) {
		char text[160];

		snprintf(text, sizeof(text), "cannot reach convoyd: %s", strerror(errno));
		tell_once(text);
		os_close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd_keep(fd);
}

static void fill_identity(struct rpc_request *q)
{
	const char *name_space = getenv("CONVOY_NAMESPACE");
	const char *secret = getenv("CONVOY_SECRET");

	q->type = RPC_ATTACH;
	q->features = SHM_FEATURES;
	q->secret = secret ? strtoull(secret, NULL, 0) : 0;
	memcpy(q->name, program_invocation_short_name,
	       strnlen(program_invocation_short_name, sizeof(q->name) - 1));
	if (name_space)
		memcpy(q->namespace_name, name_space,
		       strnlen(name_space, sizeof(q->namespace_name) - 1));
}

/* Tell what went wrong with the ATTACH request, in words and as an errno. */
static int explain(int err, const struct rpc_reply *r)
{
	char text[160];

	if (err == ERR_VERSION) {
		snprintf(text, sizeof(text),
			 "convoyd speaks version %u of the shared-memory protocol, this library %d",
			 r->version, SHM_VERSION);
		tell_once(text);
		return -EPROTONOSUPPORT;
	}
	snprintf(text, sizeof(text), "convoyd does not let this program attach: %s", err_text(err));
	tell_once(text);
	return err == ERR_CLOSED ? -ENETDOWN : -EACCES;
}

static int attach_locked(void)
{
	struct rpc_request q = { 0 };
	struct rpc_reply r = { 0 };
	int err;

	if (attach.fd >= 0)
		return 0;
	attach.fd = open_socket();
	if (attach.fd < 0)
		return -ENETDOWN;
	fill_identity(&q);
	err = call_locked(&q, &r, NULL, 0);
	if (err) {
		err = explain(err, &r);
		forget();
		return err;
	}
	fork_watch();
	attach.n_stack_workers = r.n_stack_workers;
	attach.told = false;
	atomic_store_explicit(&attach.epoch, ++attach.last_epoch, memory_order_release);
	return 0;
}

int attach_ensure(void)
{
	int err;

	if (likely(attach_epoch() != 0))
		return 0;
	lock_take(&attach.lock);
	err = attach_locked();
	lock_give(&attach.lock);
	return err;
}

void attach_lost(uint32_t epoch)
{
	lock_take(&attach.lock);
	if (epoch != 0 && epoch == attach_epoch()) {
		forget();
		tell_once("convoyd has gone; its connections are reset");
		attach.told = true;
	}
	lock_give(&attach.lock);
}

/* --- fork --- */

void attach_fork_prepare(void)
{
	struct rpc_request q = { .type = RPC_FORK };
	struct rpc_reply r;
	struct rpc_fds fds;

	lock_take(&attach.lock);
	if (attach.fd >= 0 && call_locked(&q, &r, &fds, 1) == 0)
		attach.child_fd = fds.fd[0];
}

void attach_fork_parent(void)
{
	if (attach.child_fd >= 0)
		os_close(attach.child_fd);
	attach.child_fd = -1;
	lock_give(&attach.lock);
}

static void use_connection(int fd, uint32_t epoch)
{
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };

	set_address();
	attach.fd = fd_keep(fd);
	os_fcntl(attach.fd, F_SETFL, 0); /* convoyd may have made it non-blocking */
	setsockopt(attach.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	atomic_store_explicit(&attach.epoch, epoch, memory_order_release);
}

void attach_inherit(int fd, uint32_t n_stack_workers)
{
	lock_take(&attach.lock);
	fork_watch();
	attach.n_stack_workers = n_stack_workers;
	use_connection(fd, ++attach.last_epoch);
	lock_give(&attach.lock);
}

/* The child's copy of the parent's line has been closed with all that was kept. */
void attach_fork_child(void)
{
	uint32_t epoch = attach_epoch();

	attach.fd = -1;
	atomic_store_explicit(&attach.epoch, 0, memory_order_release);
	if (attach.child_fd >= 0)
		use_connection(attach.child_fd, epoch);
	attach.child_fd = -1;
	attach.lock = (struct lock){ LOCK_FREE };
}
