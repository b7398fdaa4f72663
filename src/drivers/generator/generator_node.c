/* generator_node.c - generator-input makes packets, NAME-tx of generators and sinks ends them. */
#include "drivers/generator/generator_private.h"

enum { NO_BUFFERS, N_REASONS };
static const struct reason reasons[] = {
	[NO_BUFFERS] = { "no-buffers", "packets not made for want of buffers" },
};
_Static_assert(count_of(reasons) == N_REASONS, "every reason has a text");

enum { CREDIT_NS = 10 * NS_PER_MS /* a worker that was away makes up for no more than this */ };

/* Packets that @s may make now. */
static unsigned due(const struct stream *s)
{
	uint64_t n = s->rate_pps ? (uint64_t)s->credit : s->burst;

	n = n < s->burst ? n : s->burst;
	if (s->count && s->count - s->n_made < n)
		n = s->count - s->n_made;
	return (unsigned)n;
}

static bool is_over(const struct stream *s)
{
	return s->burst == 0 || (s->count && s->n_made == s->count);
}

static void give_credit(struct generator_queue *q, uint64_t now_ns)
{
	double elapsed_s = (double)(now_ns - q->now_ns) / NS_PER_S;

	for (uint32_t i = 0; i < q->generator->n_streams; i++) {
		struct stream *s = &q->stream[i];
		double most = (double)s->rate_pps * CREDIT_NS / NS_PER_S;

		if (!s->rate_pps)
			continue;
		most = most > s->burst ? most : s->burst;
		s->credit += elapsed_s * (double)s->rate_pps;
		s->credit = s->credit < most ? s->credit : most;
	}
	q->now_ns = now_ns;
}

/* The stream whose turn it is, among those that may make packets. */
static struct stream *next_stream_or_null(struct generator_queue *q, unsigned *n)
{
	uint32_t n_streams = q->generator->n_streams;

	for (uint32_t i = 0; i < n_streams; i++) {
		struct stream *s = &q->stream[q->turn];

		q->turn = q->turn + 1 == n_streams ? 0 : q->turn + 1;
		*n = due(s);
		if (*n)
			return s;
	}
	return NULL;
}

static void end_if_over(struct worker *w, struct generator_queue *q)
{
	for (uint32_t i = 0; i < q->generator->n_streams; i++)
		if (!is_over(&q->stream[i]))
			return;
	worker_remove_input(w, &q->input);
	q->attached = false;
	__atomic_store_n(&q->over, q->started, __ATOMIC_RELEASE);
}

unsigned generator_queue_run(struct worker *w, struct node *node, struct frame *f)
{
	struct generator_queue *q = f->input->context;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	struct stream *s;
	uint64_t before;
	unsigned n;

	give_credit(q, w->now_ns);
	s = next_stream_or_null(q, &n);
	if (!s) {
		end_if_over(w, q);
		return 0;
	}
	f->n = buf_alloc(&w->bufs, f->idx, n);
	if (unlikely(f->n < n))
		node_count(node, NO_BUFFERS, n - f->n);
	if (unlikely(f->n == 0))
		return 0;
	frame_bufs(f, b);
	before = s->n_bytes;
	stream_fill(s, b, f->n, &w->bufs);
	if (s->rate_pps)
		s->credit -= f->n;
	n = f->n;
	interface_receive(w, node, f, q->generator->interface, s->n_bytes - before);
	if (unlikely(s->count && s->n_made == s->count))
		end_if_over(w, q);
	return n;
}

static uint64_t next_due_ns(const struct generator_queue *q)
{
	uint64_t soonest = UINT64_MAX;

	for (uint32_t i = 0; i < q->generator->n_streams; i++) {
		const struct stream *s = &q->stream[i];
		uint64_t at;

		if (is_over(s))
			continue;
		/* Without a rate only a lack of buffers has stopped it: try again soon. */
		at = !s->rate_pps ? q->now_ns + WHEEL_TICK_NS
				  : q->now_ns + (uint64_t)((1 - s->credit) * NS_PER_S /
							   (double)s->rate_pps);
		soonest = at < soonest ? at : soonest;
	}
	return soonest;
}

void generator_woken(struct timer *t unused_arg, uint64_t now_ns unused_arg)
{
}

bool generator_queue_sleep(struct worker *w, struct input *in)
{
	struct generator_queue *q = in->context;
	uint64_t at = next_due_ns(q);

	if (at != UINT64_MAX)
		timer_set(&w->wheel, &q->timer, at);
	return false;
}

const struct node_type generator_input_node = {
	.name = "generator-input",
	.kind = NODE_INPUT,
	.run = generator_queue_run,
	.reasons = reasons,
	.n_reasons = N_REASONS,
};

static unsigned sink_run(struct worker *w, struct node *node, struct frame *f)
{
	const struct interface *i = node->instance;
	uint64_t n_bytes = 0;

	for (unsigned at = 0; at < f->n; at++)
		n_bytes += buf_at(f->base, f->idx[at])->total_len;
	interface_count_tx(w, i->index, f->n, n_bytes, 0);
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

const struct node_type sink_tx_node = { .name = "sink-tx", .run = sink_run };
