/*
 * router.h - envoy.filters.http.router: the last HTTP filter, which answers from a route or from a
 * host of its cluster. Essay in router.c.
 */
#ifndef CONVOY_PROXY_FILTER_ROUTER_H
#define CONVOY_PROXY_FILTER_ROUTER_H

#include "proxy/filter/http_filter.h"

/* router_factory_new_or_null - @config must outlive it. */
struct http_filter_factory *router_factory_new_or_null(const struct router_config *config);

#endif
