/* show_interfaces.h - `show interfaces`: what the engine and the layers above know of each one. */
#ifndef CONVOY_DAEMON_SHOW_INTERFACES_H
#define CONVOY_DAEMON_SHOW_INTERFACES_H

#include "base/compiler.h"

struct command_table;
struct convoyd;

must_check
int show_interfaces_register(struct command_table *table, struct convoyd *d);

#endif
