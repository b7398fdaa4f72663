/*
 * hcm_timer.c - all deadlines of a downstream connection behind one timer.
 *
 * Nothing touches the timer wheel per request. Deadlines are plain numbers; the timer is set only
 * when one lies before what it is set to. When it fires it looks at the deadlines as they are by
 * then, acts on those that have passed, and is set to the next. A busy connection so pays for one
 * wheel operation in each span of its shortest timeout.
 */
#include "base/log.h"
#include "proxy/filter/hcm_internal.h"

static inline void take_min(uint64_t *min, uint64_t at)
{
	if (at < *min)
		*min = at;
}

static const struct slice stream_timeout = { (const uint8_t *)"stream timeout", 14 };
static const struct slice request_timeout = { (const uint8_t *)"request timeout", 15 };

static void idle_stream(struct hcm_stream *s)
{
	stat_inc(&s->stats->downstream_rq_idle_timeout);
	stream_info_flag(&s->base.info, FLAG_STREAM_IDLE_TIMEOUT);
	http_stream_reply(&s->base, &(struct local_reply){
					    .status = s->request_done ? 504 : 408,
					    .body = stream_timeout,
					    .details = "stream_idle_timeout",
					    .close = true,
				    });
}

static void late_request(struct hcm_stream *s, bool headers)
{
	stat_inc(headers ? &s->stats->downstream_rq_header_timeout
			 : &s->stats->downstream_rq_timeout);
	http_stream_reply(&s->base, &(struct local_reply){
					    .status = 408,
					    .body = request_timeout,
					    .details = headers ? "request_header_timeout"
							       : "request_overall_timeout",
					    .close = true,
				    });
}

static void too_long(struct hcm_stream *s)
{
	stat_inc(&s->stats->downstream_rq_max_duration_reached);
	stream_info_flag(&s->base.info, FLAG_DURATION_TIMEOUT);
	http_stream_reply(&s->base, &(struct local_reply){
					    .status = s->request_done ? 504 : 408,
					    .body = request_timeout,
					    .details = "max_duration_timeout",
					    .close = true,
				    });
}

/* Acts if @at has passed (true), else keeps it in mind. 0 is no deadline. */
static bool passed(uint64_t at, uint64_t now, uint64_t *next)
{
	if (at == 0)
		return false;
	if (at <= now)
		return true;
	take_min(next, at);
	return false;
}

static uint64_t after(uint64_t since, uint64_t timeout)
{
	return timeout && timeout != CONFIG_UNSET_NS ? since + timeout : 0;
}

/* True if the stream was ended or answered. */
static bool check_stream(struct hcm_stream *s, uint64_t now, uint64_t *next)
{
	const struct hcm_config *config = s->factory->config;
	uint64_t start = s->base.info.start_ns;

	if (!s->head_received &&
	    passed(after(start, config->request_headers_timeout_ns), now, next)) {
		late_request(s, true);
		return true;
	}
	if (!s->request_done && passed(after(start, config->request_timeout_ns), now, next)) {
		late_request(s, false);
		return true;
	}
	if (passed(after(start, config->common.max_stream_duration_ns), now, next)) {
		too_long(s);
		return true;
	}
	if (passed(s->deadline_ns, now, next)) {
		s->deadline_ns = 0;
		s->deadline_filter->ops->expired(s->deadline_filter);
		return true;
	}
	if (passed(after(s->last_activity_ns, s->idle_timeout_ns), now, next)) {
		idle_stream(s);
		return true;
	}
	return false;
}

static void check_connection(struct hcm_connection *c, uint64_t now, uint64_t *next)
{
	const struct http_options_config *common = &c->factory->config->common;

	if (!c->draining &&
	    passed(after(c->started_ns, common->max_connection_duration_ns), now, next)) {
		stat_inc(&c->stats->downstream_cx_max_duration_reached);
		c->draining = true;
		if (!c->stream)
			connection_close(c->connection, CONNECTION_FLUSH);
		return;
	}
	if (!c->stream && passed(after(c->idle_since_ns, common->idle_timeout_ns), now, next)) {
		stat_inc(&c->stats->downstream_cx_idle_timeout);
		connection_close(c->connection, CONNECTION_FLUSH);
	}
}

static void fired(struct timer *t, uint64_t now)
{
	struct hcm_connection *c = container_of(t, struct hcm_connection, timer);
	uint64_t next = UINT64_MAX;

	c->timer_ns = UINT64_MAX;
	if (c->stream && check_stream(c->stream, now, &next))
		next = now + NS_PER_MS; /* look again, whatever came of it */
	if (c->connection)
		check_connection(c, now, &next);
	if (c->connection && next != UINT64_MAX)
		hcm_timer_before(c, next);
}

void hcm_timer_init(struct hcm_connection *c)
{
	timer_init(&c->timer, fired);
	c->timer_ns = UINT64_MAX;
}

void hcm_timer_before(struct hcm_connection *c, uint64_t at_ns)
{
	uint64_t now = dispatcher_now_ns(c->dispatcher);

	if (likely(at_ns >= c->timer_ns))
		return;
	c->timer_ns = at_ns;
	dispatcher_timer_set(c->dispatcher, &c->timer, at_ns > now ? at_ns - now : 0);
}

void hcm_timer_cancel(struct hcm_connection *c)
{
	dispatcher_timer_cancel(c->dispatcher, &c->timer);
	c->timer_ns = UINT64_MAX;
}
