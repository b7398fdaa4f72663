/* sample.c - differences between two looks at the counters. */
#include "cli/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

const json_t *sample_row_or_null(const json_t *rows, const char *key, const json_t *value)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i,
			   row) if (json_equal(json_object_get(row, key), value)) return row;
	return NULL;
}

double sample_growth(const json_t *before, const json_t *after, const char *key)
{
	double then = json_number_value(json_object_get(before, key));
	double now = json_number_value(json_object_get(after, key));

	return now >= then ? now - then : now;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static json_t *workers(const json_t *before, const json_t *after, double seconds)
{
	double hz = json_number_value(json_object_get(after, "clock_hz"));
	json_t *list = json_array();
	const json_t *now;
	size_t i;

	json_array_foreach(json_object_get(after, "workers"), i, now)
	{
		const json_t *then = json_array_get(json_object_get(before, "workers"), i);

		json_array_append_new(
			list,
			json_pack(
				"{s:O, s:f, s:f, s:f, s:f}", "worker",
				json_object_get(now, "worker"), "packets_per_s",
				ratio(sample_growth(then, now, "packets"), seconds), "turns_per_s",
				ratio(sample_growth(then, now, "turns"), seconds), "sleeps_per_s",
				ratio(sample_growth(then, now, "sleeps"), seconds), "load_percent",
				100 * ratio(sample_growth(then, now, "clocks"), seconds * hz)));
	}
	return list;
}

static json_t *interfaces(const json_t *before, const json_t *after, double seconds)
{
	json_t *list = json_array();
	const json_t *now;
	size_t i;

	json_array_foreach(after, i, now)
	{
		const json_t *row =
			sample_row_or_null(before, "name", json_object_get(now, "name"));
		const json_t *then = json_object_get(row, "counters");
		const json_t *c = json_object_get(now, "counters");

		json_array_append_new(
			list, json_pack("{s:O, s:O, s:f, s:f, s:f, s:f, s:f}", "interface",
					json_object_get(now, "name"), "state",
					json_object_get(now, "state"), "rx_packets_per_s",
					ratio(sample_growth(then, c, "rx_packets"), seconds),
					"rx_bits_per_s",
					8 * ratio(sample_growth(then, c, "rx_bytes"), seconds),
					"tx_packets_per_s",
					ratio(sample_growth(then, c, "tx_packets"), seconds),
					"tx_bits_per_s",
					8 * ratio(sample_growth(then, c, "tx_bytes"), seconds),
					"drops_per_s",
					ratio(sample_growth(then, c, "rx_drops") +
						      sample_growth(then, c, "tx_drops"),
					      seconds)));
	}
	return list;
}

/* Clocks of all nodes between the two looks. */
static double all_clocks(const json_t *before, const json_t *after)
{
	const json_t *now;
	double sum = 0;
	size_t i;

	json_array_foreach(after, i, now) sum += sample_growth(
		sample_row_or_null(before, "node", json_object_get(now, "node")), now, "clocks");
	return sum;
}

static json_t *nodes(const json_t *before, const json_t *after, double seconds)
{
	double total = all_clocks(before, after);
	json_t *list = json_array();
	const json_t *now;
	size_t i;

	json_array_foreach(after, i, now)
	{
		const json_t *then =
			sample_row_or_null(before, "node", json_object_get(now, "node"));
		double packets = sample_growth(then, now, "vectors");
		double clocks = sample_growth(then, now, "clocks");

		if (packets == 0)
			continue;
		json_array_append_new(list,
				      json_pack("{s:O, s:f, s:f, s:f, s:f}", "node",
						json_object_get(now, "node"), "packets_per_s",
						ratio(packets, seconds), "per_call",
						ratio(packets, sample_growth(then, now, "calls")),
						"clocks_per_packet", ratio(clocks, packets),
						"share_percent", 100 * ratio(clocks, total)));
	}
	return list;
}

static json_t *errors(const json_t *before, const json_t *after, double seconds)
{
	json_t *list = json_array();
	const json_t *now, *then;
	size_t i, k;

	json_array_foreach(after, i, now)
	{
		const json_t *match = NULL;
		double n;

		json_array_foreach(before, k, then) if (json_equal(json_object_get(then, "node"),
								   json_object_get(now, "node")) &&
							json_equal(json_object_get(then, "reason"),
								   json_object_get(now, "reason")))
			match = then;
		n = sample_growth(match, now, "count");
		if (n > 0)
			json_array_append_new(list,
					      json_pack("{s:O, s:O, s:O, s:f}", "node",
							json_object_get(now, "node"), "reason",
							json_object_get(now, "reason"), "text",
							json_object_get(now, "text"), "per_s",
							ratio(n, seconds)));
	}
	return list;
}

/* Greatest @key first; the lists are short. */
static json_t *sorted(json_t *rows, const char *key)
{
	for (size_t i = 1; i < json_array_size(rows); i++) {
		json_t *row = json_incref(json_array_get(rows, i));
		double value = json_number_value(json_object_get(row, key));
		size_t at = i;

		while (at > 0 && json_number_value(json_object_get(json_array_get(rows, at - 1),
								   key)) < value)
			at--;
		json_array_remove(rows, i);
		json_array_insert_new(rows, at, row);
	}
	return rows;
}

json_t *sample_difference(const json_t *before, const json_t *after, double seconds)
{
	const json_t *then = json_object_get(before, "runtime");
	const json_t *now = json_object_get(after, "runtime"), *row;
	json_t *list = workers(then, now, seconds);
	double packets = 0;
	size_t i;

	json_array_foreach(list, i, row) packets +=
		json_number_value(json_object_get(row, "packets_per_s"));
	return json_pack("{s:f, s:f, s:o, s:o, s:o, s:o}", "seconds", seconds, "packets_per_s",
			 packets, "workers", list, "interfaces",
			 interfaces(json_object_get(before, "interfaces"),
				    json_object_get(after, "interfaces"), seconds),
			 "nodes",
			 sorted(nodes(json_object_get(then, "nodes"), json_object_get(now, "nodes"),
				      seconds),
				"share_percent"),
			 "errors",
			 sorted(errors(json_object_get(before, "errors"),
				       json_object_get(after, "errors"), seconds),
				"per_s"));
}
