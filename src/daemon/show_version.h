/* show_version.h - `show version`: which convoyd this is and what it was started with. */
#ifndef CONVOY_DAEMON_SHOW_VERSION_H
#define CONVOY_DAEMON_SHOW_VERSION_H

#include "base/compiler.h"

struct command_table;
struct convoyd;

must_check
int show_version_register(struct command_table *table, struct convoyd *d);

#endif
