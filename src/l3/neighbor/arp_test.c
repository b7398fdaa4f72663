/* arp_test.c - ARP of links that go, with their VRF, while a worker has frames of theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "l3/neighbor/neighbor.h"
#include "wire/arp.h"

static const struct node_type *const nodes[] = { &drop_node, &interface_output_node,
						 &arp_input_node };

static void free_nothing(struct interface *i unused_arg)
{
}

static const struct interface_driver driver = {
	.name = "test", .tx = &drop_node, .shared_tx = true, .free = free_nothing
};

static struct interface *add_link(struct engine *e)
{
	const struct interface_params params = {
		.name = "lan", .mtu_bytes = 1500, .caps = CAP_CSUM | CAP_TSO, .driver = &driver
	};
	struct interface *i;

	assert_int_equal(interface_add(e, &params, &i), 0);
	return i;
}

static struct engine *start(void)
{
	const struct engine_options options = { .nodes = nodes, .n_nodes = count_of(nodes) };
	struct engine *e;

	assert_int_equal(engine_new(&options, &e), 0);
	assert_int_equal(ip4_init(e), 0);
	return e;
}

static uint32_t request_from(struct worker *w, uint32_t rx_if)
{
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *b = buf_at(w->bufs.pool->base, idx);
	struct mac mac = { { 2, 0, 0, 0, 0, 9 } };

	assert_int_not_equal(idx, 0);
	*(struct arp_hdr *)buf_append(b, ARP_LEN) = arp_of(
		ARP_REQUEST, mac, be32_of(0x0a000009), (struct mac){ { 0 } }, be32_of(0x0a000001));
	b->l3_at = b->at;
	b->rx_if = rx_if;
	return idx;
}

/* In the turn in which main removes a link and its VRF, a worker may not be through with it. */
static void a_request_outlives_its_vrf(void **state)
{
	struct engine *e = start();
	struct worker *w = e->worker[0];
	uint16_t node = graph_node_id(&e->graph, "arp-input");
	struct ip4_stack *s = ip4_stack_of(e);
	struct interface *i = add_link(e);
	struct vrf *v;

	(void)state;
	assert_int_equal(fib_add_vrf(s->fib, "blue", &v), 0);
	s->vrf_of[i->index] = v->index;
	node_send_to(w, node, request_from(w, i->index));
	interface_remove(i);
	assert_int_equal(fib_del_vrf(s->fib, v), 0);
	assert_int_equal(graph_dispatch(w), 2); /* the request, and its end in drop */
	assert_int_equal(buf_pool_free_count(&e->bufs) + w->bufs.n, e->bufs.n_buffers);
	ip4_deinit(e);
	engine_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_outlives_its_vrf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
