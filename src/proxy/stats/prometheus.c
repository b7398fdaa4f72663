/*
 * prometheus.c - the statistics in Prometheus' text format.
 * Names lose what is a tag: the scope's value and the class or code in "..._rq_2xx", "..._rq_404".
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "proxy/stats/registry.h"

enum { US_PER_MS = 1000 };

/* Envoy's default bounds, in µs; "le" is in ms. */
static const uint64_t bounds_us[] = { 500,	 1000,	    5000,	10000,	   25000,
				      50000,	 100000,    250000,	500000,	   1000000,
				      2500000,	 5000000,   10000000,	30000000,  60000000,
				      300000000, 600000000, 1800000000, 3600000000 };

/* A sample as Prometheus sees it. */
struct metric {
	const struct stat_sample *sample;
	char name[256];
	char labels[384]; /* 'a="b",c="d"' */
};

static void add_label(struct metric *m, const char *key, const char *value)
{
	size_t len = strlen(m->labels);

	len += (size_t)snprintf(m->labels + len, sizeof(m->labels) - len, "%s%s=\"", len ? "," : "",
				key);
	for (; *value && len + 5 < sizeof(m->labels); value++) {
		if (*value == '"' || *value == '\\')
			m->labels[len++] = '\\';
		m->labels[len++] = *value == '\n' ? ' ' : *value;
	}
	m->labels[len++] = '"';
	m->labels[len] = '\0';
}

/* "downstream_rq_2xx" is "downstream_rq_xx" with the class as a tag. */
static void split_class(struct metric *m)
{
	size_t len = strlen(m->name);
	char *end = m->name + len - 3;
	char class[2] = "";

	if (len < 5 || strcmp(end + 1, "xx") || end[-1] != '_' || *end < '1' || *end > '5')
		return;
	class[0] = *end;
	memmove(end, end + 1, 3);
	add_label(m, "envoy_response_code_class", class);
}

static void describe(const struct stat_sample *s, struct metric *m)
{
	char code[12];

	m->sample = s;
	m->labels[0] = '\0';
	snprintf(m->name, sizeof(m->name), "envoy_%s_%s", s->group->scope.prefix, s->field->name);
	if (s->status) {
		snprintf(code, sizeof(code), "%u", s->status);
		add_label(m, "envoy_response_code", code);
	} else {
		split_class(m);
	}
	if (s->group->scope.tag)
		add_label(m, s->group->scope.tag, s->group->scope.value);
	for (char *c = m->name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
}

static const char *type_name(const struct stat_sample *s)
{
	if (s->histogram)
		return "histogram";
	return s->field->kind == STAT_GAUGE ? "gauge" : "counter";
}

static void print_prometheus_histogram(FILE *out, const struct metric *m)
{
	const struct stat_sample *s = m->sample;
	const char *comma = m->labels[0] ? "," : "";
	uint64_t count = s->histogram->count;

	for (unsigned i = 0; i < count_of(bounds_us); i++)
		fprintf(out, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", m->name, m->labels, comma,
			(double)bounds_us[i] / US_PER_MS,
			histogram_count_below(s->histogram, bounds_us[i]));
	fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", m->name, m->labels, comma, count);
	fprintf(out, "%s_sum{%s} %.10g\n", m->name, m->labels,
		(double)s->histogram->sum / US_PER_MS);
	fprintf(out, "%s_count{%s} %" PRIu64 "\n", m->name, m->labels, count);
}

static void print_metric(FILE *out, const struct metric *m)
{
	if (m->sample->histogram)
		print_prometheus_histogram(out, m);
	else
		fprintf(out, "%s{%s} %" PRIu64 "\n", m->name, m->labels, m->sample->value);
}

static int compare_metrics(const void *a, const void *b)
{
	const struct metric *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : strcmp(left->sample->name, right->sample->name);
}

void stats_print_prometheus(struct stats *s, const struct stats_query *q, FILE *out)
{
	struct stat_samples l;
	struct metric *m;

	if (stats_collect(s, q, &l))
		return;
	m = arena_alloc_or_null(&l.arena, l.n * sizeof(*m));
	for (size_t i = 0; m && i < l.n; i++)
		describe(&l.items[i], &m[i]);
	if (m)
		qsort(m, l.n, sizeof(*m), compare_metrics);
	/* All samples of one name follow their one TYPE line, as the format demands. */
	for (size_t i = 0; m && i < l.n; i++) {
		if (!i || strcmp(m[i - 1].name, m[i].name))
			fprintf(out, "# TYPE %s %s\n", m[i].name, type_name(m[i].sample));
		print_metric(out, &m[i]);
	}
	stats_release(&l);
}
