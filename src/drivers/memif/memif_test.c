/* memif_test.c - packets cross, peers come and go, strangers are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/memif/memif_fixture.h"

static const uint32_t lengths[] = { 14, 60, 1514, 2037, 2038, 2039, 2048, 2049, 4096, 9014, 65000 };

static void packets_of_every_length_cross_both_ways(void **state)
{
	static const struct memif_config shapes[][2] = {
		{ { 0 }, { 0 } },
		{ { 0 }, { .log2_ring_size = 6, .buffer_bytes = 2048 } },
		{ { .no_offload = true }, { 0 } },
		{ { 0 }, { .no_offload = true, .buffer_bytes = 512 } },
		{ { .secret = "open sesame", .id = 7 },
		  { .secret = "open sesame", .id = 7, .buffer_bytes = 65536 } },
	};

	(void)state;
	for (unsigned s = 0; s < count_of(shapes); s++) {
		memif_join(shapes[s][0], shapes[s][1]);
		for (unsigned n = 0; n < 3 * count_of(lengths); n++) {
			struct parcel p = { .len = lengths[n % count_of(lengths)], .seed = n };

			memif_cross(&a, &b, n % 2, p); /* from the owner and from the other */
			memif_cross(&b, &a, 0, p);
		}
		memif_part();
	}
}

static void super_segments_cross_in_one_piece(void **state)
{
	(void)state;
	memif_join((struct memif_config){ 0 }, (struct memif_config){ 0 });
	assert_true(a.i->caps & CAP_TSO);
	assert_true(b.i->caps & CAP_TSO);
	for (unsigned n = 0; n < 20; n++) {
		struct parcel p = { .len = 3000 + n * 3000, .gso_size = 1448, .seed = n };

		memif_cross(&a, &b, n % 2, p);
		assert_true(b.seen[0].flags & BUF_NEED_L4_CSUM);
		assert_true(b.seen[0].flags & BUF_L4_CSUM_OK);
		assert_int_equal(b.seen[0].gso_type, GSO_TCP4);
		memif_cross(&b, &a, 0, p);
	}
}

static void without_the_tag_it_is_plain_memif(void **state)
{
	(void)state;
	memif_join((struct memif_config){ 0 }, (struct memif_config){ .no_offload = true });
	assert_false(a.i->caps & (CAP_TSO | CAP_CSUM));
	assert_false(b.i->caps & (CAP_TSO | CAP_CSUM));
	assert_true(feature_enabled(a.e, ARC_INTERFACE_OUTPUT, "offload", a.i->index));
}

static void the_other_side_may_come_and_go(void **state)
{
	struct parcel p = { .len = 100 };

	(void)state;
	memif_join((struct memif_config){ 0 }, (struct memif_config){ 0 });
	memif_cross(&a, &b, 0, p);
	for (unsigned n = 0; n < 3; n++) {
		interface_remove(b.i);
		wait_until(!a.i->link && !b.e->interfaces.going[1]);
		memif_add(&b, (struct memif_config){ .role = MEMIF_CLIENT });
		wait_until(a.i->link && b.i->link);
		memif_cross(&a, &b, 0, p);
		memif_cross(&b, &a, 0, p);
	}
	interface_remove(a.i);
	wait_until(!b.i->link && !a.e->interfaces.going[1]);
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	wait_until(a.i->link && b.i->link); /* the client has dialled again */
	memif_cross(&b, &a, 0, p);
}

static void the_wrong_id_or_secret_is_refused(void **state)
{
	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER, .id = 1, .secret = "x" });
	memif_add(&b, (struct memif_config){ .role = MEMIF_CLIENT, .id = 2, .secret = "x" });
	wait_until(strstr(memif_of(&b)->last_reason, "no such object"));
	interface_remove(b.i);
	wait_until(!b.e->interfaces.going[1]);
	memif_add(&b, (struct memif_config){ .role = MEMIF_CLIENT, .id = 1, .secret = "y" });
	wait_until(strstr(memif_of(&b)->last_reason, "not permitted"));
	assert_false(a.i->link);
}

static void one_socket_one_server(void **state)
{
	struct memif_config c = { .name = "m1", .socket = memif_path, .role = MEMIF_SERVER };
	struct interface *i = NULL;
	char why[256];

	(void)state;
	memif_add(&a, (struct memif_config){ .role = MEMIF_SERVER });
	assert_int_equal(memif_create(b.e, &c, &i, why, sizeof(why)), ERR_BUSY);
	assert_non_null(strstr(why, memif_path));
	c.name = "m2";
	c.socket = "/no/such/folder/memif";
	assert_int_equal(memif_create(b.e, &c, &i, why, sizeof(why)), ERR_NOENT);
	assert_non_null(strstr(why, c.socket));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_of_every_length_cross_both_ways,
						memif_setup, memif_teardown),
		cmocka_unit_test_setup_teardown(super_segments_cross_in_one_piece, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(without_the_tag_it_is_plain_memif, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(the_other_side_may_come_and_go, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(the_wrong_id_or_secret_is_refused, memif_setup,
						memif_teardown),
		cmocka_unit_test_setup_teardown(one_socket_one_server, memif_setup, memif_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
