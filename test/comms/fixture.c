/* fixture.c - see fixture.h. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIES = 1000, TRY_US = 10000 };

static char folder[] = "/tmp/convoy-comms-XXXXXX";
static char socket_path[64], config_path[64], apps_path[64];
static pid_t pid;

static void run_convoyd(void)
{
	const char *program = getenv("CONVOYD");
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO);
	execl(program, program, "-c", config_path, "--socket", socket_path, (char *)NULL);
	_exit(127);
}

/* The path is there before anybody listens at it. */
static bool is_served(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int result;

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", apps_path);
	result = connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return result == 0;
}

static void start_process(void)
{
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_convoyd();
	for (unsigned i = 0; !is_served(); i++) {
		assert_true(i < TRIES);
		usleep(TRY_US);
	}
}

int convoyd_start(void **state)
{
	FILE *config;

	(void)state;
	if (!getenv("CONVOYD")) {
		fprintf(stderr, "set CONVOYD to the program\n");
		return -1;
	}
	assert_non_null(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/sock", folder);
	snprintf(apps_path, sizeof(apps_path), "%s/sock.apps", folder);
	snprintf(config_path, sizeof(config_path), "%s/net.yaml", folder);
	config = fopen(config_path, "w");
	assert_non_null(config);
	fputs("workers: 1\n", config);
	fclose(config);
	setenv("CONVOY_SOCKET", socket_path, 1);
	signal(SIGPIPE, SIG_IGN);
	start_process();
	return 0;
}

int convoyd_stop(void **state)
{
	int status;

	(void)state;
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	unlink(config_path);
	unlink(socket_path);
	unlink(apps_path);
	rmdir(folder);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

pid_t convoyd_pid(void)
{
	return pid;
}

struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int listening(uint16_t *port, int flags)
{
	int cd = convoy_socket(AF_INET, SOCK_STREAM | flags, 0);
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof(at);

	assert_true(cd > 0);
	assert_int_equal(convoy_bind(cd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(convoy_listen(cd, 64), 0);
	assert_int_equal(convoy_getsockname(cd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	assert_true(*port > 0);
	return cd;
}

int connected(uint16_t port)
{
	int cd = convoy_socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = loopback(port);

	assert_int_equal(convoy_connect(cd, (struct sockaddr *)&at, sizeof(at)), 0);
	return cd;
}

/* The listener must show interest before the connect can be answered: poll it at the same time. */
struct ends joined(void)
{
	struct ends e;
	uint16_t port;
	int listener = listening(&port, SOCK_NONBLOCK);
	struct sockaddr_in at;

	e.b = convoy_accept4(listener, NULL, NULL, 0);
	assert_errno(e.b, EAGAIN);
	at = loopback(port);
	e.a = convoy_socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(convoy_connect(e.a, (struct sockaddr *)&at, sizeof(at)), 0);
	for (unsigned i = 0; (e.b = convoy_accept4(listener, NULL, NULL, 0)) < 0 && errno == EAGAIN;
	     i++) {
		struct pollfd p = { .fd = listener, .events = POLLIN };

		assert_true(i < TRIES);
		assert_int_equal(convoy_poll(&p, 1, 5000), 1);
	}
	assert_true(e.b > 0);
	convoy_close(listener);
	return e;
}

void part(struct ends e)
{
	assert_int_equal(convoy_close(e.a), 0);
	assert_int_equal(convoy_close(e.b), 0);
}

void send_all(int cd, const void *from, size_t n)
{
	assert_int_equal(convoy_write(cd, from, n), n);
}

void receive_all(int cd, void *to, size_t n)
{
	assert_int_equal(convoy_recv(cd, to, n, MSG_WAITALL), n);
}
