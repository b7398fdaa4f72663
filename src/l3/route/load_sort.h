/*
 * load_sort.h - the routes of a file in the order of the tables, sorted in bounded steps. Pure.
 *
 *   short runs, one a step ──> merged by pairs, so many lines a step ──> one run
 */
#ifndef CONVOY_L3_ROUTE_LOAD_SORT_H
#define CONVOY_L3_ROUTE_LOAD_SORT_H

#include "base/compiler.h"
#include "l3/fib/key.h"

enum { ROUTE_SORT_STEP = 8192 /* lines */ };

struct route_line {
	struct fib_key key;
	uint32_t at; /* its place in the file: of equal prefixes the last one counts */
	uint32_t load_balance;
	uint8_t len;
	uint8_t is_ip4;
};

struct route_sort {
	struct route_line *line; /* [n], the caller's until it begins, then exchanged with @spare */
	struct route_line *spare; /* [n] */
	uint32_t n;
	uint32_t width;	   /* of runs; 0: they are being made */
	uint32_t low;	   /* where the pair of runs begins, or the next run to make */
	uint32_t a, b, to; /* next of the left run, of the right one, place in @spare */
};

/* route_line_compare - IPv4 first, then by key, shorter prefixes first, then by place in the file.
 */
int route_line_compare(const struct route_line *x, const struct route_line *y);

/*
 * route_sort_init - sort @n lines at @line, from malloc(), which are s->line when it is over.
 * ERR_NOMEM, then they are the caller's still. route_sort_deinit: free both lists.
 */
must_check
int route_sort_init(struct route_sort *s, struct route_line *line, uint32_t n);
void route_sort_deinit(struct route_sort *s);

/* route_sort_step - one step. 0 when all is sorted, ERR_AGAIN while it is not. */
must_check
int route_sort_step(struct route_sort *s);

#endif
