/* print.c - the statistics as text and JSON. Durations are kept in µs and shown in ms. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>

#include "proxy/stats/registry.h"

enum { US_PER_MS = 1000 };

static const double quantiles[] = { 0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1 };
static const char *const quantile_names[] = { "P0",  "P25", "P50",   "P75",   "P90",
					      "P95", "P99", "P99.5", "P99.9", "P100" };
static const double quantile_percents[] = { 0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100 };
_Static_assert(count_of(quantiles) == count_of(quantile_names), "one name each");

static void print_quantile(FILE *out, const struct histogram *h, double q)
{
	double us = histogram_quantile(h, q);

	if (isnan(us))
		fputs("nan", out);
	else
		fprintf(out, "%.6g", us / US_PER_MS);
}

static void print_histogram_text(FILE *out, const struct stat_sample *s)
{
	fprintf(out, "%s:", s->name);
	if (!s->histogram->count) {
		fputs(" No recorded values\n", out);
		return;
	}
	for (unsigned i = 0; i < count_of(quantiles); i++) {
		fprintf(out, " %s(", quantile_names[i]);
		print_quantile(out, s->interval, quantiles[i]);
		fputc(',', out);
		print_quantile(out, s->histogram, quantiles[i]);
		fputc(')', out);
	}
	fputc('\n', out);
}

void stats_print_text(struct stats *s, const struct stats_query *q, FILE *out)
{
	struct stat_samples l;

	if (stats_collect(s, q, &l))
		return;
	for (size_t i = 0; i < l.n; i++)
		if (!l.items[i].histogram)
			fprintf(out, "%s: %" PRIu64 "\n", l.items[i].name, l.items[i].value);
	for (size_t i = 0; i < l.n; i++)
		if (l.items[i].histogram)
			print_histogram_text(out, &l.items[i]);
	stats_release(&l);
}

static void print_json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (iscntrl((unsigned char)*text))
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void print_json_number(FILE *out, const struct histogram *h, double q)
{
	if (isnan(histogram_quantile(h, q)))
		fputs("null", out);
	else
		print_quantile(out, h, q);
}

static void print_histogram_json(FILE *out, const struct stat_sample *s)
{
	fputs("{\"name\":", out);
	print_json_text(out, s->name);
	fputs(",\"values\":[", out);
	for (unsigned i = 0; i < count_of(quantiles); i++) {
		fprintf(out, "%s{\"interval\":", i ? "," : "");
		print_json_number(out, s->interval, quantiles[i]);
		fputs(",\"cumulative\":", out);
		print_json_number(out, s->histogram, quantiles[i]);
		fputc('}', out);
	}
	fputs("]}", out);
}

static void print_histograms_json(FILE *out, const struct stat_samples *l, const char *separator)
{
	const char *comma = "";

	fprintf(out, "%s{\"histograms\":{\"supported_quantiles\":[", separator);
	for (unsigned i = 0; i < count_of(quantile_percents); i++)
		fprintf(out, "%s%g", i ? "," : "", quantile_percents[i]);
	fputs("],\"computed_quantiles\":[", out);
	for (size_t i = 0; i < l->n; i++) {
		if (!l->items[i].histogram)
			continue;
		fputs(comma, out);
		print_histogram_json(out, &l->items[i]);
		comma = ",";
	}
	fputs("]}}", out);
}

void stats_print_json(struct stats *s, const struct stats_query *q, FILE *out)
{
	struct stat_samples l;
	const char *comma = "";
	bool histograms = false;

	if (stats_collect(s, q, &l))
		return;
	fputs("{\"stats\":[", out);
	for (size_t i = 0; i < l.n; i++) {
		histograms |= l.items[i].histogram != NULL;
		if (l.items[i].histogram)
			continue;
		fprintf(out, "%s{\"name\":", comma);
		print_json_text(out, l.items[i].name);
		fprintf(out, ",\"value\":%" PRIu64 "}", l.items[i].value);
		comma = ",";
	}
	if (histograms)
		print_histograms_json(out, &l, comma);
	fputs("]}\n", out);
	stats_release(&l);
}
