/* graph_layout.c - layers, places and bends. */
#include "cli/graph_layout.h"

#include <stdlib.h>
#include <string.h>

enum { SWEEPS = 8 };

/* What takes a place in a layer: a node, or an edge on its way through. */
struct spot {
	unsigned layer;
	double mean; /* of the neighbours' places; sorts the layer */
	unsigned place;
	int node, edge, bend; /* node, or edge and bend; -1 for the other */
};

struct work {
	struct graph_picture *p;
	struct spot *spot;
	unsigned n_spots;
	unsigned *node_spot;  /* [n_nodes] */
	unsigned *first_bend; /* [n_edges] spot of the edge's first bend; they follow each other */
	uint8_t *colour;      /* [n_nodes] of the search: 0 new, 1 on the way, 2 done */
};

/* --- layers --- */

static unsigned upper(const struct graph_edge *e)
{
	return e->turned ? e->to : e->from;
}

static unsigned lower(const struct graph_edge *e)
{
	return e->turned ? e->from : e->to;
}

/* Depth first: an edge back to a node on the way closes a cycle. */
static void turn_cycles(struct work *w, unsigned node)
{
	struct graph_picture *p = w->p;

	w->colour[node] = 1;
	for (unsigned i = 0; i < p->n_edges; i++) {
		struct graph_edge *e = &p->edge[i];

		if (e->from != node)
			continue;
		if (w->colour[e->to] == 1)
			e->turned = true;
		else if (w->colour[e->to] == 0)
			turn_cycles(w, e->to);
	}
	w->colour[node] = 2;
}

/* Nodes that nobody sends to come first, so that the picture starts at the inputs. */
static void break_cycles(struct work *w)
{
	struct graph_picture *p = w->p;

	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned n = 0; n < p->n_nodes; n++) {
			bool has_input = false;

			for (unsigned i = 0; i < p->n_edges; i++)
				has_input |= p->edge[i].to == n;
			if (w->colour[n] == 0 && (pass == 1 || !has_input))
				turn_cycles(w, n);
		}
}

static void set_layers(struct graph_picture *p)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (unsigned i = 0; i < p->n_edges; i++) {
			const struct graph_edge *e = &p->edge[i];
			unsigned least = p->node[upper(e)].layer + 1;

			if (upper(e) == lower(e) || p->node[lower(e)].layer >= least)
				continue;
			p->node[lower(e)].layer = least;
			changed = true;
		}
	}
	for (unsigned n = 0; n < p->n_nodes; n++)
		if (p->node[n].layer + 1 > p->n_layers)
			p->n_layers = p->node[n].layer + 1;
}

/* --- places --- */

static int make_spots(struct work *w)
{
	struct graph_picture *p = w->p;
	size_t most = p->n_nodes + (size_t)p->n_edges * p->n_layers;

	w->spot = calloc(most + 1, sizeof(*w->spot));
	if (!w->spot)
		return ERR_NOMEM;
	for (unsigned n = 0; n < p->n_nodes; n++) {
		w->node_spot[n] = w->n_spots;
		w->spot[w->n_spots++] = (struct spot){
			.layer = p->node[n].layer, .node = (int)n, .edge = -1, .mean = n
		};
	}
	for (unsigned i = 0; i < p->n_edges; i++) {
		struct graph_edge *e = &p->edge[i];
		unsigned top = p->node[upper(e)].layer, bottom = p->node[lower(e)].layer;

		w->first_bend[i] = w->n_spots;
		for (unsigned layer = top + 1; layer < bottom; layer++)
			w->spot[w->n_spots++] = (struct spot){ .layer = layer,
							       .node = -1,
							       .edge = (int)i,
							       .bend = (int)e->n_bends++,
							       .mean = p->n_nodes };
	}
	return 0;
}

static int by_mean(const void *a, const void *b)
{
	const struct spot *x = *(struct spot *const *)a, *y = *(struct spot *const *)b;

	if (x->mean != y->mean)
		return x->mean < y->mean ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Give the spots of each layer their places by their means. */
static int number_places(struct work *w)
{
	struct spot **row = calloc(w->n_spots + 1, sizeof(struct spot *));

	if (!row)
		return ERR_NOMEM;
	for (unsigned layer = 0; layer < w->p->n_layers; layer++) {
		unsigned n = 0;

		for (unsigned i = 0; i < w->n_spots; i++)
			if (w->spot[i].layer == layer)
				row[n++] = &w->spot[i];
		qsort(row, n, sizeof(struct spot *), by_mean);
		for (unsigned i = 0; i < n; i++)
			row[i]->place = i;
		w->p->width[layer] = n;
		if (n > w->p->n_places)
			w->p->n_places = n;
	}
	free(row);
	return 0;
}

/* The spot of edge @i in the layer @step below its upper end: an end, or a bend. */
static unsigned spot_on(const struct work *w, unsigned i, unsigned step)
{
	const struct graph_edge *e = &w->p->edge[i];

	if (step == 0)
		return w->node_spot[upper(e)];
	if (step > e->n_bends)
		return w->node_spot[lower(e)];
	return w->first_bend[i] + step - 1;
}

/* Middle of the layer is 0, so that layers of different widths compare. */
static double offset_of(const struct work *w, const struct spot *s)
{
	return s->place - (w->p->width[s->layer] - 1) / 2.0;
}

/* Move everything towards the mean of what it is joined to: above when @down, else below. */
static int sweep(struct work *w, bool down)
{
	double *sum = calloc(w->n_spots + 1, sizeof(*sum));
	unsigned *count = calloc(w->n_spots + 1, sizeof(*count));
	int err = sum && count ? 0 : ERR_NOMEM;

	for (unsigned i = 0; err == 0 && i < w->p->n_edges; i++)
		for (unsigned step = 0; step <= w->p->edge[i].n_bends; step++) {
			unsigned a = spot_on(w, i, step), b = spot_on(w, i, step + 1);
			unsigned moved = down ? b : a, fixed = down ? a : b;

			sum[moved] += offset_of(w, &w->spot[fixed]);
			count[moved]++;
		}
	for (unsigned s = 0; err == 0 && s < w->n_spots; s++)
		w->spot[s].mean = count[s] ? sum[s] / count[s] : offset_of(w, &w->spot[s]);
	free(sum);
	free(count);
	return err < 0 ? err : number_places(w);
}

static void take_places(struct work *w)
{
	for (unsigned s = 0; s < w->n_spots; s++) {
		const struct spot *spot = &w->spot[s];

		if (spot->node >= 0)
			w->p->node[spot->node].place = spot->place;
		else
			w->p->edge[spot->edge].bend[spot->bend] = spot->place;
	}
}

int graph_layout(struct graph_picture *p)
{
	struct work w = { .p = p,
			  .node_spot = calloc(p->n_nodes + 1, sizeof(unsigned)),
			  .first_bend = calloc(p->n_edges + 1, sizeof(unsigned)),
			  .colour = calloc(p->n_nodes + 1, 1) };
	int err = w.node_spot && w.first_bend && w.colour ? 0 : ERR_NOMEM;

	if (err == 0) {
		break_cycles(&w);
		set_layers(p);
		p->width = calloc(p->n_layers + 1, sizeof(unsigned));
		err = p->n_layers > GRAPH_BENDS_MAX ? ERR_RANGE : p->width ? 0 : ERR_NOMEM;
	}
	if (err == 0)
		err = make_spots(&w);
	if (err == 0)
		err = number_places(&w);
	for (unsigned i = 0; err == 0 && i < SWEEPS; i++)
		err = sweep(&w, i % 2 == 0);
	if (err == 0)
		take_places(&w);
	free(w.spot);
	free(w.node_spot);
	free(w.first_bend);
	free(w.colour);
	return err;
}

void graph_picture_deinit(struct graph_picture *p)
{
	free(p->node);
	free(p->edge);
	free(p->width);
	*p = (struct graph_picture){ 0 };
}
