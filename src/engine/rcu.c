/* rcu.c - the only file that sees liburcu. */
#include <urcu/urcu-qsbr.h>

#include "engine/rcu.h"

_Static_assert(sizeof(struct rcu_head) == sizeof(((struct rcu_later *)0)->head),
	       "struct rcu_later has room for liburcu's link");

static void free_one(struct rcu_head *head)
{
	struct rcu_later *later = (struct rcu_later *)head;

	later->free(later);
}

void rcu_free_later(struct rcu_later *later, void (*free_fn)(struct rcu_later *later))
{
	later->free = free_fn;
	urcu_qsbr_call_rcu((struct rcu_head *)later->head, free_one);
}

void rcu_drain(void)
{
	urcu_qsbr_barrier();
}

void rcu_reader_begin(void)
{
	urcu_qsbr_register_thread();
}

void rcu_reader_end(void)
{
	urcu_qsbr_unregister_thread();
}

void rcu_quiesce(void)
{
	urcu_qsbr_quiescent_state();
}

void rcu_reader_offline(void)
{
	urcu_qsbr_thread_offline();
}

void rcu_reader_online(void)
{
	urcu_qsbr_thread_online();
}
