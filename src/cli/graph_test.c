/* graph_test.c - laying out graphs, and what is drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "base/random.h"
#include "cli/graph_draw.h"

/* input ─> check ─> lookup ─> rewrite ─> output; check ─> drop; lookup ─> error ─> lookup */
enum { INPUT, CHECK, LOOKUP, REWRITE, OUTPUT, DROP, ERROR, N_NODES };

static struct graph_picture example(void)
{
	static const char *const names[N_NODES] = { "input",  "check", "lookup", "rewrite",
						    "out<\"", "drop",  "error" };
	static const unsigned edges[][2] = { { INPUT, CHECK },	  { CHECK, LOOKUP },
					     { LOOKUP, REWRITE }, { REWRITE, OUTPUT },
					     { CHECK, DROP },	  { LOOKUP, ERROR },
					     { ERROR, LOOKUP },	  { INPUT, OUTPUT } };
	struct graph_picture p = { .node = calloc(N_NODES, sizeof(struct graph_node)),
				   .n_nodes = N_NODES,
				   .edge = calloc(count_of(edges), sizeof(struct graph_edge)),
				   .n_edges = count_of(edges) };

	for (unsigned i = 0; i < N_NODES; i++)
		p.node[i] = (struct graph_node){ .name = names[i], .rate = 1e6, .clocks = 7.5 };
	for (unsigned i = 0; i < p.n_edges; i++)
		p.edge[i] = (struct graph_edge){ .from = edges[i][0],
						 .to = edges[i][1],
						 .rate = 1000 * i };
	return p;
}

static void nodes_stand_below_those_that_send_to_them(void **state)
{
	struct graph_picture p = example();

	(void)state;
	assert_int_equal(graph_layout(&p), 0);
	assert_int_equal(p.n_layers, 5);
	assert_int_equal(p.node[INPUT].layer, 0);
	assert_int_equal(p.node[LOOKUP].layer, 2);
	assert_int_equal(p.node[OUTPUT].layer, 4);
	assert_int_equal(p.node[DROP].layer, 2);
	assert_true(p.edge[6].turned); /* error ─> lookup closes the cycle */
	assert_false(p.edge[5].turned);
	assert_int_equal(p.edge[7].n_bends, 3); /* input ─> output passes three layers */
	graph_picture_deinit(&p);
}

static void check_layout(const struct graph_picture *p)
{
	for (unsigned a = 0; a < p->n_nodes; a++) {
		assert_in_range(p->node[a].place, 0, p->width[p->node[a].layer] - 1);
		for (unsigned b = 0; b < a; b++)
			assert_false(p->node[a].layer == p->node[b].layer &&
				     p->node[a].place == p->node[b].place);
	}
	for (unsigned i = 0; i < p->n_edges; i++) {
		const struct graph_edge *e = &p->edge[i];
		unsigned top = p->node[e->turned ? e->to : e->from].layer;
		unsigned bottom = p->node[e->turned ? e->from : e->to].layer;

		if (e->from == e->to)
			continue;
		assert_true(top < bottom);
		assert_int_equal(e->n_bends, bottom - top - 1);
		for (unsigned k = 0; k < e->n_bends; k++)
			assert_in_range(e->bend[k], 0, p->width[top + 1 + k] - 1);
	}
}

static void any_graph_can_be_laid_out(void **state)
{
	struct random rnd;

	(void)state;
	random_seed(&rnd, 5);
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + random_below(&rnd, 20), m = random_below(&rnd, 60);
		struct graph_picture p = { .node = calloc(n, sizeof(struct graph_node)),
					   .n_nodes = n,
					   .edge = calloc(m + 1, sizeof(struct graph_edge)),
					   .n_edges = m };

		for (unsigned i = 0; i < n; i++)
			p.node[i].name = "n";
		for (unsigned i = 0; i < m; i++)
			p.edge[i] = (struct graph_edge){ .from = random_below(&rnd, n),
							 .to = random_below(&rnd, n) };
		assert_int_equal(graph_layout(&p), 0);
		check_layout(&p);
		graph_picture_deinit(&p);
	}
}

static void drawings(void **state)
{
	static const struct {
		void (*draw)(struct text *out, const struct graph_picture *p);
		const char *const expected[4];
	} rows[] = {
		{ graph_draw_text,
		  { "input                           1.00M/s  7.5 clocks a packet\n"
		    "  └─> check                         0/s\n",
		    "  └─> lookup                    1.00k/s\n", "out<\"" } },
		{ graph_draw_dot,
		  { "digraph convoy {", "n0 [label=\"input\\n1.00M/s, 7.5 clocks\"];",
		    "n1 -> n2 [label=\"1.00k/s\"", "out<\\\"" } },
		{ graph_draw_svg,
		  { "<svg xmlns=", ">lookup</text>", ">1.00k/s</text>", "out&#60;&#34;" } },
	};
	struct graph_picture p = example();

	(void)state;
	assert_int_equal(graph_layout(&p), 0);
	for (unsigned i = 0; i < count_of(rows); i++) {
		struct text out = { 0 };

		rows[i].draw(&out, &p);
		for (unsigned k = 0; k < count_of(rows[i].expected) && rows[i].expected[k]; k++)
			if (!strstr(out.at, rows[i].expected[k]))
				fail_msg("no \"%s\" in:\n%s", rows[i].expected[k], out.at);
		text_deinit(&out);
	}
	graph_picture_deinit(&p);
}

static void nothing_is_drawn_as_nothing(void **state)
{
	struct graph_picture p = { .node = calloc(1, 1), .edge = calloc(1, 1) };
	struct text out = { 0 };

	(void)state;
	assert_int_equal(graph_layout(&p), 0);
	graph_draw_text(&out, &p);
	assert_null(out.at);
	graph_draw_svg(&out, &p);
	assert_non_null(strstr(out.at, "</svg>"));
	text_deinit(&out);
	graph_picture_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_stand_below_those_that_send_to_them),
		cmocka_unit_test(any_graph_can_be_laid_out),
		cmocka_unit_test(drawings),
		cmocka_unit_test(nothing_is_drawn_as_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
