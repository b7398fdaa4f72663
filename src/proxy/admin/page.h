/* page.h - inside the admin folder: what a page gets and gives. */
#ifndef CONVOY_PROXY_ADMIN_PAGE_H
#define CONVOY_PROXY_ADMIN_PAGE_H

#include <stdio.h>

#include "proxy/server/server.h"

enum { ADMIN_PATH_MAX = 4096 };

struct admin_request {
	struct server *server;
	char path[ADMIN_PATH_MAX]; /* without the query */
	const char *query;	   /* what follows '?', or "" */
	bool is_post;
};

struct admin_answer {
	unsigned status;
	const char *content_type;
	FILE *body;
	bool end_process; /* after the answer was sent */
};

struct admin_page {
	const char *path;
	bool is_mutation; /* POST only */
	void (*show)(const struct admin_request *r, struct admin_answer *a);
	const char *help;
};

/* admin_query - the decoded value of parameter @name into @out ("" without '='); false if absent.
 */
bool admin_query(const struct admin_request *r, const char *name, char *out, size_t size);

/* admin_show - answer @r: look the page up, check the method, call it. */
void admin_show(const struct admin_request *r, struct admin_answer *a);

/* admin_path_allowed - by allow_paths of the bootstrap. */
bool admin_path_allowed(const struct admin_config *c, const char *path);

/* The pages that have files of their own. */
void admin_show_stats(const struct admin_request *r, struct admin_answer *a);
void admin_show_prometheus(const struct admin_request *r, struct admin_answer *a);
void admin_show_clusters(const struct admin_request *r, struct admin_answer *a);
void admin_show_listeners(const struct admin_request *r, struct admin_answer *a);
void admin_show_server_info(const struct admin_request *r, struct admin_answer *a);
void admin_show_memory(const struct admin_request *r, struct admin_answer *a);

/* server_state_text - "LIVE", "DRAINING" … */
const char *server_state_text(enum server_state state);

/* The access log of the admin pages; lines in Envoy's default format. */
struct admin_log;
struct admin_log *admin_log_open_or_null(const struct access_log_config *config,
					 struct config_error *error);
void admin_log_close(struct admin_log *l);
void admin_log_reopen(struct admin_log *l);

struct admin_log_entry {
	struct slice method, path, user_agent, authority;
	unsigned status;
	size_t bytes_received, bytes_sent;
	const struct address *peer;
};
void admin_log_write(struct admin_log *l, const struct admin_log_entry *e);

#endif
