/*
 * bulk.h - many routes at once: first into the rib, then slot by slot into the trie.
 *
 *   fib_bulk_put() for each, in ascending order ──> fib_bulk_show() until it is done
 *
 * A slot of the trie's tables is built once, however many of the prefixes are in it. Both work in
 * steps, between which main does other things; until a prefix is shown, packets go as before. Main.
 */
#ifndef CONVOY_L3_FIB_BULK_H
#define CONVOY_L3_FIB_BULK_H

#include "l3/fib/fib.h"

struct fib_bulk_prefix {
	struct fib_key key;
	uint8_t len;
};

struct fib_bulk {
	struct vrf *v;
	struct fib_table *t;
	struct fib_bulk_prefix *prefix; /* those put, in order */
	uint32_t n, room, n_shown;
	uint32_t *replaced; /* load-balances to let go when all is shown */
	uint32_t n_replaced, room_replaced;
	struct fib_key shown_to; /* the last key that is shown with all that is before it */
	bool has_shown;
};

void fib_bulk_init(struct fib_bulk *b, struct vrf *v, struct fib_table *t);

/* fib_bulk_deinit - forget the lists. What was put and not shown stays so until it changes. */
void fib_bulk_deinit(struct fib_bulk *b);

/*
 * fib_bulk_put - @source's route for the prefix, which is not before the last one, by
 * @load_balance, of which a reference is taken. ERR_FULL, ERR_NOMEM.
 */
must_check
int fib_bulk_put(struct fib_bulk *b, struct fib_key key, unsigned len, enum fib_source source,
		 uint32_t load_balance);

/*
 * fib_bulk_show - show some @n of the prefixes. Returns 0 when all are shown, ERR_AGAIN when there
 * are more, ERR_NOMEM, after which it may be called again.
 */
must_check
int fib_bulk_show(struct fib_bulk *b, unsigned n);

#endif
