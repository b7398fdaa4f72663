/*
 * dpdk_module.h - the seam between convoyd and convoy-dpdk.so, the only part that knows DPDK.
 *
 *   convoyd ── drivers/dpdk: configuration, nodes, workers, coming and going
 *      │ dlopen(), when a configuration has a dpdk interface
 *      └─> struct dpdk_module ── convoy-dpdk.so: EAL, ports, mbufs in the heads of our buffers
 *
 * The module calls nothing of convoyd but what struct dpdk_host hands it. Both are built together;
 * `abi` refuses one that is left over from another build.
 *
 * A buffer is an mbuf at the same time. BUF_HEAD bytes before each buffer hold it:
 *
 *   │ rte_mempool_objhdr 64 │ rte_mbuf 128 │ struct buf: lanes 128 │ headroom 128 │ data 2048 │
 *   └──────────── head 192 ────────────────┘ = the mbuf's private area, and its data
 *
 * so that a port receives into our buffers and sends from them, and the mbufs' pool (mempool.c) is
 * the engine's pool under another name.
 */
#ifndef CONVOY_DRIVERS_DPDK_DPDK_MODULE_H
#define CONVOY_DRIVERS_DPDK_DPDK_MODULE_H

#include "engine/buf.h"

enum {
	DPDK_MODULE_ABI = 2,
	DPDK_TEXT_MAX = 64,
	DPDK_BURST = 256,	/* packets that receive() and send() take at most */
	DPDK_DESCRIPTORS = 512, /* of a queue, unless told otherwise and where the device can */
	DPDK_SPEED_UNKNOWN = 0,
};

/* What the module may call. All of it is thread-safe but for what belongs to one cache. */
struct dpdk_host {
	/* A line of DPDK's own, without its end; @level as base/log.h has them. */
	void (*log)(int level, const char *line);
	unsigned (*alloc)(struct buf_cache *c, uint32_t *idx, unsigned n);
	void (*free)(struct buf_cache *c, const uint32_t *idx, unsigned n);
	void (*cache_init)(struct buf_cache *c, struct buf_pool *p);
	void (*cache_deinit)(struct buf_cache *c);
	uint32_t (*free_count)(const struct buf_pool *p);
	/* The frame may lack its checksum: l4_mark_partial(). */
	void (*mark_partial)(struct buf *b);
};

struct dpdk_mbufs; /* an engine's pool as mbufs */
struct dpdk_port;  /* an open ethdev */

/* What a port is to be. */
struct dpdk_wanted {
	const char *device;	/* devargs: "0000:03:00.0", "net_tap0,iface=x" */
	const uint8_t *mac;	/* NULL: the device's */
	uint32_t mtu_bytes;	/* 0: 1500 */
	uint32_t n_rx_queues;	/* 0: one for each of @n_workers */
	uint32_t n_workers;	/* transmit queues, if it has as many */
	uint32_t n_descriptors; /* of each queue; 0: DPDK_DESCRIPTORS */
	bool promiscuous, no_offload;
	/*
	 * Something may have changed: look(). Called on a thread of DPDK's, until close() returns.
	 */
	void (*changed)(void *context);
	void *context;
};

/* What it turned out to be. */
struct dpdk_port_info {
	char driver[DPDK_TEXT_MAX]; /* "net_tap" */
	uint8_t mac[6];
	uint32_t mtu_bytes;
	uint32_t caps; /* enum interface_cap */
	uint16_t n_rx_queues, n_tx_queues;
	uint16_t n_rx_descriptors, n_tx_descriptors;
	bool chains;  /* packets of several buffers, to be sent */
	bool scatter; /* and received */
	bool promiscuous;
	bool rss;
};

/* What changes while it is open. */
struct dpdk_port_state {
	bool present; /* false: the device is gone; close() */
	bool link;
	bool full_duplex;
	uint32_t speed_mbps; /* DPDK_SPEED_UNKNOWN if the device does not say */
	uint64_t n_missed;   /* packets that found no room or no buffer in the device */
	uint64_t n_rx_bad;   /* that the device found damaged */
	uint64_t n_tx_failed;
};

/* What became of the packets given to send(). */
struct dpdk_sent {
	unsigned n_sent, n_full, n_refused, n_offload; /* all but the first are freed */
	uint64_t n_bytes;			       /* of those that are sent */
};

/* Functions that fail return an enum err, with a sentence in @why. */
struct dpdk_module {
	uint32_t abi;	     /* DPDK_MODULE_ABI */
	uint32_t host_bytes; /* sizeof(struct dpdk_host), and of struct buf, as it was built */
	uint32_t buf_bytes;
	const char *version; /* "DPDK 22.11.11" */

	/*
	 * Main: initialise DPDK's environment (EAL) with @args besides our own, once in the life of
	 * the process; the second time it says what the first time came to. Other arguments than
	 * the first time: ERR_BUSY. Processor affinity and signals stay what they are.
	 */
	int (*start)(const struct dpdk_host *host, const char *const *args, unsigned n_args,
		     char *why, size_t why_bytes);

	/* Main: @pool as mbufs; counted, so that ports of one engine share it. */
	int (*get_mbufs)(struct buf_pool *pool, struct dpdk_mbufs **out, char *why,
			 size_t why_bytes);
	void (*put_mbufs)(struct dpdk_mbufs *m);

	/* Main: probe, configure and start the device. ERR_NOENT without one, ERR_BUSY … */
	int (*open)(struct dpdk_mbufs *m, const struct dpdk_wanted *wanted, struct dpdk_port **out,
		    struct dpdk_port_info *info, char *why, size_t why_bytes);
	/* Main: no worker uses it: stop, close and detach the device. */
	void (*close)(struct dpdk_port *p);
	void (*look)(struct dpdk_port *p, struct dpdk_port_state *out);
	/* Main: receive and send packets of so many bytes; what lacks, is refused. */
	int (*set_mtu)(struct dpdk_port *p, uint32_t mtu_bytes, char *why, size_t why_bytes);
	/* Main: have the device's link up, where that can be told. */
	void (*set_link_up)(struct dpdk_port *p);

	/* A descriptor that is readable when queue @q may have packets; -1 without interrupts. */
	int (*rx_fd)(struct dpdk_port *p, unsigned q);
	/* On the queue's worker: interrupts on or off. False if the device cannot be told. */
	bool (*rx_arm)(struct dpdk_port *p, unsigned q, bool on);

	/*
	 * On the queue's worker: up to @n ≤ DPDK_BURST packets into @idx; adds to @n_foreign those
	 * that lay in memory that is not ours, which are dropped.
	 */
	unsigned (*receive)(struct dpdk_port *p, unsigned q, struct buf_cache *c, uint32_t *idx,
			    unsigned n, uint64_t *n_foreign);
	/* On the queue's worker: send, or free, @n ≤ DPDK_BURST chains. */
	struct dpdk_sent (*send)(struct dpdk_port *p, unsigned q, struct buf_cache *c,
				 const uint32_t *idx, unsigned n);
};

/* The one name that convoy-dpdk.so exports, of type struct dpdk_module. */
#define DPDK_MODULE_SYMBOL "convoy_dpdk_module"

#endif
