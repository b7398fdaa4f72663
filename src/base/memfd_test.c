/* memfd_test.c - files of memory where the system lets nobody make executable ones. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memfd.h"

enum { FINE, BROKEN, CANNOT_TELL };
enum { MFD_EXEC_ASKED = 0x10 /* MFD_EXEC, newer than Debian 12's headers */ };

static void it_holds_what_is_written(void **state)
{
	char back[4] = "";
	int fd = memfd_new("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 4), 4);
	assert_int_equal(pread(fd, back, 4, 0), 4);
	assert_string_equal(back, "abc");
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

/* The first process of a PID namespace of its own, to which the setting belongs. */
static int where_only_plain_data_is_allowed(void)
{
	int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || write(fd, "2", 1) != 1)
		return CANNOT_TELL;
	close(fd);
	fd = memfd_create("executable", MFD_EXEC_ASKED);
	if (fd >= 0 || errno != EACCES)
		return CANNOT_TELL;
	fd = memfd_new("data", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0111) == 0 ? FINE : BROKEN;
}

static void it_is_allowed_where_executable_ones_are_not(void **state)
{
	int status;
	pid_t outer = fork();

	(void)state;
	assert_true(outer >= 0);
	if (outer == 0) {
		pid_t inner = unshare(CLONE_NEWPID) == 0 ? fork() : -1;

		if (inner == 0)
			_exit(where_only_plain_data_is_allowed());
		_exit(inner > 0 && waitpid(inner, &status, 0) == inner ? WEXITSTATUS(status)
								       : CANNOT_TELL);
	}
	assert_int_equal(waitpid(outer, &status, 0), outer);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT_TELL) {
		print_message("no vm.memfd_noexec (Linux 6.3), or no permission: skipped\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), FINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_what_is_written),
		cmocka_unit_test(it_is_allowed_where_executable_ones_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
