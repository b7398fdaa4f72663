/* sack.c - the scoreboard of RFC 6675 over sorted ranges; every call is one walk. */
#include "transport/tcp/sack.h"

#include <string.h>

void tcp_sack_init(struct tcp_scoreboard *s, uint32_t una)
{
	*s = (struct tcp_scoreboard){ .lost = una, .high_rxt = una };
}

static void remove_ranges(struct tcp_scoreboard *s, unsigned at, unsigned n)
{
	if (n == 0)
		return;
	memmove(&s->r[at], &s->r[at + n], (s->n - at - n) * sizeof(s->r[0]));
	s->n = (uint16_t)(s->n - n);
}

uint32_t tcp_sack_add(struct tcp_scoreboard *s, uint32_t una, uint32_t max, struct tcp_range block)
{
	uint32_t known = 0;
	unsigned first = 0, last;

	if (!seq_lt(block.start, block.end) || !seq_gt(block.start, una) || !seq_le(block.end, max))
		return 0;
	while (first < s->n && seq_lt(s->r[first].end, block.start))
		first++;
	/* [first, last) are the ranges that the block overlaps or touches. */
	for (last = first; last < s->n && seq_le(s->r[last].start, block.end); last++) {
		known += s->r[last].end - s->r[last].start;
		block.start = seq_min(block.start, s->r[last].start);
		block.end = seq_max(block.end, s->r[last].end);
	}
	if (last == first) {
		if (s->n >= s->max)
			return 0;
		memmove(&s->r[first + 1], &s->r[first], (s->n - first) * sizeof(s->r[0]));
		s->n++;
	} else {
		remove_ranges(s, first + 1, last - first - 1);
	}
	s->r[first] = block;
	return block.end - block.start - known;
}

void tcp_sack_detect(struct tcp_scoreboard *s, uint32_t mss)
{
	uint32_t above = 0;

	for (unsigned i = s->n; i-- > 0;) {
		above += s->r[i].end - s->r[i].start;
		if (s->n - i >= TCP_DUP_THRESH || above > (TCP_DUP_THRESH - 1u) * mss) {
			s->lost = seq_max(s->lost, s->r[i].start);
			return;
		}
	}
}

void tcp_sack_acked(struct tcp_scoreboard *s, uint32_t una)
{
	unsigned gone = 0;

	while (gone < s->n && seq_le(s->r[gone].end, una))
		gone++;
	remove_ranges(s, 0, gone);
	if (s->n && seq_lt(s->r[0].start, una))
		s->r[0].start = una;
	s->lost = seq_max(s->lost, una);
	s->high_rxt = seq_max(s->high_rxt, una);
}

void tcp_sack_timed_out(struct tcp_scoreboard *s, uint32_t una, uint32_t max)
{
	/* What begins at the cumulative acknowledgement would have been acknowledged. */
	if (s->n && seq_le(s->r[0].start, una))
		s->n = 0;
	tcp_sack_enter(s, una);
	s->lost = max;
}

void tcp_sack_enter(struct tcp_scoreboard *s, uint32_t sent)
{
	s->high_rxt = sent;
	s->rescued = false;
}

/* The hole before range @i, or the tail after the last one; at least from @una. */
static struct tcp_range hole_before(const struct tcp_scoreboard *s, unsigned i, uint32_t una,
				    uint32_t max)
{
	struct tcp_range hole = { una, max };

	if (i > 0)
		hole.start = s->r[i - 1].end;
	if (i < s->n)
		hole.end = s->r[i].start;
	return hole;
}

uint32_t tcp_sack_pipe(const struct tcp_scoreboard *s, uint32_t una, uint32_t max)
{
	uint32_t pipe = 0;

	for (unsigned i = 0; i <= s->n; i++) {
		struct tcp_range hole = hole_before(s, i, una, max);
		uint32_t alive = seq_max(hole.start, s->lost);

		if (seq_lt(alive, hole.end))
			pipe += hole.end - alive;
		if (seq_gt(s->high_rxt, hole.start))
			pipe += seq_min(s->high_rxt, hole.end) - hole.start;
	}
	return pipe;
}

uint32_t tcp_sack_bytes(const struct tcp_scoreboard *s)
{
	uint32_t bytes = 0;

	for (unsigned i = 0; i < s->n; i++)
		bytes += s->r[i].end - s->r[i].start;
	return bytes;
}

uint32_t tcp_sack_bytes_above(const struct tcp_scoreboard *s, uint32_t seq)
{
	uint32_t bytes = 0;

	for (unsigned i = s->n; i-- > 0 && seq_gt(s->r[i].end, seq);)
		bytes += s->r[i].end - seq_max(s->r[i].start, seq);
	return bytes;
}

struct tcp_range tcp_sack_first_again(const struct tcp_scoreboard *s, uint32_t una)
{
	struct tcp_range hole = hole_before(s, 0, una, s->high_rxt);

	hole.end = seq_max(seq_min(hole.end, s->high_rxt), una);
	return hole;
}

/* The first run at or above high_rxt and below @limit that has not arrived. */
static struct tcp_range first_missing(const struct tcp_scoreboard *s, uint32_t una, uint32_t limit)
{
	uint32_t from = seq_max(una, s->high_rxt);

	for (unsigned i = 0; i <= s->n; i++) {
		struct tcp_range hole = hole_before(s, i, una, limit);

		hole.start = seq_max(hole.start, from);
		hole.end = seq_min(hole.end, limit);
		if (seq_lt(hole.start, hole.end))
			return hole;
	}
	return (struct tcp_range){ from, from };
}

struct tcp_range tcp_sack_next_lost(const struct tcp_scoreboard *s, uint32_t una)
{
	return first_missing(s, una, s->lost);
}

struct tcp_range tcp_sack_next_hole(const struct tcp_scoreboard *s, uint32_t una)
{
	return first_missing(s, una, s->n ? s->r[s->n - 1].start : s->lost);
}

struct tcp_range tcp_sack_next_rescue(struct tcp_scoreboard *s, uint32_t una, uint32_t max,
				      uint32_t mss)
{
	struct tcp_range tail = hole_before(s, s->n, una, max);

	if (s->rescued || !seq_lt(tail.start, tail.end))
		return (struct tcp_range){ max, max };
	s->rescued = true;
	if (tail.end - tail.start > mss)
		tail.start = tail.end - mss;
	return tail;
}
