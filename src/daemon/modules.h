/* modules.h - the tables of everything that convoyd is made of. */
#ifndef CONVOY_DAEMON_MODULES_H
#define CONVOY_DAEMON_MODULES_H

#include "base/compiler.h"

struct convoyd;
struct feature_arc;
struct node_type;

/* Every node of the graph and every feature arc. */
extern const struct node_type *const modules_nodes[];
extern const unsigned modules_n_nodes;
extern const struct feature_arc *const modules_arcs[];
extern const unsigned modules_n_arcs;

/* modules_init - start every module in order; on failure those started are stopped again. */
must_check
int modules_init(struct convoyd *d);
/*
 * modules_init_before - start those that come before the module @name in the order of modules.c,
 * for programs that run the graph by themselves: bench/. As modules_init().
 */
must_check
int modules_init_before(struct convoyd *d, const char *name);
/* modules_deinit - stop those that were started, last first. */
void modules_deinit(struct convoyd *d);

#endif
