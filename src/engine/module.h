/*
 * module.h - who keeps state in the engine and in each worker.
 *
 * There are no globals: a module's shared state hangs off `engine->module[SLOT]`, its per-worker
 * state off `worker->module[SLOT]`. Its init function, listed in daemon/modules.c, puts both there
 * before the workers start; its deinit takes them away after they have stopped.
 */
#ifndef CONVOY_ENGINE_MODULE_H
#define CONVOY_ENGINE_MODULE_H

enum module_slot {
	MODULE_TAP,
	MODULE_MEMIF,
	MODULE_LOOP,
	MODULE_CAPTURE,
	MODULE_IMPAIR,
	MODULE_OFFLOAD,
	MODULE_ETHERNET,
	MODULE_VLAN,
	MODULE_XCONNECT,
	MODULE_BRIDGE,
	MODULE_MAC_FILTER,
	MODULE_NEIGHBOR,
	MODULE_FIB,
	MODULE_ROUTE,
	MODULE_STATIC_ROUTE,
	MODULE_RPF,
	MODULE_IP4,
	MODULE_IP6,
	MODULE_ICMP4,
	MODULE_ICMP6,
	MODULE_MLD,
	MODULE_REDIRECT,
	MODULE_REASSEMBLY,
	MODULE_PROBE,
	MODULE_ROUTE_EVENT,
	MODULE_SHORTCUT,
	MODULE_SESSION,
	MODULE_TCP,
	MODULE_UDP,
	MODULE_CUT_THROUGH,
	N_MODULE_SLOTS = 48,
};

#endif
