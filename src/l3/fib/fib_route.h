/* fib_route.h - between the files that change tables, and nobody else. */
#ifndef CONVOY_L3_FIB_FIB_ROUTE_H
#define CONVOY_L3_FIB_FIB_ROUTE_H

#include "l3/fib/fib.h"

/*
 * fib_put_hidden - put @source's route in the rib, not in the trie. @load_balance: the reference
 * moves. @node: the prefix. @replaced: the load-balance that it had by @source, LOAD_BALANCE_NONE
 * for none, whose reference is the caller's now. ERR_FULL, ERR_NOMEM.
 */
must_check
int fib_put_hidden(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len,
		   enum fib_source source, uint32_t load_balance, struct rib_node **node,
		   uint32_t *replaced);

/* fib_tell - the watchers hear that the forwarding of the prefix has changed. */
void fib_tell(struct vrf *v, struct fib_table *t, struct fib_key key, unsigned len);

/* fib_sweep_start - see to it that what is garbage now is given back. */
void fib_sweep_start(struct fib *f);

#endif
