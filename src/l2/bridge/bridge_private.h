/* bridge_private.h - between the files of this folder: what workers read, and the learning. */
#ifndef CONVOY_L2_BRIDGE_PRIVATE_H
#define CONVOY_L2_BRIDGE_PRIVATE_H

#include "engine/trace.h"
#include "l2/bridge/bridge.h"
#include "l2/bridge/mac_table.h"

enum bridge_flag {
	BRIDGE_NO_LEARN = 1 << 0,
	BRIDGE_DROP_UNKNOWN = 1 << 1,
	BRIDGE_DROP_BROADCAST = 1 << 2,
	BRIDGE_DROP_MULTICAST = 1 << 3,
	BRIDGE_ANSWER = 1 << 4,
};

/* Where a frame for everybody goes; immutable but for removals. */
struct flood_port {
	uint32_t if_index; /* atomic; 0 once removed */
	uint16_t split_horizon;
	bool is_bvi;
};

struct flood_list {
	struct rcu_later later;
	uint32_t n;
	struct flood_port port[];
};

struct bridge {
	uint32_t index;
	uint32_t flags;	       /* atomic; enum bridge_flag */
	uint32_t macs_limit;   /* atomic; never 0 */
	uint32_t age;	       /* in stamps; 0: never */
	struct flood_list *to; /* published, never NULL */
	/* main's */
	struct engine *engine;
	struct bridge_config config;
	char name[BRIDGE_NAME_MAX];
	struct list ports;	    /* bridge_port.link */
	struct list fixed;	    /* fixed_mac.link */
	uint32_t bvi;		    /* interface index, 0 for none */
	uint64_t n_answers_refused; /* heard, and no room for it */
	struct rcu_later later;
};

struct bridge_port {
	uint32_t if_index;
	uint16_t split_horizon; /* atomic */
	bool no_learn;		/* atomic */
	bool is_bvi;
	uint32_t macs_limit; /* atomic; never 0 */
	struct bridge *bridge;
	/* main's */
	struct bridge_port_config config;
	struct list link;
	struct rcu_later later;
};

/* A MAC that somebody has fixed. */
struct fixed_mac {
	struct list link;
	struct mac mac;
	uint32_t if_index; /* 0: a filter */
};

/* What happened in a bridge, on one worker. */
struct bridge_counters {
	uint64_t learned, moved;
	uint64_t flapped; /* moves not believed: too many */
	uint64_t limited; /* not learnt: a limit */
	uint64_t full;	  /* not learnt: no place in the table */
	uint64_t flooded, copied;
	uint64_t answered;
};

struct bridges {
	struct engine *engine;
	struct interface_listener listener;
	uint16_t input_node;
	struct mac_table macs;
	struct bridge *bridge[BRIDGES_MAX];	  /* published */
	struct bridge_port *port[INTERFACES_MAX]; /* published */
	/*
	 * Generation << 32 | MACs learnt in it. They outlive ports and bridges, so that what is
	 * left of an old one in the table does not count for the next of its index.
	 */
	uint64_t port_macs[INTERFACES_MAX]; /* atomic */
	uint64_t bridge_macs[BRIDGES_MAX];  /* atomic */
	uint64_t swept_ns;
	uint32_t sweep_at; /* bucket */
	struct answers *answers;
	struct bridge_counters *counters[WORKERS_MAX]; /* [BRIDGES_MAX] each */
};

static inline struct bridges *bridges_of(const struct engine *e)
{
	return e->module[MODULE_BRIDGE];
}

static inline struct bridge_counters *bridge_counters_of(const struct worker *w,
							 const struct bridge *b)
{
	return &bridges_of(w->engine)->counters[w->index][b->index];
}

/* --- generations and counts --- */

static inline uint32_t macs_gen(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static inline uint16_t macs_gen_bits(uint64_t word)
{
	return (uint16_t)(macs_gen(word) & ((1 << MAC_GEN_BITS) - 1));
}

/* bridge_is_current - true unless port or bridge were flushed since @v was learnt. */
bool bridge_is_current(const struct bridges *all, uint32_t bridge, const struct mac_value *v);

/* bridge_uncount - @v is in the table no more. */
void bridge_uncount(struct bridges *all, uint32_t bridge, const struct mac_value *v);

/* --- learning, on workers --- */

/* The port that frames come by, as of this turn. */
struct bridge_run {
	uint32_t rx_if;
	uint16_t split_horizon;
	uint16_t stamp;
	const struct bridge_port *port; /* NULL: no port any more */
	const struct bridge *bridge;
	uint32_t port_gen, bridge_gen;
	uint64_t expected; /* value of a MAC that is known here and was seen in this second */
};

enum bridge_verdict {
	BRIDGE_KNOWN, /* where it was, or fixed there */
	BRIDGE_LEARNED,
	BRIDGE_MOVED,
	BRIDGE_FLAPPED,	    /* moved too often: not believed */
	BRIDGE_LIMITED,	    /* not learnt: a limit */
	BRIDGE_FULL,	    /* not learnt: no place in the table */
	BRIDGE_NOT_LEARNED, /* bridge or port do not learn, or another worker was first */
	/* the frame goes no further */
	BRIDGE_FILTERED,
	BRIDGE_FIXED_ELSEWHERE,
};

/*
 * bridge_learn - a frame from @key, whose @value (0: none) is not the expected one, came by the
 * port of @r.
 */
enum bridge_verdict bridge_learn(struct worker *w, const struct bridge_run *r, uint64_t key,
				 struct mac_entry *entry, uint64_t value);

/* bridge_trace - "bridge lan, port p0, 02:… > 02:…" of a frame on its way through a bridge. */
void bridge_trace(struct writer *out, const struct engine *e, const struct trace_hop *hop);

/* bridge_deliver - hand a frame to the BVI, which is up: rx_if, counters; returns a next index. */
uint16_t bridge_deliver(struct worker *w, struct buf *b, const struct interface *bvi);

extern const struct interface_driver bvi_driver;

/* --- ports, for bvi.c --- */

must_check
int bridge_join(struct bridge *b, struct interface *i, const struct bridge_port_config *config,
		bool is_bvi);
void bridge_leave(struct interface *i);

/* bridge_put_mac, bridge_take_mac - the entry of a fixed MAC in the table. ERR_FULL, ERR_BUSY. */
must_check
int bridge_put_mac(struct bridge *b, const struct mac *mac, uint32_t if_index);
void bridge_take_mac(struct bridge *b, const struct mac *mac);

/* bridge_forget_fixed - those behind @i, or all with @i NULL. */
void bridge_forget_fixed(struct bridge *b, const struct interface *i);

#endif
