/*
 * memif_connection.c - finding the other side and shaking hands; all of it on main.
 *
 * The handshake builds a link. When it is done the link is given to the workers, and taken back
 * from them when the connection ends; only then is the next connection looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "drivers/memif/memif_private.h"

enum { RETRY_MS = 250, HANDSHAKE_MS = 3000, BACKLOG = 4 };

static void wind_up(struct memif *m, unsigned ms)
{
	struct itimerspec spec = { .it_value = { .tv_sec = ms / 1000,
						 .tv_nsec = ms % 1000 * (long)NS_PER_MS } };

	timerfd_settime(m->timer.fd, 0, &spec, NULL);
}

static void drop_watch(struct memif *m, struct main_watch *watch)
{
	if (watch->fd < 0)
		return;
	engine_unwatch_main(m->engine, watch);
	close(watch->fd);
	watch->fd = -1;
}

void memif_redial(struct memif *m)
{
	if (!m->closing)
		wind_up(m, RETRY_MS);
}

static void say_goodbye(struct memif *m, const char *reason)
{
	struct memif_message bye = { .type = MEMIF_DISCONNECT };

	snprintf(m->last_reason, sizeof(m->last_reason), "%s", reason);
	memcpy(bye.disconnect.reason, reason, strnlen(reason, MEMIF_REASON_LEN - 1));
	if (m->socket.fd >= 0)
		(void)!memif_send(m, &bye, -1); /* it may have gone already */
}

void memif_hang_up(struct memif *m, const char *reason)
{
	if (m->state == MEMIF_IDLE && m->socket.fd < 0)
		return;
	if (reason) {
		say_goodbye(m, reason);
		log_info("memif.down", "name=%s reason=\"%s\"", m->interface->name, reason);
	}
	drop_watch(m, &m->socket);
	if (m->region_fd >= 0)
		close(m->region_fd);
	m->region_fd = -1;
	if (m->state == MEMIF_UP || m->state == MEMIF_ATTACHING) {
		memif_detach(m); /* behind the attaching, if that is still on its way */
	} else if (m->state != MEMIF_DETACHING) {
		if (m->link)
			memif_link_free(m->link);
		m->link = NULL;
		m->state = MEMIF_IDLE;
		wind_up(m, RETRY_MS);
	}
}

/* Receive one message and at most one descriptor. ERR_AGAIN, ERR_CLOSED, ERR_PROTOCOL. */
static int receive_message(struct memif *m, struct memif_message *message, int *fd)
{
	struct iovec iov = { message, sizeof(*message) };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    /* without the padding, where the kernel would put one more */
			    .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n = recvmsg(m->socket.fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	*fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_CLOSED;
	c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (n == 0)
		return ERR_CLOSED;
	return n == sizeof(*message) && !(h.msg_flags & MSG_CTRUNC) ? 0 : ERR_PROTOCOL;
}

static void on_disconnect(struct memif *m, const struct memif_disconnect *d)
{
	memcpy(m->last_reason, d->reason, MEMIF_REASON_LEN);
	m->last_reason[MEMIF_REASON_LEN] = '\0';
	for (char *at = m->last_reason; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	log_info("memif.down", "name=%s peer_says=\"%s\"", m->interface->name, m->last_reason);
	memif_hang_up(m, NULL);
}

static void socket_fired(struct engine *e, struct main_watch *watch, uint32_t events)
{
	struct memif *m = container_of(watch, struct memif, socket);
	struct memif_message in;
	int fd, err;

	(void)e;
	(void)events;
	err = receive_message(m, &in, &fd);
	if (err == ERR_AGAIN)
		return;
	if (err == 0 && in.type == MEMIF_DISCONNECT) {
		on_disconnect(m, &in.disconnect);
	} else {
		if (err == 0)
			err = memif_on_message(m, &in, &fd);
		if (m->state == MEMIF_ATTACHING)
			wind_up(m, 0);
		if (err)
			memif_hang_up(m, err == ERR_CLOSED ? "closed" : err_text(err));
	}
	if (fd >= 0)
		close(fd);
}

static int take_socket(struct memif *m, int fd, enum memif_state state)
{
	int err;

	m->socket = (struct main_watch){ fd, socket_fired };
	m->state = state;
	err = engine_watch_main(m->engine, &m->socket, EPOLLIN);
	if (err) {
		close(fd);
		m->socket.fd = -1;
		m->state = MEMIF_IDLE;
	}
	return err;
}

static void listener_fired(struct engine *e, struct main_watch *watch, uint32_t events)
{
	struct memif *m = container_of(watch, struct memif, listener);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)e;
	(void)events;
	if (fd < 0)
		return;
	if (m->state != MEMIF_IDLE || m->socket.fd >= 0) {
		close(fd); /* one at a time; the client tries again */
		return;
	}
	wind_up(m, HANDSHAKE_MS);
	if (take_socket(m, fd, MEMIF_WAIT_INIT) == 0 && memif_hello(m) < 0)
		memif_hang_up(m, "no hello");
}

static void dial(struct memif *m)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	wind_up(m, RETRY_MS);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&m->address, sizeof(m->address)) < 0) {
		close(fd);
		return;
	}
	wind_up(m, HANDSHAKE_MS);
	if (take_socket(m, fd, MEMIF_WAIT_HELLO) < 0)
		wind_up(m, RETRY_MS);
}

static void timer_fired(struct engine *e, struct main_watch *watch, uint32_t events)
{
	struct memif *m = container_of(watch, struct memif, timer);
	uint64_t n;

	(void)e;
	(void)events;
	if (read(watch->fd, &n, sizeof(n)) < 0 || m->closing)
		return;
	switch (m->state) {
	case MEMIF_IDLE:
		if (m->role == MEMIF_CLIENT)
			dial(m);
		break;
	case MEMIF_ATTACHING:
	case MEMIF_UP:
	case MEMIF_DETACHING:
		break;
	default:
		memif_hang_up(m, "handshake took too long");
	}
}

static int add_timer(struct memif *m)
{
	int err;

	m->timer = (struct main_watch){ timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
					timer_fired };
	if (m->timer.fd < 0)
		return err_of_errno(errno);
	err = engine_watch_main(m->engine, &m->timer, EPOLLIN);
	if (err) {
		close(m->timer.fd);
		m->timer.fd = -1;
	}
	return err;
}

/* Remove a socket that nobody listens on. ERR_BUSY if somebody does. */
static int clear_stale(const struct memif *m)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
	struct stat st;

	if (fd < 0)
		return err_of_errno(errno);
	if (connect(fd, (struct sockaddr *)&m->address, sizeof(m->address)) == 0 || errno == EAGAIN)
		err = ERR_BUSY;
	else if (errno == ECONNREFUSED && stat(m->address.sun_path, &st) == 0 &&
		 S_ISSOCK(st.st_mode))
		unlink(m->address.sun_path);
	close(fd);
	return err;
}

static int listen_at(struct memif *m, char *why, size_t why_bytes)
{
	const char *path = m->address.sun_path;
	int err = clear_stale(m), fd;

	if (err) {
		snprintf(why, why_bytes, "another program serves %s", path);
		return err;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&m->address, sizeof(m->address)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		err = err_of_errno(errno);
		snprintf(why, why_bytes, "cannot listen on %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return err;
	}
	m->listener = (struct main_watch){ fd, listener_fired };
	err = engine_watch_main(m->engine, &m->listener, EPOLLIN);
	if (err) {
		close(fd);
		m->listener.fd = -1;
	}
	return err;
}

int memif_open(struct memif *m, char *why, size_t why_bytes)
{
	int err = add_timer(m);

	if (err)
		return err;
	if (m->role == MEMIF_SERVER)
		err = listen_at(m, why, why_bytes);
	else
		dial(m);
	if (err)
		drop_watch(m, &m->timer);
	return err;
}

void memif_close(struct memif *m)
{
	m->closing = true;
	if (m->listener.fd >= 0)
		unlink(m->address.sun_path);
	drop_watch(m, &m->listener);
	memif_hang_up(m, "interface removed");
	drop_watch(m, &m->timer);
}
