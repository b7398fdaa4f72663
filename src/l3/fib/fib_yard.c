/* fib_yard.c - from main through a grace period back to main. */
#include "l3/fib/fib_yard.h"

static void deliver(void *consumer unused_arg, struct mail *mail)
{
	struct fib_grave *g = container_of(mail, struct fib_grave, mail);

	g->yard->n_waiting--;
	g->bury(g);
}

/* On RCU's helper thread. */
static void grace_over(struct rcu_later *later)
{
	struct fib_grave *g = container_of(later, struct fib_grave, later);

	g->mail.deliver = deliver;
	mailbox_post(g->yard->main, &g->mail);
}

void fib_retire(struct fib_yard *y, struct fib_grave *g, void (*bury)(struct fib_grave *g))
{
	g->yard = y;
	g->bury = bury;
	y->n_waiting++;
	rcu_free_later(&g->later, grace_over);
}

void fib_retire_again(struct fib_yard *y, struct fib_grave *g)
{
	y->n_waiting++;
	mailbox_post(y->main, &g->mail);
}
