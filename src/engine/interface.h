/*
 * interface.h - interfaces, and the seam to the drivers behind them.
 *
 *   driver's input node ──> interface_receive() ──> arc device-input ──> input_node
 *   interface-output ──> arc interface-output ──> the interface's transmit node (driver's)
 *
 * The input_node is ethernet-input, or what l2 has put in its place.
 *
 * Main owns the table and changes it; workers read it by index: interface_get_or_null(). An object
 * lives on after interface_remove() until no worker has packets for it, handed over by others.
 */
#ifndef CONVOY_ENGINE_INTERFACE_H
#define CONVOY_ENGINE_INTERFACE_H

#include "base/writer.h"
#include "engine/rcu.h"
#include "engine/worker.h"

enum {
	INTERFACE_NAME_MAX = 32,
	INTERFACE_QUEUES_MAX = 64,
	MAC_LEN = 6,
	INTERFACE_MTU_MIN = 68, /* RFC 791 */
	INTERFACE_MTU_MAX = 65521,
	INTERFACE_NAME_BUCKETS = 1024
};

struct interface;

enum interface_cap {
	CAP_CSUM = 1 << 0,    /* transmits BUF_NEED_L4_CSUM */
	CAP_TSO = 1 << 1,     /* transmits gso_type packets, IPv4 and IPv6 */
	CAP_RX_CSUM = 1 << 2, /* marks good checksums BUF_L4_CSUM_OK */
	CAP_LRO = 1 << 3,     /* may deliver gso_type packets: coalesced by the other side */
};

/* Takes a frame that @i is to send; borrowed. */
typedef void interface_emit(void *context, const struct interface *i, struct slice frame);

/* The driver seam: one const object per kind of device. */
struct interface_driver {
	const char *name; /* "tap" */
	/*
	 * Transmit node; an instance is made for each interface, with node->instance = interface.
	 * It owns the packets that reach it: sends, counts (interface_count_tx) and frees them.
	 */
	const struct node_type *tx;
	/* No instances: the node @tx of the graph serves all interfaces, by the packets' tx_if. */
	bool shared_tx;
	/*
	 * The transmit node reads packets, frees them by buf_free() and leaves their buffers as
	 * they are: it may be given chains with a shared tail (engine/buf.h).
	 */
	bool takes_shared;
	/* Main: start or stop carrying traffic. NULL when the device needs no telling. */
	int (*set_up)(struct interface *i, bool up);
	/*
	 * Main: take a new MTU (L3 bytes), or refuse it by an enum err with a sentence in @why,
	 * which has @room bytes. NULL when any value is fine.
	 */
	int (*set_mtu)(struct interface *i, uint32_t mtu_bytes, char *why, size_t room);
	/*
	 * On each worker, after interface_add() and before interface_remove() is over: add the
	 * inputs and hooks that this worker serves, take them off. NULL when there are none.
	 */
	void (*attach)(struct worker *w, struct interface *i);
	void (*detach)(struct worker *w, struct interface *i);
	/* Main, first act of removal: tell nobody anything new. NULL when there is nothing to end.
	 */
	void (*close)(struct interface *i);
	/* Main, last act of removal: no worker knows the interface any more; free the device. */
	void (*free)(struct interface *i);
	/*
	 * Main, while listeners are told that the interface goes or goes down: @emit what @frame of
	 * this one is below, by each interface that it leaves by. Workers may know this one no more
	 * when they come to it. NULL: it sends by itself.
	 */
	void (*emit_below)(const struct interface *i, struct slice frame, interface_emit *emit,
			   void *context);
	/* Main: append "key value" lines about the device for people; may be NULL. */
	void (*describe)(const struct interface *i, struct writer *out);
};

struct interface {
	/* what nodes read is in one cache line */
	uint32_t index;	    /* 1 … INTERFACES_MAX - 1; reused after removal */
	uint32_t mtu_bytes; /* L3: without the Ethernet header */
	uint32_t caps;	    /* atomic: enum interface_cap, the device's, less those denied */
	uint16_t tx_node;
	uint16_t input_node; /* where received frames go after the arc device-input */
	uint16_t own_node;   /* the same for those that belong to no subinterface */
	uint16_t l2_node;    /* NODE_NONE unless it is a port of l2: interface_set_l2() */
	bool ip_only;	     /* receives IPv4, IPv6 and ARP without tags, and nothing else */
	bool up;	     /* what the operator wants */
	bool link;	     /* what the device says */
	uint8_t n_busy;	     /* rings that packets wait before; atomic, see interface_busy() */
	uint8_t mac[MAC_LEN];
	uint16_t classifier_node; /* NODE_NONE without subinterfaces */
	const struct interface_driver *driver;
	void *device;		       /* the driver's */
	const struct interface *below; /* whose transmit node sends for it; NULL: its own */
	/* the rest is main's */
	char name[INTERFACE_NAME_MAX];
	uint32_t device_caps, denied_caps;
	uint32_t shortcut_port; /* the kernel's number of its device, if that takes shortcuts; or 0
				 */
	uint32_t n_queues;	/* receive queues */
	uint8_t queue_worker[INTERFACE_QUEUES_MAX]; /* which worker serves each of them */
	struct engine *engine;
	struct engine_errand *coming, *going; /* to the workers; going needs no memory then */
	struct list name_link;
} cacheline_aligned;

/* Why one that is ip_only cannot be a port of l2 or have subinterfaces: ERR_UNSUPPORTED there. */
#define INTERFACE_IP_ONLY_TEXT                                                                     \
	"it has shortcuts, and so receives IP without tags only; make it without \"shortcuts\""

enum interface_event {
	INTERFACE_ADDED,
	INTERFACE_UP,
	INTERFACE_DOWN,
	INTERFACE_LINK, /* the link came or went */
	INTERFACE_MTU,	/* mtu_bytes has changed */
	INTERFACE_REMOVED,
};

/* Who wants to know (l2, l3): embedded in its owner; called on main. */
struct interface_listener {
	void (*changed)(struct interface_listener *l, struct interface *i,
			enum interface_event event);
	/* A sentence why @i cannot have this MTU, NULL if it can. May be NULL: any will do. */
	const char *(*mtu_fault)(const struct interface_listener *l, const struct interface *i,
				 uint32_t mtu_bytes);
	struct list link;
};

struct interface_table {
	struct interface *slot[INTERFACES_MAX]; /* published */
	bool going[INTERFACES_MAX]; /* atomic; removal is under way: the index is not free yet */
	uint32_t n_going;	    /* main's: how many are under way */
	uint32_t first_free;	    /* no lower index is free */
	struct list by_name[INTERFACE_NAME_BUCKETS];
	struct list listeners;
	struct list places; /* of interfaces to come: struct interface_place */
};

/* interface_table_init - engine_new(). */
void interface_table_init(struct interface_table *t);

/* Where the queues of an interface are to be served, said before it is made. */
struct interface_place {
	struct list link;
	char name[INTERFACE_NAME_MAX];
	uint32_t n_workers;
	uint8_t worker[INTERFACE_QUEUES_MAX];
};

/* What a driver says about a new interface. */
struct interface_params {
	const char *name;
	const uint8_t *mac; /* NULL: a random one, locally administered */
	uint32_t mtu_bytes;
	uint32_t caps;
	uint32_t n_queues;
	const struct interface_driver *driver;
	void *device;
	const struct interface *below; /* outlives this one; NULL for none */
	bool ip_only; /* no port of l2, no subinterfaces: it gets no other frames */
};

/*
 * interface_add - main: create it, with its transmit node, administratively down. Missing
 * capabilities are made up for: the offload feature is enabled where CAP_TSO or CAP_CSUM lacks.
 * ERR_EXIST (name), ERR_FULL, ERR_INVAL (name empty, too long or with spaces), ERR_NOMEM.
 * *@out is set before any worker is told, so that it may be a field that the driver's nodes read.
 */
must_check
int interface_add(struct engine *e, const struct interface_params *params, struct interface **out);

/*
 * interface_place - main: when an interface called @name is made, worker[q % n_workers] serves its
 * queue q. Without it queue q is served by worker q, one alone by the interface's index, modulo the
 * number of workers. @n_workers 0 takes it back. ERR_RANGE for a worker that is not there,
 * ERR_INVAL for a name too long, ERR_NOMEM.
 */
must_check
int interface_place(struct engine *e, const char *name, const uint32_t *worker, uint32_t n_workers);

/* interface_places_deinit - engine_free(). */
void interface_places_deinit(struct engine *e);

/* interface_settle_queues - fill in @i->queue_worker; interface_add(). */
void interface_settle_queues(struct interface *i);

/* interface_queue_worker - the worker that serves queue @q of @i, whatever number @q is. */
static inline uint32_t interface_queue_worker(const struct interface *i, uint32_t q)
{
	return i->queue_worker[q % INTERFACE_QUEUES_MAX];
}

/*
 * interface_remove - main: unpublish it, detach it from every worker, free it. It is unknown when
 * this returns and freed some turns later, when no worker has packets for it any more.
 */
void interface_remove(struct interface *i);

/* interface_set_up - main: bring it up or down; the driver's error if it refuses. */
must_check
int interface_set_up(struct interface *i, bool up);

/*
 * interface_set_mtu - main: change the MTU in place; listeners see to what depends on it. Packets
 * on their way may still have the old size. ERR_RANGE outside of INTERFACE_MTU_MIN to _MAX or when
 * a listener objects, else the driver's error; the reason is in @why, which has @room bytes.
 */
must_check
int interface_set_mtu(struct interface *i, uint32_t mtu_bytes, char *why, size_t room);

/* interface_mtu_fault_or_null - main: a sentence why @i cannot have this MTU, its driver apart. */
const char *interface_mtu_fault_or_null(const struct interface *i, uint32_t mtu_bytes);

/*
 * interface_set_caps - main: the device can do more or less than before. What it lacks is made up
 * for within a turn; packets already on their way may still ask for the old capabilities.
 * ERR_NOENT without the offload feature.
 */
must_check
int interface_set_caps(struct interface *i, uint32_t caps);

/* interface_deny_caps - main: do without @caps of the device until they are denied no more. */
must_check
int interface_deny_caps(struct interface *i, uint32_t caps);

/*
 * interface_set_l2 - main: received frames go to node @node_id, as a port of l2, after the arc
 * l2-input; NODE_NONE makes it an interface of l3 again. ERR_BUSY if it is a port already.
 */
must_check
int interface_set_l2(struct interface *i, uint16_t node_id);

/*
 * interface_set_classifier - main: node @node_id knows the frames of subinterfaces, NODE_NONE for
 * none. It sees all frames of the interface, and passes on to `own_node` those of no subinterface.
 */
void interface_set_classifier(struct interface *i, uint16_t node_id);

/* interface_settle_input - main: features of the arc l2-input have changed; feature_enable(). */
void interface_settle_input(struct interface *i);

/* interface_set_link - main: the driver saw the link come or go. */
void interface_set_link(struct interface *i, bool link);

/*
 * interface_set_shortcut_port - main: its device, the kernel's number @port, forwards by the table
 * of shortcut.h; 0: it does not (any more).
 */
void interface_set_shortcut_port(struct interface *i, uint32_t port);

/* interface_takes_shared - true if what sends for @i in the end takes chains with shared tails. */
static inline bool interface_takes_shared(const struct interface *i)
{
	while (i->below)
		i = i->below;
	return i->driver->takes_shared;
}

/* interface_is_running - true if @i carries packets: it is up and its device has a link. Main. */
static inline bool interface_is_running(const struct interface *i)
{
	return i->up && i->link;
}

/* interface_by_name_or_null - main. */
struct interface *interface_by_name_or_null(const struct engine *e, const char *name);

/* interface_get_or_null - main or workers (until the end of the turn). */
struct interface *interface_get_or_null(const struct engine *e, uint32_t index);

void interface_listen(struct engine *e, struct interface_listener *l);
void interface_unlisten(struct interface_listener *l);

/* interface_counters - main: the sum over all workers, as of about now. */
struct if_counters interface_counters(const struct interface *i);

/*
 * interface_receive - an input node's last act: count @f's packets (@n_bytes in all), stamp rx_if
 * and rx_ns and send them into the device-input arc. Packets for an interface that is down are
 * freed and counted as rx_drops.
 */
void interface_receive(struct worker *w, struct node *node, struct frame *f, struct interface *i,
		       uint64_t n_bytes);

/*
 * interface_set_busy - the worker that owns a ring: packets wait before it now, or no more. In
 * pairs, for each ring.
 * interface_busy - who makes traffic asks this before making more; engine->n_relieved moves
 * whenever some interface is busy no more.
 */
void interface_set_busy(struct interface *i, bool busy);

static inline bool interface_busy(const struct interface *i)
{
	for (; i; i = i->below)
		if (__atomic_load_n(&i->n_busy, __ATOMIC_RELAXED))
			return true;
	return false;
}

static inline void interface_count_tx(struct worker *w, uint32_t if_index, uint64_t n_packets,
				      uint64_t n_bytes, uint64_t n_drops)
{
	struct if_counters *c = &w->if_counters[if_index];

	c->tx_packets += n_packets;
	c->tx_bytes += n_bytes;
	c->tx_drops += n_drops;
}

#endif
