/*
 * machine.h - the life of one neighbour, as a pure state machine: no clock, no I/O, either family.
 *
 *                 need                    heard
 *   IDLE ───────────────> INCOMPLETE ───────────────> REACHABLE <────────────┐
 *    ↑                     │ 3 probes                    │ 30 s              │ heard, from
 *    │ 1 s                 ↓                             ├─ used ──> PROBE ──┤ any state
 *   FAILED <───────────────┘             told, doubt     ↓            │      │
 *                                       ────────────>  STALE ─ used ──┘      │
 *                                                        │ 600 s        3 unicast probes
 *                                                        ↓              without an answer:
 *                                                      forget           INCOMPLETE
 *
 * "Heard" is an answer, "told" is what a neighbour says unasked: its address is used, but not that
 * it can hear us. Traffic goes on in STALE and PROBE. What a neighbour said is believed for 30
 * seconds; after that it is asked again, but only if packets are sent to it. A stale one that is
 * used waits up to 5 seconds before it is asked: the DELAY of RFC 4861 §7.3.2, whose states these
 * are (§7.3); ARP's are the same. RFC 826, RFC 1122 §2.3.2.1 (time-outs), §2.3.2.2 (the packet
 * waits).
 */
#ifndef CONVOY_L3_NEIGHBOR_MACHINE_H
#define CONVOY_L3_NEIGHBOR_MACHINE_H

#include "base/clock.h"
#include "base/compiler.h"

enum neighbor_state {
	NEIGHBOR_IDLE,
	NEIGHBOR_INCOMPLETE,
	NEIGHBOR_REACHABLE,
	NEIGHBOR_STALE,
	NEIGHBOR_PROBE,
	NEIGHBOR_FAILED,
	NEIGHBOR_STATIC,
	N_NEIGHBOR_STATES,
};

enum { NEIGHBOR_PROBES = 3 };
#define NEIGHBOR_LOOK_NS   ((uint64_t)5 * NS_PER_S) /* a stale one: has it been used? */
#define NEIGHBOR_FORGET_NS ((uint64_t)600 * NS_PER_S)
#define NEIGHBOR_FAILED_NS ((uint64_t)1 * NS_PER_S) /* refused at once for so long */

/* RFC 4861 §6.3.2; routers may say others. */
struct neighbor_times {
	uint64_t reachable_ns; /* how long what a neighbour said is believed */
	uint64_t probe_ns;     /* between two questions: RetransTimer */
};
#define NEIGHBOR_USUAL_TIMES                                                                       \
	((struct neighbor_times){ .reachable_ns = (uint64_t)30 * NS_PER_S, .probe_ns = NS_PER_S })

/* What the caller has to do, as bits. */
enum neighbor_action {
	NEIGHBOR_SEND_BROADCAST = 1, /* ask everybody */
	NEIGHBOR_SEND_UNICAST = 2,   /* ask the neighbour itself */
	NEIGHBOR_PUBLISH = 4,	     /* the address is new: tell the data path, let packets go */
	NEIGHBOR_WITHDRAW = 8,	     /* the address is no longer believed */
	NEIGHBOR_FAIL = 16,	     /* refuse the packets that wait */
	NEIGHBOR_PASS = 32,	     /* the address is known: let packets go */
	NEIGHBOR_FORGET = 64,	     /* drop the entry */
};

struct neighbor_machine {
	enum neighbor_state state;
	uint32_t n_probes;     /* sent in this state */
	uint64_t deadline_ns;  /* when neighbor_on_timer() is due; 0: never */
	uint64_t confirmed_ns; /* when the neighbour last said its address */
};

/* neighbor_is_resolved - true if the address is known and used. */
static inline bool neighbor_is_resolved(const struct neighbor_machine *m)
{
	return m->state == NEIGHBOR_REACHABLE || m->state == NEIGHBOR_STALE ||
	       m->state == NEIGHBOR_PROBE || m->state == NEIGHBOR_STATIC;
}

/* Each returns what to do, a set of enum neighbor_action. */

/* neighbor_on_need - a packet waits for the address. */
unsigned neighbor_on_need(struct neighbor_machine *m, const struct neighbor_times *times,
			  uint64_t now_ns);

/* neighbor_on_heard - the neighbour said its address. @is_new: another one than we had. */
unsigned neighbor_on_heard(struct neighbor_machine *m, const struct neighbor_times *times,
			   uint64_t now_ns, bool is_new);

/*
 * neighbor_on_told - the neighbour said its address unasked. @is_new: another one than we had.
 * RFC 4861 §7.2.3, §7.2.5, §6.3.4.
 */
unsigned neighbor_on_told(struct neighbor_machine *m, uint64_t now_ns, bool is_new);

/* neighbor_on_doubt - somebody claims to be it, but does not insist: ask soon. RFC 4861 §7.2.5. */
unsigned neighbor_on_doubt(struct neighbor_machine *m, uint64_t now_ns);

/* neighbor_on_timer - the deadline has passed. @used: packets were sent since the last call. */
unsigned neighbor_on_timer(struct neighbor_machine *m, const struct neighbor_times *times,
			   uint64_t now_ns, bool used);

/* neighbor_on_static - the operator said the address. */
unsigned neighbor_on_static(struct neighbor_machine *m);

const char *neighbor_state_name(enum neighbor_state state);

#endif
