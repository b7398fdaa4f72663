/*
 * vrf.h - routing domains by name, and which interface is in which. Main thread.
 *
 * A VRF has a table for each family. An interface is in one, the default one at first, with both
 * families and all its addresses. RFC 4364 calls it a VRF; here nothing is exchanged between them
 * but by routes that say so (route add … --lookup).
 */
#ifndef CONVOY_L3_VRF_H
#define CONVOY_L3_VRF_H

#include "l3/fib/fib.h"

struct engine;

/* vrf_add - as fib_add_vrf(). */
must_check
int vrf_add(struct engine *e, const char *name);

/*
 * vrf_del - ERR_NOENT; ERR_BUSY while an interface is in it, it has routes, or routes of others
 * look it up, and for the default one; ERR_NOMEM.
 */
must_check
int vrf_del(struct engine *e, const char *name);

/* vrf_of_interface - the VRF of @if_index. */
struct vrf *vrf_of_interface(const struct engine *e, uint32_t if_index);

/*
 * vrf_move_interface - put @if_index into @v, with its addresses, its neighbours, fixed ones and
 * learnt ones, and the static routes over it. It stays up; for a moment its packets may find no
 * route. Nothing happens if it is there already. On failure nothing has changed, and @what is a
 * sentence: ERR_NOENT without such an interface; ERR_EXIST if somebody there has one of its
 * addresses, ERR_BUSY if another interface is on one of its networks or a route cannot go along:
 * routes_move_fault_or_null().
 */
must_check
int vrf_move_interface(struct engine *e, uint32_t if_index, struct vrf *v, const char **what);

#endif
