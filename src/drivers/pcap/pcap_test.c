/* pcap_test.c - files that are read, played, and written; the worker's clock is the test's. */
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/pcap/pcap_private.h"

enum { MAX = 64, BIG = 9000 };

static char folder[] = "/tmp/convoy-pcap-XXXXXX";
static char in_path[64], out_path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(in_path, sizeof(in_path), "%s/in.pcap", folder);
	snprintf(out_path, sizeof(out_path), "%s/out.pcap", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(in_path);
	unlink(out_path);
	return rmdir(folder);
}

static uint32_t length_of(unsigned i)
{
	static const uint32_t lengths[] = { 60, 14, 1514, BUF_DATA, BUF_DATA + 1, BIG };

	return lengths[i % count_of(lengths)];
}

/* @n packets, 5 ms apart, the bytes of packet i being i and their place. */
static void write_file(unsigned n, int link_type)
{
	pcap_t *format =
		pcap_open_dead_with_tstamp_precision(link_type, 65536, PCAP_TSTAMP_PRECISION_NANO);
	pcap_dumper_t *file = pcap_dump_open(format, in_path);
	static uint8_t bytes[BIG];

	assert_non_null(file);
	for (unsigned i = 0; i < n; i++) {
		struct pcap_pkthdr h = { .caplen = length_of(i), .len = length_of(i) };

		h.ts.tv_sec = 1000;
		h.ts.tv_usec = (suseconds_t)(i * 5 * NS_PER_MS);
		for (uint32_t k = 0; k < h.len; k++)
			bytes[k] = (uint8_t)(i * 7 + k);
		pcap_dump((u_char *)file, &h, bytes);
	}
	pcap_dump_close(file);
	pcap_close(format);
}

static void a_file_is_read_with_its_times(void **state)
{
	struct pcap_recording r;
	char why[256] = "";

	(void)state;
	write_file(10, DLT_EN10MB);
	assert_int_equal(pcap_read(in_path, &r, why, sizeof(why)), 0);
	assert_int_equal(r.n, 10);
	assert_int_equal(r.length_ns, 9 * 5 * NS_PER_MS);
	for (unsigned i = 0; i < r.n; i++) {
		assert_int_equal(r.packet[i].len, length_of(i));
		assert_int_equal(r.packet[i].offset_ns, i * 5 * NS_PER_MS);
		assert_int_equal(r.bytes[r.packet[i].at], (uint8_t)(i * 7));
	}
	pcap_recording_free(&r);
}

static void what_cannot_be_read_is_explained(void **state)
{
	struct pcap_recording r;
	char why[256];
	FILE *f;

	(void)state;
	assert_int_equal(pcap_read("/nowhere/at.all", &r, why, sizeof(why)), ERR_FORMAT);
	assert_non_null(strstr(why, "/nowhere/at.all"));
	write_file(1, DLT_RAW);
	assert_int_equal(pcap_read(in_path, &r, why, sizeof(why)), ERR_FORMAT);
	assert_non_null(strstr(why, "not Ethernet"));
	write_file(0, DLT_EN10MB);
	assert_int_equal(pcap_read(in_path, &r, why, sizeof(why)), ERR_FORMAT);
	assert_non_null(strstr(why, "no Ethernet frame"));
	write_file(3, DLT_EN10MB);
	assert_int_equal(truncate(in_path, 24 + 16 + 60 + 10), 0); /* in the second header */
	assert_int_equal(pcap_read(in_path, &r, why, sizeof(why)), ERR_FORMAT);
	assert_non_null(strstr(why, in_path));
	f = fopen(in_path, "w");
	fputs("this is no capture file, whatever its name says", f);
	fclose(f);
	assert_int_equal(pcap_read(in_path, &r, why, sizeof(why)), ERR_FORMAT);
}

/* When each packet is due: once, at a rate, in loops, as recorded. */
static void packets_are_due_as_configured(void **state)
{
	static const struct {
		struct pcap_config c;
		uint64_t due_ns[6]; /* after the start, from packet 0 on */
	} cases[] = {
		{ { .loops = 1 }, { 0, 0, 0, UINT64_MAX } },
		{ { .loops = 2 }, { 0, 0, 0, 0, 0, 0 } },
		{ { .loops = 0, .rate_pps = 4 },
		  { 100, 250000100, 500000100, 750000100, 1000000100, 1250000100 } },
		{ { .loops = 1, .as_recorded = true }, { 100, 1100, 5100, UINT64_MAX } },
		{ { .loops = 2, .as_recorded = true }, { 100, 1100, 5100, 7600, 8600, 12600 } },
	};
	struct pcap_packet packets[] = { { 0, 0, 14 }, { 1000, 0, 14 }, { 5000, 0, 14 } };
	const struct pcap_recording r = { .n = 3, .packet = packets, .length_ns = 5000 };

	(void)state;
	for (unsigned n = 0; n < count_of(cases); n++) {
		struct pcap_player p = { .start_ns = 100 };

		for (unsigned i = 0; i < count_of(cases[n].due_ns); i++) {
			uint64_t due = pcap_player_due(&p, &r, &cases[n].c);

			if (due != cases[n].due_ns[i])
				fail_msg("case %u packet %u: %lu", n, i, due);
			if (due == UINT64_MAX)
				break;
			pcap_player_advance(&p, &r, &cases[n].c);
		}
	}
}

enum { ECHO_OUT };
static const char *const echo_next[] = { [ECHO_OUT] = "interface-output" };

static unsigned echo_run(struct worker *w, struct node *node, struct frame *f)
{
	for (unsigned i = 0; i < f->n; i++)
		buf_at(f->base, f->idx[i])->tx_if = buf_at(f->base, f->idx[i])->rx_if;
	node_send_all(w, node, f, ECHO_OUT);
	return f->n;
}

static unsigned pass_run(struct worker *w, struct node *node, struct frame *f)
{
	uint16_t next[FRAME_MAX];

	for (unsigned i = 0; i < f->n; i++)
		next[i] = feature_next(w, buf_at(f->base, f->idx[i]));
	node_send(w, node, f, next);
	return f->n;
}

static const struct node_type echo = {
	.name = "echo", .run = echo_run, .next_names = echo_next, .n_next = 1
};
static const struct node_type offload = { .name = "offload", .run = pass_run };
static const struct node_type *const types[] = {
	&echo,	       &drop_node, &handoff_node, &interface_output_node, &pcap_input_node,
	&pcap_tx_node, &offload
};
static const char *const out_features[] = { "offload" };
static const struct feature_arc in_arc = {
	.id = ARC_DEVICE_INPUT, .name = "device-input", .side = ARC_RX, .end = "echo"
};
static const struct feature_arc out_arc = { .id = ARC_INTERFACE_OUTPUT,
					    .name = "interface-output",
					    .side = ARC_TX,
					    .nodes = out_features,
					    .n_nodes = 1 };
static const struct feature_arc *const arcs[] = { &in_arc, &out_arc };

/* A file through the graph into another file: the same packets, as often as it was played. */
static void what_is_played_is_what_is_written(void **state)
{
	const struct engine_options options = { .nodes = types,
						.n_nodes = count_of(types),
						.arcs = arcs,
						.n_arcs = count_of(arcs),
						.n_workers = 2,
						.n_buffers = 4096 };
	const struct pcap_config config = {
		.name = "p0", .read = in_path, .loops = 3, .write = out_path
	};
	struct pcap_recording r, copy;
	char why[256] = "";
	struct interface *i;
	struct engine *e;

	(void)state;
	write_file(MAX, DLT_EN10MB);
	assert_int_equal(engine_new(&options, &e), 0);
	if (pcap_interface_create(e, &config, &i, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(interface_set_up(i, true), 0);
	while (worker_turn(e->worker[0]) + worker_turn(e->worker[1]))
		;
	assert_int_equal(interface_counters(i).rx_packets, 3 * MAX);
	assert_int_equal(interface_counters(i).tx_packets, 3 * MAX);
	interface_remove(i);
	assert_int_equal(e->worker[0]->bufs.n_taken + e->worker[1]->bufs.n_taken,
			 e->worker[0]->bufs.n_given + e->worker[1]->bufs.n_given);
	engine_free(e);
	assert_int_equal(pcap_read(in_path, &r, why, sizeof(why)), 0);
	assert_int_equal(pcap_read(out_path, &copy, why, sizeof(why)), 0);
	assert_int_equal(copy.n, 3 * MAX);
	for (unsigned n = 0; n < copy.n; n++) {
		const struct pcap_packet *from = &r.packet[n % MAX];

		assert_int_equal(copy.packet[n].len, from->len);
		assert_memory_equal(copy.bytes + copy.packet[n].at, r.bytes + from->at, from->len);
	}
	pcap_recording_free(&r);
	pcap_recording_free(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_with_its_times),
		cmocka_unit_test(what_cannot_be_read_is_explained),
		cmocka_unit_test(packets_are_due_as_configured),
		cmocka_unit_test(what_is_played_is_what_is_written),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
