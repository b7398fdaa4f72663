/*
 * exec.c - sockets that stay open over execve(2), or in a child that posix_spawn(3) starts.
 *
 * For convoyd an exec is a fork whose parent ends: a connection to it is made for the new program,
 * which shares what is named. That connection and a memfd with all that the library must know of
 * the sockets are inherited; whoever execs passes the memfd's number on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memfd.h"
#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/api.h"
#include "comms/src/attach.h"
#include "comms/src/listener.h"
#include "comms/src/os.h"

enum { BUNDLE_MAGIC = 0x43584543, MAX_HEIRLOOMS = 1 << 16, HIGH_FD = 1 << 10 };

struct bundle {
	uint32_t magic;
	uint32_t record_bytes; /* another build of the library has another size */
	int32_t pid;	       /* of the new program; 0: it is a child */
	int32_t parent;	       /* of a child */
	int32_t attach_fd;     /* -1: not attached */
	uint32_t n_stack_workers;
	uint32_t n;
};

/* One descriptor of the program. */
struct record {
	int32_t fd;
	uint32_t index; /* of the socket in the old program: equal ones are one socket */
	uint8_t state;	/* enum sock_state */
	bool nonblocking, read_shut;
	uint8_t my_state; /* enum shm_state */
	int32_t error;
	struct shm_address local, remote;
	struct shared_name name;
	struct sock_options options;
	uint32_t listener_id, listener_flags, backlog;
	struct shm_address listener_address;
};

/* --- before --- */

static void record_sock(struct record *r, struct sock *s)
{
	if (s->state == SOCK_OPEN && s->link)
		adopt_name(s);
	*r = (struct record){ .fd = r->fd,
			      .index = s->index,
			      .state = s->state == SOCK_OPEN ? SOCK_INHERITED : s->state,
			      .nonblocking = s->nonblocking,
			      .read_shut = s->read_shut,
			      .my_state = s->fifo.my_state,
			      .error = s->error,
			      .local = s->local,
			      .remote = s->remote,
			      .name = s->name,
			      .options = s->options };
	if (s->listener) {
		r->listener_id = s->listener->id;
		r->listener_flags = s->listener->flags;
		r->backlog = s->listener->backlog;
		r->listener_address = s->listener->address;
	}
}

/* Tell convoyd that the new program has it, too. A failure shows there, when it is used. */
static void share(const struct record *r, uint32_t child)
{
	struct rpc_request q = { .type = RPC_SHARE, .flags = child };
	struct rpc_reply reply;

	if (r->state == SOCK_INHERITED) {
		q.worker = r->name.via;
		q.channel = r->name.stack_worker;
		q.slot = r->name.slot;
		q.generation = r->name.generation;
	} else if (r->listener_id) {
		q.listener = r->listener_id;
	} else {
		return;
	}
	if (attach_call(&q, &reply, NULL, 0))
		return;
}

static bool is_first(const struct record *records, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (records[k].index == records[i].index)
			return false;
	return true;
}

/* The new program's connection to convoyd; -1 without one. It is inherited. */
static int attach_heir(const struct record *records, unsigned n)
{
	struct rpc_request q = { .type = RPC_FORK, .flags = RPC_SHARE_NOTHING };
	struct rpc_reply r;
	struct rpc_fds fds;
	int fd;

	if (attach_call(&q, &r, &fds, 1))
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (is_first(records, i))
			share(&records[i], r.id);
	fd = os_fcntl(fds.fd[0], F_DUPFD, HIGH_FD);
	if (fd < 0)
		fd = os_fcntl(fds.fd[0], F_DUPFD, 0);
	os_close(fds.fd[0]);
	return fd;
}

static int write_bundle(const struct bundle *b, const struct record *records)
{
	size_t bytes = b->n * sizeof(*records);
	int low = memfd_new("convoy-exec", 0);
	int fd = low < 0 ? -1 : os_fcntl(low, F_DUPFD, HIGH_FD);

	if (fd < 0)
		fd = low;
	else
		os_close(low);
	if (fd < 0)
		return -1;
	if (os_write(fd, b, sizeof(*b)) == (ssize_t)sizeof(*b) &&
	    os_write(fd, records, bytes) == (ssize_t)bytes)
		return fd;
	os_close(fd);
	return -1;
}

/* Both processes have it from now on. */
static void share_with_child(struct sock *s)
{
	if (s->listener)
		s->listener->shared = true;
	if (s->state == SOCK_OPEN)
		s->shared = true;
}

static int begin(const struct convoy_heirloom *what, unsigned n, bool spawn)
{
	struct bundle b = { .magic = BUNDLE_MAGIC,
			    .record_bytes = sizeof(struct record),
			    .pid = spawn ? 0 : getpid(),
			    .parent = spawn ? getpid() : 0,
			    .n_stack_workers = attach_n_stack_workers() };
	struct record *records = n <= MAX_HEIRLOOMS ? calloc(n, sizeof(*records)) : NULL;
	int fd;

	if (!records)
		return api_fail(-ENOMEM);
	for (unsigned i = 0; i < n; i++) {
		struct sock *s = sock_lock(what[i].cd);

		if (!s)
			continue;
		records[b.n].fd = what[i].fd;
		record_sock(&records[b.n++], s);
		if (spawn)
			share_with_child(s);
		sock_unlock(s);
	}
	b.attach_fd = attach_heir(records, b.n);
	fd = write_bundle(&b, records);
	if (fd < 0 && b.attach_fd >= 0)
		os_close(b.attach_fd);
	free(records);
	return fd < 0 ? api_fail(-ENOMEM) : fd;
}

int convoy_exec_begin(const struct convoy_heirloom *what, unsigned n)
{
	return begin(what, n, false);
}

int convoy_spawn_begin(const struct convoy_heirloom *what, unsigned n)
{
	return begin(what, n, true);
}

void convoy_exec_end(int bundle_fd)
{
	int kept_errno = errno;
	struct bundle b;

	if (pread(bundle_fd, &b, sizeof(b), 0) == (ssize_t)sizeof(b) && b.attach_fd >= 0)
		os_close(b.attach_fd);
	os_close(bundle_fd);
	errno = kept_errno;
}

/* --- after --- */

static bool restore_listener(struct sock *s, const struct record *r)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return false;
	l->id = r->listener_id;
	l->epoch = attach_epoch();
	l->flags = r->listener_flags;
	l->backlog = r->backlog;
	l->address = r->listener_address;
	l->shared = true;
	l->listening = r->state == SOCK_LISTENING;
	list_init(&l->acceptors);
	s->listener = l;
	return true;
}

/* What was being connected, or waits in no program's hands, cannot go on. */
static uint8_t state_after(uint8_t state)
{
	switch ((enum sock_state)state) {
	case SOCK_NEW:
	case SOCK_BOUND:
	case SOCK_LISTENING:
	case SOCK_INHERITED:
		return state;
	default:
		return SOCK_FAILED;
	}
}

static int restore(const struct record *r)
{
	struct sock *s = sock_new_or_null(&unhomed);

	if (!s)
		return -1;
	s->nonblocking = r->nonblocking;
	s->read_shut = r->read_shut;
	s->local = r->local;
	s->remote = r->remote;
	s->options = r->options;
	s->name = r->name;
	s->name.epoch = attach_epoch();
	s->fifo.my_state = r->my_state;
	s->shared = true;
	s->state = state_after(r->state);
	s->error = s->state == SOCK_FAILED ? ECONNABORTED : r->error;
	if (r->listener_id && !restore_listener(s, r))
		s->state = SOCK_FAILED;
	return sock_name(s);
}

static unsigned restore_all(const struct record *records, unsigned n, struct convoy_heirloom *out)
{
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		int cd = -1;

		for (unsigned k = 0; k < i && cd < 0; k++)
			if (records[k].index == records[i].index && k < done)
				cd = convoy_dup(out[k].cd);
		if (cd < 0)
			cd = restore(&records[i]);
		if (cd < 0)
			break;
		out[done++] = (struct convoy_heirloom){ .cd = cd, .fd = records[i].fd };
	}
	return done;
}

/* The number may have come from anywhere: nothing that is in there is believed without a look. */
static bool is_ours(int fd, const struct bundle *b)
{
	struct stat st;

	return fstat(fd, &st) == 0 && b->magic == BUNDLE_MAGIC &&
	       (b->pid ? b->pid == getpid() : b->parent == getppid()) &&
	       b->record_bytes == sizeof(struct record) && b->n <= MAX_HEIRLOOMS &&
	       (size_t)st.st_size == sizeof(*b) + b->n * sizeof(struct record);
}

int convoy_exec_take(int bundle_fd, struct convoy_heirloom **out)
{
	struct bundle b;
	struct record *records;
	int n = -1;

	if (pread(bundle_fd, &b, sizeof(b), 0) != (ssize_t)sizeof(b) || !is_ours(bundle_fd, &b))
		return api_fail(-EINVAL);
	records = calloc(b.n + 1, sizeof(*records));
	*out = calloc(b.n + 1, sizeof(**out));
	if (b.attach_fd >= 0)
		attach_inherit(b.attach_fd, b.n_stack_workers);
	if (records && *out &&
	    pread(bundle_fd, records, b.n * sizeof(*records), sizeof(b)) ==
		    (ssize_t)(b.n * sizeof(*records)))
		n = (int)restore_all(records, b.n, *out);
	free(records);
	os_close(bundle_fd);
	if (n >= 0)
		return n;
	free(*out);
	return api_fail(-ENOMEM);
}
