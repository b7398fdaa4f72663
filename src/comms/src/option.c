/* option.c - socket options, names, flags. Settings that reach the transport are SHM_EV_OPTION. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "comms/convoy.h"
#include "comms/src/api.h"
#include "comms/src/connect.h"
#include "comms/src/option.h"
#include "comms/src/stream.h"
#include "comms/src/tcp_info.h"

enum { USUAL_MTU = 1500 };

/* --- helpers --- */

static void tell_transport(struct sock *s, enum shm_option option, int value)
{
	struct shm_event e;

	if (s->state != SOCK_OPEN || !s->link->to_stack)
		return;
	e = fifo_event(&s->fifo, SHM_EV_OPTION);
	e.flags = (uint16_t)option;
	e.value = value;
	link_post(s->link, &e);
	link_wake(s->link);
}

/* What was set before there was a session, and differs from what a transport starts with. */
void option_replay(struct sock *s)
{
	const struct sock_options *o = &s->options;

	if (likely(!o->no_delay && !o->keepalive && !o->user_timeout_ms && !o->keepalive_idle_s &&
		   !o->keepalive_interval_s && !o->keepalive_probes))
		return;
	if (o->no_delay)
		tell_transport(s, SHM_OPT_NODELAY, 1);
	if (o->keepalive_idle_s)
		tell_transport(s, SHM_OPT_KEEPALIVE_IDLE_MS, o->keepalive_idle_s * 1000);
	if (o->keepalive_interval_s)
		tell_transport(s, SHM_OPT_KEEPALIVE_INTERVAL_MS, o->keepalive_interval_s * 1000);
	if (o->keepalive_probes)
		tell_transport(s, SHM_OPT_KEEPALIVE_PROBES, o->keepalive_probes);
	if (o->keepalive)
		tell_transport(s, SHM_OPT_KEEPALIVE, 1);
	if (o->user_timeout_ms)
		tell_transport(s, SHM_OPT_USER_TIMEOUT_MS, o->user_timeout_ms);
}

static uint64_t ns_of_timeval(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_usec * NS_PER_US;
}

static int put(void *value, socklen_t *len, const void *from, socklen_t size)
{
	if (*len > size)
		*len = size;
	memcpy(value, from, *len);
	return 0;
}

static int put_int(void *value, socklen_t *len, int n)
{
	return put(value, len, &n, sizeof(n));
}

static int put_timeout(void *value, socklen_t *len, uint64_t ns)
{
	struct timeval t = { .tv_sec = (time_t)(ns / NS_PER_S),
			     .tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US) };

	return put(value, len, &t, sizeof(t));
}

/* --- setting --- */

static int set_timeout(uint64_t *ns, const void *value, socklen_t len)
{
	struct timeval t;

	if (len < sizeof(t))
		return -EINVAL;
	memcpy(&t, value, sizeof(t));
	if (t.tv_usec < 0 || t.tv_usec >= US_PER_S)
		return -EDOM;
	*ns = t.tv_sec < 0 ? 0 : ns_of_timeval(&t);
	return 0;
}

static int set_linger(struct sock *s, const void *value, socklen_t len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, value, sizeof(l));
	s->options.linger = l.l_onoff != 0;
	s->options.linger_s = l.l_linger;
	return 0;
}

/* Settings of the kernel that mean nothing here, but are read back. */
static const struct {
	int level, name;
	int first; /* until set */
} kept[SOCK_KEPT_OPTIONS] = {
	{ SOL_SOCKET, SO_BROADCAST, 0 },
	{ SOL_SOCKET, SO_DONTROUTE, 0 },
	{ SOL_SOCKET, SO_OOBINLINE, 0 },
	{ SOL_SOCKET, SO_PRIORITY, 0 },
	{ SOL_SOCKET, SO_MARK, 0 },
	{ SOL_SOCKET, SO_BUSY_POLL, 0 },
	{ SOL_SOCKET, SO_INCOMING_CPU, -1 },
	{ IPPROTO_TCP, TCP_QUICKACK, 1 },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 0 },
	{ IPPROTO_TCP, TCP_FASTOPEN, 0 },
	{ IPPROTO_TCP, TCP_SYNCNT, 6 },
	{ IPPROTO_TCP, TCP_LINGER2, 60 },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 0 },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0 },
	{ IPPROTO_IP, IP_TOS, 0 },
	{ IPPROTO_IP, IP_TTL, 64 },
	{ IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT },
	{ IPPROTO_IP, IP_RECVERR, 0 },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0 },
};

/* Where the value of such an option lies; NULL for others. */
static struct kept_option *find_kept(struct sock *s, int level, int name, int *first)
{
	for (unsigned i = 0; i < count_of(kept); i++) {
		if (kept[i].level != level || kept[i].name != name)
			continue;
		*first = kept[i].first;
		return &s->options.kept[i];
	}
	return NULL;
}

static int set_kept(struct sock *s, int level, int name, int n)
{
	int first;
	struct kept_option *o = find_kept(s, level, name, &first);

	if (!o)
		return -ENOPROTOOPT;
	*o = (struct kept_option){ .value = n, .is_set = true };
	return 0;
}

static int set_low_mark(struct sock *s, int n)
{
	s->options.low_mark = n < 0 ? INT32_MAX : n ? n : 1;
	/* Somebody may wait for less than before. */
	source_notify(&s->source, EPOLLIN);
	return 0;
}

static int set_socket_int(struct sock *s, int name, int n)
{
	struct sock_options *o = &s->options;

	switch (name) {
	case SO_REUSEADDR:
		o->reuse_address = n;
		return 0;
	case SO_REUSEPORT:
		o->reuse_port = n;
		return 0;
	case SO_KEEPALIVE:
		o->keepalive = n;
		tell_transport(s, SHM_OPT_KEEPALIVE, o->keepalive);
		return 0;
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		o->send_bytes = n;
		return 0;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		o->receive_bytes = n;
		return 0;
	case SO_RCVLOWAT:
		return set_low_mark(s, n);
	default:
		return set_kept(s, SOL_SOCKET, name, n);
	}
}

static void uncork(struct sock *s)
{
	if (s->state == SOCK_OPEN)
		sock_announce(s);
}

static int set_counted(struct sock *s, int *setting, int n, int most, enum shm_option option,
		       int unit)
{
	if (n < 1 || n > most)
		return -EINVAL;
	*setting = n;
	tell_transport(s, option, n * unit);
	return 0;
}

static int set_tcp_int(struct sock *s, int name, int n)
{
	struct sock_options *o = &s->options;

	switch (name) {
	case TCP_NODELAY:
		o->no_delay = n;
		tell_transport(s, SHM_OPT_NODELAY, o->no_delay);
		uncork(s);
		return 0;
	case TCP_CORK:
		o->cork = n;
		if (!o->cork)
			uncork(s);
		return 0;
	case TCP_KEEPIDLE:
		return set_counted(s, &o->keepalive_idle_s, n, 32767, SHM_OPT_KEEPALIVE_IDLE_MS,
				   1000);
	case TCP_KEEPINTVL:
		return set_counted(s, &o->keepalive_interval_s, n, 32767,
				   SHM_OPT_KEEPALIVE_INTERVAL_MS, 1000);
	case TCP_KEEPCNT:
		return set_counted(s, &o->keepalive_probes, n, 127, SHM_OPT_KEEPALIVE_PROBES, 1);
	case TCP_USER_TIMEOUT:
		if (n < 0)
			return -EINVAL;
		o->user_timeout_ms = n;
		tell_transport(s, SHM_OPT_USER_TIMEOUT_MS, n);
		return 0;
	case TCP_SYNCNT:
		return n < 1 || n > 127 ? -EINVAL : set_kept(s, IPPROTO_TCP, name, n);
	default:
		/* TCP_MAXSEG, TCP_FASTOPEN_CONNECT, TCP_MD5SIG, TCP_ULP and more: not supported */
		return set_kept(s, IPPROTO_TCP, name, n);
	}
}

/* The stack's configuration decides; its choice may be asked for by name. */
static int set_congestion(struct sock *s, const void *value, socklen_t len)
{
	const char *name = tcp_info_congestion(s);

	return len >= strlen(name) && strncmp(value, name, len) == 0 ? 0 : -ENOENT;
}

static int set_option(struct sock *s, int level, int name, const void *value, socklen_t len)
{
	int n;

	if (level == SOL_SOCKET && name == SO_RCVTIMEO)
		return set_timeout(&s->options.receive_timeout_ns, value, len);
	if (level == SOL_SOCKET && name == SO_SNDTIMEO)
		return set_timeout(&s->options.send_timeout_ns, value, len);
	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return set_congestion(s, value, len);
	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, value, sizeof(n));
	if (level == SOL_SOCKET)
		return set_socket_int(s, name, n);
	if (level == IPPROTO_TCP)
		return set_tcp_int(s, name, n);
	return set_kept(s, level, name, n);
}

int convoy_setsockopt(int cd, int level, int name, const void *value, socklen_t len)
{
	struct sock *s = sock_lock(cd);
	int err;

	if (!s)
		return api_fail(-EBADF);
	err = value ? set_option(s, level, name, value, len) : -EFAULT;
	sock_unlock(s);
	return api_result(err);
}

/* --- getting --- */

static int get_kept(struct sock *s, int level, int name, void *value, socklen_t *len)
{
	int first;
	const struct kept_option *o = find_kept(s, level, name, &first);

	return o ? put_int(value, len, o->is_set ? o->value : first) : -ENOPROTOOPT;
}

/* SO_ERROR: of the connect, or of a reset that has come meanwhile. */
static int take_so_error(struct sock *s)
{
	struct worker *w = source_home(&s->source);

	if (s->state == SOCK_CONNECTING)
		worker_drain(w);
	if (s->state == SOCK_OPEN) {
		fifo_poll(&s->fifo);
		sock_check_reset(s);
	}
	return stream_take_error(s);
}

static int get_socket_option(struct sock *s, int name, void *value, socklen_t *len)
{
	const struct sock_options *o = &s->options;
	struct linger l = { o->linger, o->linger_s };

	switch (name) {
	case SO_ERROR:
		return put_int(value, len, take_so_error(s));
	case SO_TYPE:
		return put_int(value, len, SOCK_STREAM);
	case SO_DOMAIN:
		return put_int(value, len, AF_INET);
	case SO_PROTOCOL:
		return put_int(value, len, IPPROTO_TCP);
	case SO_ACCEPTCONN:
		return put_int(value, len, s->state == SOCK_LISTENING);
	case SO_REUSEADDR:
		return put_int(value, len, o->reuse_address);
	case SO_REUSEPORT:
		return put_int(value, len, o->reuse_port);
	case SO_KEEPALIVE:
		return put_int(value, len, o->keepalive);
	case SO_SNDBUF:
		return put_int(value, len, o->send_bytes ? 2 * o->send_bytes : 960 << 10);
	case SO_RCVBUF:
		return put_int(value, len, o->receive_bytes ? 2 * o->receive_bytes : 960 << 10);
	case SO_RCVLOWAT:
		return put_int(value, len, o->low_mark ? o->low_mark : 1);
	case SO_SNDLOWAT:
		return put_int(value, len, 1);
	case SO_LINGER:
		return put(value, len, &l, sizeof(l));
	case SO_RCVTIMEO:
		return put_timeout(value, len, o->receive_timeout_ns);
	case SO_SNDTIMEO:
		return put_timeout(value, len, o->send_timeout_ns);
	default:
		return get_kept(s, SOL_SOCKET, name, value, len);
	}
}

static int get_tcp_info(struct sock *s, void *value, socklen_t *len)
{
	struct tcp_info info;

	tcp_info_fill(s, &info);
	return put(value, len, &info, sizeof(info));
}

/* Padded with zeros to the length of the kernel's names. */
static int get_congestion(struct sock *s, void *value, socklen_t *len)
{
	char name[16] = "";

	strncpy(name, tcp_info_congestion(s), sizeof(name) - 1);
	return put(value, len, name, sizeof(name));
}

static int get_tcp_option(struct sock *s, int name, void *value, socklen_t *len)
{
	const struct sock_options *o = &s->options;

	switch (name) {
	case TCP_INFO:
		return get_tcp_info(s, value, len);
	case TCP_NODELAY:
		return put_int(value, len, o->no_delay);
	case TCP_CORK:
		return put_int(value, len, o->cork);
	case TCP_MAXSEG:
		return put_int(value, len, tcp_info_mss(s));
	case TCP_KEEPIDLE:
		return put_int(value, len, o->keepalive_idle_s ? o->keepalive_idle_s : 7200);
	case TCP_KEEPINTVL:
		return put_int(value, len, o->keepalive_interval_s ? o->keepalive_interval_s : 75);
	case TCP_KEEPCNT:
		return put_int(value, len, o->keepalive_probes ? o->keepalive_probes : 9);
	case TCP_USER_TIMEOUT:
		return put_int(value, len, o->user_timeout_ms);
	case TCP_CONGESTION:
		return get_congestion(s, value, len);
	default:
		return get_kept(s, IPPROTO_TCP, name, value, len);
	}
}

int convoy_getsockopt(int cd, int level, int name, void *value, socklen_t *len)
{
	struct sock *s;
	int err = -ENOPROTOOPT;

	if (!value || !len)
		return api_fail(-EFAULT);
	connect_deferred_by_cd(cd);
	if (level == IPPROTO_TCP &&
	    (name == TCP_INFO || name == TCP_MAXSEG || name == TCP_CONGESTION))
		tcp_info_ask(cd);
	s = sock_lock(cd);
	if (!s)
		return api_fail(-EBADF);
	if (level == SOL_SOCKET)
		err = get_socket_option(s, name, value, len);
	else if (level == IPPROTO_TCP)
		err = get_tcp_option(s, name, value, len);
	else if (level == IPPROTO_IP && name == IP_OPTIONS)
		err = put(value, len, "", 0);
	else if (level == IPPROTO_IP && name == IP_MTU)
		err = s->state == SOCK_OPEN ? put_int(value, len, USUAL_MTU) : -ENOTCONN;
	else
		err = get_kept(s, level, name, value, len);
	sock_unlock(s);
	return api_result(err);
}
