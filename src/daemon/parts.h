/*
 * parts.h - how convoyd starts and stops each of its parts; modules.c has their order. An init
 * function fails with an enum err, after it has said why in the log or in d->error.
 */
#ifndef CONVOY_DAEMON_PARTS_H
#define CONVOY_DAEMON_PARTS_H

#include "base/compiler.h"

struct convoyd;

must_check
int part_commands_init(struct convoyd *d);
void part_commands_deinit(struct convoyd *d);

/* The engine with its graph; workers do not run yet. */
must_check
int part_engine_init(struct convoyd *d);
void part_engine_deinit(struct convoyd *d);

/* Functions that keep state: captures, impairments. */
must_check
int part_functions_init(struct convoyd *d);
void part_functions_deinit(struct convoyd *d);

/* Subinterfaces, bridges, cross-connects. */
must_check
int part_l2_init(struct convoyd *d);
void part_l2_deinit(struct convoyd *d);

/* IPv4: forwarding, neighbours, ICMP, reassembly. */
must_check
int part_ip_init(struct convoyd *d);
void part_ip_deinit(struct convoyd *d);

/* What net.yaml says about interfaces and routes; they go with the engine and with IPv4. */
must_check
int part_interfaces_init(struct convoyd *d);
void part_interfaces_deinit(struct convoyd *d);

/* TCP, known to IPv4; the session layer gets it as its transport. */
must_check
int part_tcp_init(struct convoyd *d);
void part_tcp_deinit(struct convoyd *d);

/* Sessions of applications, at the control socket's path plus RPC_SOCKET_SUFFIX. */
must_check
int part_sessions_init(struct convoyd *d);
void part_sessions_deinit(struct convoyd *d);

/* The workers' threads. */
must_check
int part_workers_init(struct convoyd *d);
void part_workers_deinit(struct convoyd *d);

must_check
int part_control_init(struct convoyd *d);
void part_control_deinit(struct convoyd *d);

#endif
