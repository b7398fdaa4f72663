/*
 * shortcut_program_test.c - the program itself, run by the kernel over packets that are made here:
 * what is plain leaves rewritten and counted, everything else is left as it was.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/bpf.h"
#include "drivers/shortcut/shortcut_program.h"
#include "engine/shortcut.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
	FORWARD = 7, /* TC_ACT_REDIRECT */
	TO_GRAPH = -1,
	TO_NOBODY = 2,
	INGRESS = 77, /* no such device is needed to run the program */
	EGRESS = 78,
	FRAME_MAX_BYTES = 4096,
	MTU = 1500,
};

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 0x11 };
static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 0x33, 2, 0, 0, 0, 0, 0x22 };

static struct shortcuts *shortcuts;
static struct engine engine = { .n_workers = 1 }; /* nothing but its shortcuts */
static int program = -1;

static struct frame_bytes {
	uint8_t b[FRAME_MAX_BYTES];
	uint32_t len;
	uint32_t gso_size;
} in, out;

static int open_program(void **state)
{
	int map;

	(void)state;
	map = bpf_shared_value(sizeof(struct shortcut_table));
	if (map < 0) {
		print_message("no permission for BPF programs: skipped\n");
		return 0;
	}
	assert_int_equal(shortcuts_open(&engine, map), 0);
	shortcuts = engine.shortcuts;
	program = shortcut_program_load(map, INGRESS, our_mac);
	if (program < 0)
		fail_msg("the kernel refuses the program: %s", strerror(-program));
	return 0;
}

static int close_program(void **state)
{
	(void)state;
	if (program >= 0)
		close(program);
	shortcuts_free(&engine);
	return 0;
}

static void need_program(void)
{
	if (program < 0)
		skip();
}

/* Runs it over `in`; `out` is what became of it. Returns the verdict. */
static int run(void)
{
	struct __sk_buff context = { .gso_size = in.gso_size };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)program;
	attr.test.data_in = (uintptr_t)in.b;
	attr.test.data_size_in = in.len;
	attr.test.data_out = (uintptr_t)out.b;
	attr.test.data_size_out = sizeof(out.b);
	attr.test.ctx_in = (uintptr_t)&context;
	attr.test.ctx_size_in = sizeof(context);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		fail_msg("BPF_PROG_TEST_RUN of %u bytes: %s", in.len, strerror(errno));
	out.len = attr.test.data_size_out;
	return (int)attr.test.retval;
}

static struct ip4_hdr *ip4(struct frame_bytes *f)
{
	return (struct ip4_hdr *)(void *)(f->b + ETHERNET_HDR_LEN);
}

static struct ip6_hdr *ip6(struct frame_bytes *f)
{
	return (struct ip6_hdr *)(void *)(f->b + ETHERNET_HDR_LEN);
}

static void settle_checksum(struct frame_bytes *f)
{
	ip4(f)->checksum = (be16){ 0 };
	ip4(f)->checksum = checksum_field(checksum_ip4_header(ip4(f)));
}

static void make_ethernet(uint16_t type, uint32_t ip_len)
{
	struct ethernet_hdr *eth = (struct ethernet_hdr *)in.b;

	memset(&in, 0, sizeof(in));
	memcpy(eth->dst.b, our_mac, 6);
	memcpy(eth->src.b, "\2\0\0\0\0\x99", 6);
	eth->type = be16_of(type);
	in.len = ETHERNET_HDR_LEN + ip_len;
	for (uint32_t at = ETHERNET_HDR_LEN; at < in.len; at++)
		in.b[at] = (uint8_t)(at * 7);
}

/* UDP from 10.1.0.2 to 10.2.0.2. */
static void make_ip4(uint32_t payload)
{
	struct ip4_hdr *ip = ip4(&in);

	make_ethernet(ETHERNET_IP4, IP4_HDR_LEN + payload);
	memset(ip, 0, sizeof(*ip));
	ip->ver_ihl = 0x45;
	ip->len = be16_of((uint16_t)(IP4_HDR_LEN + payload));
	ip->ttl = 64;
	ip->protocol = IP_UDP;
	ip->src = be32_of(0x0a010002);
	ip->dst = be32_of(0x0a020002);
	settle_checksum(&in);
}

/* UDP from 2001:db8:1::2 to 2001:db8:2::2. */
static void make_ip6(uint32_t payload)
{
	struct ip6_hdr *ip = ip6(&in);

	make_ethernet(ETHERNET_IP6, IP6_HDR_LEN + payload);
	memset(ip, 0, sizeof(*ip));
	ip->ver_class_flow.b[0] = 0x60;
	ip->payload_len = be16_of((uint16_t)payload);
	ip->hop_limit = 64;
	ip->next_header = IP_UDP;
	ip->src = ip6_of(0x20010db800010000u, 2);
	ip->dst = ip6_of(0x20010db800020000u, 2);
}

static struct shortcut_slot slot_for(const void *address, unsigned bytes, uint32_t ingress)
{
	struct shortcut_slot slot = { .ingress = ingress, .egress = EGRESS, .mtu_bytes = MTU };

	memcpy(slot.address, address, bytes);
	memcpy(slot.macs, macs, sizeof(macs));
	return slot;
}

/* Returns where it is; in use. */
static uint32_t learn(const struct shortcut_slot *slot)
{
	const struct shortcut record = { .in = 1, .out = 2 };
	uint32_t at;

	assert_int_equal(shortcut_put(shortcuts, slot, &record), 0);
	at = shortcut_find_or_none(shortcuts, slot);
	assert_true(at < SHORTCUT_SLOTS);
	shortcut_confirm(shortcuts, at);
	return at;
}

static void forget_all(void)
{
	for (uint32_t n = 0; n < shortcuts->n_used; n++)
		shortcut_drop(shortcuts, shortcuts->used[n]);
	shortcuts_sweep(shortcuts);
	assert_int_equal(shortcuts->n_used, 0);
}

static uint32_t learn4(void)
{
	make_ip4(18);
	struct shortcut_slot slot = slot_for(&ip4(&in)->dst, 4, INGRESS);

	return learn(&slot);
}

static uint32_t learn6(void)
{
	make_ip6(18);
	struct shortcut_slot slot = slot_for(&ip6(&in)->dst, 16, INGRESS | SHORTCUT_IP6);

	return learn(&slot);
}

static int start(void **state)
{
	(void)state;
	if (program < 0)
		return 0;
	forget_all();
	learn4();
	learn6();
	return 0;
}

static void what_is_plain_leaves_as_the_graph_would_send_it(void **state)
{
	static const uint32_t payloads[] = { 8, 18, 26, 1000, 1480 };

	(void)state;
	need_program();
	for (unsigned n = 0; n < count_of(payloads); n++) {
		for (unsigned id = 0; id < 700; id += 7) { /* all carries of the checksum */
			make_ip4(payloads[n]);
			ip4(&in)->id = be16_of((uint16_t)(id * 93));
			settle_checksum(&in);
			assert_int_equal(run(), FORWARD);
			memcpy(in.b, macs, 12);
			ip4(&in)->ttl--;
			settle_checksum(&in);
			assert_int_equal(out.len, in.len);
			assert_memory_equal(out.b, in.b, in.len);
		}
		if (payloads[n] > MTU - IP6_HDR_LEN)
			continue;
		make_ip6(payloads[n]);
		assert_int_equal(run(), FORWARD);
		memcpy(in.b, macs, 12);
		ip6(&in)->hop_limit--;
		assert_int_equal(out.len, in.len);
		assert_memory_equal(out.b, in.b, in.len);
	}
}

static void what_is_forwarded_is_counted(void **state)
{
	const struct shortcut_slot *slot;
	struct if_counters a = { 0 }, b = { 0 };

	(void)state;
	need_program();
	forget_all();
	shortcuts_forget_interface(&engine, 1);
	shortcuts_forget_interface(&engine, 2);
	slot = &shortcuts->table->slot[learn4()];
	for (unsigned n = 0; n < 5; n++) {
		make_ip4(100);
		assert_int_equal(run(), FORWARD);
	}
	assert_int_equal(slot->n_packets, 5);
	assert_int_equal(slot->n_bytes, 5 * 134);
	for (unsigned n = 0; n < 2; n++) { /* the second time there is nothing new */
		a = b = (struct if_counters){ 0 };
		shortcuts_add_counters(&engine, 1, &a);
		shortcuts_add_counters(&engine, 2, &b);
		assert_int_equal(a.rx_packets, 5);
		assert_int_equal(a.rx_bytes, 5 * 134);
		assert_int_equal(a.tx_packets, 0);
		assert_int_equal(b.tx_packets, 5);
		assert_int_equal(b.tx_bytes, 5 * 134);
		assert_int_equal(b.rx_packets, 0);
	}
	forget_all();
	a = (struct if_counters){ 0 };
	shortcuts_add_counters(&engine, 1, &a);
	assert_int_equal(a.rx_packets, 5); /* what is gone stays counted */
}

/* --- what goes to the graph --- */

static void set_ihl(void)
{
	ip4(&in)->ver_ihl = 0x46;
}
static void set_version(void)
{
	ip4(&in)->ver_ihl = 0x55;
}
static void set_ttl_1(void)
{
	ip4(&in)->ttl = 1;
}
static void set_ttl_0(void)
{
	ip4(&in)->ttl = 0;
}
static void set_length_past_frame(void)
{
	ip4(&in)->len = be16_of(200);
}
static void set_length_under_header(void)
{
	ip4(&in)->len = be16_of(19);
}
static void set_source_zero(void)
{
	ip4(&in)->src = be32_of(0x00000001);
}
static void set_source_loopback(void)
{
	ip4(&in)->src = be32_of(0x7f000001);
}
static void set_source_multicast(void)
{
	ip4(&in)->src = be32_of(0xe0000001);
}
static void set_source_broadcast(void)
{
	ip4(&in)->src = be32_of(0xffffffff);
}
static void set_other_destination(void)
{
	ip4(&in)->dst = be32_of(0x0a020003);
}
static void set_other_station(void)
{
	in.b[5] ^= 1;
}
static void set_other_station_early(void)
{
	in.b[0] ^= 2;
}
static void set_broadcast_frame(void)
{
	memset(in.b, 0xff, 6);
}
static void set_group_source(void)
{
	in.b[6] |= 1;
}

static void what_ip4_is_not_plain_is_left_alone(void **state)
{
	static const struct {
		const char *what;
		void (*spoil)(void);
	} cases[] = {
		{ "options", set_ihl },
		{ "version", set_version },
		{ "TTL 1", set_ttl_1 },
		{ "TTL 0", set_ttl_0 },
		{ "length past the frame", set_length_past_frame },
		{ "length under the header's", set_length_under_header },
		{ "source 0/8", set_source_zero },
		{ "source 127/8", set_source_loopback },
		{ "source 224/4", set_source_multicast },
		{ "source 255.255.255.255", set_source_broadcast },
		{ "unknown destination", set_other_destination },
		{ "another station", set_other_station },
		{ "another station in the first byte", set_other_station_early },
		{ "broadcast frame", set_broadcast_frame },
		{ "frame from a group", set_group_source },
	};

	(void)state;
	need_program();
	for (unsigned n = 0; n < count_of(cases); n++) {
		make_ip4(26);
		cases[n].spoil();
		settle_checksum(&in);
		if (run() != TO_GRAPH || out.len != in.len || memcmp(out.b, in.b, in.len) != 0)
			fail_msg("%s", cases[n].what);
	}
}

static void a_wrong_checksum_is_the_graphs_in_every_bit(void **state)
{
	(void)state;
	need_program();
	for (unsigned bit = 0; bit < IP4_HDR_LEN * 8; bit++) {
		make_ip4(26);
		in.b[ETHERNET_HDR_LEN + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(run(), TO_GRAPH);
		assert_memory_equal(out.b, in.b, in.len);
	}
}

static void set6_version(void)
{
	ip6(&in)->ver_class_flow.b[0] = 0x40;
}
static void set6_hops_1(void)
{
	ip6(&in)->hop_limit = 1;
}
static void set6_hops_0(void)
{
	ip6(&in)->hop_limit = 0;
}
static void set6_length(void)
{
	ip6(&in)->payload_len = be16_of(27);
}
static void set6_options(void)
{
	ip6(&in)->next_header = 0;
}
static void set6_source_unspecified(void)
{
	ip6(&in)->src = ip6_of(0, 0);
}
static void set6_source_loopback(void)
{
	ip6(&in)->src = ip6_of(0, 1);
}
static void set6_source_mapped(void)
{
	ip6(&in)->src = ip6_of(0, 0xffff0a010002);
}
static void set6_source_link_local(void)
{
	ip6(&in)->src = ip6_of(0xfe80000000000000u, 1);
}
static void set6_source_multicast(void)
{
	ip6(&in)->src = ip6_of(0xff02000000000000u, 1);
}
static void set6_destination_0(void)
{
	ip6(&in)->dst = ip6_of(0x20010db900020000u, 2);
}
static void set6_destination_1(void)
{
	ip6(&in)->dst = ip6_of(0x20010db800020001u, 2);
}
static void set6_destination_2(void)
{
	ip6(&in)->dst = ip6_of(0x20010db800020000u, 0x100000002);
}
static void set6_destination_3(void)
{
	ip6(&in)->dst = ip6_of(0x20010db800020000u, 3);
}

static void what_ip6_is_not_plain_is_left_alone(void **state)
{
	static const struct {
		const char *what;
		void (*spoil)(void);
	} cases[] = {
		{ "version", set6_version },
		{ "hop limit 1", set6_hops_1 },
		{ "hop limit 0", set6_hops_0 },
		{ "length past the frame", set6_length },
		{ "hop-by-hop options", set6_options },
		{ "source ::", set6_source_unspecified },
		{ "source ::1", set6_source_loopback },
		{ "source ::ffff:0:0/96", set6_source_mapped },
		{ "source fe80::/10", set6_source_link_local },
		{ "source ff00::/8", set6_source_multicast },
		{ "destination, word 0", set6_destination_0 },
		{ "destination, word 1", set6_destination_1 },
		{ "destination, word 2", set6_destination_2 },
		{ "destination, word 3", set6_destination_3 },
		{ "another station", set_other_station },
		{ "frame from a group", set_group_source },
	};

	(void)state;
	need_program();
	for (unsigned n = 0; n < count_of(cases); n++) {
		make_ip6(26);
		cases[n].spoil();
		if (run() != TO_GRAPH || out.len != in.len || memcmp(out.b, in.b, in.len) != 0)
			fail_msg("%s", cases[n].what);
	}
}

/* Also one whose slot's words are the other family's. */
static void frames_that_end_early_and_other_families(void **state)
{
	struct shortcut_slot slot;

	(void)state;
	need_program();
	for (uint32_t left = 0; left < 26; left++) { /* the kernel's test takes no shorter ones */
		make_ip4(26);
		in.len = ETHERNET_HDR_LEN + IP4_HDR_LEN + left;
		assert_int_equal(run(), TO_GRAPH);
		make_ip6(26);
		in.len = ETHERNET_HDR_LEN + IP6_HDR_LEN + left;
		assert_int_equal(run(), TO_GRAPH);
	}
	make_ip6(26);
	ip6(&in)->dst = ip6_of(0x0a02000200000000u, 0); /* begins as 10.2.0.2 */
	assert_int_equal(run(), TO_GRAPH);
	slot = slot_for(&ip6(&in)->dst, 16, INGRESS | SHORTCUT_IP6);
	forget_all();
	learn(&slot);
	assert_int_equal(run(), FORWARD);
	make_ip4(26);
	assert_int_equal(run(), TO_GRAPH);
}

static void other_protocols(void **state)
{
	static const struct {
		uint16_t type;
		int verdict;
	} cases[] = {
		{ ETHERNET_ARP, TO_GRAPH },	  { ETHERNET_VLAN, TO_NOBODY },
		{ ETHERNET_QINQ, TO_NOBODY },	  { ETHERNET_MPLS, TO_NOBODY },
		{ 0x88cc /* LLDP */, TO_NOBODY }, { 46 /* 802.3 */, TO_NOBODY },
	};

	(void)state;
	need_program();
	for (unsigned n = 0; n < count_of(cases); n++) {
		make_ip4(26);
		((struct ethernet_hdr *)in.b)->type = be16_of(cases[n].type);
		assert_int_equal(run(), cases[n].verdict);
		assert_memory_equal(out.b, in.b, in.len);
	}
}

/* Padding goes along, as with any switch. */
static void padding_of_short_frames(void **state)
{
	(void)state;
	need_program();
	make_ip4(26);
	ip4(&in)->len = be16_of(IP4_HDR_LEN + 8);
	settle_checksum(&in);
	assert_int_equal(run(), FORWARD);
	assert_int_equal(out.len, in.len);
	make_ip6(26);
	ip6(&in)->payload_len = be16_of(8);
	assert_int_equal(run(), FORWARD);
}

static void the_mtu_is_that_of_each_segment(void **state)
{
	static const struct {
		uint32_t payload, gso_size;
		uint8_t protocol, tcp_words;
		int verdict;
	} cases[] = {
		{ 1480, 0, IP_UDP, 0, FORWARD },     { 1481, 0, IP_UDP, 0, TO_GRAPH },
		{ 3000, 1448, IP_TCP, 8, FORWARD },  { 3000, 1448, IP_TCP, 9, TO_GRAPH },
		{ 3000, 1460, IP_TCP, 5, FORWARD },  { 3000, 1461, IP_TCP, 5, TO_GRAPH },
		{ 3000, 1400, IP_UDP, 5, TO_GRAPH }, { 3000, 0, IP_TCP, 5, TO_GRAPH },
	};

	(void)state;
	need_program();
	for (unsigned n = 0; n < count_of(cases); n++) {
		make_ip4(cases[n].payload);
		ip4(&in)->protocol = cases[n].protocol;
		in.b[ETHERNET_HDR_LEN + IP4_HDR_LEN + 12] = (uint8_t)(cases[n].tcp_words << 4);
		in.gso_size = cases[n].gso_size;
		settle_checksum(&in);
		if (run() != cases[n].verdict)
			fail_msg("IPv4, case %u", n);
		if (cases[n].gso_size == 0)
			continue;
		make_ip6(cases[n].payload);
		ip6(&in)->next_header = cases[n].protocol;
		in.b[ETHERNET_HDR_LEN + IP6_HDR_LEN + 12] = (uint8_t)(cases[n].tcp_words << 4);
		in.gso_size = cases[n].gso_size - 20; /* of the longer header */
		if (run() != cases[n].verdict)
			fail_msg("IPv6, case %u", n);
	}
}

static void doubt_ends_every_shortcut_until_it_is_confirmed(void **state)
{
	uint32_t at4, at6;

	(void)state;
	need_program();
	forget_all();
	at4 = learn4();
	at6 = learn6();
	for (unsigned n = 0; n < 3; n++) {
		make_ip4(26);
		assert_int_equal(run(), FORWARD);
		shortcuts_doubt(&engine);
		assert_int_equal(run(), TO_GRAPH);
		make_ip6(26);
		assert_int_equal(run(), TO_GRAPH);
		shortcut_confirm(shortcuts, at6);
		assert_int_equal(run(), FORWARD);
		make_ip4(26);
		assert_int_equal(run(), TO_GRAPH);
		shortcut_confirm(shortcuts, at4);
		assert_int_equal(run(), FORWARD);
	}
	shortcut_drop(shortcuts, at4);
	assert_int_equal(run(), TO_GRAPH);
}

/* All slots of a bucket are found, and those of other devices never. */
static void buckets_that_are_full(void **state)
{
	struct shortcut_slot slot = slot_for("\12\2\0\2", 4, INGRESS);
	uint32_t bucket = shortcut_bucket(INGRESS, slot.address), found[SHORTCUT_WAYS + 1];
	const struct shortcut record = { .in = 1, .out = 2 };
	unsigned n = 0;

	(void)state;
	need_program();
	forget_all();
	for (uint32_t a = 0x0a020002; n < count_of(found); a++) {
		be32 dst = be32_of(a);

		slot = slot_for(&dst, 4, INGRESS);
		if (shortcut_bucket(INGRESS, slot.address) != bucket)
			continue;
		if (n < SHORTCUT_WAYS)
			learn(&slot);
		else
			assert_int_equal(shortcut_put(shortcuts, &slot, &record), ERR_FULL);
		found[n++] = a;
	}
	for (unsigned i = 0; i < n; i++) {
		make_ip4(26);
		ip4(&in)->dst = be32_of(found[i]);
		settle_checksum(&in);
		assert_int_equal(run(), i < SHORTCUT_WAYS ? FORWARD : TO_GRAPH);
	}
	forget_all();
	make_ip4(26);
	slot = slot_for(&ip4(&in)->dst, 4, INGRESS + 1);
	learn(&slot);
	assert_int_equal(run(), TO_GRAPH);
}

/* The kernel's hash and ours are the same one: thousands of destinations are found again. */
static void many_destinations(void **state)
{
	struct random r;
	unsigned n_missed = 0;

	(void)state;
	need_program();
	random_seed(&r, 7);
	for (unsigned n = 0; n < 4000; n++) {
		struct shortcut_slot slot;

		if (n % 64 == 0)
			forget_all();
		if (n % 2) {
			make_ip6(26);
			ip6(&in)->dst = ip6_of(random_u64(&r), random_u64(&r));
			slot = slot_for(&ip6(&in)->dst, 16, INGRESS | SHORTCUT_IP6);
		} else {
			make_ip4(26);
			ip4(&in)->dst = be32_of((uint32_t)random_u64(&r));
			settle_checksum(&in);
			slot = slot_for(&ip4(&in)->dst, 4, INGRESS);
		}
		assert_int_equal(run(), TO_GRAPH);
		learn(&slot);
		n_missed += run() != FORWARD;
	}
	assert_int_equal(n_missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_plain_leaves_as_the_graph_would_send_it, start),
		cmocka_unit_test_setup(what_is_forwarded_is_counted, start),
		cmocka_unit_test_setup(what_ip4_is_not_plain_is_left_alone, start),
		cmocka_unit_test_setup(a_wrong_checksum_is_the_graphs_in_every_bit, start),
		cmocka_unit_test_setup(what_ip6_is_not_plain_is_left_alone, start),
		cmocka_unit_test_setup(frames_that_end_early_and_other_families, start),
		cmocka_unit_test_setup(other_protocols, start),
		cmocka_unit_test_setup(padding_of_short_frames, start),
		cmocka_unit_test_setup(the_mtu_is_that_of_each_segment, start),
		cmocka_unit_test_setup(doubt_ends_every_shortcut_until_it_is_confirmed, start),
		cmocka_unit_test_setup(buckets_that_are_full, start),
		cmocka_unit_test_setup(many_destinations, start),
	};

	return cmocka_run_group_tests(tests, open_program, close_program);
}
