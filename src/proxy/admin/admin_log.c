/* admin_log.c - one line per admin request, in Envoy's default access log format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "proxy/admin/page.h"

struct admin_log {
	const struct access_log_config *config;
	FILE *out;
};

static FILE *open_or_null(const struct access_log_config *c)
{
	if (c->kind == ACCESS_LOG_STDOUT)
		return fopen("/dev/stdout", "ae");
	if (c->kind == ACCESS_LOG_STDERR)
		return fopen("/dev/stderr", "ae");
	return fopen(c->path, "ae");
}

struct admin_log *admin_log_open_or_null(const struct access_log_config *config,
					 struct config_error *error)
{
	struct admin_log *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->config = config;
	l->out = open_or_null(config);
	if (l->out)
		return l;
	config_fail(error, config->at, "cannot open the access log \"%.100s\": %s",
		    config->path ? config->path : "", strerror(errno));
	free(l);
	return NULL;
}

void admin_log_close(struct admin_log *l)
{
	if (!l)
		return;
	fclose(l->out);
	free(l);
}

void admin_log_reopen(struct admin_log *l)
{
	FILE *again = l->config->kind == ACCESS_LOG_FILE ? open_or_null(l->config) : NULL;

	if (!again)
		return; /* the old one still takes lines */
	fclose(l->out);
	l->out = again;
}

static void print_slice(FILE *out, struct slice s)
{
	if (s.len)
		fprintf(out, " \"%.*s\"", (int)s.len, (const char *)s.at);
	else
		fputs(" \"-\"", out);
}

void admin_log_write(struct admin_log *l, const struct admin_log_entry *e)
{
	uint64_t now = clock_wall_ns();
	time_t seconds = (time_t)(now / NS_PER_S);
	char stamp[32], peer[ADDRESS_TEXT_MAX];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	address_print_ip(e->peer, peer);
	fprintf(l->out, "[%s.%03uZ] \"%.*s %.*s HTTP/1.1\" %u - %zu %zu 0 - \"%s\"", stamp,
		(unsigned)(now % NS_PER_S / NS_PER_MS), (int)e->method.len,
		(const char *)e->method.at, (int)e->path.len, (const char *)e->path.at, e->status,
		e->bytes_received, e->bytes_sent, peer);
	print_slice(l->out, e->user_agent);
	print_slice(l->out, slice_of(NULL, 0));
	print_slice(l->out, e->authority);
	fputs(" \"-\"\n", l->out);
	fflush(l->out);
}
