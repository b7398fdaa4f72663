/* watch.h - what `convoy top` and `convoy graph` share: asking twice, and their arguments. */
#ifndef CONVOY_CLI_WATCH_H
#define CONVOY_CLI_WATCH_H

#include <jansson.h>

#include "base/compiler.h"

struct client;

#define WATCH_INTERVAL_S 1.0

/* watch_seconds - "0.5" as seconds, from 0.05 to 3600; ERR_INVAL after a line on standard error. */
must_check
int watch_seconds(const char *text, double *out);

/* watch_ask_or_null - the answer to @method; NULL with @c->why set. */
json_t *watch_ask_or_null(struct client *c, const char *method, bool all);

/* watch_now - seconds of a clock that only goes forward. */
double watch_now(void);

/* watch_sleep - let so many seconds pass; an interrupt ends it early. */
void watch_sleep(double seconds);

#endif
