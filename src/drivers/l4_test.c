/* l4_test.c - frames whose checksums or cutting were left to a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/l4.h"
#include "wire/checksum.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/ip_protocol.h"
#include "wire/udp.h"

enum { FRAME_BYTES = 12000, ETH = 14 };

static struct buf_pool pool;
static struct buf_cache cache;
static uint8_t frame[FRAME_BYTES];

static int make_pool(void **state)
{
	(void)state;
	if (buf_pool_init(&pool, 1024) < 0)
		return -1;
	buf_cache_init(&cache, &pool);
	return 0;
}

static int free_pool(void **state)
{
	(void)state;
	buf_cache_deinit(&cache);
	buf_pool_deinit(&pool);
	return 0;
}

/* A datagram of @payload bytes behind @n_tags VLAN tags, its checksum field the pseudo sum. */
static uint32_t make_udp(unsigned family, unsigned n_tags, uint32_t payload)
{
	uint32_t l3 = ETH + n_tags * 4;
	uint32_t l4 = l3 + (family == 4 ? IP4_HDR_LEN : IP6_HDR_LEN);
	uint32_t l4_len = UDP_HDR_LEN + payload;
	struct udp_hdr *udp = (void *)(frame + l4);
	uint64_t pseudo;

	memset(frame, 0, sizeof(frame));
	for (unsigned n = 0; n < n_tags; n++)
		memcpy(frame + 12 + n * 4, (uint8_t[]){ 0x81, 0, 0, 7 }, 4);
	if (family == 4) {
		struct ip4_hdr *ip = (void *)(frame + l3);

		memcpy(frame + l3 - 2, (uint8_t[]){ 8, 0 }, 2);
		*ip = (struct ip4_hdr){ .ver_ihl = 0x45, .ttl = 9, .protocol = IP_UDP };
		ip->len = be16_of((uint16_t)(IP4_HDR_LEN + l4_len));
		ip->id = be16_of(0xfffe);
		ip->src = be32_of(0x0a000001);
		ip->dst = be32_of(0x0a000002);
		pseudo = checksum_pseudo4(ip->src, ip->dst, IP_UDP, (uint16_t)l4_len);
	} else {
		struct ip6_hdr *ip = (void *)(frame + l3);

		memcpy(frame + l3 - 2, (uint8_t[]){ 0x86, 0xdd }, 2);
		*ip = (struct ip6_hdr){ .ver_class_flow = be32_of(6u << 28),
					.next_header = IP_UDP };
		ip->payload_len = be16_of((uint16_t)l4_len);
		ip->src.b[0] = ip->dst.b[0] = 0xfd;
		ip->dst.b[15] = 1;
		pseudo = ip6_pseudo_sum(&ip->src, &ip->dst, IP_UDP, l4_len);
	}
	*udp = (struct udp_hdr){ .sport = be16_of(1000), .dport = be16_of(2000) };
	udp->len = be16_of((uint16_t)l4_len);
	udp->checksum = checksum_raw(pseudo);
	for (uint32_t i = 0; i < payload; i++)
		frame[l4 + UDP_HDR_LEN + i] = (uint8_t)(i + i / 256);
	return l4 + l4_len;
}

static struct buf *buf_of_frame(uint32_t len)
{
	struct buf *b = buf_at(pool.base, buf_alloc_one_or_zero(&cache));

	memcpy(buf_append(b, len), frame, len);
	return b;
}

static void a_checksum_that_lacks_is_seen(void **state)
{
	(void)state;
	for (unsigned family = 4; family <= 6; family += 2)
		for (unsigned n_tags = 0; n_tags <= 2; n_tags++) {
			uint32_t len = make_udp(family, n_tags, 100);
			struct buf *b = buf_of_frame(len);
			uint32_t l4 = len - 100 - UDP_HDR_LEN;

			l4_mark_partial(b);
			assert_int_equal(b->flags, BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK);
			assert_int_equal(b->l4_at, b->at + l4);
			assert_int_equal(b->csum_off, CSUM_OFF_UDP);
			buf_free_one(&cache, b->self);
			frame[l4 + 6] ^= 1; /* any other value is the sender's own */
			b = buf_of_frame(len);
			l4_mark_partial(b);
			assert_int_equal(b->flags, 0);
			buf_free_one(&cache, b->self);
		}
}

/* Every length that a frame may be cut to, against an end that must not be passed. */
static void short_frames_are_left_alone(void **state)
{
	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		uint32_t whole = make_udp(family, 1, 10), need = whole - 10;
		struct l4 l4;

		for (uint32_t len = 0; len <= whole; len++) {
			static uint8_t room[FRAME_BYTES];

			memcpy(room + sizeof(room) - len, frame, len);
			assert_int_equal(l4_find(room + sizeof(room) - len, len, &l4), len >= need);
		}
	}
}

static void fragments_and_others_are_left_alone(void **state)
{
	uint32_t len = make_udp(4, 0, 10);
	struct l4 l4;

	(void)state;
	frame[ETH + 6] = 0x20; /* more fragments */
	assert_false(l4_find(frame, len, &l4));
	frame[ETH + 6] = 0x40; /* do not fragment */
	assert_true(l4_find(frame, len, &l4));
	frame[ETH + 9] = 1; /* ICMP */
	assert_false(l4_find(frame, len, &l4));
}

static void check_datagram(struct buf *b, unsigned family, uint32_t payload, unsigned n,
			   uint32_t skipped)
{
	uint32_t l3_len = family == 4 ? IP4_HDR_LEN : IP6_HDR_LEN;
	uint8_t flat[FRAME_BYTES];
	struct udp_hdr *udp = (void *)(flat + ETH + l3_len);
	struct l4 l4;

	assert_int_equal(buf_copy_out(b, 0, flat, sizeof(flat)), ETH + l3_len + 8 + payload);
	assert_true(l4_find(flat, b->total_len, &l4));
	assert_int_equal(l4.l4_len, UDP_HDR_LEN + payload);
	assert_int_equal(host16(udp->len), UDP_HDR_LEN + payload);
	assert_int_equal(host16(udp->checksum), host16(checksum_raw(l4.pseudo)));
	assert_int_equal(b->flags, BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK);
	if (family == 4) {
		assert_true(checksum_is_good(checksum_sum(flat + ETH, IP4_HDR_LEN)));
		assert_int_equal(flat[ETH + 4] << 8 | flat[ETH + 5], (0xfffe + n) & 0xffff);
	}
	for (uint32_t i = 0; i < payload; i++)
		assert_int_equal(flat[ETH + l3_len + 8 + i],
				 (uint8_t)(skipped + i + (skipped + i) / 256));
}

static void super_datagrams_are_cut(void **state)
{
	static const struct {
		uint32_t payload;
		uint16_t gso_size;
		unsigned n; /* datagrams; 0: refused */
	} cases[] = {
		{ 100, 100, 1 },   { 100, 99, 2 },    { 1000, 100, 10 },
		{ 1001, 100, 11 }, { 6000, 100, 60 }, { 9000, 3000, 3 },
		{ 6500, 100, 0 },  { 100, 0, 0 },     { 0, 100, 0 },
	};

	(void)state;
	for (unsigned family = 4; family <= 6; family += 2)
		for (unsigned k = 0; k < count_of(cases); k++) {
			uint32_t len = make_udp(family, 0, cases[k].payload), idx[64], done = 0;

			assert_int_equal(
				l4_split_udp(&cache, frame, len, cases[k].gso_size, idx, 64),
				cases[k].n);
			for (unsigned n = 0; n < cases[k].n; n++) {
				uint32_t payload = cases[k].payload - done;

				payload = payload < cases[k].gso_size ? payload : cases[k].gso_size;
				check_datagram(buf_at(pool.base, idx[n]), family, payload, n, done);
				done += payload;
			}
			buf_free(&cache, idx, cases[k].n);
		}
	assert_int_equal(cache.n_taken, cache.n_given);
}

static void an_empty_pool_loses_no_buffer(void **state)
{
	uint32_t all[1024], idx[64], len = make_udp(4, 0, 6000);
	unsigned n = buf_alloc(&cache, all, 1024);

	(void)state;
	buf_free(&cache, all + n - 30, 30);
	assert_int_equal(l4_split_udp(&cache, frame, len, 100, idx, 64), ERR_NOMEM);
	buf_free(&cache, all, n - 30);
	assert_int_equal(cache.n_taken, cache.n_given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_checksum_that_lacks_is_seen),
		cmocka_unit_test(short_frames_are_left_alone),
		cmocka_unit_test(fragments_and_others_are_left_alone),
		cmocka_unit_test(super_datagrams_are_cut),
		cmocka_unit_test(an_empty_pool_loses_no_buffer),
	};

	return cmocka_run_group_tests(tests, make_pool, free_pool);
}
