/* pool.c - requests wait for connections of their host; limits say how many of each there may be.
 */
#include "base/log.h"
#include "proxy/upstream/upstream_internal.h"

bool limit_take(struct limit *l, uint32_t max, uint64_t *open)
{
	uint_fast32_t before = atomic_fetch_add_explicit(&l->n, 1, memory_order_relaxed);

	if (unlikely(before >= max)) {
		atomic_fetch_sub_explicit(&l->n, 1, memory_order_relaxed);
		return false;
	}
	if (unlikely(before + 1 == max) &&
	    !atomic_exchange_explicit(&l->full, true, memory_order_relaxed))
		stat_inc(open);
	return true;
}

void limit_force(struct limit *l)
{
	atomic_fetch_add_explicit(&l->n, 1, memory_order_relaxed);
}

void limit_give(struct limit *l, uint64_t *open)
{
	atomic_fetch_sub_explicit(&l->n, 1, memory_order_relaxed);
	if (unlikely(atomic_load_explicit(&l->full, memory_order_relaxed)) &&
	    atomic_exchange_explicit(&l->full, false, memory_order_relaxed))
		stat_dec(open);
}

/* Each host gets turns in proportion to its weight, spread evenly. */
static struct upstream_host *choose_weighted(struct cluster *c)
{
	struct upstream_host *best = NULL;
	int64_t total = 0;

	for (unsigned i = 0; i < c->n_hosts; i++) {
		struct upstream_host *h = c->hosts[i];

		h->current_weight += h->endpoint->weight;
		total += h->endpoint->weight;
		if (!best || h->current_weight > best->current_weight)
			best = h;
	}
	best->current_weight -= total;
	return best;
}

struct upstream_host *upstream_choose_host(struct cluster *c)
{
	if (c->n_hosts == 0)
		return NULL;
	if (c->weighted)
		return choose_weighted(c);
	if (c->next >= c->n_hosts)
		c->next %= c->n_hosts;
	return c->hosts[c->next++];
}

const struct address *upstream_host_address(const struct upstream_host *h)
{
	return &h->address;
}

static const struct circuit_breaker_config *breaker_of(const struct upstream_host *h,
						       unsigned priority)
{
	return &h->cluster->shared->config->breakers[priority];
}

void request_over(struct upstream_request *r)
{
	struct upstream_host *h = r->host;

	r->host = NULL;
	host_put(h);
}

static void fail_request(struct upstream_request *r, enum upstream_failure why)
{
	request_over(r);
	r->ops->failed(r, why);
}

static void stop_waiting(struct upstream_request *r)
{
	list_remove(&r->link);
	r->host->n_pending--;
	stat_dec(&r->host->cluster->stats->upstream_rq_pending_active);
	limit_give(&limits_of(r->host, r->priority)->pending,
		   &breakers_of(r->host, r->priority)->rq_pending_open);
}

void pool_fail_pending(struct upstream_host *h, enum upstream_failure why)
{
	host_get(h);
	while (!list_empty(&h->pending)) {
		struct upstream_request *r =
			container_of(h->pending.next, struct upstream_request, link);

		stop_waiting(r);
		stat_inc(&h->cluster->stats->upstream_rq_pending_failure_eject);
		fail_request(r, why);
	}
	host_put(h);
}

/* A connection of its own for each request that waits, as far as the limit allows; one in any
 * case. */
static void connect_more(struct upstream_host *h, unsigned priority)
{
	struct limit *limit = &limits_of(h, priority)->connections;
	uint64_t *open = &breakers_of(h, priority)->cx_open;

	while (h->n_connecting < h->n_pending) {
		if (!limit_take(limit, breaker_of(h, priority)->max_connections, open)) {
			stat_inc(&h->cluster->stats->upstream_cx_overflow);
			if (h->cx_active)
				return;
			limit_force(limit);
		}
		if (upstream_connection_open(h, priority) == 0)
			continue;
		limit_give(limit, open);
		if (!h->cx_active)
			pool_fail_pending(h, UPSTREAM_LOCAL_FAILED);
		return;
	}
}

static void give_connection(struct upstream_host *h, struct upstream_request *r)
{
	struct upstream_connection *c =
		container_of(h->idle.prev, struct upstream_connection, link);

	if (limit_take(&limits_of(h, r->priority)->requests,
		       breaker_of(h, r->priority)->max_requests,
		       &breakers_of(h, r->priority)->rq_open)) {
		upstream_connection_assign(c, r);
		return;
	}
	stat_inc(&h->cluster->stats->upstream_rq_pending_overflow);
	fail_request(r, UPSTREAM_OVERFLOW);
}

void pool_serve(struct upstream_host *h)
{
	host_get(h);
	while (!list_empty(&h->pending) && !list_empty(&h->idle)) {
		struct upstream_request *r =
			container_of(h->pending.next, struct upstream_request, link);

		stop_waiting(r);
		give_connection(h, r);
	}
	if (!list_empty(&h->pending))
		connect_more(
			h, container_of(h->pending.next, struct upstream_request, link)->priority);
	host_put(h);
}

static void wait_for_connection(struct upstream_host *h, struct upstream_request *r)
{
	struct cluster_stats *stats = h->cluster->stats;

	if (!limit_take(&limits_of(h, r->priority)->pending,
			breaker_of(h, r->priority)->max_pending_requests,
			&breakers_of(h, r->priority)->rq_pending_open)) {
		stat_inc(&stats->upstream_rq_pending_overflow);
		fail_request(r, UPSTREAM_OVERFLOW);
		return;
	}
	list_push(&h->pending, &r->link);
	h->n_pending++;
	stat_inc(&stats->upstream_rq_pending_total);
	stat_inc(&stats->upstream_rq_pending_active);
	connect_more(h, r->priority);
}

void upstream_start(struct upstream_request *r, struct upstream_host *h,
		    const struct upstream_request_ops *ops, enum route_priority priority,
		    struct http_head *head, struct header_map *trailers)
{
	*r = (struct upstream_request){
		.ops = ops,
		.head = head,
		.trailers = trailers,
		.host = host_get(h),
		.priority = (uint8_t)priority,
	};
	list_init(&r->link);
	if (likely(!list_empty(&h->idle)))
		give_connection(h, r);
	else
		wait_for_connection(h, r);
}

void upstream_cancel(struct upstream_request *r)
{
	struct upstream_connection *c = r->connection;
	struct cluster_stats *stats;

	if (!r->host)
		return;
	stats = r->host->cluster->stats;
	if (!c) {
		stop_waiting(r);
		stat_inc(&stats->upstream_rq_cancelled);
		request_over(r);
		return;
	}
	stat_inc(&stats->upstream_rq_tx_reset);
	connection_close(c->connection, CONNECTION_NO_FLUSH);
}

void upstream_count_outcome(struct upstream_host *h, unsigned status, bool timed_out)
{
	if (timed_out)
		h->rq_timeout++;
	if (timed_out || status >= 500)
		h->rq_error++;
	else
		h->rq_success++;
}

const char *upstream_failure_text(enum upstream_failure why)
{
	static const char *const texts[] = {
		[UPSTREAM_OVERFLOW] = "overflow",
		[UPSTREAM_CONNECT_FAILED] = "remote connection failure",
		[UPSTREAM_LOCAL_FAILED] = "local connection failure",
		[UPSTREAM_CONNECT_TIMEOUT] = "connection timeout",
		[UPSTREAM_CLOSED] = "connection termination",
		[UPSTREAM_RESET] = "connection termination",
		[UPSTREAM_PROTOCOL_ERROR] = "protocol error",
	};
	_Static_assert(count_of(texts) == N_UPSTREAM_FAILURES, "every failure has a text");

	return texts[why];
}
