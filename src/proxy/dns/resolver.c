/*
 * resolver.c - c-ares on the dispatcher: it says which descriptors to watch and when to look again.
 *
 * Answers are handed on in a task of their own, because c-ares may call back from inside the call
 * that asks (hosts file, names that are addresses).
 */
#include "proxy/dns/resolver.h"

#include <ares.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include "base/err.h"
#include "base/log.h"
#include "proxy/net/fd_event.h"
#include "proxy/net/sockaddr.h"

enum { MAX_ADDRESSES = 256 };

struct watch {
	struct list link;
	struct dns_resolver *resolver;
	int fd;
	struct fd_event event;
	struct deferred deferred;
};

struct dns_resolver {
	struct dispatcher *dispatcher;
	ares_channel channel;
	struct list watches;
	struct list queries;
	struct timer timer;
};

struct dns_query {
	struct list link;
	struct dns_resolver *resolver;
	struct task task; /* tells the caller */
	dns_answer_fn fn; /* NULL once cancelled */
	void *context;
	bool asked;	   /* c-ares holds it */
	int second_family; /* AF_UNSPEC: none */
	char *name;
	struct dns_answer answer;
	struct address addresses[MAX_ADDRESSES];
};

static void look_again_in_time(struct dns_resolver *r)
{
	struct timeval tv, *due = ares_timeout(r->channel, NULL, &tv);

	if (!due) {
		dispatcher_timer_cancel(r->dispatcher, &r->timer);
		return;
	}
	dispatcher_timer_set(r->dispatcher, &r->timer,
			     (uint64_t)due->tv_sec * NS_PER_S + (uint64_t)due->tv_usec * NS_PER_US);
}

static void time_passed(struct timer *t, uint64_t now_ns unused_arg)
{
	struct dns_resolver *r = container_of(t, struct dns_resolver, timer);

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	look_again_in_time(r);
}

static void socket_ready(void *context, unsigned ready)
{
	struct watch *w = context;
	struct dns_resolver *r = w->resolver;
	int fd = w->fd;

	ares_process_fd(r->channel, ready & (FD_READ | FD_CLOSED) ? fd : ARES_SOCKET_BAD,
			ready & FD_WRITE ? fd : ARES_SOCKET_BAD);
	look_again_in_time(r);
}

static void free_watch(struct deferred *x)
{
	free(container_of(x, struct watch, deferred));
}

static struct watch *watch_or_null(struct dns_resolver *r, int fd)
{
	list_for_each(link, &r->watches) {
		struct watch *w = container_of(link, struct watch, link);

		if (w->fd == fd)
			return w;
	}
	return NULL;
}

static void unwatch(struct watch *w)
{
	fd_event_close(&w->event);
	list_remove(&w->link);
	dispatcher_delete(w->resolver->dispatcher, &w->deferred, free_watch);
}

static void socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
	struct dns_resolver *r = context;
	struct watch *w = watch_or_null(r, fd);
	unsigned mask = (readable ? FD_READ : 0u) | (writable ? FD_WRITE : 0u);

	if (w)
		unwatch(w);
	if (!mask)
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		log_error("dns.watch", "error=%s", err_text(ERR_NOMEM));
		return; /* the query times out */
	}
	w->resolver = r;
	w->fd = fd;
	if (fd_event_open(&w->event, r->dispatcher, fd, mask, false, socket_ready, w)) {
		log_error("dns.watch", "error=%s", err_text(ERR_IO));
		free(w);
		return;
	}
	list_push(&r->watches, &w->link);
}

static int use_servers(struct dns_resolver *r, const struct dns_resolver_config *config)
{
	struct ares_addr_port_node *nodes = calloc(config->n_servers + 1, sizeof(*nodes));
	int status;

	if (!nodes)
		return ARES_ENOMEM;
	for (uint32_t i = 0; i < config->n_servers; i++) {
		struct address a;

		if (address_config_resolve(&config->servers[i], &a))
			continue; /* refused by the loader */
		nodes[i].family = a.family == ADDRESS_IP4 ? AF_INET : AF_INET6;
		memcpy(&nodes[i].addr, a.ip, sizeof(nodes[i].addr));
		nodes[i].udp_port = nodes[i].tcp_port = a.port;
		nodes[i].next = i + 1 < config->n_servers ? &nodes[i + 1] : NULL;
	}
	status = ares_set_servers_ports(r->channel, nodes);
	free(nodes);
	return status;
}

static int open_channel(struct dns_resolver *r, const struct dns_resolver_config *config)
{
	struct ares_options options = { .sock_state_cb = socket_state, .sock_state_cb_data = r };
	int mask = ARES_OPT_SOCK_STATE_CB, status;

	if (config->use_tcp)
		options.flags |= ARES_FLAG_USEVC;
	if (config->no_search)
		options.flags |= ARES_FLAG_NOSEARCH;
	if (options.flags)
		mask |= ARES_OPT_FLAGS;
	if (config->query_timeout_s) {
		options.timeout = (int)config->query_timeout_s * 1000;
		mask |= ARES_OPT_TIMEOUTMS;
	}
	if (config->query_tries) {
		options.tries = (int)config->query_tries;
		mask |= ARES_OPT_TRIES;
	}
	status = ares_init_options(&r->channel, &options, mask);
	if (status == ARES_SUCCESS && config->n_servers) {
		status = use_servers(r, config);
		if (status != ARES_SUCCESS)
			ares_destroy(r->channel);
	}
	return status;
}

struct dns_resolver *dns_resolver_new_or_null(struct dispatcher *d,
					      const struct dns_resolver_config *config)
{
	struct dns_resolver *r = calloc(1, sizeof(*r));
	int status;

	if (!r)
		return NULL;
	r->dispatcher = d;
	list_init(&r->watches);
	list_init(&r->queries);
	timer_init(&r->timer, time_passed);
	status = open_channel(r, config);
	if (status == ARES_SUCCESS)
		return r;
	log_error("dns.open", "error=\"%s\"", ares_strerror(status));
	free(r);
	return NULL;
}

static void free_query(struct dns_query *q)
{
	task_cancel(&q->task);
	list_remove(&q->link);
	free(q->name);
	free(q);
}

void dns_resolver_free(struct dns_resolver *r)
{
	if (!r)
		return;
	list_for_each(link, &r->queries)
		container_of(link, struct dns_query, link)->fn = NULL;
	ares_destroy(r->channel); /* calls back for each query that it holds, which frees it */
	list_for_each(link, &r->queries)
		free_query(container_of(link, struct dns_query, link));
	dispatcher_timer_cancel(r->dispatcher, &r->timer);
	free(r);
}

static int compare_addresses(const void *a, const void *b)
{
	const struct address *l = a, *r = b;

	if (l->family != r->family)
		return l->family < r->family ? -1 : 1;
	return memcmp(l->ip, r->ip, sizeof(l->ip));
}

static void take_addresses(struct dns_query *q, const struct ares_addrinfo *info)
{
	struct dns_answer *a = &q->answer;

	for (const struct ares_addrinfo_node *n = info->nodes; n && a->n < MAX_ADDRESSES;
	     n = n->ai_next) {
		struct sockaddr_storage ss = { 0 };
		uint32_t ttl = n->ai_ttl > 0 ? (uint32_t)n->ai_ttl : 0;

		if (n->ai_addrlen > sizeof(ss))
			continue;
		memcpy(&ss, n->ai_addr, n->ai_addrlen);
		memset(&q->addresses[a->n], 0, sizeof(q->addresses[0]));
		address_of_sockaddr(&q->addresses[a->n], &ss, n->ai_addrlen);
		q->addresses[a->n].port = 0;
		if (!a->n || ttl < a->ttl_s)
			a->ttl_s = ttl;
		a->n++;
	}
	qsort(q->addresses, a->n, sizeof(q->addresses[0]), compare_addresses);
	a->addresses = q->addresses;
}

static void ask(struct dns_query *q, int family);

static void came(void *context, int status, int timeouts unused_arg, struct ares_addrinfo *info)
{
	struct dns_query *q = context;
	struct dns_resolver *r = q->resolver;
	bool absent = status == ARES_ENOTFOUND || status == ARES_ENODATA;

	q->asked = false;
	if (info) {
		take_addresses(q, info);
		ares_freeaddrinfo(info);
	}
	if (!q->fn) { /* cancelled */
		free_query(q);
		return;
	}
	if (!q->answer.n && q->second_family != AF_UNSPEC && status != ARES_EDESTRUCTION) {
		int family = q->second_family;

		q->second_family = AF_UNSPEC;
		ask(q, family);
		return;
	}
	q->answer.outcome = q->answer.n ? DNS_FOUND : absent ? DNS_NOT_FOUND : DNS_FAILED;
	q->answer.reason = q->answer.n ? "" : ares_strerror(status);
	dispatcher_next_turn(r->dispatcher, &q->task);
}

static void ask(struct dns_query *q, int family)
{
	struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT, .ai_family = family };

	q->asked = true;
	ares_getaddrinfo(q->resolver->channel, q->name, NULL, &hints, came, q);
}

static void tell(struct task *t)
{
	struct dns_query *q = container_of(t, struct dns_query, task);
	dns_answer_fn fn = q->fn;

	list_remove(&q->link);
	if (fn)
		fn(q->context, &q->answer);
	free_query(q);
}

struct dns_query *dns_resolve_or_null(struct dns_resolver *r, const char *name,
				      enum dns_family family, dns_answer_fn fn, void *context)
{
	static const int first[] = { [DNS_AUTO] = AF_INET6,
				     [DNS_V4_ONLY] = AF_INET,
				     [DNS_V6_ONLY] = AF_INET6,
				     [DNS_V4_PREFERRED] = AF_INET,
				     [DNS_ALL] = AF_UNSPEC };
	struct dns_query *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->name = strdup(name);
	if (!q->name) {
		free(q);
		return NULL;
	}
	q->resolver = r;
	q->fn = fn;
	q->context = context;
	q->second_family = family == DNS_AUTO		? AF_INET
			   : family == DNS_V4_PREFERRED ? AF_INET6
							: AF_UNSPEC;
	task_init(&q->task, tell);
	list_push(&r->queries, &q->link);
	ask(q, first[family]);
	look_again_in_time(r);
	return q;
}

void dns_query_cancel(struct dns_query *q)
{
	q->fn = NULL;
	if (!q->asked)
		free_query(q);
}
