/* reorder.c - the receiver's out-of-order ranges. */
#include "transport/tcp/reorder.h"

#include <string.h>

void tcp_reorder_init(struct tcp_reorder *q)
{
	q->n = 0;
	q->stamp = 0;
}

static void remove_ranges(struct tcp_reorder *q, unsigned at, unsigned n)
{
	memmove(&q->r[at], &q->r[at + n], (q->n - at - n) * sizeof(q->r[0]));
	q->n = (uint16_t)(q->n - n);
}

static void join(struct tcp_arrived *r, uint32_t first, uint32_t last, bool in_front,
		 const struct tcp_linker *linker)
{
	if (in_front) {
		linker->link(linker->context, last, r->first);
		r->first = first;
	} else {
		linker->link(linker->context, r->last, first);
		r->last = last;
	}
}

int tcp_reorder_add(struct tcp_reorder *q, struct tcp_range in, uint32_t token,
		    const struct tcp_linker *linker)
{
	unsigned at = 0;
	struct tcp_arrived *r;

	while (at < q->n && seq_lt(q->r[at].end, in.start))
		at++;
	r = &q->r[at];
	if (at == q->n || seq_lt(in.end, r->start)) { /* touches nothing */
		if (q->n == TCP_REORDER_RANGES)
			return ERR_FULL;
		memmove(r + 1, r, (q->n - at) * sizeof(*r));
		*r = (struct tcp_arrived){ in.start, in.end, ++q->stamp, token, token };
		q->n++;
		return 0;
	}
	if (seq_le(r->start, in.start) && seq_ge(r->end, in.end)) {
		r->stamp = ++q->stamp;
		return ERR_EXIST;
	}
	join(r, token, token, seq_lt(in.start, r->start), linker);
	r->start = seq_min(r->start, in.start);
	r->end = seq_max(r->end, in.end);
	r->stamp = ++q->stamp;
	/* It may reach ranges that follow. */
	while (at + 1 < q->n && seq_le(q->r[at + 1].start, r->end)) {
		join(r, q->r[at + 1].first, q->r[at + 1].last, false, linker);
		r->end = seq_max(r->end, q->r[at + 1].end);
		remove_ranges(q, at + 1, 1);
	}
	return 0;
}

bool tcp_reorder_take(struct tcp_reorder *q, uint32_t rcv_nxt, uint32_t *first)
{
	if (q->n == 0 || seq_gt(q->r[0].start, rcv_nxt))
		return false;
	*first = q->r[0].first;
	remove_ranges(q, 0, 1);
	return true;
}

unsigned tcp_reorder_blocks(const struct tcp_reorder *q, struct tcp_range *out, unsigned max)
{
	uint32_t before = q->stamp + 1;
	unsigned n = 0;

	while (n < max && n < q->n) {
		const struct tcp_arrived *latest = NULL;

		for (unsigned i = 0; i < q->n; i++)
			if (q->r[i].stamp < before && (!latest || q->r[i].stamp > latest->stamp))
				latest = &q->r[i];
		if (!latest)
			break;
		before = latest->stamp;
		out[n++] = (struct tcp_range){ latest->start, latest->end };
	}
	return n;
}
