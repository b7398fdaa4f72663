/*
 * rpf.h - reverse path checks: is a packet's source where the packet came from? RFC 3704, RFC 8704.
 *
 *   ip4-input ──> [ip4-unicast: ip4-rpf] ──> ip4-lookup      strict: a path to the source leaves by
 *   ip6-input ──> [ip6-unicast: ip6-rpf] ──> ip6-lookup              the interface that it came by
 *                        └──> drop                           loose: any path leads to it
 *
 * A source that is an address of ours fails, a default route is a path like any other, and so is
 * each of several. An interface without a check pays nothing.
 */
#ifndef CONVOY_L3_RPF_H
#define CONVOY_L3_RPF_H

#include "engine/engine.h"
#include "l3/fib/fib.h"

enum { RPF_PATHS_MAX = 128 /* that are looked at for one packet */ };

enum rpf_mode { RPF_OFF, RPF_LOOSE, RPF_STRICT, N_RPF_MODES };

enum rpf_verdict {
	RPF_NOT_BACK, /* no path leads back */
	RPF_TOO_MANY, /* none of the first RPF_PATHS_MAX does */
	RPF_FINE,
};

/* Shared; workers read. */
struct rpf {
	uint8_t mode[INTERFACES_MAX]; /* enum rpf_mode, atomic */
	struct interface_listener listener;
};

must_check
int rpf_init(struct engine *e);
void rpf_deinit(struct engine *e);

/* rpf_set - check what comes by @if_index, both families. ERR_NOENT, ERR_INVAL. */
must_check
int rpf_set(struct engine *e, uint32_t if_index, enum rpf_mode mode);

enum rpf_mode rpf_of(const struct engine *e, uint32_t if_index);
const char *rpf_mode_name(enum rpf_mode mode);

/*
 * rpf_judge - is a packet from @src that came by @if_index where it should be?
 * @leaf: the load-balance that a lookup of @src found; until the end of the turn
 * At most RPF_PATHS_MAX paths are looked at, next hops behind next hops included.
 */
enum rpf_verdict rpf_judge(const struct fib *f, enum rpf_mode mode, uint32_t leaf,
			   struct fib_key src, unsigned family, uint32_t if_index);

extern const struct node_type ip4_rpf_node;
extern const struct node_type ip6_rpf_node;

#endif
