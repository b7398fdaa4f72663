/*
 * graph_layout.h - the packet graph as a picture: nodes in layers, edges from layer to layer.
 *
 * Sugiyama's method in its simplest form: cycles are broken by turning edges around, a node's layer
 * is the longest way to it, edges that skip layers get a place in each, and places within a layer
 * follow the mean of their neighbours, swept down and up a few times. Pure.
 */
#ifndef CONVOY_CLI_GRAPH_LAYOUT_H
#define CONVOY_CLI_GRAPH_LAYOUT_H

#include "base/err.h"

struct graph_node {
	const char *name;      /* borrowed */
	double rate;	       /* packets per second */
	double clocks;	       /* per packet */
	unsigned layer, place; /* out: from 0; places of a layer are unique */
};

enum { GRAPH_BENDS_MAX = 64 };

struct graph_edge {
	unsigned from, to; /* indices of nodes */
	double rate;
	bool turned; /* out: it leads upwards */
	unsigned n_bends;
	unsigned bend[GRAPH_BENDS_MAX]; /* out: its places in the layers between, downwards */
};

struct graph_picture {
	struct graph_node *node;
	unsigned n_nodes;
	struct graph_edge *edge;
	unsigned n_edges;
	unsigned n_layers, n_places; /* out: places of the widest layer */
	unsigned *width;	     /* out: [n_layers] places in use, bends included */
};

/* graph_layout - fill in what is marked "out". ERR_NOMEM; ERR_RANGE for too many layers. */
must_check
int graph_layout(struct graph_picture *p);

/* graph_picture_deinit - free the lists. */
void graph_picture_deinit(struct graph_picture *p);

#endif
