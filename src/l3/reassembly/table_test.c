/* table_test.c - datagrams whose time is up: who hears of it. RFC 1122 §3.3.2, RFC 8200 §4.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "l3/reassembly/table.h"

enum { PIECE_LEN = 64 };
#define TIME_NS ((uint64_t)30 * NS_PER_S)

static unsigned n_condemned, n_errors, n_whole;
static const struct reason reasons[N_REASSEMBLY_REASONS] = {
	[REASSEMBLY_DUPLICATE] = { "duplicate", "" },
	[REASSEMBLY_OVERLAP] = { "overlap", "" },
	[REASSEMBLY_BAD] = { "bad", "" },
	[REASSEMBLY_TOO_MANY] = { "too-many", "" },
	[REASSEMBLY_TIMEOUT] = { "timeout", "" },
	[REASSEMBLY_EVICTED] = { "evicted", "" },
	[REASSEMBLY_REASSEMBLED] = { "whole", "" },
};
static const char *const next_names[] = { "drop", "test-whole" };

static unsigned count_and_free(struct worker *w, struct frame *f, unsigned *n)
{
	*n += f->n;
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static unsigned run_error(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	return count_and_free(w, f, &n_errors);
}

static unsigned run_whole(struct worker *w, struct node *node unused_arg, struct frame *f)
{
	return count_and_free(w, f, &n_whole);
}

static const struct node_type table_node = { .name = "test-table",
					     .run = run_whole,
					     .next_names = next_names,
					     .n_next = count_of(next_names),
					     .reasons = reasons,
					     .n_reasons = N_REASSEMBLY_REASONS };
static const struct node_type error_node = { .name = "test-error", .run = run_error };
static const struct node_type whole_node = { .name = "test-whole", .run = run_whole };
static const struct node_type *const nodes[] = { &drop_node, &interface_output_node, &table_node,
						 &error_node, &whole_node };

static void condemn(struct buf *first)
{
	assert_int_equal(first->icmp_error, 0); /* the first piece: its test mark, see send() */
	n_condemned++;
}

static bool finish(struct buf *whole unused_arg)
{
	return true;
}

static const struct reassembly_family family = { .node_name = "test-table",
						 .error_name = "test-error",
						 .timeout_ns = TIME_NS,
						 .condemn = condemn,
						 .finish = finish };

struct bench {
	struct engine *engine;
	struct worker *w;
	struct reassembly_table *table;
	uint64_t began_ns;
};

static struct bench start(void)
{
	const struct engine_options options = { .nodes = nodes, .n_nodes = count_of(nodes) };
	struct bench b = { 0 };

	n_condemned = n_errors = n_whole = 0;
	assert_int_equal(engine_new(&options, &b.engine), 0);
	b.w = b.engine->worker[0];
	b.w->now_ns = b.began_ns = clock_now_ns(b.engine->clock);
	b.table = reassembly_table_new_or_null(b.w, &family, 7);
	assert_non_null(b.table);
	return b;
}

/* A piece at @offset of the datagram @id. */
static void send(struct bench *b, uint32_t id, uint32_t offset, bool more)
{
	const struct reassembly_key key = { .id = id };
	struct node *node = &b->w->graph.node[graph_node_id(&b->engine->graph, "test-table")];
	uint32_t idx = buf_alloc_one_or_zero(&b->w->bufs);
	struct reassembly_piece piece = { .b = buf_at(b->w->bufs.pool->base, idx),
					  .offset = offset,
					  .more = more };

	assert_int_not_equal(idx, 0);
	piece.b->l3_at = piece.b->l4_at = piece.b->at;
	memset(buf_append(piece.b, PIECE_LEN), 0, PIECE_LEN);
	piece.b->icmp_error = offset;
	reassembly_take(b->table, node, 1, &key, &piece);
	graph_dispatch(b->w);
}

static void wait_until(struct bench *b, uint64_t after_ns)
{
	b->w->now_ns = b->began_ns + after_ns;
	wheel_advance(&b->w->wheel, b->w->now_ns);
	graph_dispatch(b->w);
}

static void end(struct bench *b)
{
	assert_int_equal(reassembly_use_of(b->table).n_bufs, 0);
	assert_int_equal(buf_pool_free_count(&b->engine->bufs) + b->w->bufs.n,
			 b->engine->bufs.n_buffers);
	reassembly_table_free(b->table);
	engine_free(b->engine);
}

static void test_the_sender_hears_of_it_once_if_the_first_piece_is_there(void **state unused_arg)
{
	struct bench b = start();

	send(&b, 1, PIECE_LEN, true);
	send(&b, 1, 0, true);
	assert_int_equal(reassembly_use_of(b.table).n_bufs, 2);
	wait_until(&b, TIME_NS - NS_PER_S);
	assert_int_equal(n_errors, 0);
	wait_until(&b, TIME_NS + NS_PER_S);
	assert_int_equal(n_condemned, 1);
	assert_int_equal(n_errors, 1);
	end(&b);
}

static void test_nobody_hears_of_it_without_the_first_piece(void **state unused_arg)
{
	struct bench b = start();

	send(&b, 1, PIECE_LEN, true);
	send(&b, 1, 2 * PIECE_LEN, false);
	wait_until(&b, TIME_NS + NS_PER_S);
	assert_int_equal(n_condemned, 0);
	assert_int_equal(n_errors, 0);
	end(&b);
}

static void test_time_counts_from_the_piece_that_came_first(void **state unused_arg)
{
	struct bench b = start();

	send(&b, 1, PIECE_LEN, true);
	wait_until(&b, TIME_NS - NS_PER_S);
	send(&b, 1, 0, true); /* does not begin it anew */
	wait_until(&b, TIME_NS + NS_PER_S);
	assert_int_equal(n_errors, 1);
	end(&b);
}

static void test_what_is_whole_has_no_time_limit(void **state unused_arg)
{
	struct bench b = start();

	send(&b, 1, PIECE_LEN, false);
	send(&b, 1, 0, true);
	assert_int_equal(n_whole, 1);
	wait_until(&b, TIME_NS + NS_PER_S);
	assert_int_equal(n_errors, 0);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sender_hears_of_it_once_if_the_first_piece_is_there),
		cmocka_unit_test(test_nobody_hears_of_it_without_the_first_piece),
		cmocka_unit_test(test_time_counts_from_the_piece_that_came_first),
		cmocka_unit_test(test_what_is_whole_has_no_time_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
