/* socket_interface.c - the registry of socket interfaces and their state in each worker. */
#include <stdlib.h>
#include <string.h>

#include "proxy/net/socket_interface.h"

/* Hangs in DISPATCHER_SLOT_SOCKETS: one entry per interface, by its registry slot. */
struct worker_states {
	void *of[SOCKET_INTERFACES_MAX];
	bool started[SOCKET_INTERFACES_MAX];
};

void socket_registry_init(struct socket_registry *r)
{
	*r = (struct socket_registry){ 0 };
}

void socket_registry_deinit(struct socket_registry *r)
{
	for (unsigned i = 0; i < r->n; i++)
		r->interfaces[i]->ops->free(r->interfaces[i]);
	socket_registry_init(r);
}

static bool has_name(const struct socket_interface *si, const char *name)
{
	if (strcmp(si->ops->name, name) == 0)
		return true;
	for (unsigned i = 0; i < count_of(si->ops->aliases) && si->ops->aliases[i]; i++)
		if (strcmp(si->ops->aliases[i], name) == 0)
			return true;
	return false;
}

struct socket_interface *socket_registry_find_or_null(const struct socket_registry *r,
						      const char *name)
{
	if (!name || name[0] == '\0')
		return r->default_interface;
	for (unsigned i = 0; i < r->n; i++)
		if (has_name(r->interfaces[i], name))
			return r->interfaces[i];
	return NULL;
}

int socket_registry_add(struct socket_registry *r, struct socket_interface *si)
{
	if (r->n == SOCKET_INTERFACES_MAX)
		return ERR_FULL;
	if (r->n && socket_registry_find_or_null(r, si->ops->name))
		return ERR_EXIST;
	si->slot = r->n;
	r->interfaces[r->n++] = si;
	if (!r->default_interface)
		r->default_interface = si;
	return 0;
}

int socket_registry_set_default(struct socket_registry *r, const char *name)
{
	struct socket_interface *si = socket_registry_find_or_null(r, name);

	if (!si)
		return ERR_NOENT;
	r->default_interface = si;
	return 0;
}

int socket_registry_worker_start(struct socket_registry *r, struct dispatcher *d)
{
	struct worker_states *states = calloc(1, sizeof(*states));

	if (!states)
		return ERR_NOMEM;
	dispatcher_set_slot(d, DISPATCHER_SLOT_SOCKETS, states);
	for (unsigned i = 0; i < r->n; i++) {
		struct socket_interface *si = r->interfaces[i];
		int err = si->ops->worker_start ? si->ops->worker_start(si, d, &states->of[i]) : 0;

		if (err) {
			socket_registry_worker_stop(r, d);
			return err;
		}
		states->started[i] = true;
	}
	return 0;
}

void socket_registry_worker_stop(struct socket_registry *r, struct dispatcher *d)
{
	struct worker_states *states = dispatcher_slot(d, DISPATCHER_SLOT_SOCKETS);

	if (!states)
		return;
	for (unsigned i = r->n; i-- > 0;) {
		struct socket_interface *si = r->interfaces[i];

		if (states->started[i] && si->ops->worker_stop)
			si->ops->worker_stop(si, d, states->of[i]);
	}
	dispatcher_set_slot(d, DISPATCHER_SLOT_SOCKETS, NULL);
	free(states);
}

void *socket_interface_worker(const struct socket_interface *si, const struct dispatcher *d)
{
	const struct worker_states *states = dispatcher_slot(d, DISPATCHER_SLOT_SOCKETS);

	return states ? states->of[si->slot] : NULL;
}
