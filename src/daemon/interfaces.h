/* interfaces.h - the interfaces that net.yaml asked for: made, remembered, taken away. */
#ifndef CONVOY_DAEMON_INTERFACES_H
#define CONVOY_DAEMON_INTERFACES_H

#include "base/list.h"
#include "daemon/net_file.h"

struct convoyd;
struct interface;

enum { INTERFACES_USUAL_MTU = 1500 /* where nothing else is known */ };

/* Why an interface is there. */
struct interface_record {
	struct list link;      /* in convoyd.interfaces, in the order of creation */
	struct net_file *file; /* a reference; holds @config */
	const struct net_interface *config;
	uint32_t index;
	uint32_t usual_mtu_bytes; /* what it got without a word in @config; 0: not known */
};

/*
 * interfaces_create - make the interface that @config, of @file, asks for, without its addresses,
 * and bring it up unless it is to stay down. An enum err, with the reason in @error.
 */
must_check
int interfaces_create(struct convoyd *d, struct net_file *file, const struct net_interface *config,
		      struct config_error *error);

/*
 * interfaces_remove - take the interface of @r away; gone from sight when this returns, its device
 * free some turns later.
 */
void interfaces_remove(struct convoyd *d, struct interface_record *r);

/* interfaces_usual_mtu - what the interface of @r gets for an MTU without a word. */
uint32_t interfaces_usual_mtu(const struct interface_record *r);

/*
 * interfaces_change - the interface of @r is to be up or down, spread or not, and to have the MTU,
 * VRF and ways of IP that @config, of @file, says, and counts as made by it. An enum err with the
 * reason in @error, and it is as it was.
 */
must_check
int interfaces_change(struct convoyd *d, struct interface_record *r, struct net_file *file,
		      const struct net_interface *config, struct config_error *error);

/* interfaces_find_or_null - the record of the interface called @name. */
struct interface_record *interfaces_find_or_null(struct convoyd *d, const char *name);

/*
 * interfaces_record - the interface @index is there as @config, of @file, would have made it.
 * ERR_NOMEM.
 */
must_check
int interfaces_record(struct convoyd *d, struct net_file *file, const struct net_interface *config,
		      uint32_t index);

/*
 * interfaces_adopt - record what commands have made: subinterfaces and routed interfaces of
 * bridges. ERR_NOMEM.
 */
must_check
int interfaces_adopt(struct convoyd *d);

/* interfaces_follow - from now on forget the records of interfaces that are removed by others. */
void interfaces_follow(struct convoyd *d);

/* interfaces_forget - convoyd ends: the engine takes the interfaces, this their records. */
void interfaces_forget(struct convoyd *d);

#endif
