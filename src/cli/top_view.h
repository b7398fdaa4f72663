/* top_view.h - one picture of `convoy top`. Pure. */
#ifndef CONVOY_CLI_TOP_VIEW_H
#define CONVOY_CLI_TOP_VIEW_H

#include <jansson.h>

#include "control/text.h"

/*
 * top_view - append the picture of @difference (sample.h), at most @rows lines of @columns columns.
 * Workers and interfaces come first and take at most half of it, then errors, then nodes.
 */
void top_view(struct text *out, const json_t *difference, unsigned rows, unsigned columns);

#endif
