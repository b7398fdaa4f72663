/*
 * shortcut.h - flows that a device of the kernel forwards itself, as the graph would have done.
 *
 *   device ── program ──┬── the table has the destination ──────> another device
 *                       └── or anything is unusual ──> the driver ──> graph ──> …
 *
 * The table is shared with the programs of all devices that take shortcuts (drivers/shortcut).
 * Main alone writes it, but for the two counters of a slot. l3/shortcut decides what goes in.
 *
 * A slot holds while its epoch is the table's. shortcuts_doubt() moves the table's: from then on
 * all packets go through the graph, until main has looked at each slot again. It is called by
 * whoever changes what a packet's way depends on, before the change is told as done: routes and
 * neighbours by fib_touch(), interfaces, features, traces and captures by the engine.
 *
 * A program may read a slot while main looks elsewhere, and processors may read ahead. So a slot
 * is written while nobody can use it and comes into use a tick later; it is emptied by taking its
 * epoch away and written again a tick after that. A tick is far longer than a program runs.
 */
#ifndef CONVOY_ENGINE_SHORTCUT_H
#define CONVOY_ENGINE_SHORTCUT_H

#include "engine/engine.h"

enum {
	SHORTCUT_WAYS = 4, /* slots where a destination may be */
	SHORTCUT_BUCKET_BITS = 12,
	SHORTCUT_SLOTS = SHORTCUT_WAYS << SHORTCUT_BUCKET_BITS,
	SHORTCUT_SAMPLES = 512, /* destinations that wait for main, from each worker */
	SHORTCUT_TICK_MS = 100,
	SHORTCUT_IDLE_TICKS = 100, /* one that nobody used for so long is given up */
};

/* As the program reads it: one cache line. */
struct shortcut_slot {
	uint64_t epoch;	     /* 0: not in use */
	uint32_t ingress;    /* the kernel's number of the device that they come by, SHORTCUT_IP6 */
	uint32_t address[4]; /* destination as on the wire; IPv4: in the first, the others 0 */
	uint32_t egress;     /* the same of the device that they leave by */
	uint32_t mtu_bytes;  /* without the Ethernet header */
	uint8_t macs[2 * MAC_LEN];   /* destination and source, as they leave */
	uint64_t n_packets, n_bytes; /* the programs' */
};
_Static_assert(sizeof(struct shortcut_slot) == 64, "the program shifts by 6");

#define SHORTCUT_IP6 0x80000000u /* in ingress */
/* Odd numbers without a pattern: shortcut_bucket(). */
#define SHORTCUT_HASH_1 0x9e3779b97f4a7c15u
#define SHORTCUT_HASH_2 0xd6e8feb86659fd93u

struct shortcut_table {
	uint64_t epoch; /* never 0 */
	uint8_t pad[56];
	struct shortcut_slot slot[SHORTCUT_SLOTS];
};

enum shortcut_state { SHORTCUT_FREE, SHORTCUT_USED, SHORTCUT_LEAVING };

/* What main knows about a slot. */
struct shortcut {
	uint8_t state;	  /* enum shortcut_state */
	uint32_t in, out; /* interfaces */
	uint32_t used_at; /* in used[] */
	uint32_t adjacency;
	uint32_t n_idle_ticks;
	uint64_t n_packets, n_bytes; /* already added to the interfaces' counters */
};

/* A packet that a worker has forwarded: may its destination take a shortcut? */
struct shortcut_sample {
	uint32_t in; /* interface */
	uint32_t family;
	uint32_t address[4]; /* as in a slot */
};

struct shortcut_samples {
	uint32_t head cacheline_aligned; /* the worker's */
	uint32_t tail cacheline_aligned; /* main's */
	struct shortcut_sample at[SHORTCUT_SAMPLES];
};

/* Of an engine, from the first device on that takes shortcuts. */
struct shortcuts {
	int map_fd;
	struct shortcut_table *table;
	struct shortcut *of; /* [SHORTCUT_SLOTS] */
	struct if_counters counted[INTERFACES_MAX];
	struct shortcut_samples *samples;      /* [n_workers] */
	uint32_t used[SHORTCUT_SLOTS], n_used; /* slots that are not free, in no order */
	uint64_t n_learnt, n_no_room;
};

/*
 * shortcuts_open - main: take over @map_fd, a map of one struct shortcut_table that can be mapped.
 * ERR_NOMEM; then @map_fd is still the caller's.
 */
must_check
int shortcuts_open(struct engine *e, int map_fd);
/* shortcuts_free - engine_free(). */
void shortcuts_free(struct engine *e);

/* shortcuts_of_or_null - main or workers. */
static inline struct shortcuts *shortcuts_of_or_null(const struct engine *e)
{
	return __atomic_load_n(&e->shortcuts, __ATOMIC_ACQUIRE);
}

/* shortcuts_doubt - main: something has changed; @e may be NULL. No shortcut is used any more. */
static inline void shortcuts_doubt(struct engine *e)
{
	struct shortcuts *s = e ? e->shortcuts : NULL;

	if (s)
		__atomic_store_n(&s->table->epoch, s->table->epoch + 1, __ATOMIC_SEQ_CST);
}

/* shortcut_bucket - the first of the slots where a destination may be: as the program has it. */
uint32_t shortcut_bucket(uint32_t ingress, const uint32_t address[4]);

/* shortcut_find_or_none - main: a slot in use; SHORTCUT_SLOTS for none. */
uint32_t shortcut_find_or_none(const struct shortcuts *s, const struct shortcut_slot *key);

/*
 * shortcut_put - main: write @value, without an epoch, to a free slot: shortcut_confirm() has it
 * used. ERR_FULL when its bucket is.
 */
must_check
int shortcut_put(struct shortcuts *s, const struct shortcut_slot *value,
		 const struct shortcut *record);

/* shortcut_confirm - main: slot @at holds in the current epoch. */
static inline void shortcut_confirm(struct shortcuts *s, uint32_t at)
{
	__atomic_store_n(&s->table->slot[at].epoch, s->table->epoch, __ATOMIC_RELEASE);
}

/* shortcut_drop - main: slot @at is used no more; free at the next shortcuts_sweep(). */
void shortcut_drop(struct shortcuts *s, uint32_t at);

/* shortcuts_sweep - main, once a tick: those dropped a tick ago are free. */
void shortcuts_sweep(struct shortcuts *s);

/*
 * shortcut_count - main: add what was forwarded since the last call to the interfaces' counters;
 * returns the number of packets.
 */
uint64_t shortcut_count(struct shortcuts *s, uint32_t at);

/* shortcuts_add_counters - main: to @sum, what took shortcuts from and to interface @if_index. */
void shortcuts_add_counters(const struct engine *e, uint32_t if_index, struct if_counters *sum);

/* shortcuts_forget_interface - main: counters of @if_index start anew: it is another one now. */
void shortcuts_forget_interface(struct engine *e, uint32_t if_index);

/* shortcut_sample - worker: tell main of a packet; lost when main has enough to do. */
void shortcut_sample(struct shortcuts *s, const struct worker *w,
		     const struct shortcut_sample *sample);

/* shortcut_next_sample - main: false when worker @w has none. */
must_check
bool shortcut_next_sample(struct shortcuts *s, uint32_t w, struct shortcut_sample *out);

#endif
