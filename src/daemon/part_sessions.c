/* part_sessions.c - start and stop the session layer, and lend it the daemon's main loop. */
#include <event2/event.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "daemon/session_host.h"
#include "session/layer.h"
#include "session/session_cli.h"
#include "transport/tcp/tcp.h"

static void on_applications(evutil_socket_t fd unused_arg, short what unused_arg, void *context)
{
	struct convoyd *d = context;

	session_layer_run(d->sessions);
}

/* The namespaces of net.yaml, in the configuration's arena. NULL: no memory. */
static const struct session_namespace *namespaces_of(struct convoyd *d)
{
	const struct net_apps *apps = &d->config->apps;
	struct session_namespace *list =
		arena_zalloc_or_null(&d->file->arena, (apps->n_namespaces + 1) * sizeof(*list));

	for (uint32_t i = 0; list && i < apps->n_namespaces; i++) {
		snprintf(list[i].name, sizeof(list[i].name), "%s", apps->namespaces[i].name);
		list[i].secret = apps->namespaces[i].secret;
	}
	return list;
}

int part_sessions_init(struct convoyd *d)
{
	char path[108];
	struct session_options options = {
		.socket_path = path,
		.socket_mode = d->config->apps.socket_mode,
		.namespaces = namespaces_of(d),
		.n_namespaces = d->config->apps.n_namespaces,
		.transport = &tcp_transport,
		.host = session_host_of(d->engine),
	};
	int n = snprintf(path, sizeof(path), "%s%s", d->options.socket_path, RPC_SOCKET_SUFFIX);
	int err;

	if (!options.namespaces)
		return ERR_NOMEM;
	if (n < 0 || (size_t)n >= sizeof(path)) {
		log_error("session.socket", "path=%s error=\"longer than 107 bytes\"", path);
		return ERR_RANGE;
	}
	err = session_layer_new(d->engine, &options, &d->sessions);
	if (err)
		return err;
	err = session_cli_register(d->commands, d->sessions);
	if (err) {
		part_sessions_deinit(d);
		return err;
	}
	d->applications = event_new(d->base, session_layer_fd(d->sessions), EV_READ | EV_PERSIST,
				    on_applications, d);
	if (d->applications && event_add(d->applications, NULL) == 0)
		return 0;
	part_sessions_deinit(d);
	return ERR_NOMEM;
}

void part_sessions_deinit(struct convoyd *d)
{
	if (d->applications)
		event_free(d->applications);
	session_layer_free(d->sessions);
	d->applications = NULL;
	d->sessions = NULL;
}
