/* backlog_test.c - packets before a full ring: order, bounds, and who is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/backlog.h"
#include "engine/engine.h"

enum { BUFFERS = 1024 };

struct fixture {
	struct engine *e;
	struct worker *w;
	struct interface i;
	struct backlog b;
};

static const struct node_type *const types[] = { &drop_node, &handoff_node };

static int setup(void **state)
{
	static struct fixture f;
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.n_buffers = BUFFERS };

	assert_int_equal(engine_new(&options, &f.e), 0);
	f.w = f.e->worker[0];
	f.i = (struct interface){ .engine = f.e };
	backlog_init(&f.b, &f.i);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	backlog_free(f->w, &f->b);
	assert_int_equal(f->w->bufs.n_taken, f->w->bufs.n_given);
	engine_free(f->e);
	return 0;
}

static struct buf *packet(struct fixture *f, uint32_t len)
{
	uint32_t idx = buf_alloc_one_or_zero(&f->w->bufs);
	struct buf *b = buf_at(f->w->bufs.pool->base, idx);

	assert_int_not_equal(idx, 0);
	b->total_len = len; /* of a chain; what it holds does not matter here */
	return b;
}

static void the_first_in_is_the_first_out(void **state)
{
	struct fixture *f = *state;
	struct buf *first = packet(f, 100), *second = packet(f, 100);

	assert_true(backlog_add(f->w, &f->b, first));
	assert_true(backlog_add(f->w, &f->b, second));
	assert_int_equal(backlog_first_or_zero(&f->b), first->self);
	backlog_take(f->w, &f->b);
	buf_free_one(&f->w->bufs, first->self);
	assert_int_equal(backlog_first_or_zero(&f->b), second->self);
}

static void the_interface_is_busy_while_something_waits(void **state)
{
	struct fixture *f = *state;
	struct buf *p = packet(f, 100);
	uint32_t before = f->e->n_relieved;

	assert_false(interface_busy(&f->i));
	assert_true(backlog_add(f->w, &f->b, p));
	assert_true(interface_busy(&f->i));
	assert_int_equal(f->e->n_relieved, before);
	backlog_take(f->w, &f->b);
	buf_free_one(&f->w->bufs, p->self);
	assert_false(interface_busy(&f->i));
	assert_int_equal(f->e->n_relieved, before + 1);
}

static void it_holds_its_share_of_the_buffers_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct buf *p;
	unsigned n = 0;

	while (backlog_add(f->w, &f->b, p = packet(f, 64000)))
		n++;
	buf_free_one(&f->w->bufs, p->self);
	assert_int_equal(n, BUFFERS / BACKLOG_SHARE / (1 + 64000 / BUF_DATA));
	assert_int_equal(backlog_free(f->w, &f->b), n);
	assert_int_equal(f->b.n_bufs, 0);
	assert_false(interface_busy(&f->i));
}

/* However small the pool is: one packet may wait, or nothing large would ever leave. */
static void one_packet_may_always_wait(void **state)
{
	struct fixture *f = *state;

	f->e->bufs.n_buffers = BACKLOG_SHARE;
	assert_true(backlog_add(f->w, &f->b, packet(f, 64000)));
	f->e->bufs.n_buffers = BUFFERS;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_in_is_the_first_out, setup, teardown),
		cmocka_unit_test_setup_teardown(the_interface_is_busy_while_something_waits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_holds_its_share_of_the_buffers_and_no_more,
						setup, teardown),
		cmocka_unit_test_setup_teardown(one_packet_may_always_wait, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
