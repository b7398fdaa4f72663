/* server_test.c - the control socket itself: sharing a path, permissions, slow and silent clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "control/dialog.h"
#include "control/server.h"

static struct {
	char folder[64], path[100], why[256];
	struct event_base *base;
	struct command_table *table;
	struct control_server *server;
	struct command_call *pending;
} t;

static void forget(struct command_call *call unused_arg)
{
	t.pending = NULL;
}

static int run_watch(struct command_call *call)
{
	t.pending = call;
	call->on_cancel = forget;
	return COMMAND_PENDING;
}

static int run_write(struct command_call *call)
{
	int fd = command_take_file(call);

	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	return command_reply(call, json_true());
}

static const struct command commands[] = {
	{ .name = "watch", .help = "streams", .run = run_watch },
	{ .name = "write",
	  .help = "writes a letter",
	  .args = { { "to", COMMAND_OUTPUT, "where", .required = true } },
	  .run = run_write },
};

static int setup(void **state unused_arg)
{
	memset(&t, 0, sizeof(t));
	strcpy(t.folder, "/tmp/convoy-control-test-XXXXXX");
	assert_non_null(mkdtemp(t.folder));
	snprintf(t.path, sizeof(t.path), "%s/run/c.sock", t.folder);
	t.base = event_base_new();
	t.table = command_table_new();
	assert_int_equal(command_table_add(t.table, commands, count_of(commands), NULL), 0);
	assert_int_equal(
		control_server_open(&t.server, t.base, t.table, t.path, 0600, t.why, sizeof(t.why)),
		0);
	return 0;
}

static int teardown(void **state unused_arg)
{
	char run[80];

	control_server_close(t.server);
	assert_int_not_equal(access(t.path, F_OK), 0);
	command_table_free(t.table);
	event_base_free(t.base);
	snprintf(run, sizeof(run), "%s/run", t.folder);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(t.folder), 0);
	return 0;
}

static int client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, t.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void turn(void)
{
	event_base_loop(t.base, EVLOOP_NONBLOCK);
}

static bool answered(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (unsigned i = 0; i < 100; i++) {
		turn();
		if (poll(&p, 1, 10) > 0)
			return true;
	}
	return false;
}

static const char watch[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"watch\"}\n";

static void test_answers(void **state unused_arg)
{
	const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"commands\"}\n";
	char got[16];
	int fd = client();

	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_true(answered(fd));
	assert_int_equal(read(fd, got, 9), 9);
	assert_memory_equal(got, "{\"jsonrpc", 9);
	close(fd);
}

static void test_mode_is_set(void **state unused_arg)
{
	struct stat st;

	assert_int_equal(lstat(t.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_a_living_owner_keeps_its_path(void **state unused_arg)
{
	struct control_server *second = NULL;

	assert_int_equal(
		control_server_open(&second, t.base, t.table, t.path, 0600, t.why, sizeof(t.why)),
		ERR_EXIST);
	assert_non_null(strstr(t.why, "in use by another running program"));
	close(client()); /* the first still answers there */
}

static void test_a_dead_owner_is_replaced(void **state unused_arg)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	control_server_close(t.server);
	strcpy(address.sun_path, t.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(
		control_server_open(&t.server, t.base, t.table, t.path, 0600, t.why, sizeof(t.why)),
		0);
	close(client());
}

static void test_a_file_is_never_replaced(void **state unused_arg)
{
	FILE *file;

	control_server_close(t.server);
	file = fopen(t.path, "w");
	fclose(file);
	assert_int_equal(
		control_server_open(&t.server, t.base, t.table, t.path, 0600, t.why, sizeof(t.why)),
		ERR_EXIST);
	assert_non_null(strstr(t.why, "is not a socket"));
	assert_int_equal(unlink(t.path), 0);
	t.server = NULL;
}

static void test_long_path(void **state unused_arg)
{
	struct control_server *second = NULL;
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(
		control_server_open(&second, t.base, t.table, path, 0600, t.why, sizeof(t.why)),
		ERR_RANGE);
}

static void test_leaving_client_is_forgotten(void **state unused_arg)
{
	int fd = client();

	assert_int_equal(write(fd, watch, strlen(watch)), strlen(watch));
	for (unsigned i = 0; i < 100 && !t.pending; i++)
		turn();
	assert_non_null(t.pending);
	close(fd);
	for (unsigned i = 0; i < 100 && t.pending; i++)
		turn();
	assert_null(t.pending);
}

static void test_slow_reader_loses_items_not_memory(void **state unused_arg)
{
	char *kilobyte = calloc(1, 1025);
	unsigned n_dropped = 0;
	int fd = client();

	memset(kilobyte, 'x', 1024);
	assert_int_equal(write(fd, watch, strlen(watch)), strlen(watch));
	for (unsigned i = 0; i < 100 && !t.pending; i++)
		turn();
	for (unsigned i = 0; i < 4096; i++) {
		int err = command_item(t.pending, json_string(kilobyte));

		n_dropped += err == ERR_FULL;
		turn();
	}
	assert_in_range(n_dropped, 1024, 4095);
	command_reply(t.pending, json_true());
	command_finish(t.pending, 0);
	t.pending = NULL;
	close(fd);
	turn();
	free(kilobyte);
}

static void test_clients_are_bounded(void **state unused_arg)
{
	int fds[CONTROL_CLIENTS_MAX + 1];
	char got[256] = "";

	for (unsigned i = 0; i < count_of(fds); i++) {
		fds[i] = client();
		turn();
	}
	assert_true(answered(fds[CONTROL_CLIENTS_MAX]));
	assert_true(read(fds[CONTROL_CLIENTS_MAX], got, sizeof(got) - 1) > 0);
	assert_non_null(strstr(got, "too many control connections"));
	for (unsigned i = 0; i < count_of(fds); i++)
		close(fds[i]);
}

static void test_descriptor_travels_with_the_request(void **state unused_arg)
{
	char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"write\","
			 "\"params\":{\"to\":\"file\"}}\n";
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} rights = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { request, strlen(request) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &rights,
				  .msg_controllen = sizeof(rights) };
	int fd = client(), ends[2];
	char got = 0;

	assert_int_equal(pipe(ends), 0);
	memcpy(CMSG_DATA(&rights.header), &ends[1], sizeof(int));
	assert_int_equal(sendmsg(fd, &message, 0), strlen(request));
	assert_true(answered(fd));
	assert_int_equal(read(ends[0], &got, 1), 1);
	assert_int_equal(got, 'x');
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static void test_running_out_of_descriptors_is_survived(void **state unused_arg)
{
	const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"commands\"}\n";
	struct rlimit before, none;
	int fd = client();

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	assert_true(answered(fd));
	close(fd);
}

int main(void)
{
#define with_server(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		with_server(test_answers),
		with_server(test_mode_is_set),
		with_server(test_a_living_owner_keeps_its_path),
		with_server(test_a_dead_owner_is_replaced),
		with_server(test_a_file_is_never_replaced),
		with_server(test_long_path),
		with_server(test_leaving_client_is_forgotten),
		with_server(test_slow_reader_loses_items_not_memory),
		with_server(test_clients_are_bounded),
		with_server(test_descriptor_travels_with_the_request),
		with_server(test_running_out_of_descriptors_is_survived),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
