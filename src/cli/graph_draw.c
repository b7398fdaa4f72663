/* graph_draw.c - text, dot and SVG. */
#include "cli/graph_draw.h"

#include <math.h>
#include <string.h>

#include "cli/scale.h"

/* Of the SVG, in pixels. */
enum { BOX_WIDTH = 170, BOX_HEIGHT = 40, GAP_X = 26, GAP_Y = 56, MARGIN = 20 };

/* --- text --- */

static void text_of_node(struct text *out, const struct graph_picture *p, unsigned n)
{
	const struct graph_node *node = &p->node[n];
	char rate[SCALE_TEXT_MAX];

	text_add(out, "%-28s %8s/s", node->name, scale_text(node->rate, rate));
	if (node->clocks > 0)
		text_add(out, "  %.1f clocks a packet", node->clocks);
	text_add(out, "\n");
	for (unsigned i = 0; i < p->n_edges; i++)
		if (p->edge[i].from == n)
			text_add(out, "  └─> %-22s %8s/s\n", p->node[p->edge[i].to].name,
				 scale_text(p->edge[i].rate, rate));
}

void graph_draw_text(struct text *out, const struct graph_picture *p)
{
	for (unsigned layer = 0; layer < p->n_layers; layer++)
		for (unsigned place = 0; place < p->width[layer]; place++)
			for (unsigned n = 0; n < p->n_nodes; n++)
				if (p->node[n].layer == layer && p->node[n].place == place)
					text_of_node(out, p, n);
}

/* --- dot --- */

/* Names of interfaces are printable ASCII, quotes and all. */
static void add_escaped(struct text *out, const char *s, bool xml)
{
	for (; *s; s++) {
		if (xml && strchr("<>&\"'", *s))
			text_add(out, "&#%d;", *s);
		else if (!xml && strchr("\"\\", *s))
			text_add(out, "\\%c", *s);
		else
			text_add(out, "%c", *s);
	}
}

static double pen_width(double rate)
{
	return rate > 0 ? 1 + log10(1 + rate) / 2 : 0.6;
}

void graph_draw_dot(struct text *out, const struct graph_picture *p)
{
	char rate[SCALE_TEXT_MAX];

	text_add(out, "digraph convoy {\n\tnode [shape=box, fontname=\"sans-serif\"];\n"
		      "\tedge [fontname=\"sans-serif\", fontsize=10];\n");
	for (unsigned n = 0; n < p->n_nodes; n++) {
		text_add(out, "\tn%u [label=\"", n);
		add_escaped(out, p->node[n].name, false);
		text_add(out, "\\n%s/s, %.1f clocks\"];\n", scale_text(p->node[n].rate, rate),
			 p->node[n].clocks);
	}
	for (unsigned i = 0; i < p->n_edges; i++)
		text_add(out, "\tn%u -> n%u [label=\"%s/s\", penwidth=%.1f];\n", p->edge[i].from,
			 p->edge[i].to, scale_text(p->edge[i].rate, rate),
			 pen_width(p->edge[i].rate));
	text_add(out, "}\n");
}

/* --- SVG --- */

static double x_of(const struct graph_picture *p, unsigned layer, unsigned place)
{
	double step = BOX_WIDTH + GAP_X;
	double left = ((double)p->n_places - p->width[layer]) * step / 2;

	return MARGIN + left + place * step + BOX_WIDTH / 2.0;
}

static double y_of(unsigned layer)
{
	return MARGIN + layer * (double)(BOX_HEIGHT + GAP_Y);
}

static void curve_to(struct text *out, double y0, double x1, double y1, double x0)
{
	double middle = (y0 + y1) / 2;

	text_add(out, " C %.0f %.0f %.0f %.0f %.0f %.0f", x0, middle, x1, middle, x1, y1);
}

/* From the upper end down through the bends; the arrow is where the packets go. */
static void svg_edge(struct text *out, const struct graph_picture *p, const struct graph_edge *e)
{
	const struct graph_node *top = &p->node[e->turned ? e->to : e->from];
	const struct graph_node *bottom = &p->node[e->turned ? e->from : e->to];
	double x = x_of(p, top->layer, top->place), y = y_of(top->layer) + BOX_HEIGHT;
	double end_x = x_of(p, bottom->layer, bottom->place), end_y = y_of(bottom->layer);
	double label_x = (x + end_x) / 2, label_y = (y + end_y) / 2;
	char rate[SCALE_TEXT_MAX];

	text_add(out,
		 "<path class=\"%s\" stroke-width=\"%.1f\" marker-%s=\"url(#arrow)\" d=\"M %.0f "
		 "%.0f",
		 e->rate > 0 ? "busy" : "idle", pen_width(e->rate), e->turned ? "start" : "end", x,
		 y);
	for (unsigned i = 0; i < e->n_bends; i++) {
		unsigned layer = top->layer + 1 + i;
		double next_x = x_of(p, layer, e->bend[i]), next_y = y_of(layer);

		curve_to(out, y, next_x, next_y, x);
		text_add(out, " V %.0f", next_y + BOX_HEIGHT);
		if (i == 0) {
			label_x = next_x;
			label_y = next_y + BOX_HEIGHT / 2.0;
		}
		x = next_x;
		y = next_y + BOX_HEIGHT;
	}
	curve_to(out, y, end_x, end_y, x);
	text_add(out, "\"/>\n<text class=\"rate\" x=\"%.0f\" y=\"%.0f\">%s/s</text>\n", label_x + 4,
		 label_y, scale_text(e->rate, rate));
}

static void svg_node(struct text *out, const struct graph_picture *p, const struct graph_node *n)
{
	double x = x_of(p, n->layer, n->place), y = y_of(n->layer);
	char rate[SCALE_TEXT_MAX];

	text_add(out, "<rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" rx=\"5\"/>\n",
		 x - BOX_WIDTH / 2.0, y, BOX_WIDTH, BOX_HEIGHT);
	text_add(out, "<text class=\"name\" x=\"%.0f\" y=\"%.0f\">", x, y + 17);
	add_escaped(out, n->name, true);
	text_add(out,
		 "</text>\n<text class=\"cost\" x=\"%.0f\" y=\"%.0f\">%s/s, %.1f clocks</text>\n",
		 x, y + 32, scale_text(n->rate, rate), n->clocks);
}

void graph_draw_svg(struct text *out, const struct graph_picture *p)
{
	text_add(out,
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\">\n"
		 "<style>text{font-family:sans-serif;text-anchor:middle}.name{font-size:13px}"
		 ".cost{font-size:11px;fill:#555}.rate{font-size:10px;fill:#05c;text-anchor:start}"
		 "rect{fill:#f4f6f8;stroke:#345}path{fill:none}.busy{stroke:#28c}.idle{stroke:#ccc}"
		 "</style>\n"
		 "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
		 "markerWidth=\"8\" "
		 "markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto-start-reverse\">"
		 "<path d=\"M0 0L8 4L0 8z\" style=\"fill:#28c\"/></marker></defs>\n"
		 "<rect width=\"100%%\" height=\"100%%\" style=\"fill:#fff;stroke:none\"/>\n",
		 (int)(2 * MARGIN + p->n_places * (BOX_WIDTH + GAP_X)),
		 (int)(2 * MARGIN + p->n_layers * (BOX_HEIGHT + GAP_Y)));
	for (unsigned i = 0; i < p->n_edges; i++)
		svg_edge(out, p, &p->edge[i]);
	for (unsigned n = 0; n < p->n_nodes; n++)
		svg_node(out, p, &p->node[n]);
	text_add(out, "</svg>\n");
}
