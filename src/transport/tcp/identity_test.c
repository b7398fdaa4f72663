/* identity_test.c - initial sequence numbers and ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "transport/tcp/isn.h"
#include "transport/tcp/ports.h"

static const struct siphash_key secret = { { 1, 2 } };

static void test_isn_rises_with_time_and_hides_the_rest(void **state unused_arg)
{
	struct tcp_key a = { .local_port = be16_of(80) }, b = { .local_port = be16_of(81) };
	struct siphash_key other = { { 1, 3 } };

	assert_int_equal(tcp_isn(&secret, &a, 4000) - tcp_isn(&secret, &a, 0), 1000);
	assert_int_not_equal(tcp_isn(&secret, &a, 0), tcp_isn(&secret, &b, 0));
	assert_int_not_equal(tcp_isn(&secret, &a, 0), tcp_isn(&other, &a, 0));
	assert_int_not_equal(tcp_isn(&secret, &a, 0), tcp_ts_offset(&secret, &a));
	assert_int_equal(tcp_ts_offset(&secret, &a), tcp_ts_offset(&secret, &a));
}

static bool taken(void *context, uint16_t port)
{
	bool *used = context;

	return used[port];
}

static void test_every_port_once(void **state unused_arg)
{
	static bool used[65536];
	struct tcp_key key = { .remote_port = be16_of(80) };
	struct tcp_ports p;
	uint16_t first, second;

	tcp_ports_init(&p, secret, 40000, 40099);
	first = tcp_ports_pick(&p, &key, taken, used);
	second = tcp_ports_pick(&p, &key, taken, used);
	assert_int_not_equal(first, second);
	memset(used, 0, sizeof(used));
	for (unsigned i = 0; i < 100; i++) {
		uint16_t port = tcp_ports_pick(&p, &key, taken, used);

		assert_in_range(port, 40000, 40099);
		assert_false(used[port]);
		used[port] = true;
	}
	assert_int_equal(tcp_ports_pick(&p, &key, taken, used), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isn_rises_with_time_and_hides_the_rest),
		cmocka_unit_test(test_every_port_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
