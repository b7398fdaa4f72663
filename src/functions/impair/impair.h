/*
 * impair.h - make an interface behave like a bad network, for tests and experiments.
 *
 * Each direction of an interface can have its own impairment. It acts on packets as a wire would
 * carry them: super-segments are cut and checksums filled in before, whatever the device could do.
 * Held packets are released on the worker's timers, so up to one millisecond late.
 */
#ifndef CONVOY_FUNCTIONS_IMPAIR_H
#define CONVOY_FUNCTIONS_IMPAIR_H

#include "engine/engine.h"
#include "functions/impair/impair_line.h"

struct command_table;

enum impair_side { IMPAIR_IN, IMPAIR_OUT, N_IMPAIR_SIDES };

/* impair_init - main, before the workers start; ERR_NOMEM. */
must_check
int impair_init(struct engine *e);
/* impair_deinit - after the workers have stopped, before engine_free(). */
void impair_deinit(struct engine *e);

/*
 * impair_set - main: impair one direction of @i, replacing what was set before; packets that are
 * held go out at once. Takes effect within a turn.
 * ERR_INVAL for a number out of range (jitter at most delay, shares at most one, delays up to a
 * minute), ERR_BUSY while an earlier change is under way, ERR_NOMEM, ERR_NOENT without the
 * features.
 */
must_check
int impair_set(struct interface *i, enum impair_side side, const struct impair_config *config);

/* impair_clear - main: an ordinary wire again. 0 also if it was one; ERR_BUSY, ERR_NOMEM. */
must_check
int impair_clear(struct interface *i, enum impair_side side);

/* impair_get_or_null - main: what is set. */
const struct impair_config *impair_get_or_null(const struct interface *i, enum impair_side side);

/* impair_cli_register - `impair`, `impair clear`, `show impair`. ERR_NOMEM. */
must_check
int impair_cli_register(struct command_table *table, struct engine *e);

/* For daemon/modules.c. */
extern const struct node_type impair_in_node;
extern const struct node_type impair_out_node;

#endif
