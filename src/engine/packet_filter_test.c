/* packet_filter_test.c - what matches, with and without the Ethernet header before the data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/packet_filter.h"
#include "wire/ethernet.h"

enum { ETH = ETHERNET_HDR_LEN };

/* 10.0.0.1:1000 to 10.0.0.2:53, UDP, in a frame */
static const uint8_t udp4[] = { 2,    0, 0,  0,	 0, 1, 2, 0,	0,  0,	0, 2, 8,  0,
				0x45, 0, 0,  28, 0, 0, 0, 0,	64, 17, 0, 0, 10, 0,
				0,    1, 10, 0,	 0, 2, 3, 0xe8, 0,  53, 0, 8, 0,  0 };
/* who has 10.0.0.2 */
static const uint8_t arp[] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0,  2, 8, 6,
			       0,   1,	 8,   0,   6,	4,   0, 1, 2, 0, 0,  0, 0, 2,
			       10,  0,	 0,   1,   0,	0,   0, 0, 0, 0, 10, 0, 0, 2 };

static void *memory;

static struct buf *packet(const uint8_t *bytes, uint16_t len, bool after_ethernet_input)
{
	struct buf *b = memory;

	memset(b, 0, sizeof(*b));
	b->at = BUF_HEADROOM;
	memcpy(buf_append(b, len), bytes, len);
	if (after_ethernet_input) {
		b->l2_at = b->at;
		buf_pull(b, ETH);
		b->l3_at = b->at;
	}
	return b;
}

static void packets_are_viewed_as_what_they_begin_with(void **state)
{
	struct packet_view v;

	(void)state;
	v = packet_view(packet(udp4, sizeof(udp4), false));
	assert_false(v.is_ip);
	assert_int_equal(v.total, sizeof(udp4));
	v = packet_view(packet(udp4, sizeof(udp4), true));
	assert_true(v.is_ip);
	assert_int_equal(v.len, sizeof(udp4) - ETH);
	assert_int_equal(*v.at, 0x45);
	v = packet_view(packet(arp, sizeof(arp), true)); /* only a frame makes sense of it */
	assert_false(v.is_ip);
	assert_int_equal(v.total, sizeof(arp));
	assert_memory_equal(v.at, arp, sizeof(arp));
	v = packet_view(packet(udp4, 0, false));
	assert_int_equal(v.len, 0);
}

static void filters_match_at_any_node(void **state)
{
	static const struct {
		const char *text;
		bool frame, ip, arp;
	} rows[] = {
		{ "host 10.0.0.1", true, true, true },
		{ "udp port 53", true, true, false },
		{ "tcp", false, false, false },
		{ "src 10.0.0.2", false, false, false },
		{ "ip and not tcp", true, true, false },
		{ "arp", false, false, true },
		{ "ether host 02:00:00:00:00:02", true, false, true },
		{ "greater 43", false, false, false },
	};

	(void)state;
	for (unsigned i = 0; i < count_of(rows); i++) {
		struct packet_filter *f;
		char why[256] = "";

		print_message("%s\n", rows[i].text);
		assert_int_equal(packet_filter_new(rows[i].text, &f, why, sizeof(why)), 0);
		assert_int_equal(packet_filter_match(f, packet(udp4, sizeof(udp4), false)),
				 rows[i].frame);
		assert_int_equal(packet_filter_match(f, packet(udp4, sizeof(udp4), true)),
				 rows[i].ip);
		assert_int_equal(packet_filter_match(f, packet(arp, sizeof(arp), true)),
				 rows[i].arp);
		packet_filter_free(f);
	}
}

static void nonsense_is_refused_in_words(void **state)
{
	struct packet_filter *f = NULL;
	char why[256] = "";

	(void)state;
	assert_int_equal(packet_filter_new("hosts and ports", &f, why, sizeof(why)), ERR_FORMAT);
	assert_non_null(strstr(why, "filter \"hosts and ports\": "));
	assert_null(f);
}

static int setup(void **state)
{
	(void)state;
	memory = aligned_alloc(64, sizeof(struct buf));
	return memory ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_viewed_as_what_they_begin_with),
		cmocka_unit_test(filters_match_at_any_node),
		cmocka_unit_test(nonsense_is_refused_in_words),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
