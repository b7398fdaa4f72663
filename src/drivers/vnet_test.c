/* vnet_test.c - virtio-net headers against what Linux writes and accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/vnet.h"

enum { ETH = 14, IP4 = 20, TCP = 20, L4 = ETH + IP4 };

static struct buf b;

/* A TCP/IPv4 frame with @payload bytes; the header fields that matter here are set. */
static void frame(uint32_t payload)
{
	memset(&b, 0, sizeof(b));
	b.at = BUF_HEADROOM;
	b.total_len = L4 + TCP + payload;
	b.len = (uint16_t)(b.total_len < BUF_DATA ? b.total_len : BUF_DATA);
	b.room[b.at + L4 + 12] = 5 << 4;
}

#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID VIRTIO_NET_HDR_F_DATA_VALID
#define TCPV4 VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6 VIRTIO_NET_HDR_GSO_TCPV6
#define ECN   VIRTIO_NET_HDR_GSO_ECN
#define UDP   VIRTIO_NET_HDR_GSO_UDP

static const struct {
	const char *what;
	struct virtio_net_hdr h;
	uint32_t payload;
	bool good;
	uint32_t flags;
	unsigned gso_type;
} received[] = {
	{ "plain", { 0 }, 10, true, 0, GSO_NONE },
	{ "verified", { .flags = VALID }, 10, true, BUF_L4_CSUM_OK, GSO_NONE },
	{ "partial",
	  { .flags = NEEDS, .csum_start = L4, .csum_offset = 16 },
	  10,
	  true,
	  BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK,
	  GSO_NONE },
	{ "super-segment",
	  { NEEDS, TCPV4, 54, 1448, L4, 16 },
	  30000,
	  true,
	  BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK,
	  GSO_TCP4 },
	{ "super-segment with ECN",
	  { NEEDS, TCPV6 | ECN, 54, 1448, L4, 16 },
	  30000,
	  true,
	  BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK,
	  GSO_TCP6 },
	{ "far outside", { NEEDS, 0, 0, 0, 65535, 65535 }, 0, false, 0, 0 },
	{ "neither TCP nor UDP", { NEEDS, 0, 0, 0, L4, 10 }, 0, false, 0, 0 },
	{ "segments without checksum", { 0, TCPV4, 54, 1448, 0, 0 }, 30000, false, 0, 0 },
	{ "segments of nothing", { NEEDS, TCPV4, 54, 0, L4, 16 }, 30000, false, 0, 0 },
	{ "UDP fragments", { NEEDS, UDP, 54, 1448, L4, 6 }, 30000, false, 0, 0 },
};

static void what_the_kernel_says(void **state)
{
	(void)state;
	for (unsigned i = 0; i < count_of(received); i++) {
		bool good;

		frame(received[i].payload);
		good = vnet_to_buf(&received[i].h, &b);
		if (good != received[i].good)
			fail_msg("%s: %d", received[i].what, good);
		if (!good || !received[i].flags)
			continue;
		assert_int_equal(b.flags, received[i].flags);
		assert_int_equal(b.gso_type, received[i].gso_type);
	}
}

static void a_field_that_ends_outside_is_refused(void **state)
{
	struct virtio_net_hdr h = { .flags = NEEDS, .csum_offset = 16 };

	(void)state;
	frame(0);
	h.csum_start = (uint16_t)(b.len - 16 - 2);
	assert_true(vnet_to_buf(&h, &b));
	h.csum_start++;
	assert_false(vnet_to_buf(&h, &b));
}

static void what_we_say_comes_back(void **state)
{
	struct virtio_net_hdr h;
	struct buf before;

	(void)state;
	frame(30000);
	b.flags = BUF_NEED_L4_CSUM;
	b.l4_at = (uint16_t)(b.at + L4);
	b.csum_off = CSUM_OFF_TCP;
	b.gso_type = GSO_TCP4;
	b.gso_size = 1448;
	before = b;
	assert_true(vnet_of_buf(&h, &b));
	assert_int_equal(h.hdr_len, L4 + TCP);
	frame(30000);
	assert_true(vnet_to_buf(&h, &b));
	assert_int_equal(b.l4_at, before.l4_at);
	assert_int_equal(b.csum_off, before.csum_off);
	assert_int_equal(b.gso_type, before.gso_type);
	assert_int_equal(b.gso_size, before.gso_size);
	assert_true(b.flags & BUF_NEED_L4_CSUM);

	frame(1448); /* one segment: only the checksum is left to do */
	b.flags = BUF_NEED_L4_CSUM;
	b.l4_at = before.l4_at;
	b.csum_off = CSUM_OFF_TCP;
	b.gso_type = GSO_TCP4;
	b.gso_size = 1448;
	assert_true(vnet_of_buf(&h, &b));
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	b.l4_at = (uint16_t)(b.at + b.len);
	assert_false(vnet_of_buf(&h, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_says),
		cmocka_unit_test(a_field_that_ends_outside_is_refused),
		cmocka_unit_test(what_we_say_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
