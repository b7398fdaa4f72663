/* table.c - descriptor numbers and what they stand for. */
#include "comms/preload/table.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "comms/convoy.h"
#include "comms/preload/real.h"

enum { FDS_MAX = 1 << 20, PLACEHOLDER_FROM = 1 << 14, PLACEHOLDER_LOW = 512 };

enum kind { KIND_KERNEL, KIND_UNDECIDED, KIND_STACK };

/* Zero is a kernel descriptor, so the table costs nothing for those. */
struct entry {
	_Atomic uint32_t kind;
	int cd;
	bool configured;	  /* undecided: setsockopt was called on it */
	int epfd_plus_1;	  /* undecided: where it is registered */
	struct epoll_event event; /* and for what */
};

static struct entry *_Atomic entries;
static atomic_int end;
static atomic_int placeholder_plus_1;

static struct entry *table(void)
{
	struct entry *t = atomic_load_explicit(&entries, memory_order_acquire);
	struct entry *fresh;

	if (t)
		return t;
	fresh = mmap(NULL, FDS_MAX * sizeof(*fresh), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fresh == MAP_FAILED)
		abort();
	if (atomic_compare_exchange_strong(&entries, &t, fresh))
		return fresh;
	munmap(fresh, FDS_MAX * sizeof(*fresh));
	return t;
}

static uint32_t kind_of(int fd)
{
	if (fd < 0 || fd >= atomic_load_explicit(&end, memory_order_acquire))
		return KIND_KERNEL;
	return atomic_load_explicit(&table()[fd].kind, memory_order_acquire);
}

static void set_kind(int fd, enum kind kind)
{
	int seen = atomic_load_explicit(&end, memory_order_relaxed);

	atomic_store_explicit(&table()[fd].kind, kind, memory_order_release);
	while (fd >= seen && !atomic_compare_exchange_weak(&end, &seen, fd + 1))
		;
}

int cd_of(int fd)
{
	return kind_of(fd) == KIND_STACK ? table()[fd].cd : -1;
}

bool fd_is_undecided(int fd)
{
	return kind_of(fd) == KIND_UNDECIDED;
}

int fd_end(void)
{
	return atomic_load_explicit(&end, memory_order_acquire);
}

void fd_mark_undecided(int fd)
{
	if (fd < 0 || fd >= FDS_MAX)
		return; /* it works, as the kernel's */
	table()[fd].epfd_plus_1 = 0;
	table()[fd].configured = false;
	set_kind(fd, KIND_UNDECIDED);
}

void fd_configured(int fd)
{
	if (kind_of(fd) == KIND_UNDECIDED)
		table()[fd].configured = true;
}

void fd_decide_kernel(int fd)
{
	if (kind_of(fd) == KIND_UNDECIDED)
		set_kind(fd, KIND_KERNEL);
}

void fd_set_cd(int fd, int cd)
{
	table()[fd].cd = cd;
	set_kind(fd, KIND_STACK);
}

void fd_forget(int fd)
{
	uint32_t kind = kind_of(fd);

	convoy_epoll_forget(fd);
	if (kind == KIND_KERNEL)
		return;
	set_kind(fd, KIND_KERNEL);
	if (kind == KIND_STACK)
		convoy_close(table()[fd].cd);
}

/* One socket that is never connected; every number of the stack is a duplicate of one like it. */
static int placeholder(void)
{
	const struct real *r = real_calls();
	int have = atomic_load(&placeholder_plus_1);
	int none = 0;
	int low, fd;

	if (have)
		return have - 1;
	low = r->socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (low < 0)
		return -1;
	fd = r->fcntl(low, F_DUPFD_CLOEXEC, PLACEHOLDER_FROM);
	if (fd < 0)
		fd = r->fcntl(low, F_DUPFD_CLOEXEC, PLACEHOLDER_LOW);
	if (fd < 0)
		fd = low;
	else
		r->close(low);
	if (atomic_compare_exchange_strong(&placeholder_plus_1, &none, fd + 1))
		return fd;
	r->close(fd);
	return none - 1;
}

int fd_for_cd(int cd, bool cloexec)
{
	int from = placeholder();
	int fd = from < 0 ? -1 : real_calls()->fcntl(from, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);

	if (fd >= FDS_MAX) {
		real_calls()->close(fd);
		errno = EMFILE;
		return -1;
	}
	if (fd >= 0)
		fd_set_cd(fd, cd);
	return fd;
}

/* --- from undecided to the stack --- */

static void copy_option(int fd, int cd, int level, int name)
{
	uint8_t value[64];
	socklen_t len = sizeof(value);

	if (real_calls()->getsockopt(fd, level, name, value, &len) == 0)
		convoy_setsockopt(cd, level, name, value, len);
}

static bool is_set(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return real_calls()->getsockopt(fd, level, name, &value, &len) == 0 && value;
}

/* What has been said to the kernel's socket is said again; defaults need no saying. */
static void copy_options(int fd, int cd)
{
	static const struct {
		int level, name;
	} flags[] = {
		{ SOL_SOCKET, SO_REUSEADDR },	   { SOL_SOCKET, SO_REUSEPORT },
		{ SOL_SOCKET, SO_KEEPALIVE },	   { IPPROTO_TCP, TCP_NODELAY },
		{ IPPROTO_TCP, TCP_CORK },	   { IPPROTO_TCP, TCP_USER_TIMEOUT },
		{ IPPROTO_TCP, TCP_DEFER_ACCEPT },
	};
	static const int keepalive[] = { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT };
	struct linger linger;
	socklen_t len = sizeof(linger);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (is_set(fd, flags[i].level, flags[i].name))
			copy_option(fd, cd, flags[i].level, flags[i].name);
	if (is_set(fd, SOL_SOCKET, SO_KEEPALIVE))
		for (size_t i = 0; i < sizeof(keepalive) / sizeof(keepalive[0]); i++)
			copy_option(fd, cd, IPPROTO_TCP, keepalive[i]);
	if (real_calls()->getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 &&
	    linger.l_onoff)
		copy_option(fd, cd, SOL_SOCKET, SO_LINGER);
	copy_option(fd, cd, SOL_SOCKET, SO_RCVTIMEO);
	copy_option(fd, cd, SOL_SOCKET, SO_SNDTIMEO);
}

static void move_watch(int fd, int cd)
{
	struct entry *e = &table()[fd];
	int epfd = e->epfd_plus_1 - 1;

	if (epfd < 0)
		return;
	e->epfd_plus_1 = 0;
	if (real_calls()->epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) == 0)
		convoy_epoll_ctl(epfd, EPOLL_CTL_ADD, cd, &e->event);
}

int fd_decide_stack(int fd)
{
	int flags = real_calls()->fcntl(fd, F_GETFL);
	int cd;

	if (flags < 0)
		return -1;
	cd = convoy_socket(AF_INET, SOCK_STREAM | (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0), 0);
	if (cd < 0)
		return -1;
	if (table()[fd].configured)
		copy_options(fd, cd);
	fd_set_cd(fd, cd);
	move_watch(fd, cd);
	return cd;
}

void fd_watched(int fd, int epfd, const struct epoll_event *event)
{
	struct entry *e = &table()[fd];

	if (!event) {
		e->epfd_plus_1 = 0;
		return;
	}
	e->epfd_plus_1 = epfd + 1;
	e->event = *event;
}
