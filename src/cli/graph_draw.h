/* graph_draw.h - a laid out graph as text, for Graphviz, and as SVG. Pure. */
#ifndef CONVOY_CLI_GRAPH_DRAW_H
#define CONVOY_CLI_GRAPH_DRAW_H

#include "cli/graph_layout.h"
#include "control/text.h"

/* Rates stand on the edges, and on nodes with the clocks that a packet costs there. */
void graph_draw_text(struct text *out, const struct graph_picture *p);
void graph_draw_dot(struct text *out, const struct graph_picture *p);
void graph_draw_svg(struct text *out, const struct graph_picture *p);

#endif
