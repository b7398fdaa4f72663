/*
 * dpdk_private.h - what the files of dpdk/ share on convoyd's side of the module.
 *
 *   main      struct dpdk: opens and closes the port, looks after it once a second and whenever
 *             the device says that something has changed
 *   worker    receive queues as engine/interface.h places them; transmit queue w is worker w's
 *             where there are as many, else others hand their packets to the owner of a queue
 */
#ifndef CONVOY_DRIVERS_DPDK_DPDK_PRIVATE_H
#define CONVOY_DRIVERS_DPDK_DPDK_PRIVATE_H

#include "base/wheel.h"
#include "drivers/dpdk/dpdk.h"
#include "drivers/dpdk/dpdk_module.h"

enum { DPDK_DEVICE_MAX = 256, DPDK_WHY_MAX = 256 };

enum dpdk_state { DPDK_GONE, DPDK_ATTACHING, DPDK_ATTACHED, DPDK_DETACHING };

/* A receive queue. */
struct dpdk_rx_queue {
	struct input input;
	struct dpdk *owner;
	unsigned index;
	bool attached;
	bool can_arm;	    /* the device can be told to interrupt */
	bool armed;	    /* and is */
	uint64_t last_ns;   /* turn of the last packet */
	uint64_t wait_ms;   /* until the next look, while idle */
	struct timer timer; /* the next look */
	uint64_t n_seen[2]; /* of struct dpdk's counters: what has been counted here */
};

enum { DPDK_MISSED, DPDK_BAD };

struct dpdk {
	const struct dpdk_module *module;
	struct dpdk_mbufs *mbufs;
	struct dpdk_port *port; /* NULL while it is closed */
	struct dpdk_port_info info;
	struct dpdk_port_state state; /* as main saw it last */
	enum dpdk_state phase;
	bool followed, closing, failed, has_mac;
	uint64_t lost[2];	 /* atomic, main writes: DPDK_MISSED, DPDK_BAD, over all openings */
	uint64_t lost_before[2]; /* of earlier openings */
	struct interface *interface;
	struct engine *engine;
	struct dpdk_config config;
	char device[DPDK_DEVICE_MAX];
	uint8_t mac[MAC_LEN];		/* the interface's */
	struct main_watch watch;	/* a timer: looks come with it */
	uint32_t n_queues, n_tx_queues; /* of the first opening, as all that workers read */
	bool chains;
	struct dpdk_rx_queue *queue; /* [n_queues] */
	bool tx_attached[WORKERS_MAX];
};

/* dpdk_load - the module, loaded once; NULL with a sentence in @why. */
const struct dpdk_module *dpdk_load_or_null(char *why, size_t why_bytes);

/* dpdk_create_on - dpdk_create() with a module of the caller's: a test's. */
must_check
int dpdk_create_on(const struct dpdk_module *module, struct engine *e,
		   const struct dpdk_config *config, const struct dpdk_settings *settings,
		   struct interface **out, char *why, size_t why_bytes);

/* What the module may call: dpdk_load.c. */
extern const struct dpdk_host dpdk_host;

/* dpdk_open - main: open the port; info, queues and mac of @d follow it. */
must_check
int dpdk_open(struct dpdk *d, char *why, size_t why_bytes);

/* dpdk_follow - main: give it to the workers and look after it from now on. ERR_NOMEM, ERR_IO. */
must_check
int dpdk_follow(struct dpdk *d);
/* dpdk_unfollow - main: look no more. */
void dpdk_unfollow(struct dpdk *d);
/* dpdk_look - main: ask the device for its state and counters. */
void dpdk_look(struct dpdk *d);

/* dpdk_attach, dpdk_detach - on each worker. */
void dpdk_attach(struct worker *w, struct dpdk *d);
void dpdk_detach(struct worker *w, struct dpdk *d);

/* dpdk_init_queue - what a worker needs to know of receive queue @q. */
void dpdk_init_queue(const struct engine *e, struct dpdk_rx_queue *q);

#endif
