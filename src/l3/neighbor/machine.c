/* machine.c - the state machine of one neighbour. */
#include "l3/neighbor/machine.h"

static const char *const state_names[] = {
	[NEIGHBOR_IDLE] = "idle",	    [NEIGHBOR_INCOMPLETE] = "incomplete",
	[NEIGHBOR_REACHABLE] = "reachable", [NEIGHBOR_STALE] = "stale",
	[NEIGHBOR_PROBE] = "probe",	    [NEIGHBOR_FAILED] = "failed",
	[NEIGHBOR_STATIC] = "static",
};
_Static_assert(count_of(state_names) == N_NEIGHBOR_STATES, "every state has a name");

const char *neighbor_state_name(enum neighbor_state state)
{
	return state_names[state];
}

static void enter(struct neighbor_machine *m, enum neighbor_state state, uint64_t deadline_ns)
{
	m->state = state;
	m->n_probes = 0;
	m->deadline_ns = deadline_ns;
}

static unsigned probe(struct neighbor_machine *m, const struct neighbor_times *times,
		      uint64_t now_ns, unsigned how)
{
	m->n_probes++;
	m->deadline_ns = now_ns + times->probe_ns;
	return how;
}

unsigned neighbor_on_need(struct neighbor_machine *m, const struct neighbor_times *times,
			  uint64_t now_ns)
{
	switch (m->state) {
	case NEIGHBOR_IDLE:
		enter(m, NEIGHBOR_INCOMPLETE, 0);
		return probe(m, times, now_ns, NEIGHBOR_SEND_BROADCAST);
	case NEIGHBOR_INCOMPLETE:
		return 0;
	case NEIGHBOR_FAILED:
		return NEIGHBOR_FAIL;
	default:
		return NEIGHBOR_PASS;
	}
}

unsigned neighbor_on_heard(struct neighbor_machine *m, const struct neighbor_times *times,
			   uint64_t now_ns, bool is_new)
{
	bool was_resolved = neighbor_is_resolved(m);

	if (m->state == NEIGHBOR_STATIC)
		return 0;
	enter(m, NEIGHBOR_REACHABLE, now_ns + times->reachable_ns);
	m->confirmed_ns = now_ns;
	return is_new || !was_resolved ? NEIGHBOR_PUBLISH : 0;
}

unsigned neighbor_on_told(struct neighbor_machine *m, uint64_t now_ns, bool is_new)
{
	if (m->state == NEIGHBOR_STATIC || (neighbor_is_resolved(m) && !is_new))
		return 0;
	enter(m, NEIGHBOR_STALE, now_ns + NEIGHBOR_LOOK_NS);
	m->confirmed_ns = now_ns;
	return NEIGHBOR_PUBLISH;
}

unsigned neighbor_on_doubt(struct neighbor_machine *m, uint64_t now_ns)
{
	if (m->state == NEIGHBOR_REACHABLE)
		enter(m, NEIGHBOR_STALE, now_ns + NEIGHBOR_LOOK_NS);
	return 0;
}

unsigned neighbor_on_static(struct neighbor_machine *m)
{
	enter(m, NEIGHBOR_STATIC, 0);
	return NEIGHBOR_PUBLISH;
}

static unsigned on_incomplete_timer(struct neighbor_machine *m, const struct neighbor_times *times,
				    uint64_t now_ns)
{
	if (m->n_probes < NEIGHBOR_PROBES)
		return probe(m, times, now_ns, NEIGHBOR_SEND_BROADCAST);
	enter(m, NEIGHBOR_FAILED, now_ns + NEIGHBOR_FAILED_NS);
	return NEIGHBOR_FAIL;
}

/* REACHABLE or STALE: ask again if it matters. */
static unsigned on_quiet_timer(struct neighbor_machine *m, const struct neighbor_times *times,
			       uint64_t now_ns, bool used)
{
	if (used) {
		enter(m, NEIGHBOR_PROBE, 0);
		return probe(m, times, now_ns, NEIGHBOR_SEND_UNICAST);
	}
	if (now_ns - m->confirmed_ns >= NEIGHBOR_FORGET_NS) {
		enter(m, NEIGHBOR_IDLE, 0);
		return NEIGHBOR_WITHDRAW | NEIGHBOR_FORGET;
	}
	enter(m, NEIGHBOR_STALE, now_ns + NEIGHBOR_LOOK_NS);
	return 0;
}

unsigned neighbor_on_timer(struct neighbor_machine *m, const struct neighbor_times *times,
			   uint64_t now_ns, bool used)
{
	switch (m->state) {
	case NEIGHBOR_INCOMPLETE:
		return on_incomplete_timer(m, times, now_ns);
	case NEIGHBOR_REACHABLE:
	case NEIGHBOR_STALE:
		return on_quiet_timer(m, times, now_ns, used);
	case NEIGHBOR_PROBE:
		if (m->n_probes < NEIGHBOR_PROBES)
			return probe(m, times, now_ns, NEIGHBOR_SEND_UNICAST);
		enter(m, NEIGHBOR_INCOMPLETE, 0);
		return NEIGHBOR_WITHDRAW | probe(m, times, now_ns, NEIGHBOR_SEND_BROADCAST);
	case NEIGHBOR_FAILED:
		enter(m, NEIGHBOR_IDLE, 0);
		return NEIGHBOR_FORGET;
	default:
		return 0;
	}
}
