/*
 * rpc.h - what an application asks the stack over its unix socket: rare and slow things.
 *
 * The socket is SOCK_SEQPACKET at the control socket's path plus RPC_SOCKET_SUFFIX. Strictly one
 * request, one reply of the same type, started by the application; descriptors travel with the
 * reply. The connection is the application's life line: when it closes (exit, exec, kill), the
 * stack resets the sessions that were not closed and takes everything back. Fast things (connect,
 * accept, bytes) go through the rings of abi.h. All numbers are in host order: both sides run on
 * one machine, and the version says whether the layout matches.
 *
 *   ATTACH    who am I              -> version, features, number of stack workers
 *   WORKER    one more event context -> worker id
 *   CHANNEL   to one stack worker   -> fds: mine, peer's, wait, wake
 *   OPEN      a cut-through channel -> fds: mine, wait, wake        (after SHM_EV_CHANNEL)
 *   MAPPED    mine is mapped        -> fd: peer's; or ERR_AGAIN: wait for SHM_EV_CHANNEL again
 *   READY     peer's is mapped      -> sessions may arrive on the channel
 *   WORKER_END  no more of a worker
 *   BIND      reserve an address    -> listener id, address with its port
 *   LISTEN    start listening       -> every worker says SHM_EV_INTEREST on its own rings
 *   UNBIND    give the address back; sessions stay
 *   FORK      before fork or exec   -> fd: the child's connection, attached; it shares my
 *                                      listeners and sessions, or only what SHARE names
 *   SHARE     after FORK            -> the child shares this listener or session, too
 *   RELEASE   a shared session that I never adopted: I am done with it
 *   WHERE     whose address is it   -> enum rpc_where
 */
#ifndef CONVOY_SHM_RPC_H
#define CONVOY_SHM_RPC_H

#include <sys/types.h>

#include "shm/abi.h"

#define RPC_SOCKET_SUFFIX ".apps"

enum rpc_type {
	RPC_ATTACH = 1,
	RPC_WORKER,
	RPC_CHANNEL,
	RPC_OPEN,
	RPC_MAPPED,
	RPC_READY,
	RPC_WORKER_END,
	RPC_BIND,
	RPC_LISTEN,
	RPC_UNBIND,
	RPC_FORK,
	RPC_WHERE,
	RPC_SHARE,
	RPC_RELEASE,
	RPC_LAST = RPC_RELEASE,
};

enum rpc_where {
	RPC_WHERE_KERNEL, /* not ours: leave it to the kernel */
	RPC_WHERE_LOCAL, /* an address of the stack itself, or a loopback address with a listener */
	RPC_WHERE_ROUTE, /* reached through an interface of the stack */
};

enum rpc_flags {
	RPC_REUSE_ADDRESS = 1, /* BIND: SO_REUSEADDR */
	RPC_REUSE_PORT = 2,    /* BIND: SO_REUSEPORT; shares with sockets of the same user */
	RPC_SHARE_NOTHING = 4, /* FORK: for exec; SHARE follows for what stays open */
};

enum { RPC_NAME_BYTES = 32, RPC_MAX_FDS = 4 };

struct rpc_request {
	uint32_t type;	   /* enum rpc_type */
	uint32_t version;  /* SHM_VERSION, in every request */
	uint32_t features; /* ATTACH: what I can do */
	uint32_t flags;	   /* enum rpc_flags; SHARE: the child, from FORK */
	uint32_t worker;   /* CHANNEL, OPEN, MAPPED, READY, WORKER_END: from WORKER; SHARE,
			      RELEASE: the shared name's application worker or channel */
	uint32_t channel; /* CHANNEL, SHARE, RELEASE: stack worker index; OPEN, MAPPED, READY: id */
	union {
		uint32_t
			listener; /* LISTEN, UNBIND: from BIND; SHARE: the same, if `worker` is 0 */
		uint32_t slot;	  /* SHARE, RELEASE: of the shared name */
	};
	union {
		uint32_t backlog;    /* LISTEN: connections that may wait for accept */
		uint32_t generation; /* SHARE, RELEASE: of the shared name */
	};
	struct shm_address address;	     /* BIND, WHERE */
	uint64_t secret;		     /* ATTACH: of the namespace; 0 if it has none */
	char name[RPC_NAME_BYTES];	     /* ATTACH: of the program; zero-padded */
	char namespace_name[RPC_NAME_BYTES]; /* ATTACH: empty is the default namespace */
};

struct rpc_reply {
	uint32_t type;	  /* of the request */
	int32_t err;	  /* 0 or enum err; nothing below counts when it is not 0 */
	uint32_t version; /* ATTACH: what the stack speaks, also with ERR_VERSION */
	uint32_t features;
	uint32_t n_stack_workers; /* ATTACH */
	uint32_t id; /* ATTACH, FORK: application; WORKER: worker; CHANNEL: channel; BIND: listener
		      */
	uint32_t where; /* WHERE: enum rpc_where */
	uint32_t unused;
	struct shm_address address; /* BIND: as bound; WHERE: local address that would be used */
};

_Static_assert(sizeof(struct rpc_request) == 128, "part of the ABI");
_Static_assert(sizeof(struct rpc_reply) == 52, "part of the ABI");

/*
 * rpc_send - one message of @len bytes with @n_fds descriptors, which stay the caller's.
 * Returns 0, ERR_CLOSED, ERR_AGAIN on a full non-blocking socket, ERR_IO.
 */
must_check
int rpc_send(int socket_fd, const void *message, size_t len, const int *fds, unsigned n_fds);

/*
 * rpc_receive - one message into @message; exactly @len bytes or ERR_FORMAT.
 * Up to RPC_MAX_FDS descriptors arrive in @fds (close-on-exec, now the caller's), their number in
 * @n_fds. Returns 0, ERR_CLOSED at end of file, ERR_AGAIN, ERR_FORMAT (descriptors are closed),
 * ERR_IO.
 */
must_check
int rpc_receive(int socket_fd, void *message, size_t len, int *fds, unsigned *n_fds);

/*
 * rpc_receive_from - the same; @sender gets the process that sent it, as the kernel knows it, if
 * SO_PASSCRED is set on the socket, else 0. A socket that a parent made for its child tells the
 * two apart only so.
 */
must_check
int rpc_receive_from(int socket_fd, void *message, size_t len, int *fds, unsigned *n_fds,
		     pid_t *sender);

#endif
