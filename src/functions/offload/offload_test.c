/*
 * offload_test.c - segments cut from a super-segment carry its bytes and good checksums, and
 * joining them gives it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "functions/offload/gro.h"
#include "functions/offload/gso.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

enum { POOL = 2000, IP6_LEN = 40, ISN = 0xfffff000 };

static struct buf_pool pool;
static struct buf_cache cache;
static struct random rnd;

static int setup(void **state)
{
	(void)state;
	random_seed(&rnd, 42);
	assert_int_equal(buf_pool_init(&pool, POOL), 0);
	buf_cache_init(&cache, &pool);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(cache.n_taken, cache.n_given);
	buf_cache_deinit(&cache);
	buf_pool_deinit(&pool);
	return 0;
}

static struct buf *at(uint32_t idx)
{
	assert_int_not_equal(idx, 0);
	return buf_at(pool.base, idx);
}

static uint8_t payload_byte(uint32_t i)
{
	return (uint8_t)(i * 31 + i / 256);
}

/* A super-segment with @options bytes of TCP options; its chain is split at random places. */
static struct buf *super_segment(bool ip6, uint32_t payload, uint16_t size, unsigned options,
				 uint8_t flags)
{
	unsigned ip_len = ip6 ? IP6_LEN : IP4_HDR_LEN, tcp_len = TCP_HDR_LEN + options;
	struct buf *b = at(buf_alloc_one_or_zero(&cache)), *last = b;
	struct ethernet_hdr *eth = buf_append(b, ETHERNET_HDR_LEN);
	uint8_t *ip = buf_append(b, ip_len);
	struct tcp_hdr *tcp = buf_append(b, tcp_len);

	memset(eth, 0xaa, ETHERNET_HDR_LEN);
	eth->type = be16_of(ip6 ? ETHERNET_IP6 : ETHERNET_IP4);
	memset(ip, 0, ip_len);
	memset(tcp, TCP_OPT_NOP, tcp_len);
	if (ip6) {
		ip[0] = 0x60;
		ip[6] = IP_TCP;
		memset(ip + 8, 0x20, 32);
	} else {
		*(struct ip4_hdr *)(void *)ip =
			(struct ip4_hdr){ .ver_ihl = IP4_VER_IHL,
					  .id = be16_of(0xfffe),
					  .frag = be16_of(IP4_DF),
					  .ttl = 64,
					  .protocol = IP_TCP,
					  .len = be16_of((uint16_t)(ip_len + tcp_len + payload)),
					  .src = be32_of(0x0a000001),
					  .dst = be32_of(0x0a000002) };
	}
	tcp->sport = be16_of(80);
	tcp->dport = be16_of(4000);
	tcp->seq = be32_of(ISN);
	tcp->ack = be32_of(77);
	tcp->offset_reserved = tcp_offset_of(tcp_len);
	tcp->flags = flags;
	tcp->window = be16_of(1000);
	b->l2_at = b->at;
	b->l3_at = (uint16_t)(b->at + ETHERNET_HDR_LEN);
	b->l4_at = (uint16_t)(b->l3_at + ip_len);
	b->flags = BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK;
	b->csum_off = CSUM_OFF_TCP;
	b->gso_type = ip6 ? GSO_TCP6 : GSO_TCP4;
	b->gso_size = size;
	b->tx_if = 5;
	for (uint32_t i = 0; i < payload; i++) {
		if (buf_tailroom(last) == 0 || random_below(&rnd, 1000) == 0) {
			last->next = buf_alloc_one_or_zero(&cache);
			last = at(last->next);
			last->at = 0;
		}
		*buf_end(last) = payload_byte(i);
		last->len++;
		b->total_len++;
	}
	return b;
}

static uint64_t pseudo_sum(struct buf *b, bool ip6, uint16_t l4_len)
{
	const struct ip4_hdr *ip = buf_l3(b);

	if (!ip6)
		return checksum_pseudo4(ip->src, ip->dst, IP_TCP, l4_len);
	return checksum_sum((uint8_t *)buf_l3(b) + 8, 32) + checksum_word32(be32_of(l4_len)) +
	       checksum_word32(be32_of(IP_TCP));
}

/* One segment as the receiver sees it: lengths, checksums, sequence, flags, bytes. */
static void check_segment(struct buf *b, bool ip6, uint32_t offset, uint8_t flags, unsigned n)
{
	static uint8_t flat[20000];
	uint32_t len = buf_copy_out(b, 0, flat, sizeof(flat));
	unsigned l4_off = (unsigned)(b->l4_at - b->at);
	uint16_t l4_len = (uint16_t)(len - l4_off);
	const struct ip4_hdr *ip = buf_l3(b);
	const struct tcp_hdr *tcp = buf_l4(b);
	struct tcp parsed;

	assert_int_equal(len, b->total_len);
	assert_int_equal(b->tx_if, 5);
	assert_int_equal(b->gso_type, GSO_NONE);
	if (!ip6) {
		assert_int_equal(host16(ip->len), len - ETHERNET_HDR_LEN);
		assert_true(checksum_is_good(checksum_ip4_header(ip)));
		assert_int_equal(host16(ip->id), (uint16_t)(0xfffe + n));
	}
	assert_true(
		checksum_is_good(checksum_sum(flat + l4_off, l4_len) + pseudo_sum(b, ip6, l4_len)));
	assert_int_equal(tcp_parse(slice_of(flat + l4_off, l4_len), &parsed), 0);
	assert_int_equal(parsed.seq, (uint32_t)(ISN + offset));
	assert_int_equal(tcp->flags, flags);
	for (uint32_t i = 0; i < parsed.payload.len; i++)
		assert_int_equal(parsed.payload.at[i], payload_byte(offset + i));
}

static const struct {
	bool ip6;
	uint32_t payload;
	uint16_t size;
	unsigned options;
} cuts[] = {
	{
		false,
		3000,
		1448,
		12,
	},
	{
		false,
		2896,
		1448,
		12,
	},
	{
		false,
		1,
		1448,
		0,
	},
	{
		false,
		64000,
		1460,
		0,
	},
	{
		true,
		30000,
		1428,
		12,
	},
	{
		false,
		20001,
		8947,
		12,
	},
	{
		false,
		1000,
		7,
		40,
	},
	{
		true,
		999,
		333,
		0,
	},
};

static void segments_carry_the_bytes_and_good_checksums(void **state)
{
	(void)state;
	for (unsigned i = 0; i < count_of(cuts); i++) {
		struct buf *b =
			super_segment(cuts[i].ip6, cuts[i].payload, cuts[i].size, cuts[i].options,
				      TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR);
		uint32_t offset = 0;
		unsigned n = 0;
		struct gso g;

		assert_true(gso_begin(&g, b, i % 2));
		for (; gso_more(&g); n++) {
			struct buf *s = at(gso_next_or_zero(&g, &cache));
			uint8_t flags = TCP_ACK;

			if (n == 0)
				flags |= TCP_CWR;
			if (!gso_more(&g))
				flags |= TCP_PSH | TCP_FIN;
			if (i % 2)
				assert_true(csum_fill(s));
			assert_false(s->flags & BUF_NEED_L4_CSUM);
			check_segment(s, cuts[i].ip6, offset, flags, n);
			offset += cuts[i].size;
			buf_free_one(&cache, s->self);
		}
		assert_int_equal(n, (cuts[i].payload + cuts[i].size - 1) / cuts[i].size);
		buf_free_one(&cache, b->self);
	}
}

static void what_is_no_super_segment_is_refused(void **state)
{
	struct buf *b = super_segment(false, 3000, 1448, 0, TCP_ACK);
	struct tcp_hdr *tcp = buf_l4(b);
	struct gso g;

	(void)state;
	tcp->offset_reserved = 4 << 4;
	assert_false(gso_begin(&g, b, false));
	tcp->offset_reserved = 5 << 4;
	b->l4_at = (uint16_t)(b->l3_at + 10);
	assert_false(gso_begin(&g, b, false));
	b->l4_at = (uint16_t)(b->at + b->len);
	assert_false(gso_begin(&g, b, false));
	assert_false(csum_fill(b));
	buf_free_one(&cache, b->self);
}

static void an_empty_pool_ends_a_cut(void **state)
{
	struct buf *b = super_segment(false, 3000, 1448, 0, TCP_ACK);
	uint32_t idx[POOL];
	unsigned n = buf_alloc(&cache, idx, POOL);
	struct gso g;

	(void)state;
	assert_true(gso_begin(&g, b, false));
	assert_int_equal(gso_next_or_zero(&g, &cache), 0);
	buf_free(&cache, idx, n);
	buf_free_one(&cache, b->self);
}

/* Cut a super-segment into frames as they come from a wire. */
static unsigned wire_frames(struct buf **out, bool ip6, uint32_t payload, uint16_t size,
			    uint8_t flags)
{
	struct buf *b = super_segment(ip6, payload, size, 12, flags);
	unsigned n = 0;
	struct gso g;

	assert_true(gso_begin(&g, b, false));
	while (gso_more(&g)) {
		out[n] = at(gso_next_or_zero(&g, &cache));
		out[n]->flags = 0;
		out[n]->l3_at = out[n]->l4_at = 0;
		n++;
	}
	buf_free_one(&cache, b->self);
	return n;
}

static void join_and_check(bool ip6)
{
	unsigned ip_len = ip6 ? IP6_LEN : IP4_HDR_LEN;
	struct buf *frame[64];
	unsigned n = wire_frames(frame, ip6, 30000, 1448, TCP_ACK | TCP_PSH);
	struct gro g = { .n = 0 };
	static uint8_t flat[40000];
	struct tcp parsed;
	uint32_t len;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(gro_add(&g, frame[i]), i > 0);
	gro_finish(&g);
	assert_int_equal(frame[0]->gso_type, ip6 ? GSO_TCP6 : GSO_TCP4);
	assert_int_equal(frame[0]->gso_size, 1448);
	assert_int_equal(frame[0]->total_len, ETHERNET_HDR_LEN + ip_len + 32 + 30000);
	assert_true(frame[0]->flags & BUF_L4_CSUM_OK);
	frame[0]->l3_at = (uint16_t)(frame[0]->at + ETHERNET_HDR_LEN);
	assert_true(csum_fill(frame[0])); /* as one packet it is good as well */
	len = buf_copy_out(frame[0], ETHERNET_HDR_LEN + ip_len, flat, sizeof(flat));
	assert_true(checksum_is_good(checksum_sum(flat, len) +
				     pseudo_sum(frame[0], ip6, (uint16_t)len)));
	if (ip6)
		assert_int_equal(host16(((struct ip6_hdr *)buf_l3(frame[0]))->payload_len), len);
	assert_int_equal(tcp_parse(slice_of(flat, len), &parsed), 0);
	assert_int_equal(parsed.payload.len, 30000);
	assert_int_equal(parsed.flags, TCP_ACK | TCP_PSH);
	for (uint32_t i = 0; i < 30000; i++)
		assert_int_equal(parsed.payload.at[i], payload_byte(i));
	buf_free_one(&cache, frame[0]->self);
}

static void joining_undoes_cutting(void **state)
{
	(void)state;
	join_and_check(false);
	join_and_check(true);
}

/* The same flow in everything but one field of the IPv6 header. */
static void ip6_headers_have_to_be_equal(void **state)
{
	static const struct {
		const char *what;
		unsigned at; /* in the IPv6 header of the second of three */
		unsigned n_out;
	} cases[] = {
		{ "nothing", 5 /* what the length has anyway */, 1 },
		{ "traffic class", 1, 3 },
		{ "flow label", 3, 3 },
		{ "hop limit", 7, 3 },
	};

	(void)state;
	for (unsigned i = 0; i < count_of(cases); i++) {
		struct buf *frame[8], *out[8];
		unsigned n = wire_frames(frame, true, 3000, 1000, TCP_ACK), n_out = 0;
		struct gro g = { .n = 0 };

		buf_data(frame[1])[ETHERNET_HDR_LEN + cases[i].at] ^= cases[i].n_out > 1;
		for (unsigned k = 0; k < n; k++)
			if (!gro_add(&g, frame[k]))
				out[n_out++] = frame[k];
		gro_finish(&g);
		if (n_out != cases[i].n_out)
			fail_msg("%s: %u packets", cases[i].what, n_out);
		for (unsigned k = 0; k < n_out; k++)
			buf_free_one(&cache, out[k]->self);
	}
}

/* What happens to the second of three segments, and how many packets come out. */
enum spoil {
	NOTHING,
	SWAP,
	BAD_CSUM,
	BAD_IP_CSUM,
	FIN_SET,
	OTHER_ACK,
	OTHER_TTL,
	OTHER_OPTION,
	OTHER_PORT,
	FRAGMENT,
	PADDED
};

static const struct {
	const char *what;
	enum spoil spoil;
	unsigned n_out;
} joins[] = {
	{ "in order", NOTHING, 1 },
	{ "second and third swapped", SWAP, 3 },
	{ "bad TCP checksum", BAD_CSUM, 3 },
	{ "bad IP checksum", BAD_IP_CSUM, 3 },
	{ "FIN", FIN_SET, 3 },
	{ "another acknowledgement", OTHER_ACK, 3 },
	{ "another TTL", OTHER_TTL, 3 },
	{ "another option", OTHER_OPTION, 3 },
	{ "another connection between", OTHER_PORT, 3 },
	{ "a fragment between", FRAGMENT, 3 },
	{ "padding behind the last", PADDED, 1 },
};

/* Write both checksums of an edited frame anew. */
static void redo_checksums(struct buf *b)
{
	struct ip4_hdr *ip = (void *)(buf_data(b) + ETHERNET_HDR_LEN);
	struct tcp_hdr *tcp = (void *)(ip + 1);
	uint16_t l4_len = (uint16_t)(host16(ip->len) - IP4_HDR_LEN);

	ip->checksum = tcp->checksum = be16_of(0);
	ip->checksum = checksum_field(checksum_ip4_header(ip));
	tcp->checksum = checksum_field(checksum_sum(tcp, l4_len) +
				       checksum_pseudo4(ip->src, ip->dst, IP_TCP, l4_len));
}

static void spoil(enum spoil how, struct buf **frame)
{
	struct ip4_hdr *ip = (void *)(buf_data(frame[1]) + ETHERNET_HDR_LEN);
	struct tcp_hdr *tcp = (void *)(ip + 1);
	struct buf *second = frame[1];

	switch (how) {
	case NOTHING:
		return;
	case SWAP:
		frame[1] = frame[2];
		frame[2] = second;
		return;
	case BAD_CSUM:
		((uint8_t *)(tcp + 1))[40] ^= 1;
		return;
	case BAD_IP_CSUM:
		ip->checksum = be16_of(host16(ip->checksum) ^ 1);
		return;
	case PADDED:
		memset(buf_append(frame[2], 6), 0xee, 6);
		return;
	case FIN_SET:
		tcp->flags |= TCP_FIN;
		break;
	case OTHER_ACK:
		tcp->ack = be32_of(78);
		break;
	case OTHER_TTL:
		ip->ttl--;
		break;
	case OTHER_OPTION:
		((uint8_t *)(tcp + 1))[2] = TCP_OPT_END;
		break;
	case OTHER_PORT:
		tcp->dport = be16_of(4001);
		break;
	case FRAGMENT:
		ip->frag = be16_of(IP4_MF);
		break;
	}
	redo_checksums(second);
}

static void only_what_belongs_together_is_joined(void **state)
{
	(void)state;
	for (unsigned i = 0; i < count_of(joins); i++) {
		struct buf *frame[8], *out[8];
		unsigned n = wire_frames(frame, false, 3000, 1000, TCP_ACK), n_out = 0;
		struct gro g = { .n = 0 };

		assert_int_equal(n, 3);
		spoil(joins[i].spoil, frame);
		for (unsigned k = 0; k < n; k++)
			if (!gro_add(&g, frame[k]))
				out[n_out++] = frame[k];
		gro_finish(&g);
		if (n_out != joins[i].n_out)
			fail_msg("%s: %u packets", joins[i].what, n_out);
		if (n_out == 1)
			assert_int_equal(out[0]->total_len, 3000 + 66);
		for (unsigned k = 0; k < n_out; k++)
			buf_free_one(&cache, out[k]->self);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(segments_carry_the_bytes_and_good_checksums, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_super_segment_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_empty_pool_ends_a_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(joining_undoes_cutting, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_belongs_together_is_joined, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ip6_headers_have_to_be_equal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
