/*
 * server.c - moves bytes between clients and their dialogs.
 *
 * A client is read while what it has not read itself stays under CONTROL_BACKLOG_MAX; so a client
 * that only asks cannot fill our memory. It is freed in its own event callback, never inside a
 * dialog call.
 */
#include "control/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "control/dialog.h"
#include "control/unix_socket.h"

enum { READ_BYTES = 16 * 1024, FDS_PER_MESSAGE = 4, PAUSE_US = 100000 };

struct control_server {
	struct event_base *base;
	const struct command_table *table;
	struct unix_socket socket;
	struct event *accept_event;
	struct event *resume; /* accepting, after descriptors ran out */
	struct list clients;
	unsigned n_clients;
};

struct client {
	struct control_server *server;
	struct list link;
	int fd;
	bool ending; /* free it when the output is out */
	struct event *readable, *writable;
	struct evbuffer *output;
	struct dialog dialog;
};

static void client_free(struct client *cl)
{
	dialog_deinit(&cl->dialog);
	list_remove(&cl->link);
	cl->server->n_clients--;
	if (cl->readable)
		event_free(cl->readable);
	if (cl->writable)
		event_free(cl->writable);
	if (cl->output)
		evbuffer_free(cl->output);
	close(cl->fd);
	free(cl);
}

static bool reads_too_slowly(const struct client *cl)
{
	return evbuffer_get_length(cl->output) > CONTROL_BACKLOG_MAX;
}

static int queue_line(void *context, struct slice line, bool may_drop)
{
	struct client *cl = context;

	if (may_drop && reads_too_slowly(cl))
		return ERR_FULL;
	if (evbuffer_add(cl->output, line.at, line.len) < 0)
		return ERR_NOMEM;
	if (reads_too_slowly(cl))
		event_del(cl->readable);
	event_add(cl->writable, NULL);
	return 0;
}

static void on_writable(evutil_socket_t fd, short what unused_arg, void *context)
{
	struct client *cl = context;

	if (evbuffer_write(cl->output, fd) < 0 && errno != EAGAIN && errno != EINTR) {
		client_free(cl);
		return;
	}
	if (evbuffer_get_length(cl->output) > 0)
		event_add(cl->writable, NULL);
	else if (cl->ending)
		client_free(cl);
	else
		event_add(cl->readable, NULL);
}

static void take_descriptors(struct client *cl, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		int fds[FDS_PER_MESSAGE];
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		invariant(n <= FDS_PER_MESSAGE); /* the room that recvmsg() was given */
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			dialog_take_fd(&cl->dialog, fds[i]);
	}
}

static void end_after_output(struct client *cl)
{
	cl->ending = true;
	event_del(cl->readable);
	event_add(cl->writable, NULL);
}

static void on_readable(evutil_socket_t fd, short what unused_arg, void *context)
{
	struct client *cl = context;
	uint8_t bytes[READ_BYTES];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_PER_MESSAGE * sizeof(int))];
	} rights;
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = rights.room,
				  .msg_controllen = sizeof(rights.room) };
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 0 && dialog_stop(&cl->dialog)) {
		end_after_output(cl);
		return;
	}
	if (n <= 0) {
		client_free(cl);
		return;
	}
	take_descriptors(cl, &message);
	if (dialog_input(&cl->dialog, slice_of(bytes, (size_t)n)) < 0)
		end_after_output(cl);
}

static void add_client(struct control_server *server, int fd)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (!cl) {
		close(fd);
		return;
	}
	cl->server = server;
	cl->fd = fd;
	list_push(&server->clients, &cl->link);
	server->n_clients++;
	dialog_init(&cl->dialog, server->table, queue_line, cl);
	cl->output = evbuffer_new();
	cl->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, cl);
	cl->writable = event_new(server->base, fd, EV_WRITE, on_writable, cl);
	if (!cl->output || !cl->readable || !cl->writable || event_add(cl->readable, NULL) < 0)
		client_free(cl);
}

static void on_resume(evutil_socket_t fd unused_arg, short what unused_arg, void *context)
{
	struct control_server *server = context;

	event_add(server->accept_event, NULL);
}

/* The client stays in the backlog: without a pause the loop would spin on it. */
static void pause_accepting(struct control_server *server)
{
	const struct timeval pause = { .tv_usec = PAUSE_US };

	log_warn("control.accept", "error=\"%s\"", strerror(errno));
	event_del(server->accept_event);
	event_add(server->resume, &pause);
}

static void on_accept(evutil_socket_t listener, short what unused_arg, void *context)
{
	static const char full[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32004,"
				   "\"message\":\"too many control connections\"}}\n";
	struct control_server *server = context;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			pause_accepting(server);
		return;
	}
	if (server->n_clients < CONTROL_CLIENTS_MAX) {
		add_client(server, fd);
		return;
	}
	if (send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL) < 0)
		log_debug("control.refuse", "error=\"%s\"", strerror(errno));
	close(fd);
}

int control_server_open(struct control_server **out, struct event_base *base,
			const struct command_table *table, const char *path, mode_t mode, char *why,
			size_t room)
{
	struct control_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server) {
		snprintf(why, room, "out of memory");
		return ERR_NOMEM;
	}
	server->base = base;
	server->table = table;
	list_init(&server->clients);
	err = unix_socket_listen(&server->socket, path, SOCK_STREAM, mode, why, room);
	if (err < 0)
		goto fail;
	server->accept_event =
		event_new(base, server->socket.fd, EV_READ | EV_PERSIST, on_accept, server);
	server->resume = evtimer_new(base, on_resume, server);
	if (!server->accept_event || !server->resume || event_add(server->accept_event, NULL) < 0) {
		snprintf(why, room, "out of memory");
		err = ERR_NOMEM;
		goto fail;
	}
	*out = server;
	return 0;
fail:
	control_server_close(server);
	return err;
}

void control_server_close(struct control_server *server)
{
	if (!server)
		return;
	list_for_each(link, &server->clients)
		client_free(container_of(link, struct client, link));
	if (server->accept_event)
		event_free(server->accept_event);
	if (server->resume)
		event_free(server->resume);
	unix_socket_close(&server->socket);
	free(server);
}
