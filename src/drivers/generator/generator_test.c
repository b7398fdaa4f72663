/*
 * generator_test.c - streams make the packets that they are asked for, at the rate that they are
 * asked for; what the sink gets is counted. Single-threaded, with the test's own clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pcap/pcap.h>
#include <cmocka.h>

#include "drivers/generator/generator_private.h"
#include "wire/checksum.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

enum { SEEN_MAX = 4096, SNAP = 256 };

static uint64_t fake_now_ns = NS_PER_S;
static struct {
	uint32_t len;
	uint8_t bytes[SNAP];
} seen[SEEN_MAX];
static unsigned n_seen;
static uint32_t sink_index;
static struct engine *e;

static uint64_t fake_now(void *context)
{
	(void)context;
	return fake_now_ns;
}
static const struct clock fake_clock = { fake_now, NULL };

/* Notes what arrives and sends it to the sink. */
enum { LOOK_OUT };
static const char *const look_next[] = { [LOOK_OUT] = "interface-output" };

static unsigned look_run(struct worker *w, struct node *node, struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct buf *b = buf_at(f->base, f->idx[i]);

		assert_true(n_seen < SEEN_MAX);
		memset(&seen[n_seen], 0, sizeof(seen[0]));
		seen[n_seen].len = b->total_len;
		buf_copy_out(b, 0, seen[n_seen++].bytes, SNAP);
		b->tx_if = sink_index;
	}
	node_send_all(w, node, f, LOOK_OUT);
	return f->n;
}

static const struct node_type look = {
	.name = "look", .run = look_run, .next_names = look_next, .n_next = 1
};
static const struct node_type *const types[] = { &look, &drop_node, &interface_output_node,
						 &generator_input_node, &sink_tx_node };
static const struct feature_arc in_arc = {
	.id = ARC_DEVICE_INPUT, .name = "device-input", .side = ARC_RX, .end = "look"
};
static const struct feature_arc out_arc = { .id = ARC_INTERFACE_OUTPUT,
					    .name = "interface-output",
					    .side = ARC_TX };
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

static int start(void **state)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.clock = &fake_clock,
						.n_buffers = 2048 };
	struct interface *sink;

	(void)state;
	n_seen = 0;
	assert_int_equal(engine_new(&options, &e), 0);
	assert_int_equal(sink_create(e, "sink0", NULL, 0, &sink), 0);
	assert_int_equal(interface_set_up(sink, true), 0);
	sink_index = sink->index;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	assert_int_equal(e->worker[0]->bufs.n_taken, e->worker[0]->bufs.n_given);
	engine_free(e);
	return 0;
}

static struct stream_config stream_of(const char *source, const char *destination)
{
	struct stream_config s = stream_defaults;

	assert_int_equal(stream_addresses_from_text(source, &s.source), 0);
	assert_int_equal(stream_addresses_from_text(destination, &s.destination), 0);
	return s;
}

static struct interface *generator_with(const struct stream_config *streams, uint32_t n,
					bool started)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 7 };
	const struct generator_config config = { .name = "gen0",
						 .mac = mac,
						 .start = started,
						 .seed = 7,
						 .streams = streams,
						 .n_streams = n };
	char why[128] = "";
	struct interface *i = NULL;

	assert_int_equal(generator_create(e, &config, &i, why, sizeof(why)), 0);
	assert_int_equal(interface_set_up(i, true), 0);
	return i;
}

static unsigned turns(unsigned n)
{
	unsigned before = n_seen;

	while (n--)
		worker_turn(e->worker[0]);
	return n_seen - before;
}

static struct ip4 ip4_at(unsigned n, unsigned l3_at)
{
	struct ip4 ip;

	assert_int_equal(ip4_parse(slice_of(seen[n].bytes + l3_at, seen[n].len - l3_at), &ip), 0);
	assert_true(checksum_is_good(checksum_sum(seen[n].bytes + l3_at, IP4_HDR_LEN)));
	assert_true(checksum_is_good(checksum_sum(ip.payload.at, ip.payload.len) +
				     checksum_pseudo4(be32_of(ip.src), be32_of(ip.dst), ip.protocol,
						      (uint16_t)ip.payload.len)));
	return ip;
}

static void addresses_are_read(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint8_t family, width;
		uint64_t count;
		const char *first; /* hexadecimal */
	} rows[] = {
		{ "10.0.0.1", 0, 4, 4, 1, "0a000001" },
		{ "10.1.2.3/8", 0, 4, 4, 1 << 24, "0a000000" },
		{ "0.0.0.0/0", 0, 4, 4, (uint64_t)1 << 32, "00000000" },
		{ "10.0.0.1/32", 0, 4, 4, 1, "0a000001" },
		{ "10.0.0.1-10.0.1.0", 0, 4, 4, 256, "0a000001" },
		{ "2001:db8::1", 0, 6, 8, 1, "20010db8000000000000000000000001" },
		{ "2001:db8::1/32", 0, 6, 8, (uint64_t)1 << 32,
		  "20010db8000000000000000000000001" },
		{ "2001:db8::7/64", 0, 6, 8, 0, "20010db8000000000000000000000000" },
		{ "2001:db8::7/120", 0, 6, 8, 256, "20010db8000000000000000000000000" },
		{ "2001:db8::1-2001:db8::ff", 0, 6, 8, 255, "20010db8000000000000000000000001" },
		{ "::/0", 0, 6, 8, 0, "00000000000000000000000000000000" },
		{ "2001:db8::1-2001:db9::1", ERR_FORMAT },
		{ "10.0.0.9-10.0.0.1", ERR_FORMAT },
		{ "10.0.0.1-::1", ERR_FORMAT },
		{ "10.0.0.1/33", ERR_FORMAT },
		{ "10.0.0.1/", ERR_FORMAT },
		{ "10.0.0.1/x", ERR_FORMAT },
		{ "::1/129", ERR_FORMAT },
		{ "", ERR_FORMAT },
		{ "ten", ERR_FORMAT },
	};

	(void)state;
	for (unsigned i = 0; i < count_of(rows); i++) {
		struct stream_addresses a;
		char hex[33] = "";

		print_message("%s\n", rows[i].text);
		assert_int_equal(stream_addresses_from_text(rows[i].text, &a), rows[i].err);
		if (rows[i].err)
			continue;
		assert_int_equal(a.family, rows[i].family);
		assert_int_equal(a.vary_width, rows[i].width);
		assert_true(a.count == rows[i].count);
		for (unsigned k = 0; k < (a.family == 4 ? 4 : 16); k++)
			sprintf(hex + 2 * k, "%02x", a.bytes[k]);
		assert_string_equal(hex, rows[i].first);
	}
}

static void a_sequential_stream_counts_up(void **state)
{
	struct stream_config s = stream_of("10.0.0.0/31", "10.1.0.1-10.1.0.3");

	(void)state;
	s.sequential = true;
	s.count = 6;
	s.size_min = 64;
	s.size_max = 65;
	s.source_port = (struct stream_ports){ 5, 9 };
	generator_with(&s, 1, true);
	assert_int_equal(turns(3), 6);
	for (unsigned i = 0; i < 6; i++) {
		struct ip4 ip = ip4_at(i, ETHERNET_HDR_LEN);
		struct udp udp;

		assert_int_equal(ip.src, 0x0a000000 + i % 2);
		assert_int_equal(ip.dst, 0x0a010001 + i % 3);
		assert_int_equal(seen[i].len, 64 + i % 2);
		assert_int_equal(udp_parse(ip.payload, &udp), 0);
		assert_int_equal(udp.sport, 5 + i % 5);
		assert_int_equal(udp.dport, 9);
	}
	assert_int_equal(seen[0].bytes[5], 7); /* to the interface's own address */
}

static void a_random_stream_stays_within_its_ranges(void **state)
{
	struct stream_config s = stream_of("10.0.0.1", "10.1.0.0/22");
	uint8_t hit[1024] = { 0 };
	unsigned n_hit = 0;

	(void)state;
	s.count = 4096;
	s.protocol = STREAM_TCP;
	s.destination_port = (struct stream_ports){ 1000, 1003 };
	generator_with(&s, 1, true);
	assert_int_equal(turns(17), 4096);
	for (unsigned i = 0; i < 4096; i++) {
		struct ip4 ip = ip4_at(i, ETHERNET_HDR_LEN);
		struct tcp tcp;

		assert_int_equal(ip.dst >> 10, 0x0a010000 >> 10);
		n_hit += !hit[ip.dst & 1023]++;
		assert_int_equal(tcp_parse(ip.payload, &tcp), 0);
		assert_in_range(tcp.dport, 1000, 1003);
	}
	assert_true(n_hit > 980); /* of 1024, drawn 4096 times: all but e^-4 of them */
}

static void tags_and_macs_are_put(void **state)
{
	struct stream_config s = stream_of("10.0.0.1", "10.1.0.1");
	static const uint8_t tags[] = { 0x88, 0xa8, 0, 10, 0x81, 0, 0, 20, 8, 0 };

	(void)state;
	s.count = 3;
	s.sequential = true;
	s.n_vlans = 2;
	s.vlans[0] = 10;
	s.vlans[1] = 20;
	s.has_destination_mac = true;
	s.destination_mac = (struct mac){ { 2, 1, 0, 0, 0, 0xff } };
	s.n_destination_macs = 2;
	generator_with(&s, 1, true);
	assert_int_equal(turns(2), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_memory_equal(seen[i].bytes + 12, tags, sizeof(tags));
		assert_int_equal(seen[i].bytes[4], i % 2);
		assert_int_equal(seen[i].bytes[5], i % 2 ? 0 : 0xff);
		assert_int_equal(ip4_at(i, ETHERNET_HDR_LEN + 8).dst, 0x0a010001);
	}
}

static void ip6_has_a_good_checksum(void **state)
{
	struct stream_config s = stream_of("2001:db8::1", "2000::1/3");

	(void)state;
	s.count = 100;
	s.size_min = s.size_max = 100;
	generator_with(&s, 1, true);
	assert_int_equal(turns(2), 100);
	for (unsigned i = 0; i < 100; i++) {
		const uint8_t *ip = seen[i].bytes + ETHERNET_HDR_LEN;
		unsigned payload = 100 - ETHERNET_HDR_LEN - 40;

		assert_int_equal(ip[0] >> 4, 6);
		assert_int_equal(ip[4] << 8 | ip[5], payload);
		assert_int_equal(ip[24] >> 5, 1);
		assert_int_equal(ip[39], 1);
		assert_true(checksum_is_good(checksum_sum(ip + 8, 32 + payload) +
					     checksum_word16(be16_of((uint16_t)payload)) +
					     checksum_word16(be16_of(IP_UDP))));
	}
	assert_memory_not_equal(seen[0].bytes + 38, seen[1].bytes + 38, 8);
}

static void a_rate_is_kept_and_costs_no_turns(void **state)
{
	struct stream_config s = stream_of("10.0.0.1", "10.1.0.1");
	struct interface *i;

	(void)state;
	s.rate_pps = 10000;
	i = generator_with(&s, 1, true);
	assert_int_equal(turns(3), 0); /* nothing is due at the start */
	assert_true(generator_queue_sleep(e->worker[0], &generator_of_or_null(i)->queue[0].input) ==
		    false);
	assert_in_range(wheel_next_ns(&e->worker[0]->wheel), fake_now_ns,
			fake_now_ns + 2 * NS_PER_MS);
	for (unsigned ms = 0; ms < 100; ms++) {
		fake_now_ns += NS_PER_MS;
		turns(2);
	}
	assert_in_range(n_seen, 999, 1000);
	fake_now_ns += NS_PER_S; /* a worker that was away does not make up for all of it */
	assert_in_range(turns(20), 100, 256);
}

static void two_streams_take_turns(void **state)
{
	struct stream_config s[2] = { stream_of("10.0.0.1", "10.1.0.1"),
				      stream_of("10.0.0.2", "10.1.0.1") };

	(void)state;
	s[0].burst = 10;
	s[1].burst = 20;
	s[1].count = 30;
	generator_with(s, 2, true);
	assert_int_equal(turns(2), 30);
	assert_int_equal(ip4_at(9, ETHERNET_HDR_LEN).src, 0x0a000001);
	assert_int_equal(ip4_at(10, ETHERNET_HDR_LEN).src, 0x0a000002);
	assert_int_equal(turns(3), 30); /* 10, 10 of the 20 that were left, 10 */
	assert_int_equal(ip4_at(59, ETHERNET_HDR_LEN).src, 0x0a000001);
}

static void start_begins_anew_and_stop_ends(void **state)
{
	struct stream_config s = stream_of("10.0.0.1", "10.1.0.0/24");
	struct interface *i;

	(void)state;
	s.burst = 8;
	i = generator_with(&s, 1, false);
	assert_int_equal(turns(3), 0);
	assert_true(list_empty(&e->worker[0]->inputs));
	assert_int_equal(generator_start(i), 0);
	assert_int_equal(turns(2), 16);
	assert_int_equal(generator_stop(i), 0);
	assert_int_equal(turns(2), 0);
	assert_true(list_empty(&e->worker[0]->inputs));
	assert_int_equal(generator_start(i), 0);
	assert_int_equal(turns(2), 16);
	assert_memory_equal(&seen[0], &seen[16], 16 * sizeof(seen[0]));
	assert_int_equal(interface_set_up(i, false), 0);
	assert_int_equal(turns(2), 0);
	assert_int_equal(interface_set_up(i, true), 0);
	assert_int_equal(turns(1), 8); /* goes on */
	assert_int_equal(interface_counters(i).rx_packets, n_seen);
	assert_int_equal(interface_counters(i).rx_drops, 0);
	interface_remove(i);
	assert_int_equal(turns(2), 0);
}

static void the_sink_counts(void **state)
{
	struct stream_config s = stream_of("10.0.0.1", "10.1.0.1");
	struct if_counters c;

	(void)state;
	s.count = 300;
	generator_with(&s, 1, true);
	turns(3);
	c = interface_counters(interface_by_name_or_null(e, "sink0"));
	assert_int_equal(c.tx_packets, 300);
	assert_int_equal(c.tx_bytes, 300 * 60);
	assert_true(list_empty(&e->worker[0]->inputs)); /* over: no more turns for it */
}

static void packets_of_a_file(void **state)
{
	char path[] = "/tmp/generator-test-XXXXXX";
	static const uint8_t packet[3000] = { 2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 9, 8, 0, 0x45 };
	struct stream_config s = stream_defaults;
	int fd = mkstemp(path);
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dump = pcap_dump_fopen(dead, fdopen(fd, "w"));
	static const unsigned lengths[] = { 60, 3000, 14 };

	(void)state;
	for (unsigned i = 0; i < count_of(lengths); i++) {
		struct pcap_pkthdr h = { .caplen = lengths[i], .len = lengths[i] };

		pcap_dump((u_char *)dump, &h, packet);
	}
	pcap_dump_close(dump);
	pcap_close(dead);
	s.pcap = path;
	s.count = 7;
	generator_with(&s, 1, true);
	assert_int_equal(turns(2), 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(seen[i].len, lengths[i % 3]);
		assert_memory_equal(seen[i].bytes, packet, 14);
	}
	unlink(path);
}

static void destinations_of_a_file(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t n, second;
	} rows[] = {
		{ "10.0.0.1\n\n10.0.0.9 # nine\n", 0, 2, 0x0a000009 },
		{ "2001:db8::1\n2001:db9:1::", 0, 2, 0x20010db900010000 },
		{ "10.0.0.1\n::1\n", ERR_FORMAT },
		{ "10.0.0.1/8\n", ERR_FORMAT },
		{ "\n", ERR_FORMAT },
	};
	char path[] = "/tmp/generator-test-XXXXXX", why[128];
	struct stream_addresses first;
	uint64_t *parts;

	(void)state;
	close(mkstemp(path));
	for (unsigned i = 0; i < count_of(rows); i++) {
		FILE *out = fopen(path, "w");

		fputs(rows[i].text, out);
		fclose(out);
		assert_int_equal(stream_read_addresses(path, &first, &parts, why, sizeof(why)),
				 rows[i].err);
		if (rows[i].err)
			continue;
		assert_true(first.count == rows[i].n && parts[1] == rows[i].second);
		free(parts);
	}
	unlink(path);
	assert_int_equal(stream_read_addresses(path, &first, &parts, why, sizeof(why)), ERR_NOENT);
}

static void what_cannot_be_is_refused(void **state)
{
	struct stream_config s = stream_of("10.0.0.1", "::1");
	struct generator_config config = { .name = "gen0", .streams = &s, .n_streams = 1 };
	struct interface *i;
	char why[128];

	(void)state;
	assert_int_equal(generator_create(e, &config, &i, why, sizeof(why)), ERR_INVAL);
	assert_string_equal(
		why, "stream 1: source and destination are not both IPv4 or both IPv6 addresses");
	s = stream_of("::1", "::1");
	assert_int_equal(generator_create(e, &config, &i, why, sizeof(why)), ERR_INVAL);
	assert_string_equal(why,
			    "stream 1: sizes of this stream's frames go from 62 to 2048 bytes");
	s.pcap = "/nowhere/at/all";
	assert_int_equal(generator_create(e, &config, &i, why, sizeof(why)), ERR_FORMAT);
	assert_non_null(strstr(why, "/nowhere/at/all"));
	assert_int_equal(generator_start(interface_by_name_or_null(e, "sink0")), ERR_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test_setup_teardown(a_sequential_stream_counts_up, start, stop),
		cmocka_unit_test_setup_teardown(a_random_stream_stays_within_its_ranges, start,
						stop),
		cmocka_unit_test_setup_teardown(tags_and_macs_are_put, start, stop),
		cmocka_unit_test_setup_teardown(ip6_has_a_good_checksum, start, stop),
		cmocka_unit_test_setup_teardown(a_rate_is_kept_and_costs_no_turns, start, stop),
		cmocka_unit_test_setup_teardown(two_streams_take_turns, start, stop),
		cmocka_unit_test_setup_teardown(start_begins_anew_and_stop_ends, start, stop),
		cmocka_unit_test_setup_teardown(the_sink_counts, start, stop),
		cmocka_unit_test_setup_teardown(packets_of_a_file, start, stop),
		cmocka_unit_test(destinations_of_a_file),
		cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
