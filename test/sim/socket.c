/*
 * socket.c - session/session.h and the path query for simulated hosts: what TCP asks of the layers
 * around it, answered by a struct sim_socket and one directly connected network.
 */
#include "host.h"

#include "transport/tcp/path.h"
#include "wire/ip4.h"

enum { PERIOD = 65521, RUN = 65536 };

static struct sim_host *host_of(const struct worker *w)
{
	return w->engine->module[MODULE_IP4];
}

static struct sim_socket *socket_of(const struct session *s)
{
	return container_of(s, struct sim_socket, session);
}

/* Any run of up to 64 KiB of the endless stream, without a wrap. */
static const uint8_t *pattern(uint64_t offset)
{
	static uint8_t bytes[PERIOD + RUN];
	static bool made;

	if (!made) {
		struct random random;

		random_seed(&random, 9293);
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = i < PERIOD ? (uint8_t)random_u64(&random) : bytes[i - PERIOD];
		made = true;
	}
	return bytes + offset % PERIOD;
}

static struct sim_socket *socket_new(struct sim_host *h)
{
	for (unsigned i = 0; i < SIM_SOCKETS; i++) {
		struct sim_socket *s = &h->sockets[i];

		if (s->used)
			continue;
		*s = (struct sim_socket){ .host = h,
					  .used = true,
					  .capacity = h->capacity,
					  .reads_at_once = h->reads_at_once };
		s->session.self = i + 1;
		s->session.transport = &tcp_transport;
		return s;
	}
	return NULL;
}

/* --- for TCP --- */

int tcp_path_to(const struct tcp_worker *tw, uint32_t fib unused_arg, be32 dst,
		struct tcp_path *out)
{
	if (host32(dst) >> 24 != 10)
		return ERR_UNREACHABLE;
	*out = (struct tcp_path){ .source = host_of(tw->worker)->address,
				  .mtu_bytes = SIM_MTU,
				  .if_index = SIM_INTERFACE };
	return 0;
}

bool tcp_path_is_busy(const struct tcp_worker *tw, uint32_t if_index unused_arg)
{
	return host_of(tw->worker)->busy;
}

bool tcp_path_is_ours(const struct tcp_worker *tw, uint32_t fib unused_arg, be32 addr)
{
	return host32(addr) == host32(host_of(tw->worker)->address);
}

struct session_listener *session_find_listener(struct worker *w,
					       const struct transport *t unused_arg,
					       uint32_t fib unused_arg,
					       const struct shm_address *local)
{
	struct sim_host *h = host_of(w);

	return h->listener.port == local->port ? &h->listener : NULL;
}

uint32_t session_listener_half_open(struct session_listener *l, int change)
{
	invariant(change >= 0 || l->n_half_open > 0);
	return l->n_half_open += (uint32_t)change;
}

uint32_t session_listener_backlog(const struct session_listener *l)
{
	return l->backlog;
}

bool session_listener_has_room(const struct session_listener *l)
{
	return l->n_accepted < l->backlog;
}

struct session *session_accepted(struct worker *w, struct session_listener *l, handle connection,
				 const struct flow *flow)
{
	struct sim_socket *s = socket_new(host_of(w));

	if (!s)
		return NULL;
	l->n_accepted++;
	s->session.connection = connection;
	s->session.flow = *flow;
	s->session.listener = l;
	s->connected = true;
	return &s->session;
}

void session_connected(struct worker *w unused_arg, struct session *s, const struct flow *flow)
{
	s->flow = *flow;
	socket_of(s)->connected = true;
}

static void end(struct session *s, int error)
{
	s->connection = 0;
	socket_of(s)->done = true;
	socket_of(s)->error = error;
}

void session_connect_failed(struct worker *w unused_arg, struct session *s, int err)
{
	end(s, err);
}

uint32_t session_rx_unread(const struct session *s)
{
	return (uint32_t)(socket_of(s)->received - socket_of(s)->read);
}

uint32_t session_rx_capacity(const struct session *s)
{
	return socket_of(s)->capacity;
}

uint32_t session_rx_room(struct session *s)
{
	return session_rx_capacity(s) - session_rx_unread(s);
}

uint32_t session_rx_put(struct worker *w unused_arg, struct session *session, const void *from,
			uint32_t n)
{
	struct sim_socket *s = socket_of(session);
	uint32_t room = session_rx_room(session);

	n = n < room ? n : room;
	if (memcmp(from, pattern(s->received), n) != 0)
		s->host->n_corrupt++;
	s->received += n;
	if (s->reads_at_once)
		s->read = s->received;
	return n;
}

void session_rx_want_room(struct worker *w unused_arg, struct session *s)
{
	socket_of(s)->wants_room = true;
}

void session_rx_bulk(struct session *s unused_arg)
{
}

void session_rx_fin(struct worker *w unused_arg, struct session *s)
{
	socket_of(s)->eof = true;
}

uint32_t session_tx_ready(struct session *s)
{
	return (uint32_t)(socket_of(s)->written - socket_of(s)->acked);
}

unsigned session_tx_slices(struct session *s, uint32_t offset, uint32_t n, struct slice *slices,
			   unsigned max unused_arg)
{
	slices[0] = slice_of(pattern(socket_of(s)->acked + offset), n);
	return 1;
}

void session_tx_drop(struct worker *w unused_arg, struct session *s, uint32_t n)
{
	invariant(socket_of(s)->acked + n <= socket_of(s)->written);
	socket_of(s)->acked += n;
}

bool session_tx_finished(struct session *s)
{
	return socket_of(s)->finished || socket_of(s)->closed;
}

bool session_app_closed(struct session *s)
{
	return socket_of(s)->closed;
}

void session_done(struct worker *w unused_arg, struct session *s)
{
	end(s, 0);
}

void session_reset(struct worker *w unused_arg, struct session *s, int err)
{
	end(s, err);
}

/* --- for tests --- */

void sim_listen(struct sim_host *h, uint16_t port, uint32_t backlog)
{
	h->listener = (struct session_listener){ .port = port, .backlog = backlog };
}

struct sim_socket *sim_connect(struct sim_host *h, const char *address, uint16_t port)
{
	struct sim_socket *s = socket_new(h);
	struct flow flow = { .remote = { .port = port, .family = 4 } };
	be32 remote;
	int err;

	invariant(s && ip4_from_text(address, &remote) == 0);
	memcpy(flow.remote.ip, remote.b, 4);
	err = tcp_transport.connect(h->worker, &s->session, &flow);
	if (err)
		end(&s->session, err);
	return s;
}

struct sim_socket *sim_accepted_or_null(struct sim_host *h, unsigned n)
{
	for (unsigned i = 0; i < SIM_SOCKETS; i++)
		if (h->sockets[i].used && h->sockets[i].session.listener && n-- == 0)
			return &h->sockets[i];
	return NULL;
}

static void tell(struct sim_socket *s)
{
	if (s->session.connection)
		tcp_transport.send(s->host->worker, &s->session);
}

void sim_write(struct sim_socket *s, uint64_t octets)
{
	s->written += octets;
	tell(s);
}

void sim_read(struct sim_socket *s, uint32_t octets)
{
	uint32_t unread = session_rx_unread(&s->session);

	s->read += octets < unread ? octets : unread;
	if (s->wants_room && session_rx_unread(&s->session) <= s->capacity / 2 &&
	    s->session.connection) {
		s->wants_room = false;
		tcp_transport.room(s->host->worker, &s->session);
	}
}

void sim_shutdown(struct sim_socket *s)
{
	s->finished = true;
	tell(s);
}

void sim_close(struct sim_socket *s)
{
	s->closed = true;
	tell(s);
}

void sim_option(struct sim_socket *s, enum shm_option option, int32_t value)
{
	if (s->session.connection)
		tcp_transport.set_option(s->host->worker, &s->session, option, value);
}

void sim_trouble(struct sim_socket *s, const struct tcp_trouble_report *r)
{
	struct tcp_worker *tw = tcp_worker_of(s->host->worker);
	struct tcp_conn *c = tcp_conn_get_or_null(tw, s->session.connection);
	enum tcp_error_reason reason = c ? tcp_icmp_report(c, r) : TCP_ERROR_STRANGER;

	s->host->n_errors[reason]++;
}

struct transport_info sim_describe(struct sim_socket *s)
{
	struct transport_info info = { 0 };

	if (s->session.connection)
		tcp_transport.describe(s->host->worker, &s->session, &info);
	return info;
}
