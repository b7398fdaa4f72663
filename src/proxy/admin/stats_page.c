/* stats_page.c - /stats in its forms, with the filter as a regular expression under limits. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "proxy/admin/page.h"

enum { MATCH_LIMIT = 100000, HEAP_LIMIT_KB = 1024 };

struct filter {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

static bool is_wanted(void *context, const char *name)
{
	struct filter *f = context;

	return pcre2_match(f->code, (PCRE2_SPTR)name, PCRE2_ZERO_TERMINATED, 0, 0, f->match,
			   f->limits) >= 0;
}

static void filter_deinit(struct filter *f)
{
	pcre2_match_context_free(f->limits);
	pcre2_match_data_free(f->match);
	pcre2_code_free(f->code);
}

/* False, with a phrase in @why, for an expression that cannot be used. */
static bool filter_init(struct filter *f, const char *expression, char *why, size_t size)
{
	PCRE2_SIZE offset;
	int error;

	*f = (struct filter){ .code = NULL };
	f->code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, 0, &error, &offset,
				NULL);
	if (!f->code) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)why, size);
		return false;
	}
	f->match = pcre2_match_data_create_from_pattern(f->code, NULL);
	f->limits = pcre2_match_context_create(NULL);
	if (!f->match || !f->limits) {
		filter_deinit(f);
		snprintf(why, size, "out of memory");
		return false;
	}
	pcre2_set_match_limit(f->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(f->limits, HEAP_LIMIT_KB);
	return true;
}

typedef void (*printer)(struct stats *s, const struct stats_query *q, FILE *out);

static void show(const struct admin_request *r, struct admin_answer *a, printer print)
{
	struct stats_query q = { .used_only = false };
	char expression[1024], why[128];
	struct filter f;

	q.used_only = admin_query(r, "usedonly", expression, sizeof(expression));
	server_update_stats(r->server);
	if (!admin_query(r, "filter", expression, sizeof(expression)) || !*expression) {
		print(r->server->stats, &q, a->body);
		return;
	}
	if (!filter_init(&f, expression, why, sizeof(why))) {
		a->status = 400;
		fprintf(a->body, "Invalid regex: \"%s\"\n", why);
		return;
	}
	q.wanted = is_wanted;
	q.context = &f;
	print(r->server->stats, &q, a->body);
	filter_deinit(&f);
}

void admin_show_stats(const struct admin_request *r, struct admin_answer *a)
{
	char format[32];

	if (!admin_query(r, "format", format, sizeof(format)) || !strcmp(format, "text")) {
		show(r, a, stats_print_text);
	} else if (!strcmp(format, "json")) {
		a->content_type = "application/json";
		show(r, a, stats_print_json);
	} else if (!strcmp(format, "prometheus")) {
		show(r, a, stats_print_prometheus);
	} else {
		a->status = 400;
		fputs("usage: /stats?format=json|prometheus|text\n", a->body);
	}
}

void admin_show_prometheus(const struct admin_request *r, struct admin_answer *a)
{
	show(r, a, stats_print_prometheus);
}
