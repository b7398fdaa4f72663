/* load_sort.c - a merge sort that can be interrupted anywhere. */
#include "l3/route/load_sort.h"

#include <stdlib.h>

#include "base/err.h"

int route_line_compare(const struct route_line *x, const struct route_line *y)
{
	if (x->is_ip4 != y->is_ip4)
		return x->is_ip4 ? -1 : 1;
	if (!fib_key_equal(x->key, y->key))
		return fib_key_before(x->key, y->key) ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

static int compare(const void *a, const void *b)
{
	return route_line_compare(a, b);
}

int route_sort_init(struct route_sort *s, struct route_line *line, uint32_t n)
{
	*s = (struct route_sort){ .line = line, .n = n };
	s->spare = malloc((n ? n : 1) * sizeof(*line));
	if (s->spare)
		return 0;
	s->line = NULL;
	return ERR_NOMEM;
}

void route_sort_deinit(struct route_sort *s)
{
	free(s->line);
	free(s->spare);
	*s = (struct route_sort){ 0 };
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void begin_pair(struct route_sort *s, uint32_t low)
{
	s->low = s->to = s->a = low;
	s->b = least(low + s->width, s->n);
}

static void make_run(struct route_sort *s)
{
	uint32_t n = least(ROUTE_SORT_STEP, s->n - s->low);

	qsort(s->line + s->low, n, sizeof(*s->line), compare);
	s->low += n;
	if (s->low < s->n)
		return;
	s->width = ROUTE_SORT_STEP;
	begin_pair(s, 0);
}

/* Up to ROUTE_SORT_STEP lines of the pair of runs at @low. */
static void merge_some(struct route_sort *s)
{
	uint32_t a_end = least(s->low + s->width, s->n), b_end = least(a_end + s->width, s->n);

	for (unsigned i = 0; i < ROUTE_SORT_STEP && s->to < b_end; i++) {
		bool left =
			s->b == b_end ||
			(s->a < a_end && route_line_compare(&s->line[s->a], &s->line[s->b]) < 0);

		s->spare[s->to++] = s->line[left ? s->a++ : s->b++];
	}
	if (s->to == b_end)
		begin_pair(s, b_end);
}

/* All pairs are merged: the runs are twice as long, and in the other list. */
static void turn_over(struct route_sort *s)
{
	struct route_line *was = s->line;

	s->line = s->spare;
	s->spare = was;
	s->width *= 2;
	begin_pair(s, 0);
}

int route_sort_step(struct route_sort *s)
{
	if (s->n == 0 || (s->width && s->width >= s->n))
		return 0;
	if (s->width == 0)
		make_run(s);
	else
		merge_some(s);
	if (s->width && s->low == s->n)
		turn_over(s);
	return s->width && s->width >= s->n ? 0 : ERR_AGAIN;
}
