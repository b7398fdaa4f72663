/*
 * transfer_test.c - whole transfers over bad paths: every octet arrives, once, in order, both ways,
 * and both ends close cleanly. The seed is printed; SEED=n runs one again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "net.h"

enum { SECONDS = 600 };

static const struct tcp_settings settings = { .cc = NULL };

struct pair {
	struct sim_net *net;
	struct sim_socket *client, *server;
	uint64_t octets;
};

static uint64_t seed(void)
{
	const char *text = getenv("SEED");

	return text ? strtoull(text, NULL, 10) : 20260101;
}

static bool both_done(void *context)
{
	struct pair *p = context;

	if (!p->server) {
		p->server = sim_accepted_or_null(p->net->host[1], 0);
		if (p->server)
			sim_write(p->server, p->octets);
	}
	if (p->server && p->server->received == p->octets && p->server->eof && !p->server->closed)
		sim_close(p->server);
	return p->client->done && p->server && p->server->done;
}

static void transfer(const char *what, const struct sim_link *link, uint64_t octets)
{
	struct pair p = { .net = sim_net_new(seed(), link, &settings), .octets = octets };

	sim_listen(p.net->host[1], 80, 10);
	p.client = sim_connect(p.net->host[0], "10.0.0.2", 80);
	sim_write(p.client, octets);
	sim_shutdown(p.client);
	if (!sim_net_run(p.net, SECONDS * (uint64_t)NS_PER_S, both_done, &p))
		fail_msg("%s, seed %llu: not done; sent %llu acked %llu received %llu, error %d",
			 what, (unsigned long long)seed(), (unsigned long long)p.client->written,
			 (unsigned long long)p.client->acked,
			 (unsigned long long)p.client->received, p.client->error);
	assert_int_equal(p.client->error, 0);
	assert_int_equal(p.server->error, 0);
	assert_true(p.client->received == octets && p.server->received == octets);
	assert_true(p.client->acked == octets && p.server->acked == octets);
	assert_int_equal(p.net->host[0]->n_corrupt + p.net->host[1]->n_corrupt, 0);
	sim_net_free(p.net);
}

static void test_transfers(void **state unused_arg)
{
	static const struct {
		const char *what;
		struct sim_link link;
		uint64_t octets;
	} cases[] = {
		{ "nothing to send", { .delay_us = 1000 }, 0 },
		{ "one octet", { .delay_us = 1000 }, 1 },
		{ "one segment", { .delay_us = 1000 }, 1448 },
		{ "a good path", { .delay_us = 1000, .rate_bps = 100000000 }, 10000000 },
		{ "no delay at all", { .rate_bps = 1000000000 }, 10000000 },
		{ "1 % loss", { .delay_us = 5000, .loss_ppm = 10000 }, 3000000 },
		{ "10 % loss", { .delay_us = 5000, .loss_ppm = 100000 }, 300000 },
		{ "20 % loss", { .delay_us = 5000, .loss_ppm = 200000 }, 50000 },
		{ "reordering",
		  { .delay_us = 5000, .reorder_ppm = 50000, .reorder_us = 3000 },
		  3000000 },
		{ "wild reordering",
		  { .delay_us = 5000, .reorder_ppm = 500000, .reorder_us = 20000 },
		  1000000 },
		{ "duplication", { .delay_us = 5000, .duplicate_ppm = 200000 }, 3000000 },
		{ "a short queue",
		  { .delay_us = 10000, .rate_bps = 10000000, .queue_bytes = 10000 },
		  3000000 },
		{ "everything at once",
		  { .delay_us = 10000,
		    .rate_bps = 50000000,
		    .queue_bytes = 60000,
		    .loss_ppm = 20000,
		    .reorder_ppm = 30000,
		    .reorder_us = 15000,
		    .duplicate_ppm = 20000 },
		  2000000 },
	};

	printf("seed %llu\n", (unsigned long long)seed());
	for (unsigned i = 0; i < count_of(cases); i++)
		transfer(cases[i].what, &cases[i].link, cases[i].octets);
}

static bool answered_and_done(void *context)
{
	struct pair *p = context;

	p->server = sim_accepted_or_null(p->net->host[1], 0);
	if (p->server && p->server->eof && !p->server->closed)
		sim_close(p->server);
	return p->client->done && p->server && p->server->done;
}

/* With one port to choose from, the next connection must take over from TIME-WAIT. RFC 6191 */
static void test_port_comes_back(void **state unused_arg)
{
	const struct tcp_settings one_port = { .first_port = 40000, .last_port = 40000 };
	const struct sim_link link = { .delay_us = 1000 };
	struct pair p = { .net = sim_net_new(seed(), &link, &one_port) };

	sim_listen(p.net->host[1], 80, 10);
	for (unsigned round = 0; round < 5; round++) {
		p.client = sim_connect(p.net->host[0], "10.0.0.2", 80);
		assert_int_equal(p.client->error, 0);
		sim_write(p.client, 100000);
		sim_close(p.client);
		assert_true(sim_net_run(p.net, p.net->now_ns + NS_PER_S, answered_and_done, &p));
		assert_int_equal(p.client->error, 0);
		assert_true(p.client->acked == 100000);
		/* At once is too early. */
		assert_int_equal(sim_connect(p.net->host[0], "10.0.0.2", 80)->error, ERR_FULL);
		sim_net_run(p.net, p.net->now_ns + 3 * (uint64_t)NS_PER_S, NULL, NULL);
		memset(p.net->host[0]->sockets, 0, sizeof(p.net->host[0]->sockets));
		memset(p.net->host[1]->sockets, 0, sizeof(p.net->host[1]->sockets));
	}
	assert_int_equal(sim_count(p.net->host[0], "tcp4-input", "time-wait-reused"), 4);
	sim_net_free(p.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_transfers),
					    cmocka_unit_test(test_port_comes_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
