/* sample.h - counters of a running convoyd, and what happened between two looks at them. Pure. */
#ifndef CONVOY_CLI_SAMPLE_H
#define CONVOY_CLI_SAMPLE_H

#include <jansson.h>

/*
 * sample_difference - what two samples, `seconds` apart, say about the time between them.
 * @before, @after: {"runtime": …, "interfaces": …, "errors": …}, each the answer to `show` of it
 *
 * Returns {"seconds", "packets_per_s", "workers", "interfaces", "nodes", "errors"}: lists of rows
 * with rates; nodes sorted by their share of time, errors by rate, both without those at rest. A
 * counter that is lower than before was cleared: all of it counts.
 */
json_t *sample_difference(const json_t *before, const json_t *after, double seconds);

/* sample_row_or_null - the row of @rows whose member @key is the text or number @value. */
const json_t *sample_row_or_null(const json_t *rows, const char *key, const json_t *value);

/* sample_growth - member @key of @after less that of @before, which may be NULL. */
double sample_growth(const json_t *before, const json_t *after, const char *key);

#endif
