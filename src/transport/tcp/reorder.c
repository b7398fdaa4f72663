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

int tcp_reorder_add(struct tcp_reorder *q, struct tcp_range in)
{
	unsigned first = 0, last;
	bool covered = false;

	while (first < q->n && seq_lt(q->r[first].end, in.start))
		first++;
	for (last = first; last < q->n && seq_le(q->r[last].start, in.end); last++) {
		covered |= seq_le(q->r[last].start, in.start) && seq_ge(q->r[last].end, in.end);
		in.start = seq_min(in.start, q->r[last].start);
		in.end = seq_max(in.end, q->r[last].end);
	}
	if (last == first) {
		if (q->n == TCP_REORDER_RANGES)
			return ERR_FULL;
		memmove(&q->r[first + 1], &q->r[first], (q->n - first) * sizeof(q->r[0]));
		q->n++;
	} else {
		remove_ranges(q, first + 1, last - first - 1);
	}
	q->r[first] = (struct tcp_arrived){ in.start, in.end, ++q->stamp };
	return covered ? ERR_EXIST : 0;
}

uint32_t tcp_reorder_advance(struct tcp_reorder *q, uint32_t rcv_nxt)
{
	unsigned gone = 0;

	while (gone < q->n && seq_le(q->r[gone].start, rcv_nxt))
		rcv_nxt = seq_max(rcv_nxt, q->r[gone++].end);
	remove_ranges(q, 0, gone);
	return rcv_nxt;
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
