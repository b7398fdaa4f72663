/* hcm_factory.c - a connection manager's configuration, compiled once for all workers. */
#include <stdlib.h>

#include "proxy/filter/access_log.h"
#include "proxy/filter/hcm_internal.h"
#include "proxy/filter/router.h"

static uint8_t underscores_of(enum underscores_action action)
{
	static const uint8_t ours[] = {
		[UNDERSCORES_ALLOW] = HTTP1_UNDERSCORES_ALLOW,
		[UNDERSCORES_REJECT_REQUEST] = HTTP1_UNDERSCORES_REJECT,
		[UNDERSCORES_DROP_HEADER] = HTTP1_UNDERSCORES_DROP,
	};

	return ours[action];
}

static struct http1_settings http1_settings_of(const struct hcm_config *config)
{
	return (struct http1_settings){
		.max_head_bytes = config->max_request_headers_kb * 1024,
		.max_headers = config->common.max_headers_count,
		.underscores = underscores_of(config->common.underscores),
		.allow_absolute_url = config->http1.allow_absolute_url,
		.enable_trailers = config->http1.enable_trailers,
		.allow_chunked_length = config->http1.allow_chunked_length,
		.proper_case_words = config->http1.proper_case_words,
	};
}

static void free_factory(struct network_filter_factory *base)
{
	struct hcm_factory *f = container_of(base, struct hcm_factory, base);

	for (unsigned i = 0; i < f->n_filters; i++)
		f->filters[i]->ops->free(f->filters[i]);
	for (unsigned i = 0; i < f->n_logs; i++)
		access_log_close(f->logs[i]);
	free(f->logs);
	route_table_free(f->routes);
	free(f);
}

static const struct network_filter_factory_ops factory_ops = {
	.name = "envoy.filters.network.http_connection_manager",
	.terminal = true,
	.new_filter_or_null = hcm_new_filter_or_null,
	.free = free_factory,
};

static bool add_filters(struct hcm_factory *f)
{
	const struct hcm_config *config = f->config;

	if (config->n_http_filters > HTTP_FILTERS_MAX)
		return false;
	for (uint32_t i = 0; i < config->n_http_filters; i++) {
		struct http_filter_factory *filter =
			router_factory_new_or_null(&config->http_filters[i].router);

		if (!filter)
			return false;
		f->filters[f->n_filters++] = filter;
	}
	return true;
}

static bool open_logs(struct hcm_factory *f, struct access_logs *logs)
{
	const struct hcm_config *config = f->config;

	f->logs = calloc(config->n_access_logs + 1u, sizeof(struct access_log *));
	for (uint32_t i = 0; f->logs && i < config->n_access_logs; i++) {
		struct access_log *log = access_log_open_or_null(logs, &config->access_logs[i]);

		if (!log)
			return false;
		f->logs[f->n_logs++] = log;
	}
	return f->logs != NULL;
}

struct network_filter_factory *hcm_factory_new_or_null(const struct hcm_config *config,
						       const struct hcm_services *services)
{
	struct hcm_factory *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->base.ops = &factory_ops;
	f->config = config;
	f->http1 = http1_settings_of(config);
	f->server_name = slice_of_text(config->server_name);
	f->buffer_limit_bytes = services->buffer_limit_bytes;
	f->stats = stats_group_or_null(services->stats, stat_scope_http(config->stat_prefix),
				       &hcm_stats_layout);
	f->routes = route_table_new_or_null(config->route_table);
	if (!f->stats || !f->routes || !add_filters(f) || !open_logs(f, services->logs)) {
		free_factory(&f->base);
		return NULL;
	}
	return &f->base;
}
