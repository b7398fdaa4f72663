/*
 * resolver.h - host names to addresses, without blocking: c-ares over kernel sockets.
 * The hosts file and resolv.conf count as for any program. One thread owns a resolver.
 */
#ifndef CONVOY_PROXY_DNS_RESOLVER_H
#define CONVOY_PROXY_DNS_RESOLVER_H

#include "proxy/config/cluster.h"
#include "proxy/net/address.h"
#include "proxy/net/dispatcher.h"

struct dns_resolver;
struct dns_query;

enum dns_outcome {
	DNS_FOUND,     /* one address or more */
	DNS_NOT_FOUND, /* the name exists without such an address, or does not exist */
	DNS_FAILED,    /* no server gave an answer */
};

struct dns_answer {
	enum dns_outcome outcome;
	const char *reason;		 /* a phrase for the log where nothing was found */
	const struct address *addresses; /* port 0; sorted, so that equal answers compare equal */
	unsigned n;
	uint32_t ttl_s; /* the smallest; 0 from the hosts file */
};

/* The query is over when this is called, and must not be cancelled any more. */
typedef void (*dns_answer_fn)(void *context, const struct dns_answer *answer);

/* dns_resolver_new_or_null - @config: servers and options; its default is the system's. */
struct dns_resolver *dns_resolver_new_or_null(struct dispatcher *d,
					      const struct dns_resolver_config *config);

/* dns_resolver_free - queries under way end without their callback. */
void dns_resolver_free(struct dns_resolver *r);

/*
 * dns_resolve_or_null - ask for @name; @fn is called in a later turn, always.
 * AUTO asks for IPv6 and, if that finds nothing, for IPv4; V4_PREFERRED the other way round.
 */
struct dns_query *dns_resolve_or_null(struct dns_resolver *r, const char *name,
				      enum dns_family family, dns_answer_fn fn, void *context);

/* dns_query_cancel - @fn will not be called. */
void dns_query_cancel(struct dns_query *q);

#endif
