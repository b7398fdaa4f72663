/* top_view.c - one picture of `convoy top`. */
#include "cli/top_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/scale.h"

enum {
	LINE_MAX_BYTES = 256,
	COLUMNS_MIN = 40,
	NAME_MIN = 8,	     /* columns of a name, however narrow the screen is */
	NAME_MAX = 24,	     /* and where there is room */
	ERRORS_MAX = 4,	     /* lines of drops */
	SHORT_ROWS = 20,     /* fewer: no empty lines, one line of drops */
	NARROW_COLUMNS = 71, /* fewer: no bits per second */
};

/* Where the picture ends. */
struct page {
	struct text *out;
	unsigned rows_left, columns;
	bool is_short;
};

static void line(struct page *p, const char *format, ...) printf_like(2, 3);

static void line(struct page *p, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	if (p->rows_left == 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_add(p->out, "%.*s\n", (int)p->columns, text);
	p->rows_left--;
}

/* Between two parts. */
static void gap(struct page *p)
{
	if (!p->is_short)
		line(p, "%s", "");
}

/* The columns of a name beside @others columns of numbers. */
static int name_columns(const struct page *p, unsigned others)
{
	unsigned n = p->columns > others ? p->columns - others : 0;

	return n < NAME_MIN ? NAME_MIN : n > NAME_MAX ? NAME_MAX : (int)n;
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "-";
}

static double number(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static const char *scaled(const json_t *row, const char *key, char out[SCALE_TEXT_MAX])
{
	return scale_text(number(row, key), out);
}

static void workers(struct page *p, const json_t *rows, unsigned most)
{
	char packets[SCALE_TEXT_MAX], turns[SCALE_TEXT_MAX], sleeps[SCALE_TEXT_MAX];
	int name = name_columns(p, 38);
	const json_t *w;
	size_t i;

	line(p, "%-*s %9s %9s %9s %7s", name, "worker", "packets/s", "turns/s", "sleeps/s",
	     "load %");
	json_array_foreach(rows, i, w)
	{
		if (i == most)
			break;
		line(p, "%-*lld %9s %9s %9s %7.1f", name,
		     (long long)json_integer_value(json_object_get(w, "worker")),
		     scaled(w, "packets_per_s", packets), scaled(w, "turns_per_s", turns),
		     scaled(w, "sleeps_per_s", sleeps), number(w, "load_percent"));
	}
	if (json_array_size(rows) > most)
		line(p, "… and %zu more", json_array_size(rows) - most);
}

static void interface_line(struct page *p, const json_t *one)
{
	char rx[SCALE_TEXT_MAX], rx_bits[SCALE_TEXT_MAX], tx[SCALE_TEXT_MAX];
	char tx_bits[SCALE_TEXT_MAX], drops[SCALE_TEXT_MAX];

	scaled(one, "rx_packets_per_s", rx);
	scaled(one, "tx_packets_per_s", tx);
	scaled(one, "drops_per_s", drops);
	if (p->columns < NARROW_COLUMNS)
		line(p, "%-*.*s %-7s %8s %8s %8s", name_columns(p, 35), name_columns(p, 35),
		     text_of(one, "interface"), text_of(one, "state"), rx, tx, drops);
	else
		line(p, "%-16.16s %-7s %8s %9s %8s %9s %8s", text_of(one, "interface"),
		     text_of(one, "state"), rx, scaled(one, "rx_bits_per_s", rx_bits), tx,
		     scaled(one, "tx_bits_per_s", tx_bits), drops);
}

static void interfaces(struct page *p, const json_t *rows, unsigned most)
{
	const json_t *one;
	size_t i;

	if (p->columns < NARROW_COLUMNS)
		line(p, "%-*s %-7s %8s %8s %8s", name_columns(p, 35), "interface", "state", "rx/s",
		     "tx/s", "drops/s");
	else
		line(p, "%-16s %-7s %8s %9s %8s %9s %8s", "interface", "state", "rx/s", "bit/s",
		     "tx/s", "bit/s", "drops/s");
	json_array_foreach(rows, i, one) if (i < most) interface_line(p, one);
	if (json_array_size(rows) > most)
		line(p, "… and %zu more", json_array_size(rows) - most);
}

static void errors(struct page *p, const json_t *rows)
{
	char n[SCALE_TEXT_MAX];
	const json_t *one;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	gap(p);
	line(p, "%9s  %s", "drops/s", "events and drops by node.reason");
	json_array_foreach(rows, i, one) if (i < (p->is_short ? 1 : ERRORS_MAX))
		line(p, "%9s  %s.%s: %s", scaled(one, "per_s", n), text_of(one, "node"),
		     text_of(one, "reason"), text_of(one, "text"));
}

static void nodes(struct page *p, const json_t *rows)
{
	char packets[SCALE_TEXT_MAX];
	int name = name_columns(p, 43);
	const json_t *one;
	size_t i;

	gap(p);
	line(p, "%-*s %9s %9s %14s %7s", name, "node", "packets/s", "per call", "clocks/packet",
	     "time %");
	json_array_foreach(rows, i, one)
		line(p, "%-*.*s %9s %9.1f %14.1f %7.1f", name, name, text_of(one, "node"),
		     scaled(one, "packets_per_s", packets), number(one, "per_call"),
		     number(one, "clocks_per_packet"), number(one, "share_percent"));
}

void top_view(struct text *out, const json_t *difference, unsigned rows, unsigned columns)
{
	struct page p = { out, rows, columns < COLUMNS_MIN ? COLUMNS_MIN : columns,
			  rows < SHORT_ROWS };
	const json_t *w = json_object_get(difference, "workers");
	const json_t *i = json_object_get(difference, "interfaces");
	unsigned most = rows / 4 > 3 ? rows / 4 - 2 : 1;
	char packets[SCALE_TEXT_MAX];

	line(&p, "convoy: %s packets/s came in, %zu worker%s, over %.1f s",
	     scaled(difference, "packets_per_s", packets), json_array_size(w),
	     json_array_size(w) == 1 ? "" : "s", number(difference, "seconds"));
	gap(&p);
	workers(&p, w, most);
	gap(&p);
	interfaces(&p, i, most);
	errors(&p, json_object_get(difference, "errors"));
	nodes(&p, json_object_get(difference, "nodes"));
}
