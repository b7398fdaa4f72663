/* pages.c - the table of admin pages, the small ones, and what changes something. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "proxy/admin/page.h"

const char *server_state_text(enum server_state state)
{
	static const char *const texts[] = { [SERVER_LIVE] = "LIVE",
					     [SERVER_DRAINING] = "DRAINING",
					     [SERVER_PRE_INITIALIZING] = "PRE_INITIALIZING",
					     [SERVER_INITIALIZING] = "INITIALIZING" };

	return texts[state];
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_percent(const char *from, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		int high = -1, low = -1;

		if (from[i] == '%' && len - i > 2) {
			high = hex_value(from[i + 1]);
			low = hex_value(from[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = from[i]; /* '+' too: filters are expressions */
		}
	}
	out[n] = '\0';
}

bool admin_query(const struct admin_request *r, const char *name, char *out, size_t size)
{
	size_t name_len = strlen(name);

	for (const char *at = r->query; *at; at += *at == '&') {
		size_t len = strcspn(at, "&");

		/* "name" or "name=value" */
		if (len >= name_len && !memcmp(at, name, name_len) &&
		    (len == name_len || at[name_len] == '=')) {
			size_t skip = len == name_len ? len : name_len + 1;

			decode_percent(at + skip, len - skip, out, size);
			return true;
		}
		at += len;
	}
	return false;
}

static bool text_matches(const struct text_match_config *m, const char *path)
{
	size_t len = strlen(m->text), path_len = strlen(path);
	int (*compare)(const char *, const char *, size_t) = m->ignore_case ? strncasecmp : strncmp;

	switch (m->kind) {
	case TEXT_EXACT:
		return len == path_len && !compare(path, m->text, len);
	case TEXT_PREFIX:
		return !compare(path, m->text, len);
	case TEXT_SUFFIX:
		return len <= path_len && !compare(path + path_len - len, m->text, len);
	default:
		return m->ignore_case ? strcasestr(path, m->text) != NULL
				      : strstr(path, m->text) != NULL;
	}
}

bool admin_path_allowed(const struct admin_config *c, const char *path)
{
	for (uint32_t i = 0; i < c->n_allow_paths; i++)
		if (text_matches(&c->allow_paths[i], path))
			return true;
	return !c->n_allow_paths;
}

static void show_ready(const struct admin_request *r, struct admin_answer *a)
{
	a->status = r->server->state == SERVER_LIVE ? 200 : 503;
	fprintf(a->body, "%s\n", server_state_text(r->server->state));
}

static void show_hot_restart_version(const struct admin_request *r unused_arg,
				     struct admin_answer *a)
{
	fputs("disabled\n", a->body);
}

static void quit(const struct admin_request *r unused_arg, struct admin_answer *a)
{
	a->end_process = true;
	fputs("OK\n", a->body);
}

static void reset_counters(const struct admin_request *r, struct admin_answer *a)
{
	stats_reset_counters(r->server->stats);
	fputs("OK\n", a->body);
}

static void reopen_logs(const struct admin_request *r, struct admin_answer *a)
{
	server_reopen_logs(r->server);
	fputs("OK\n", a->body);
}

static void drain_listeners(const struct admin_request *r, struct admin_answer *a)
{
	char value[16];

	if (admin_query(r, "graceful", value, sizeof(value))) {
		a->status = 400;
		fputs("?graceful is not supported: requests under way always finish\n", a->body);
		return;
	}
	server_drain_listeners(r->server, admin_query(r, "inboundonly", value, sizeof(value)));
	fputs("OK\n", a->body);
}

static void logging(const struct admin_request *r, struct admin_answer *a)
{
	static const char *const names[] = { [LOG_LEVEL_OFF] = "off",
					     [LOG_LEVEL_ERROR] = "error",
					     [LOG_LEVEL_WARN] = "warning",
					     [LOG_LEVEL_INFO] = "info",
					     [LOG_LEVEL_DEBUG] = "debug" };
	enum log_level level;
	char text[16];

	if (admin_query(r, "level", text, sizeof(text))) {
		if (!strcmp(text, "warning"))
			strcpy(text, "warn");
		if (log_level_of(text, &level)) {
			a->status = 400;
			fputs("usage: /logging?level=debug|info|warning|error|off\n", a->body);
			return;
		}
		log_set_level(level);
	} else if (*r->query) {
		a->status = 400;
		fputs("only ?level= is supported: there is one logger\n", a->body);
		return;
	}
	fprintf(a->body, "active loggers:\n  all: %s\n", names[log_get_level()]);
}

static void show_help(const struct admin_request *r, struct admin_answer *a);

static const struct admin_page pages[] = {
	{ "/", false, show_help, "admin home page" },
	{ "/clusters", false, admin_show_clusters, "upstream cluster status" },
	{ "/drain_listeners", true, drain_listeners,
	  "drain listeners\n      inboundonly: only those with traffic_direction INBOUND" },
	{ "/help", false, show_help, "print out list of admin commands" },
	{ "/hot_restart_version", false, show_hot_restart_version, "hot restart: disabled" },
	{ "/listeners", false, admin_show_listeners, "print listener info" },
	{ "/logging", true, logging,
	  "query or change the logging level\n      level: the new one" },
	{ "/memory", false, admin_show_memory, "print current allocation/heap usage" },
	{ "/quitquitquit", true, quit, "finish requests under way and exit" },
	{ "/ready", false, show_ready, "print server state, return 200 if LIVE, otherwise 503" },
	{ "/reopen_logs", true, reopen_logs, "reopen access logs" },
	{ "/reset_counters", true, reset_counters, "reset all counters to zero" },
	{ "/server_info", false, admin_show_server_info, "print server version/status" },
	{ "/stats", false, admin_show_stats,
	  "print server stats\n      usedonly: only what is not 0\n      filter: a regular "
	  "expression\n      format: text, json or prometheus" },
	{ "/stats/prometheus", false, admin_show_prometheus,
	  "print server stats in prometheus format" },
};

static void list_pages(FILE *out)
{
	fputs("admin commands are:\n", out);
	for (unsigned i = 0; i < count_of(pages); i++)
		fprintf(out, "  %s%s: %s\n", pages[i].path, pages[i].is_mutation ? " (POST)" : "",
			pages[i].help);
}

static void show_help(const struct admin_request *r unused_arg, struct admin_answer *a)
{
	list_pages(a->body);
}

void admin_show(const struct admin_request *r, struct admin_answer *a)
{
	const struct admin_page *page = NULL;

	if (!admin_path_allowed(&r->server->bootstrap->admin, r->path)) {
		a->status = 403;
		fprintf(a->body, "request to path %s not allowed\n", r->path);
		return;
	}
	for (unsigned i = 0; i < count_of(pages) && !page; i++)
		if (!strcmp(pages[i].path, r->path))
			page = &pages[i];
	if (!page) {
		a->status = 404;
		fputs("invalid path. ", a->body);
		list_pages(a->body);
		return;
	}
	if (page->is_mutation && !r->is_post) {
		a->status = 400;
		fputs("Method GET not allowed, POST required.\n", a->body);
		return;
	}
	page->show(r, a);
}
