/* stall.c - connections that wait for a busy interface. */
#include "transport/tcp/stall.h"

#include "engine/engine.h"
#include "transport/tcp/path.h"

enum { LOOK_NS = NS_PER_MS };

static void look_again(struct timer *t unused_arg, uint64_t now_ns unused_arg)
{
	/* Being awake is enough: the end of the turn looks. */
}

void tcp_stall_init(struct tcp_stall *s)
{
	list_init(&s->conns);
	timer_init(&s->timer, look_again);
}

bool tcp_stall_is_due(struct tcp_conn *c)
{
	struct tcp_worker *tw = c->worker;
	struct tcp_path path;

	if (likely(!tcp_path_is_busy(tw, c->out_if)))
		return false;
	if (tcp_path_to(tw, c->key.fib & ~TCP_KEY_IP6, tcp_key_remote_ip4(&c->key), &path))
		return false; /* there is no way at all; sending will count that */
	c->out_if = path.if_index;
	return tcp_path_is_busy(tw, c->out_if);
}

void tcp_stall_add(struct tcp_conn *c)
{
	struct tcp_worker *tw = c->worker;

	tcp_count_out(tw, TCP_OUT_STALLED);
	c->todo |= TCP_TODO_SEND | TCP_TODO_STALLED;
	list_push(&tw->stall.conns, &c->todo_link);
	if (!timer_is_set(&tw->stall.timer))
		timer_set(&tw->worker->wheel, &tw->stall.timer, tcp_now_ns(tw) + LOOK_NS);
}

void tcp_stall_relieve(struct tcp_worker *tw)
{
	struct tcp_stall *s = &tw->stall;
	uint32_t n = __atomic_load_n(&tw->worker->engine->n_relieved, __ATOMIC_ACQUIRE);

	if (list_empty(&s->conns))
		return;
	if (n == s->n_relieved) {
		if (!timer_is_set(&s->timer))
			timer_set(&tw->worker->wheel, &s->timer, tcp_now_ns(tw) + LOOK_NS);
		return;
	}
	s->n_relieved = n;
	list_for_each(link, &s->conns)
		container_of(link, struct tcp_conn, todo_link)->todo &= (uint8_t)~TCP_TODO_STALLED;
	list_splice(&tw->todo, &s->conns);
}
