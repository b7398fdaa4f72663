/* capture_test.c - record rings, pcapng as libpcap reads it, and captures of a running engine. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pcap/pcap.h>

#include "base/random.h"
#include "functions/capture/capture_private.h"
#include "functions/capture/pcapng.h"

static void records_come_out_as_they_went_in(void **state)
{
	struct record_ring r;
	struct random rnd;
	uint32_t in = 0, out = 0, refused = 0;

	(void)state;
	random_seed(&rnd, 1);
	assert_int_equal(record_ring_init(&r, 1024), 0);
	for (unsigned step = 0; step < 100000; step++) {
		if (random_below(&rnd, 2)) {
			uint32_t len = random_below(&rnd, 300);
			uint8_t *at = record_ring_reserve_or_null(&r, len);

			if (!at) {
				refused++;
				continue;
			}
			memset(at, (int)(in & 0xff), len);
			record_ring_commit(&r, len);
			in++;
		} else {
			uint32_t len;
			const uint8_t *at = record_ring_peek_or_null(&r, &len);

			if (!at) {
				assert_int_equal(in, out);
				continue;
			}
			for (uint32_t i = 0; i < len; i++)
				assert_int_equal(at[i], out & 0xff);
			record_ring_drop(&r);
			out++;
		}
	}
	assert_true(in > 10000 && refused > 100);
	assert_null(record_ring_reserve_or_null(&r, 600)); /* more than half */
	record_ring_deinit(&r);
}

static void libpcap_reads_what_we_write(void **state)
{
	static uint8_t memory[4096], packet[100];
	struct writer w = writer_of(memory, sizeof(memory));
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	FILE *file;
	pcap_t *p;

	(void)state;
	memset(packet, 0x5a, sizeof(packet));
	pcapng_emit_header(&w, "tap0", 65535);
	for (unsigned n = 0; n < 5; n++)
		pcapng_emit_packet(&w, 1700000000123456789ull + n, PCAPNG_IN,
				   slice_of(packet, 60 + n), 1000 + n);
	assert_true(writer_ok(&w));
	file = fmemopen(memory, writer_len(&w), "r");
	p = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
	assert_non_null(p);
	assert_int_equal(pcap_datalink(p), DLT_EN10MB);
	for (unsigned n = 0; n < 5; n++) {
		assert_int_equal(pcap_next_ex(p, &h, &bytes), 1);
		assert_int_equal(h->caplen, 60 + n);
		assert_int_equal(h->len, 1000 + n);
		assert_int_equal(h->ts.tv_sec, 1700000000);
		assert_int_equal(h->ts.tv_usec, 123456789 + n);
		assert_memory_equal(bytes, packet, h->caplen);
	}
	assert_int_equal(pcap_next_ex(p, &h, &bytes), PCAP_ERROR_BREAK);
	pcap_close(p);
}

/* --- a running engine with one interface that swallows what it transmits --- */

static unsigned tx_run(struct worker *w, struct node *node, struct frame *f)
{
	(void)node;
	buf_free(&w->bufs, f->idx, f->n);
	return f->n;
}

static void free_device(struct interface *i)
{
	(void)i;
}

static const struct node_type tx = { .name = "test-tx", .run = tx_run };
static const struct interface_driver driver = { .name = "test", .tx = &tx, .free = free_device };
static const struct node_type *const types[] = {
	&tx, &drop_node, &handoff_node, &interface_output_node, &capture_in_node, &capture_out_node,
};
static const char *const in_nodes[] = { "capture-in" };
static const char *const out_nodes[] = { "capture-out" };
static const struct feature_arc in_arc = { ARC_DEVICE_INPUT, "in", ARC_RX, in_nodes, 1, "drop" };
static const struct feature_arc out_arc = {
	ARC_INTERFACE_OUTPUT, "out", ARC_TX, out_nodes, 1, NULL
};
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

static struct engine *e;
static struct interface *iface;
static unsigned n_ended;

static int setup(void **state)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_buffers = 2048 };
	const struct interface_params params = { .name = "x0",
						 .mtu_bytes = 1500,
						 .caps = CAP_CSUM | CAP_TSO | CAP_LRO,
						 .driver = &driver };

	(void)state;
	n_ended = 0;
	assert_int_equal(engine_new(&options, &e), 0);
	assert_int_equal(capture_init(e), 0);
	assert_int_equal(interface_add(e, &params, &iface), 0);
	assert_int_equal(interface_set_up(iface, true), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine_stop(e);
	capture_deinit(e);
	engine_free(e);
	return 0;
}

/* Send @arg packets: UDP if their number is even, ICMP if odd. */
static void send_packets(struct worker *w, void *arg)
{
	uint16_t to = graph_node_id(&w->engine->graph, "interface-output");

	for (uintptr_t n = 0; n < (uintptr_t)arg; n++) {
		uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
		struct buf *b = buf_at(w->bufs.pool->base, idx);
		uint8_t *at = buf_append(b, 60);

		memset(at, 0, 60);
		at[12] = 8;
		at[14] = 0x45;
		at[23] = n % 2 ? 1 : 17;
		b->tx_if = iface->index;
		node_send_to(w, to, idx);
	}
}

static unsigned packets_in(int fd)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	unsigned n = 0;
	FILE *file = fdopen(fd, "r");
	pcap_t *p;

	rewind(file);
	p = pcap_fopen_offline(file, error);
	assert_non_null(p);
	while (pcap_next_ex(p, &h, &bytes) == 1)
		n++;
	pcap_close(p);
	return n;
}

static int temporary_file(void)
{
	char name[] = "/tmp/convoy-capture-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static void ended(void *context)
{
	struct capture **c = context;
	struct capture_stats stats;

	n_ended++;
	capture_stop(*c, &stats);
}

static void nothing(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

static void came_back(struct engine *engine, void *arg)
{
	(void)engine;
	*(bool *)arg = true;
}

/* When the second errand comes back, the turn that ran the calls before the first is over. */
static void pass_two_turns(void)
{
	struct pollfd bell = { .fd = engine_main_fd(e), .events = POLLIN };

	for (unsigned n = 0; n < 2; n++) {
		bool back = false;

		assert_int_equal(engine_on_each(e, nothing, came_back, &back), 0);
		while (!back) { /* the bell may ring for older messages */
			assert_int_equal(poll(&bell, 1, 5000), 1);
			engine_run_main(e);
		}
	}
}

static void all_packets_or_the_filtered_ones_are_written(void **state)
{
	static const struct {
		const char *filter;
		bool in, out;
		unsigned expected;
	} cases[] = {
		{ NULL, false, false, 100 }, { NULL, false, true, 100 }, { NULL, true, false, 0 },
		{ "udp", false, false, 50 }, { "icmp", true, true, 50 }, { "tcp", false, true, 0 },
	};

	(void)state;
	assert_int_equal(engine_start(e), 0);
	for (unsigned i = 0; i < count_of(cases); i++) {
		int fd = temporary_file();
		struct capture *c = NULL;
		struct capture_config config = { .interface = iface,
						 .fd = dup(fd),
						 .in = cases[i].in,
						 .out = cases[i].out,
						 .filter = cases[i].filter,
						 .ended = ended,
						 .context = &c };
		struct capture_stats stats;
		char why[256];

		assert_int_equal(capture_start(e, &config, &c, why, sizeof(why)), 0);
		assert_int_equal(worker_call(e->worker[0], send_packets, (void *)100), 0);
		pass_two_turns();
		capture_stop(c, &stats);
		engine_run_main(e);
		assert_int_equal(stats.n_written, cases[i].expected);
		assert_int_equal(stats.n_lost, 0);
		assert_int_equal(packets_in(fd), cases[i].expected);
	}
	assert_int_equal(n_ended, 0);
}

static void it_ends_by_itself(void **state)
{
	int fd = temporary_file(), pipe_fds[2];
	struct capture *c = NULL;
	struct capture_config config = {
		.interface = iface, .fd = dup(fd), .n_packets = 7, .ended = ended, .context = &c
	};
	struct pollfd bell = { .fd = engine_main_fd(e), .events = POLLIN };
	char why[256];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(engine_start(e), 0);
	assert_int_equal(capture_start(e, &config, &c, why, sizeof(why)), 0);
	assert_int_equal(capture_start(e, &config, &c, why, sizeof(why)), ERR_BUSY);
	assert_int_equal(worker_call(e->worker[0], send_packets, (void *)100), 0);
	while (n_ended == 0) {
		assert_int_equal(poll(&bell, 1, 5000), 1);
		engine_run_main(e);
	}
	assert_int_equal(packets_in(fd), 7);

	assert_int_equal(pipe(pipe_fds), 0); /* a reader that goes */
	close(pipe_fds[0]);
	config.fd = pipe_fds[1];
	config.n_packets = 0;
	assert_int_equal(capture_start(e, &config, &c, why, sizeof(why)), 0);
	while (n_ended == 1) {
		assert_int_equal(poll(&bell, 1, 5000), 1);
		engine_run_main(e);
	}
}

static void a_reader_that_stalls_does_not_hold_up_the_end(void **state)
{
	struct capture *c = NULL;
	struct capture_config config = { .interface = iface, .ended = ended, .context = &c };
	struct capture_stats stats;
	int pipe_fds[2];
	char why[256];

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	config.fd = pipe_fds[1];
	assert_int_equal(engine_start(e), 0);
	assert_int_equal(capture_start(e, &config, &c, why, sizeof(why)), 0);
	assert_int_equal(worker_call(e->worker[0], send_packets, (void *)1000), 0);
	assert_int_equal(worker_call(e->worker[0], send_packets, (void *)1000), 0);
	capture_stop(c, &stats); /* the pipe holds 64 KiB */
	close(pipe_fds[0]);
}

static void what_cannot_start_says_why(void **state)
{
	struct capture *c = NULL;
	struct capture_config config = { .interface = iface,
					 .fd = -1,
					 .filter = "no such language",
					 .ended = ended,
					 .context = &c };
	char why[256];

	(void)state;
	assert_int_equal(capture_start(e, &config, &c, why, sizeof(why)), ERR_FORMAT);
	assert_non_null(strstr(why, "no such language"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_out_as_they_went_in),
		cmocka_unit_test(libpcap_reads_what_we_write),
		cmocka_unit_test_setup_teardown(all_packets_or_the_filtered_ones_are_written, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_ends_by_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reader_that_stalls_does_not_hold_up_the_end,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_start_says_why, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
