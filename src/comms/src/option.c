/* option.c - socket options, names, flags. Settings that reach the transport are SHM_EV_OPTION. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "comms/convoy.h"
#include "comms/src/adopt.h"
#include "comms/src/api.h"
#include "comms/src/connect.h"
#include "comms/src/option.h"
#include "comms/src/stream.h"

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

	if (likely(!o->no_delay && !o->keepalive && !o->user_timeout_ms))
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
		o->low_mark = n;
		return 0;
	case SO_PRIORITY:
		o->priority = n;
		return 0;
	case SO_OOBINLINE:
	case SO_BUSY_POLL:
	case SO_INCOMING_CPU:
	case SO_MARK:
	case SO_ZEROCOPY:
	case SO_TIMESTAMP:
		return 0;
	case SO_BROADCAST:
	case SO_DONTROUTE:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static void uncork(struct sock *s)
{
	if (s->state == SOCK_OPEN)
		sock_announce(s);
}

static int set_seconds(struct sock *s, int *setting, int n, enum shm_option option)
{
	if (n < 1 || n > 32767)
		return -EINVAL;
	*setting = n;
	tell_transport(s, option, option == SHM_OPT_KEEPALIVE_PROBES ? n : n * 1000);
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
		return set_seconds(s, &o->keepalive_idle_s, n, SHM_OPT_KEEPALIVE_IDLE_MS);
	case TCP_KEEPINTVL:
		return set_seconds(s, &o->keepalive_interval_s, n, SHM_OPT_KEEPALIVE_INTERVAL_MS);
	case TCP_KEEPCNT:
		return set_seconds(s, &o->keepalive_probes, n, SHM_OPT_KEEPALIVE_PROBES);
	case TCP_USER_TIMEOUT:
		if (n < 0)
			return -EINVAL;
		o->user_timeout_ms = n;
		tell_transport(s, SHM_OPT_USER_TIMEOUT_MS, n);
		return 0;
	case TCP_QUICKACK:
		o->quick_ack = n;
		return 0;
	case TCP_DEFER_ACCEPT:
	case TCP_FASTOPEN:
	case TCP_FASTOPEN_CONNECT:
	case TCP_SYNCNT:
	case TCP_LINGER2:
	case TCP_WINDOW_CLAMP:
	case TCP_NOTSENT_LOWAT:
	case TCP_MAXSEG:
		return 0; /* hints; taken without effect */
	default:
		return -ENOPROTOOPT;
	}
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
		return 0; /* the stack's configuration decides */
	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, value, sizeof(n));
	if (level == SOL_SOCKET)
		return set_socket_int(s, name, n);
	if (level == IPPROTO_TCP)
		return set_tcp_int(s, name, n);
	if (level == IPPROTO_IP && name == IP_TOS) {
		s->options.tos = n;
		return 0;
	}
	return level == IPPROTO_IP ? 0 : -ENOPROTOOPT;
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
	case SO_PRIORITY:
		return put_int(value, len, o->priority);
	case SO_BROADCAST:
	case SO_OOBINLINE:
	case SO_DONTROUTE:
		return put_int(value, len, 0);
	case SO_LINGER:
		return put(value, len, &l, sizeof(l));
	case SO_RCVTIMEO:
		return put_timeout(value, len, o->receive_timeout_ns);
	case SO_SNDTIMEO:
		return put_timeout(value, len, o->send_timeout_ns);
	default:
		return -ENOPROTOOPT;
	}
}

static uint8_t tcp_state(const struct sock *s)
{
	switch ((enum sock_state)s->state) {
	case SOCK_LISTENING:
		return TCP_LISTEN;
	case SOCK_DEFERRED:
	case SOCK_CONNECTING:
		return TCP_SYN_SENT;
	case SOCK_OPEN:
		if (s->fifo.my_state != SHM_OPEN)
			return s->fifo.peer_state != SHM_OPEN ? TCP_LAST_ACK : TCP_FIN_WAIT2;
		return s->fifo.peer_state != SHM_OPEN ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
	default:
		return TCP_CLOSE;
	}
}

/* What the library knows by itself; the rest is zero. */
static int get_tcp_info(struct sock *s, void *value, socklen_t *len)
{
	struct tcp_info info = { .tcpi_state = tcp_state(s),
				 .tcpi_snd_mss = 1460,
				 .tcpi_rcv_mss = 1460,
				 .tcpi_advmss = 1460,
				 .tcpi_pmtu = 1500 };

	if (s->state == SOCK_OPEN)
		info.tcpi_unacked = (fifo_unread(&s->fifo) + 1459) / 1460;
	return put(value, len, &info, sizeof(info));
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
		return put_int(value, len, 1460);
	case TCP_KEEPIDLE:
		return put_int(value, len, o->keepalive_idle_s ? o->keepalive_idle_s : 7200);
	case TCP_KEEPINTVL:
		return put_int(value, len, o->keepalive_interval_s ? o->keepalive_interval_s : 75);
	case TCP_KEEPCNT:
		return put_int(value, len, o->keepalive_probes ? o->keepalive_probes : 9);
	case TCP_USER_TIMEOUT:
		return put_int(value, len, o->user_timeout_ms);
	case TCP_QUICKACK:
		return put_int(value, len, o->quick_ack);
	case TCP_CONGESTION:
		return put(value, len, "cubic\0\0\0\0\0\0\0\0\0\0", 16);
	case TCP_DEFER_ACCEPT:
	case TCP_FASTOPEN:
	case TCP_NOTSENT_LOWAT:
		return put_int(value, len, 0);
	default:
		return -ENOPROTOOPT;
	}
}

int convoy_getsockopt(int cd, int level, int name, void *value, socklen_t *len)
{
	struct sock *s;
	int err = -ENOPROTOOPT;

	if (!value || !len)
		return api_fail(-EFAULT);
	connect_deferred_by_cd(cd);
	s = sock_lock(cd);
	if (!s)
		return api_fail(-EBADF);
	if (level == SOL_SOCKET)
		err = get_socket_option(s, name, value, len);
	else if (level == IPPROTO_TCP)
		err = get_tcp_option(s, name, value, len);
	else if (level == IPPROTO_IP && name == IP_TOS)
		err = put_int(value, len, s->options.tos);
	else if (level == IPPROTO_IP && name == IP_OPTIONS)
		err = put(value, len, "", 0);
	sock_unlock(s);
	return api_result(err);
}

/* --- names --- */

int convoy_getsockname(int cd, struct sockaddr *address, socklen_t *len)
{
	struct shm_address any = { .family = 4 };
	struct sock *s = sock_lock(cd);

	if (!s)
		return api_fail(-EBADF);
	sockaddr_of_address(s->local.family ? &s->local : &any, address, len);
	sock_unlock(s);
	return 0;
}

int convoy_getpeername(int cd, struct sockaddr *address, socklen_t *len)
{
	struct sock *s = sock_lock(cd);
	int err = -ENOTCONN;

	if (!s)
		return api_fail(-EBADF);
	if (s->state == SOCK_OPEN || adopt_is_elsewhere(s)) {
		sockaddr_of_address(&s->remote, address, len);
		err = 0;
	}
	sock_unlock(s);
	return api_result(err);
}

/* --- flags --- */

int convoy_fcntl(int cd, int command, long argument)
{
	struct sock *s = sock_lock(cd);
	int result = -EINVAL;

	if (!s)
		return api_fail(-EBADF);
	if (command == F_GETFL)
		result = O_RDWR | (s->nonblocking ? O_NONBLOCK : 0);
	if (command == F_SETFL) {
		s->nonblocking = argument & O_NONBLOCK;
		result = 0;
	}
	sock_unlock(s);
	return api_result(result);
}

int convoy_ioctl(int cd, unsigned long request, void *argument)
{
	struct sock *s = request == FIONREAD ? stream_lock(cd, false) : sock_lock(cd);
	bool open;
	int err = 0;

	if (!s)
		return api_fail(-EBADF);
	open = s->state == SOCK_OPEN;
	switch (request) {
	case FIONBIO:
		s->nonblocking = *(int *)argument;
		break;
	case FIONREAD:
		if (s->state == SOCK_LISTENING)
			err = -EINVAL;
		else
			*(int *)argument = open ? (int)(fifo_poll(&s->fifo) - s->lent_bytes) : 0;
		break;
	case SIOCOUTQ:
		if (open)
			fifo_room(&s->fifo);
		*(int *)argument = open ? (int)fifo_unread(&s->fifo) : 0;
		break;
	case SIOCATMARK:
		*(int *)argument = 0;
		break;
	default:
		err = -ENOTTY;
	}
	sock_unlock(s);
	return api_result(err);
}
