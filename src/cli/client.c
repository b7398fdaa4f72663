/* client.c - requests out, lines in. */
#include "cli/client.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "control/dialog.h"

static const char *advice(int errno_value)
{
	switch (errno_value) {
	case ENOENT:
		return "is convoyd running? Start it with: convoyd -c net.yaml";
	case ECONNREFUSED:
		return "convoyd has ended without removing it; start convoyd again";
	case EACCES:
	case EPERM:
		return "run as root, or as a user who may write to that socket";
	default:
		return "name another with --socket or CONVOY_SOCKET";
	}
}

int client_open(struct client *c, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*c = (struct client){ .fd = -1, .path = path };
	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(c->why, sizeof(c->why), "%s: the path is longer than %zu bytes", path,
			 sizeof(address.sun_path) - 1);
		return ERR_RANGE;
	}
	strcpy(address.sun_path, path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    !(c->in = fdopen(c->fd, "r"))) {
		int saved = errno;

		snprintf(c->why, sizeof(c->why), "cannot reach convoyd at %s: %s; %s", path,
			 strerror(saved), advice(saved));
		client_close(c);
		return err_of_errno(saved);
	}
	return 0;
}

void client_close(struct client *c)
{
	if (c->in)
		fclose(c->in);
	else if (c->fd >= 0)
		close(c->fd);
	c->in = NULL;
	c->fd = -1;
}

static int interrupted_fd = -1;

/* The other direction stays open: the answer is still to come. */
static void on_interrupt(int number unused_arg)
{
	shutdown(interrupted_fd, SHUT_WR);
}

static void stop_on_interrupt(const struct client *c)
{
	struct sigaction action = { .sa_handler = on_interrupt,
				    .sa_flags = (int)(SA_RESTART | SA_RESETHAND) };

	interrupted_fd = c->fd;
	sigaction(SIGINT, &action, NULL);
}

static int lost(struct client *c)
{
	snprintf(c->why, sizeof(c->why), "convoyd at %s went away before it had answered", c->path);
	return ERR_CLOSED;
}

/* The descriptor goes with the first byte. */
static ssize_t send_some(int fd, const char *at, size_t len, int pass_fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} rights = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (char *)at, len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pass_fd >= 0) {
		memcpy(CMSG_DATA(&rights.header), &pass_fd, sizeof(int));
		message.msg_control = &rights;
		message.msg_controllen = sizeof(rights);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static int send_request(struct client *c, const char *method, json_t *params, int pass_fd)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
				    method, "params", params);
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len, sent = 0;

	json_decref(request);
	if (!line)
		return ERR_NOMEM;
	len = strlen(line);
	line[len++] = '\n';
	while (sent < len) {
		ssize_t n = send_some(c->fd, line + sent, len - sent, sent ? -1 : pass_fd);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	free(line);
	return sent == len ? 0 : lost(c);
}

static json_t *next_message_or_null(struct client *c)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len = getline(&line, &room, c->in);
	json_t *message = len > 0 ? json_loadb(line, (size_t)len, 0, NULL) : NULL;

	free(line);
	return message;
}

static bool is_fault_of_file(const json_t *error)
{
	return json_integer_value(json_object_get(error, "code")) ==
	       DIALOG_COMMAND_FAILED + ERR_FORMAT;
}

int client_call(struct client *c, const char *method, json_t *params, int pass_fd,
		void (*on_item)(const json_t *params), json_t **result)
{
	int err = send_request(c, method, params, pass_fd);
	json_t *message, *error;

	if (err < 0)
		return err;
	while ((message = next_message_or_null(c)) && json_object_get(message, "method")) {
		if (on_item && interrupted_fd < 0)
			stop_on_interrupt(c);
		if (on_item)
			on_item(json_object_get(message, "params"));
		json_decref(message);
	}
	if (!message)
		return lost(c);
	error = json_object_get(message, "error");
	if (error) {
		const char *why = json_string_value(json_object_get(error, "message"));

		snprintf(c->why, sizeof(c->why), "%s", why ? why : "convoyd refused");
		err = is_fault_of_file(error) ? ERR_FORMAT : ERR_REFUSED;
	} else {
		*result = json_incref(json_object_get(message, "result"));
		err = *result ? 0 : lost(c);
	}
	json_decref(message);
	return err;
}
