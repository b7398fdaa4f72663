/* bulk.c - routes by the million. */
#include "l3/fib/bulk.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/fib/fib_route.h"

enum { RELEASE_STEP = 65536 };

void fib_bulk_init(struct fib_bulk *b, struct vrf *v, struct fib_table *t)
{
	*b = (struct fib_bulk){ .v = v, .t = t };
}

void fib_bulk_deinit(struct fib_bulk *b)
{
	free(b->prefix);
	free(b->replaced);
	*b = (struct fib_bulk){ 0 };
}

/* Room for one more in both lists, so that nothing fails after the rib has changed. */
static int make_room(struct fib_bulk *b)
{
	if (b->n == b->room) {
		uint32_t room = b->room ? 2 * b->room : 1024;
		struct fib_bulk_prefix *grown = realloc(b->prefix, room * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		b->prefix = grown;
		b->room = room;
	}
	if (b->n_replaced == b->room_replaced) {
		uint32_t room = b->room_replaced ? 2 * b->room_replaced : 1024;
		uint32_t *grown = realloc(b->replaced, room * sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		b->replaced = grown;
		b->room_replaced = room;
	}
	return 0;
}

int fib_bulk_put(struct fib_bulk *b, struct fib_key key, unsigned len, enum fib_source source,
		 uint32_t load_balance)
{
	const struct fib_route *first;
	uint32_t replaced;
	struct rib_node *n;
	int err = make_room(b);

	if (err != 0)
		return err;
	err = fib_put_hidden(b->v, b->t, key, len, source, load_balance, &n, &replaced);
	if (err != 0)
		return err;
	load_balance_hold(&b->v->fib->load_balances, load_balance);
	if (replaced != LOAD_BALANCE_NONE)
		b->replaced[b->n_replaced++] = replaced;
	first = n->owner;
	if (n->leaf != first->load_balance) {
		n->leaf = first->load_balance;
		b->prefix[b->n++] = (struct fib_bulk_prefix){ n->key, n->len };
	}
	return 0;
}

/* Show a prefix; one that is not a cover with all that shares its slots of the tables. */
static int show(struct fib_bulk *b, const struct fib_bulk_prefix *p)
{
	struct trie *t = &b->t->trie;
	struct trie_garbage *garbage = &b->v->fib->sweep.fresh;
	unsigned len = p->len < t->root_bits ? p->len : t->root_bits;
	int err;

	if (trie_is_cover(t, p->len))
		return trie_update(t, &b->t->rib, p->key, p->len, garbage);
	if (b->has_shown && !fib_key_before(b->shown_to, p->key))
		return 0;
	if (p->len > t->root_bits)
		err = trie_update_slot(t, &b->t->rib, p->key, garbage);
	else
		err = trie_update(t, &b->t->rib, p->key, p->len, garbage);
	if (err == 0) {
		b->shown_to = fib_key_or(p->key, fib_key_not(fib_key_mask(len)));
		b->has_shown = true;
	}
	return err;
}

/* All is shown: let go some of what was there before. */
static int finish(struct fib_bulk *b)
{
	for (unsigned i = 0; i < RELEASE_STEP && b->n_replaced > 0; i++)
		load_balance_put(&b->v->fib->load_balances, b->replaced[--b->n_replaced]);
	return b->n_replaced > 0 ? ERR_AGAIN : 0;
}

int fib_bulk_show(struct fib_bulk *b, unsigned n)
{
	struct fib *f = b->v->fib;
	int err = 0;

	for (; n > 0 && b->n_shown < b->n && err == 0; n--) {
		const struct fib_bulk_prefix *p = &b->prefix[b->n_shown];

		err = show(b, p);
		if (err == 0)
			fib_tell(b->v, b->t, p->key, p->len);
		b->n_shown += err == 0;
	}
	fib_touch(f);
	fib_sweep_start(f);
	if (err != 0)
		return err;
	if (b->n_shown < b->n)
		return ERR_AGAIN;
	return finish(b);
}
