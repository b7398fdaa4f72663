/* real.c - find the C library's calls. */
#include "comms/preload/real.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct real real;
static atomic_bool found;

/* dlsym() gives an object pointer for a function; POSIX says that the two convert. */
static void find(const char *name, void *place)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (!symbol) {
		fprintf(stderr, "convoy: the C library has no %s\n", name);
		abort();
	}
	*(void **)place = symbol;
}

static void find_sockets(void)
{
	find("socket", &real.socket);
	find("bind", &real.bind);
	find("listen", &real.listen);
	find("accept4", &real.accept4);
	find("connect", &real.connect);
	find("shutdown", &real.shutdown);
	find("getsockname", &real.getsockname);
	find("getpeername", &real.getpeername);
	find("getsockopt", &real.getsockopt);
	find("setsockopt", &real.setsockopt);
}

static void find_descriptors(void)
{
	find("close", &real.close);
	find("close_range", &real.close_range);
	find("dup", &real.dup);
	find("dup2", &real.dup2);
	find("dup3", &real.dup3);
	find("fcntl", &real.fcntl);
	find("ioctl", &real.ioctl);
	find("fdopen", &real.fdopen);
	find("fileno", &real.fileno);
	find("_exit", &real.exit_now);
	find("execve", &real.execve);
	find("execvpe", &real.execvpe);
	find("fexecve", &real.fexecve);
	find("execveat", &real.execveat);
}

static void find_spawn(void)
{
	find("posix_spawn", &real.posix_spawn);
	find("posix_spawnp", &real.posix_spawnp);
	find("posix_spawn_file_actions_init", &real.posix_spawn_file_actions_init);
	find("posix_spawn_file_actions_destroy", &real.posix_spawn_file_actions_destroy);
	find("posix_spawn_file_actions_addclose", &real.posix_spawn_file_actions_addclose);
	find("posix_spawn_file_actions_addopen", &real.posix_spawn_file_actions_addopen);
	find("posix_spawn_file_actions_adddup2", &real.posix_spawn_file_actions_adddup2);
	find("posix_spawn_file_actions_addclosefrom_np",
	     &real.posix_spawn_file_actions_addclosefrom_np);
}

static void find_bytes(void)
{
	find("read", &real.read);
	find("write", &real.write);
	find("readv", &real.readv);
	find("writev", &real.writev);
	find("recv", &real.recv);
	find("recvfrom", &real.recvfrom);
	find("recvmsg", &real.recvmsg);
	find("recvmmsg", &real.recvmmsg);
	find("send", &real.send);
	find("sendto", &real.sendto);
	find("sendmsg", &real.sendmsg);
	find("sendmmsg", &real.sendmmsg);
	find("sendfile", &real.sendfile);
}

static void find_waiting(void)
{
	find("poll", &real.poll);
	find("ppoll", &real.ppoll);
	find("select", &real.select);
	find("pselect", &real.pselect);
	find("epoll_create1", &real.epoll_create1);
	find("epoll_ctl", &real.epoll_ctl);
	find("epoll_wait", &real.epoll_wait);
	find("epoll_pwait", &real.epoll_pwait);
	find("epoll_pwait2", &real.epoll_pwait2);
}

const struct real *real_calls(void)
{
	/* Two threads at once find the same addresses. */
	if (!atomic_load_explicit(&found, memory_order_acquire)) {
		find_sockets();
		find_descriptors();
		find_spawn();
		find_bytes();
		find_waiting();
		atomic_store_explicit(&found, true, memory_order_release);
	}
	return &real;
}

__attribute__((constructor)) static void find_early(void)
{
	real_calls();
}
