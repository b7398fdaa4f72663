/* listeners.c - from configured listeners to specs that workers open, and the early look whether
 * their addresses are free. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/server/server.h"

const char *server_interface_name(const struct server *s, const struct address_config *a)
{
	uint8_t choice = a->socket.socket_interface;
	bool is_admin = a == &s->bootstrap->admin.address;

	if (a->kind == ADDRESS_PIPE || (is_admin && choice == SOCKET_INTERFACE_DEFAULT))
		choice = SOCKET_INTERFACE_KERNEL;
	if (choice == SOCKET_INTERFACE_DEFAULT)
		choice = s->bootstrap->default_socket_interface;
	return choice == SOCKET_INTERFACE_CONVOY ? SOCKET_NAME_CONVOY : SOCKET_NAME_KERNEL;
}

/* Bind once and let go: a port that another program has is found before anything runs. */
static int probe(struct server *s, const struct server_listener *l)
{
	struct io_handle *h;
	int err;

	if (l->spec.address.family == ADDRESS_UNIX || !l->spec.address.port ||
	    strcmp(l->spec.interface->ops->name, SOCKET_NAME_KERNEL))
		return 0;
	err = socket_interface_open(l->spec.interface, s->dispatcher, IO_STREAM,
				    l->spec.address.family, &h);
	if (err)
		return err;
	err = io_handle_set_option(h, IO_OPT_REUSE_ADDRESS, 1);
	if (!err)
		err = io_handle_set_option(h, IO_OPT_REUSE_PORT, 1);
	if (!err && l->spec.address.family == ADDRESS_IP6)
		err = io_handle_set_option(h, IO_OPT_V6_ONLY, l->spec.v6_only);
	if (!err)
		err = io_handle_bind(h, &l->spec.address);
	io_handle_close(h, IO_CLOSE_NORMAL);
	return err;
}

int server_cannot_listen(const struct server *s, struct config_error *error,
			 const struct address_config *a, int err)
{
	char text[256];
	const char *why = err_text(err);

	if (err == ERR_BUSY || err == ERR_EXIST)
		why = "the address is in use";
	else if (err == ERR_PERM)
		why = "no permission (ports below 1024 are root's)";
	else if (err == ERR_UNREACHABLE && !strcmp(server_interface_name(s, a), SOCKET_NAME_CONVOY))
		why = "convoyd cannot be reached, or has no such address";
	else if (err == ERR_UNREACHABLE)
		why = "this machine has no such address";
	config_fail(error, a->at, "cannot listen on %s: %s",
		    address_config_text(a, text, sizeof(text)), why);
	return err;
}

int server_check_interface(struct server *s, const struct address_config *a)
{
	const char *name = server_interface_name(s, a);

	if (socket_registry_find_or_null(&s->sockets, name))
		return 0;
	return config_fail(&s->error, a->at, "the socket interface \"%s\" is not available here",
			   name);
}

static int make_spec(struct server *s, struct server_listener *l)
{
	const struct listener_config *c = l->config;
	int err = server_check_interface(s, &c->address);

	if (err)
		return err;
	l->spec =
		(struct listener_spec){ .name = c->name,
					.interface = socket_registry_find_or_null(
						&s->sockets, server_interface_name(s, &c->address)),
					.unix_mode = c->address.pipe.mode,
					.backlog = c->tcp_backlog_size,
					.buffer_limit_bytes = c->per_connection_buffer_limit_bytes,
					.bind_to_port = true,
					.reuse_port = true,
					.v6_only = !c->address.socket.ipv4_compat,
					.chain = &l->chain };
	return address_config_resolve(&c->address, &l->spec.address);
}

/* The line in the configuration is known here, and nothing has to be undone. */
static int check_access_logs(struct server *s, const struct hcm_config *h)
{
	for (uint32_t i = 0; i < h->n_access_logs; i++) {
		const struct access_log_config *log = &h->access_logs[i];
		int fd;

		if (log->kind != ACCESS_LOG_FILE)
			continue;
		fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
		if (fd < 0 && errno == ENXIO)
			continue; /* a pipe whose reader is not there yet */
		if (fd < 0)
			return config_fail(&s->error, log->at,
					   "cannot open the access log \"%.100s\": %s", log->path,
					   strerror(errno));
		close(fd);
	}
	return 0;
}

static int make_listener(struct server *s, struct server_listener *l)
{
	const struct filter_chain_config *chain = &l->config->filter_chains[0];
	const struct hcm_services services = {
		.stats = s->stats,
		.logs = s->logs,
		.buffer_limit_bytes = l->config->per_connection_buffer_limit_bytes,
	};
	int err = make_spec(s, l);

	if (!err)
		err = check_access_logs(s, chain->filters[0].hcm);
	if (err)
		return err;
	l->factory = hcm_factory_new_or_null(chain->filters[0].hcm, &services);
	if (!l->factory)
		return config_fail(&s->error, chain->filters[0].at,
				   "the connection manager cannot be made; the log says why");
	l->chain = (struct filter_chain){
		.name = chain->name,
		.transport = &transport_plain,
		.filters = (const struct network_filter_factory *const *)&l->factory,
		.n_filters = 1
	};
	l->stats = stats_group_or_null(s->stats, stat_scope_listener(l->config->stat_prefix),
				       &server_listener_stats_layout);
	if (!l->stats)
		return ERR_NOMEM;
	err = probe(s, l);
	return err ? server_cannot_listen(s, &s->error, &l->config->address, err) : 0;
}

int server_make_listeners(struct server *s)
{
	unsigned n = s->bootstrap->n_listeners;
	int err = 0;

	s->listeners = calloc(n + 1, sizeof(*s->listeners));
	if (!s->listeners)
		return ERR_NOMEM;
	for (unsigned i = 0; i < n && !err; i++) {
		s->listeners[i].config = &s->bootstrap->listeners[i];
		err = make_listener(s, &s->listeners[i]);
		stat_inc(err ? &s->listener_stats->listener_create_failure
			     : &s->listener_stats->listener_added);
	}
	return err;
}

void server_free_listeners(struct server *s)
{
	for (unsigned i = 0; s->listeners && i < s->bootstrap->n_listeners; i++)
		if (s->listeners[i].factory)
			s->listeners[i].factory->ops->free(s->listeners[i].factory);
	free(s->listeners);
	s->listeners = NULL;
}
