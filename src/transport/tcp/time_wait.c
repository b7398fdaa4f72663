/* time_wait.c - the remains of connections. */
#include "transport/tcp/time_wait.h"

#include "transport/tcp/segment.h"
#include "transport/tcp/window.h"

/* How far a new incarnation's numbers lie above the last one's, when the clock does not do it. */
enum { ISS_GAP = 128 * 1024 };

static void remove_entry(struct tcp_worker *tw, struct tcp_time_wait *t)
{
	list_remove(&t->age);
	tcp_table_remove(&tw->table, t->hash,
			 tcp_ref_of(TCP_KIND_TIME_WAIT, handle_index(t->self)));
	pool_give(&tw->time_waits.pool, t->self);
}

static struct tcp_time_wait *oldest_or_null(struct tcp_time_waits *t)
{
	return list_empty(&t->ages) ? NULL : container_of(t->ages.next, struct tcp_time_wait, age);
}

static void on_timer(struct timer *timer, uint64_t now_ns)
{
	struct tcp_time_waits *t = container_of(timer, struct tcp_time_waits, timer);
	struct tcp_time_wait *oldest;

	while ((oldest = oldest_or_null(t)) && oldest->ends_s <= now_ns / NS_PER_S)
		remove_entry(t->worker, oldest);
	if (oldest)
		timer_set(&t->worker->worker->wheel, timer, (uint64_t)oldest->ends_s * NS_PER_S);
}

void tcp_time_waits_init(struct tcp_time_waits *t, struct tcp_worker *tw, uint32_t max)
{
	pool_init(&t->pool, sizeof(struct tcp_time_wait), max);
	list_init(&t->ages);
	timer_init(&t->timer, on_timer);
	t->worker = tw;
}

void tcp_time_waits_deinit(struct tcp_time_waits *t)
{
	timer_cancel(&t->worker->worker->wheel, &t->timer);
	pool_deinit(&t->pool);
}

static struct tcp_time_wait *take_entry_or_null(struct tcp_worker *tw, handle *self)
{
	struct tcp_time_wait *t = pool_take_or_null(&tw->time_waits.pool, self);
	struct tcp_time_wait *oldest = t ? NULL : oldest_or_null(&tw->time_waits);

	if (!oldest)
		return t;
	remove_entry(tw, oldest);
	return pool_take_or_null(&tw->time_waits.pool, self);
}

void tcp_time_wait_begin(struct tcp_worker *tw, const struct tcp_conn *c)
{
	struct tcp_time_waits *all = &tw->time_waits;
	handle self;
	struct tcp_time_wait *t = take_entry_or_null(tw, &self);

	if (!t)
		return;
	*t = (struct tcp_time_wait){
		.key = c->key,
		.hash = c->hash,
		.ends_s = (uint32_t)(tcp_now_ns(tw) / NS_PER_S) + TCP_TIME_WAIT_S,
		.rcv_nxt = c->rcv_nxt,
		.snd_nxt = c->snd_max,
		.ts_recent = c->ts_recent,
		.ts_offset = c->ts_offset,
		.window = tcp_window_field(c->rcv_edge, c->rcv_nxt, c->rcv_shift),
		.timestamps = c->flags & TCP_CONN_TIMESTAMPS,
		.self = self,
	};
	/* Beside the connection's own entry, which its owner removes next. */
	if (tcp_table_add(&tw->table, t->hash,
			  tcp_ref_of(TCP_KIND_TIME_WAIT, handle_index(self)))) {
		pool_give(&all->pool, self);
		return;
	}
	list_push(&all->ages, &t->age);
	if (!timer_is_set(&all->timer))
		timer_set(&tw->worker->wheel, &all->timer, (uint64_t)t->ends_s * NS_PER_S);
}

struct tcp_time_wait *tcp_time_wait_at_or_null(const struct tcp_worker *tw, uint32_t index)
{
	handle h;

	return pool_at_or_null(&tw->time_waits.pool, index, &h);
}

static void acknowledge(struct tcp_worker *tw, const struct tcp_time_wait *t)
{
	struct tcp_bare ack = {
		.key = &t->key,
		.seq = t->snd_nxt,
		.ack = t->rcv_nxt,
		.window = t->window,
		.flags = TCP_ACK,
	};

	if (t->timestamps) {
		ack.options.has = TCP_HAS_TIMESTAMPS;
		ack.options.ts_value = (uint32_t)(tcp_now_ns(tw) / NS_PER_MS) + t->ts_offset;
		ack.options.ts_echo = t->ts_recent;
	}
	tcp_segment_send_bare(tw, &ack);
}

bool tcp_time_wait_may_reuse(const struct tcp_worker *tw, const struct tcp_time_wait *t)
{
	return t->timestamps && tcp_now_ns(tw) / NS_PER_S > t->ends_s - TCP_TIME_WAIT_S + 1;
}

uint32_t tcp_time_wait_end(struct tcp_worker *tw, struct tcp_time_wait *t)
{
	uint32_t iss_floor = t->snd_nxt + ISS_GAP;

	tcp_count_in(tw, TCP_IN_TIME_WAIT_REUSED);
	remove_entry(tw, t);
	return iss_floor;
}

enum tcp_time_wait_verdict tcp_time_wait_input(struct tcp_worker *tw, struct tcp_time_wait *t,
					       const struct tcp_segment *s,
					       const struct tcp_options *o, uint32_t *iss_floor)
{
	if (s->flags & TCP_RST) { /* RFC 1337: never shortens TIME-WAIT */
		tcp_count_in(tw, TCP_IN_RESET_IGNORED);
		return TCP_TIME_WAIT_DROP;
	}
	if (tcp_time_wait_allows(t->rcv_nxt, t->timestamps, t->ts_recent, s, o)) {
		*iss_floor = tcp_time_wait_end(tw, t);
		return TCP_TIME_WAIT_OPEN;
	}
	tcp_count_in(tw, TCP_IN_TIME_WAIT);
	/* A bare old acknowledgement needs no answer; data, SYN and FIN may wait for one. */
	if (s->len || s->flags & (TCP_SYN | TCP_FIN))
		acknowledge(tw, t);
	return TCP_TIME_WAIT_DROP;
}
