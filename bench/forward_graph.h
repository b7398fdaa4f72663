/*
 * forward_graph.h - the paths through the graph that forward-bench measures: what net.yaml would
 * say, and what has to be there beside it. A new one is an entry in forward_graph.c.
 */
#ifndef CONVOY_BENCH_FORWARD_GRAPH_H
#define CONVOY_BENCH_FORWARD_GRAPH_H

#include "daemon/convoyd.h"

struct forward_graph {
	const char *name;	  /* "ip4": results are forward.clocks.NAME.SIZE */
	const char *format;	  /* net.yaml; %s is the folder for files that @prepare writes */
	const char *const *sizes; /* what NAME is measured with, NULL-terminated; NULL: nothing */
	/* Before net.yaml is read: write what it names. NULL: nothing. */
	void (*prepare)(const char *folder, unsigned size);
	/* With interfaces up and workers not started: routes, neighbours. NULL: nothing. */
	void (*fill)(struct convoyd *d, unsigned size);
};

extern const struct forward_graph forward_graphs[];
extern const unsigned forward_n_graphs;

#endif
