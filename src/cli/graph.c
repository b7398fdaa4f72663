/* graph.c - `convoy graph`: asks for nodes and edges twice and draws what passed between. */
#include "cli/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/client.h"
#include "cli/graph_draw.h"
#include "cli/sample.h"
#include "cli/status.h"
#include "cli/watch.h"

struct options {
	void (*draw)(struct text *out, const struct graph_picture *p);
	double interval;
	bool all;
};

static const struct {
	const char *name;
	void (*draw)(struct text *out, const struct graph_picture *p);
} formats[] = { { "text", graph_draw_text }, { "dot", graph_draw_dot }, { "svg", graph_draw_svg } };

const struct command graph_command = {
	.name = "graph",
	.help = "the graph of nodes, with packets/s on its edges",
	.more = "  convoy graph --format svg > graph.svg\n",
	.args = { { "format", COMMAND_TEXT, "text (default), dot for Graphviz, or svg",
		    .choices = "text|dot|svg" },
		  { "interval", COMMAND_TEXT, "seconds that rates are measured over (default 1)" },
		  { "all", COMMAND_FLAG, "nodes and edges that have not been used as well" } },
};

static int take_format(struct options *o, const char *name)
{
	for (unsigned i = 0; name && i < count_of(formats); i++)
		if (strcmp(name, formats[i].name) == 0) {
			o->draw = formats[i].draw;
			return 0;
		}
	fprintf(stderr, "convoy: --format needs one of: text, dot, svg\n");
	return ERR_INVAL;
}

static int parse(struct options *o, char **words)
{
	for (; *words; words++) {
		int err = 0;

		if (strcmp(*words, "--all") == 0) {
			o->all = true;
			continue;
		}
		if (strcmp(*words, "--format") == 0) {
			err = take_format(o, words[1]);
		} else if (strcmp(*words, "--interval") == 0) {
			err = watch_seconds(words[1], &o->interval);
		} else {
			fprintf(stderr, "convoy: graph does not know \"%s\"\n", *words);
			err = ERR_INVAL;
		}
		if (err < 0)
			return err;
		words++;
	}
	return 0;
}

/* The edge of @rows between the same two nodes. */
static const json_t *edge_or_null(const json_t *rows, const json_t *edge)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (json_equal(json_object_get(row, "from"),
							json_object_get(edge, "from")) &&
					     json_equal(json_object_get(row, "to"),
							json_object_get(edge, "to"))) return row;
	return NULL;
}

/* @after with rates of the time between, in the place of averages. */
static json_t *rated(const json_t *before, json_t *after, double seconds)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(after, "nodes"), i, row)
	{
		const json_t *then = sample_row_or_null(json_object_get(before, "nodes"), "node",
							json_object_get(row, "node"));

		double packets = sample_growth(then, row, "vectors");

		json_object_set_new(row, "vectors_per_s", json_real(packets / seconds));
		if (packets > 0)
			json_object_set_new(
				row, "clocks_per_vector",
				json_real(sample_growth(then, row, "clocks") / packets));
	}
	json_array_foreach(json_object_get(after, "edges"), i, row)
	{
		const json_t *then = edge_or_null(json_object_get(before, "edges"), row);

		json_object_set_new(row, "packets_per_s",
				    json_real(sample_growth(then, row, "packets") / seconds));
	}
	json_object_set_new(after, "seconds", json_real(seconds));
	return after;
}

static json_t *measure_or_null(struct client *c, const struct options *o)
{
	json_t *before = watch_ask_or_null(c, "show graph", o->all), *after = NULL;
	double began = watch_now();

	if (before) {
		watch_sleep(o->interval);
		after = watch_ask_or_null(c, "show graph", o->all);
	}
	if (after)
		rated(before, after, watch_now() - began);
	json_decref(before);
	return after;
}

static unsigned find_node(const struct graph_picture *p, const json_t *name)
{
	const char *text = json_string_value(name);
	unsigned n = 0;

	while (n < p->n_nodes && strcmp(p->node[n].name, text ? text : "") != 0)
		n++;
	return n;
}

/* Edges to nodes that have come since are left out. */
static int make_picture(struct graph_picture *p, const json_t *graph)
{
	const json_t *nodes = json_object_get(graph, "nodes");
	const json_t *edges = json_object_get(graph, "edges"), *row;
	size_t i;

	*p = (struct graph_picture){
		.node = calloc(json_array_size(nodes) + 1, sizeof(struct graph_node)),
		.edge = calloc(json_array_size(edges) + 1, sizeof(struct graph_edge)),
	};
	if (!p->node || !p->edge)
		return ERR_NOMEM;
	json_array_foreach(nodes, i, row) p->node[p->n_nodes++] = (struct graph_node){
		.name = json_string_value(json_object_get(row, "node")),
		.rate = json_number_value(json_object_get(row, "vectors_per_s")),
		.clocks = json_number_value(json_object_get(row, "clocks_per_vector")),
	};
	json_array_foreach(edges, i, row)
	{
		struct graph_edge edge = {
			.from = find_node(p, json_object_get(row, "from")),
			.to = find_node(p, json_object_get(row, "to")),
			.rate = json_number_value(json_object_get(row, "packets_per_s")),
		};

		if (edge.from < p->n_nodes && edge.to < p->n_nodes)
			p->edge[p->n_edges++] = edge;
	}
	return graph_layout(p);
}

static int show(const struct options *o, const json_t *graph)
{
	struct graph_picture p;
	struct text out = { 0 };
	int err = make_picture(&p, graph);

	if (err == 0) {
		o->draw(&out, &p);
		fputs(out.at ? out.at : "nothing has passed yet; --all shows every node\n", stdout);
	} else {
		fprintf(stderr, "convoy: cannot draw the graph: %s\n", err_text(err));
	}
	text_deinit(&out);
	graph_picture_deinit(&p);
	return err == 0 ? STATUS_OK : STATUS_FAILED;
}

int graph_main(const char *socket_path, char **words, bool json)
{
	struct options o = { .draw = graph_draw_text, .interval = WATCH_INTERVAL_S };
	struct client c;
	json_t *graph = NULL;
	int status = STATUS_OK;

	if (parse(&o, words) < 0)
		return STATUS_USAGE;
	if (client_open(&c, socket_path) == 0)
		graph = measure_or_null(&c, &o);
	if (!graph) {
		fprintf(stderr, "convoy: %s\n", c.why);
		status = STATUS_FAILED;
	} else if (json) {
		json_dumpf(graph, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		status = show(&o, graph);
	}
	json_decref(graph);
	client_close(&c);
	return status;
}
