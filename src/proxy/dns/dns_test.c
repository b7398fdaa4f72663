/* dns_test.c - names against a small DNS server of our own, on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/dns/strict_dns.h"
#include "proxy/net/fd_event.h"

enum { TYPE_A = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3 };

/* Answers "web" with as many addresses as it is told to, "gone" with NXDOMAIN, the rest with
 * SERVFAIL. */
struct server {
	struct dispatcher *d;
	struct fd_event event;
	int fd;
	uint16_t port;
	unsigned n_addresses;
	unsigned n_asked;
};

static size_t make_answer(struct server *s, uint8_t *m, size_t len)
{
	size_t at = 12, name = at;
	uint16_t type;
	unsigned n;

	while (at < len && m[at])
		at += m[at] + 1u;
	type = (uint16_t)(m[at + 1] << 8 | m[at + 2]);
	at += 5;
	n = type == TYPE_A && !memcmp(m + name, "\3web", 4) ? s->n_addresses : 0;
	m[2] = 0x81;
	m[3] = 0x80;
	if (!memcmp(m + name, "\4gone", 5))
		m[3] |= RCODE_NXDOMAIN;
	else if (memcmp(m + name, "\3web", 4))
		m[3] |= RCODE_SERVFAIL;
	m[7] = (uint8_t)n;
	m[11] = 0; /* no OPT */
	for (unsigned i = 0; i < n; i++) {
		const uint8_t record[] = { 0xc0, 12, 0, TYPE_A, 0,  1, 0, 0,
					   0,	 30, 0, 4,	10, 0, 0, (uint8_t)(n - i) };

		memcpy(m + at, record, sizeof(record));
		at += sizeof(record);
	}
	return at;
}

static void serve(void *context, unsigned ready unused_arg)
{
	struct server *s = context;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t m[1500];
	ssize_t len = recvfrom(s->fd, m, 512, 0, (struct sockaddr *)&from, &from_len);

	if (len < 17)
		return;
	s->n_asked++;
	sendto(s->fd, m, make_answer(s, m, (size_t)len), 0, (struct sockaddr *)&from, from_len);
}

static void server_start(struct server *s, struct dispatcher *d)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	s->d = d;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(fd_event_open(&s->event, d, s->fd, FD_READ, false, serve, s), 0);
}

struct world {
	struct dispatcher *d;
	struct server server;
	struct address_config server_address;
	struct dns_resolver_config config;
	struct dns_resolver *resolver;
	unsigned n_answers;
	enum dns_outcome outcome;
	unsigned n_addresses;
	uint32_t ttl_s;
	uint8_t last_byte;
	/* strict_dns */
	unsigned n_changes, n_ready, n_hosts;
	struct host_spec hosts[8];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->d = dispatcher_new_or_null("test", &clock_monotonic);
	server_start(&w->server, w->d);
	w->server_address = (struct address_config){
		.kind = ADDRESS_SOCKET, .socket = { .address = "127.0.0.1", .port = w->server.port }
	};
	w->config = (struct dns_resolver_config){ .given = true,
						  .servers = &w->server_address,
						  .n_servers = 1,
						  .no_search = true,
						  .query_timeout_s = 1,
						  .query_tries = 1 };
	w->resolver = dns_resolver_new_or_null(w->d, &w->config);
	*state = w;
	return w->d && w->resolver ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dns_resolver_free(w->resolver);
	fd_event_close(&w->server.event);
	close(w->server.fd);
	dispatcher_free(w->d);
	free(w);
	return 0;
}

static void note(void *context, const struct dns_answer *a)
{
	struct world *w = context;

	w->n_answers++;
	w->outcome = a->outcome;
	w->n_addresses = a->n;
	w->ttl_s = a->ttl_s;
	w->last_byte = a->n ? a->addresses[a->n - 1].ip[3] : 0;
}

static void run_until(struct world *w, const unsigned *count, unsigned wanted)
{
	uint64_t deadline = clock_now_ns(&clock_monotonic) + 10ull * NS_PER_S;

	while (*count < wanted && clock_now_ns(&clock_monotonic) < deadline) {
		dispatcher_run_once(w->d);
		usleep(200);
	}
	assert_true(*count >= wanted);
}

static void answers_names(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *name;
		enum dns_family family;
		enum dns_outcome outcome;
		unsigned n_addresses;
		uint32_t ttl_s;
		uint8_t last_byte;
	} cases[] = {
		{ "web", DNS_V4_ONLY, DNS_FOUND, 2, 30, 2 },
		{ "web", DNS_AUTO, DNS_FOUND, 2, 30, 2 }, /* no IPv6, so IPv4 */
		{ "web", DNS_ALL, DNS_FOUND, 2, 30, 2 },
		{ "web", DNS_V6_ONLY, DNS_NOT_FOUND, 0, 0, 0 },
		{ "gone", DNS_V4_PREFERRED, DNS_NOT_FOUND, 0, 0, 0 },
		{ "broken", DNS_V4_ONLY, DNS_FAILED, 0, 0, 0 },
		{ "192.0.2.7", DNS_V4_ONLY, DNS_FOUND, 1, 0, 7 },
	};

	w->server.n_addresses = 2;
	for (unsigned i = 0; i < count_of(cases); i++) {
		assert_non_null(
			dns_resolve_or_null(w->resolver, cases[i].name, cases[i].family, note, w));
		assert_int_equal(w->n_answers, i); /* never from inside the call */
		run_until(w, &w->n_answers, i + 1);
		assert_int_equal(w->outcome, cases[i].outcome);
		assert_int_equal(w->n_addresses, cases[i].n_addresses);
		if (cases[i].ttl_s)
			assert_int_equal(w->ttl_s, cases[i].ttl_s);
		assert_int_equal(w->last_byte, cases[i].last_byte);
	}
}

static void gives_up_on_silent_servers(void **state)
{
	struct world *w = *state;

	fd_event_close(&w->server.event);
	assert_non_null(dns_resolve_or_null(w->resolver, "web", DNS_V4_ONLY, note, w));
	run_until(w, &w->n_answers, 1);
	assert_int_equal(w->outcome, DNS_FAILED);
}

static void cancels(void **state)
{
	struct world *w = *state;
	struct dns_query *q = dns_resolve_or_null(w->resolver, "web", DNS_V4_ONLY, note, w);

	dns_query_cancel(q);
	q = dns_resolve_or_null(w->resolver, "192.0.2.7", DNS_V4_ONLY, note, w);
	dns_query_cancel(q);
	assert_non_null(dns_resolve_or_null(w->resolver, "web", DNS_V4_ONLY, note, w));
	run_until(w, &w->n_answers, 1);
	for (unsigned i = 0; i < 20; i++)
		dispatcher_run_once(w->d);
	assert_int_equal(w->n_answers, 1);
	/* teardown frees the resolver with this one under way */
	assert_non_null(dns_resolve_or_null(w->resolver, "web", DNS_V4_ONLY, note, w));
}

static void changed(void *context, uint32_t cluster_idx, const struct host_spec *hosts,
		    unsigned n_hosts)
{
	struct world *w = context;

	assert_int_equal(cluster_idx, 3);
	assert_true(n_hosts <= count_of(w->hosts));
	memcpy(w->hosts, hosts, n_hosts * sizeof(*hosts));
	w->n_hosts = n_hosts;
	w->n_changes++;
}

static void ready(void *context, uint32_t cluster_idx unused_arg)
{
	((struct world *)context)->n_ready++;
}

static void follows_a_cluster(void **state)
{
	static const struct strict_dns_ops ops = { changed, ready };
	static const struct endpoint_config endpoints[] = {
		{ .address = { .kind = ADDRESS_SOCKET,
			       .socket = { .address = "web", .port = 80 } } },
		{ .address = { .kind = ADDRESS_SOCKET,
			       .socket = { .address = "gone", .port = 81 } } },
		{ .address = { .kind = ADDRESS_SOCKET,
			       .socket = { .address = "192.0.2.9", .port = 82 } } },
	};
	const struct cluster_config config = { .name = "c",
					       .endpoints = endpoints,
					       .n_endpoints = count_of(endpoints),
					       .dns_family = DNS_V4_ONLY,
					       .dns_refresh_rate_ns = 20 * NS_PER_MS,
					       .dns_failure_refresh_rate_ns = 20 * NS_PER_MS };
	struct strict_dns_stats stats = { 0 };
	struct world *w = *state;
	struct strict_dns *s;

	w->server.n_addresses = 1;
	s = strict_dns_new_or_null(w->d, w->resolver, &config, 3, &stats, &ops, w);
	run_until(w, &w->n_ready, 1);
	assert_int_equal(w->n_hosts, 2);
	assert_int_equal(w->hosts[0].address.port, 80);
	assert_int_equal(w->hosts[0].address.ip[3], 1);
	assert_ptr_equal(w->hosts[1].endpoint, &endpoints[2]);
	assert_int_equal(w->hosts[1].address.port, 82);

	w->server.n_addresses = 3;
	run_until(w, &w->n_changes, w->n_changes + 1);
	assert_int_equal(w->n_hosts, 4);

	/* What is not answered any more stays as it was. */
	fd_event_close(&w->server.event);
	run_until(w, (const unsigned *)&stats.update_failure, (unsigned)stats.update_failure + 1);
	assert_int_equal(w->n_hosts, 4);
	assert_int_equal(w->n_ready, 1);
	assert_true(stats.update_no_rebuild + w->n_changes >= stats.update_success);
	strict_dns_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_names, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_on_silent_servers, setup, teardown),
		cmocka_unit_test_setup_teardown(cancels, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_a_cluster, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
