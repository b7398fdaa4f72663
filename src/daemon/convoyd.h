/*
 * convoyd.h - one running stack. main.c makes one; tests and other programs may make their own.
 */
#ifndef CONVOY_DAEMON_CONVOYD_H
#define CONVOY_DAEMON_CONVOYD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "control/config_tree.h"
#include "daemon/net_file.h"
#include "daemon/options.h"
#include "engine/interface.h"

struct apply;
struct command_table;
struct control_server;
struct engine;
struct event;
struct event_base;
struct session_layer;

struct convoyd {
	struct options options;
	struct net_file *file;		 /* that it was started with … */
	const struct net_config *config; /* … and what it says */
	struct list interfaces;		 /* of struct interface_record: interfaces.h */
	struct interface_listener interface_listener;
	struct apply *apply; /* the change that is under way, or NULL: apply/apply.h */
	struct event_base *base;
	struct event *signals[2];
	struct command_table *commands;
	struct control_server *control;
	struct engine *engine;
	struct event *messages;	 /* from the workers to main */
	struct event *neighbors; /* their timers */
	struct event *bridges;	 /* their ageing */
	struct session_layer *sessions;
	struct event *applications; /* requests of applications */
	uint64_t started_ns;
	unsigned n_modules;	   /* initialised so far, in the order of modules.c */
	struct config_error error; /* why it could not start, when the configuration is to blame */
};

/*
 * convoyd_open - load the configuration and start every module.
 * On failure nothing is left; the reason is @d->error.text if that is not empty, else in the log.
 */
must_check
int convoyd_open(struct convoyd *d, const struct options *options);

/* convoyd_run - serve until SIGTERM or SIGINT. */
void convoyd_run(struct convoyd *d);

/* convoyd_close - stop every module in reverse order and free everything. */
void convoyd_close(struct convoyd *d);

#endif
