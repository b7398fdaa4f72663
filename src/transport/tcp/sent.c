/* sent.c - the log of what was sent when. */
#include "transport/tcp/sent.h"

#include <string.h>

static void remove_run(struct tcp_sent_log *l, unsigned at)
{
	l->n--;
	memmove(&l->run[at], &l->run[at + 1], (l->n - at) * sizeof(l->run[0]));
}

/* Make one of the two neighbours that are closest in time. */
static void coarsen(struct tcp_sent_log *l)
{
	uint32_t least = UINT32_MAX;
	unsigned at = 0;

	for (unsigned i = 0; i + 1 < l->n; i++) {
		uint32_t span = l->run[i + 1].last_us - l->run[i].first_us;

		if (span < least) {
			least = span;
			at = i;
		}
	}
	l->run[at + 1].first_us = l->run[at].first_us;
	remove_run(l, at);
}

void tcp_sent_note(struct tcp_sent_log *l, uint32_t end, uint32_t now_us)
{
	struct tcp_sent_run *last = l->n ? &l->run[l->n - 1] : NULL;

	if (last && last->first_us == now_us) {
		last->end = end;
		return;
	}
	if (l->n == TCP_SENT_RUNS)
		coarsen(l);
	l->run[l->n++] = (struct tcp_sent_run){ end, now_us, now_us };
}

void tcp_sent_tail_again(struct tcp_sent_log *l, uint32_t start, uint32_t now_us)
{
	uint32_t end = l->n ? l->run[l->n - 1].end : start;

	while (l->n > 1 && seq_ge(l->run[l->n - 2].end, start))
		l->n--; /* it begins at @start or later */
	if (l->n)
		l->run[l->n - 1].end = start;
	tcp_sent_note(l, end, now_us);
}

void tcp_sent_acked(struct tcp_sent_log *l, uint32_t una)
{
	while (l->n && seq_le(l->run[0].end, una))
		remove_run(l, 0);
}

bool tcp_sent_when(const struct tcp_sent_log *l, uint32_t end, uint32_t *us)
{
	for (unsigned i = 0; i < l->n; i++)
		if (seq_le(end, l->run[i].end)) {
			*us = l->run[i].first_us;
			return true;
		}
	return false;
}

uint32_t tcp_sent_by(const struct tcp_sent_log *l, uint32_t us, uint32_t una)
{
	for (unsigned i = 0; i < l->n && seq_le(l->run[i].last_us, us); i++)
		una = seq_max(una, l->run[i].end);
	return una;
}

bool tcp_sent_after(const struct tcp_sent_log *l, uint32_t seq, uint32_t *us)
{
	for (unsigned i = 0; i < l->n; i++)
		if (seq_lt(seq, l->run[i].end)) {
			*us = l->run[i].last_us;
			return true;
		}
	return false;
}
