/* spread_test.c - frames that have to meet on one worker, and frames that have to part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "functions/spread/spread.h"

/* A frame as hexadecimal digits; blanks are for the eye. */
static uint32_t hash_of(const char *hex)
{
	uint8_t frame[128];
	unsigned n = 0;

	for (; *hex; hex += strspn(hex, " ")) {
		unsigned byte;

		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		frame[n++] = (uint8_t)byte;
		hex += 2;
	}
	return spread_hash(slice_of(frame, n));
}

#define MACS "020000000001 020000000002 "
#define SCAM "020000000002 020000000001 "
#define IP4(fragment, protocol, src, dst)                                                          \
	"0800 45000028 0001" fragment " 40" protocol "0000 " src dst
#define IP6(next, src, dst) "86dd 60000000 0014" next "40 " src dst
#define A4		    "0a000001 "
#define B4		    "0a000002 "
#define A6		    "20010db8000000000000000000000001 "
#define B6		    "20010db8000000000000000000000002 "

/* clang-format off */
static const struct { const char *a, *b; bool same; } cases[] = {
	/* both directions of a connection */
	{ MACS IP4("0000", "06", A4, B4) "1f90 c350", SCAM IP4("0000", "06", B4, A4) "c350 1f90", true },
	{ MACS IP6("06", A6, B6) "1f90 c350", SCAM IP6("06", B6, A6) "c350 1f90", true },
	/* another connection, another protocol */
	{ MACS IP4("0000", "06", A4, B4) "1f90 c350", MACS IP4("0000", "06", A4, B4) "1f90 c351", false },
	{ MACS IP4("0000", "06", A4, B4) "1f90 c350", MACS IP4("0000", "11", A4, B4) "1f90 c350", false },
	{ MACS IP6("11", A6, B6) "1f90 c350", MACS IP6("11", A6, B6) "1f90 c351", false },
	/* a VLAN tag, or two, change nothing */
	{ MACS IP4("0000", "06", A4, B4) "1f90 c350", MACS "8100 0007 " IP4("0000", "06", A4, B4) "1f90 c350", true },
	{ MACS IP4("0000", "06", A4, B4) "1f90 c350",
	  MACS "88a8 0007 8100 0008 " IP4("0000", "06", A4, B4) "1f90 c350", true },
	/* fragments: the first has ports, the others other bytes in their place */
	{ MACS IP4("2000", "11", A4, B4) "1f90 c350", MACS IP4("0010", "11", A4, B4) "dead beef", true },
	{ MACS IP6("2c", A6, B6) "1100 0001", MACS IP6("2c", A6, B6) "1100 0109", true },
	/* neither IPv4 nor IPv6: by the stations */
	{ MACS "0806 00010800", SCAM "0806 00010800", true },
	{ MACS "0806 00010800", "020000000001 020000000003 0806 00010800", false },
};
/* clang-format on */

static void flows_meet_and_part(void **state unused_arg)
{
	for (unsigned i = 0; i < count_of(cases); i++)
		if ((hash_of(cases[i].a) == hash_of(cases[i].b)) != cases[i].same)
			fail_msg("case %u", i);
}

static void cut_frames_are_read_no_further(void **state unused_arg)
{
	static const uint8_t frame[] = { 2, 0, 0, 0,	0, 1, 2,  0, 0, 0, 0,
					 2, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0 };
	uint8_t tagged[16] = { [12] = 0x81, [13] = 0x00 };

	for (size_t n = 0; n <= sizeof(frame); n++)
		(void)spread_hash(slice_of(frame, n)); /* the sanitizers look */
	assert_int_equal(spread_hash(slice_of(tagged, sizeof(tagged))), 0);
}

/* Consecutive ports come out about evenly. */
static void many_flows_use_all_workers(void **state unused_arg)
{
	uint8_t frame[38] = { [12] = 0x08, [14] = 0x45, [23] = 6, [29] = 1, [33] = 2 };
	unsigned n[4] = { 0 };

	for (unsigned port = 1024; port < 5120; port++) {
		frame[34] = (uint8_t)(port >> 8);
		frame[35] = (uint8_t)port;
		n[(uint64_t)spread_hash(slice_of(frame, sizeof(frame))) * 4 >> 32]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(n[i], 900, 1150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_meet_and_part),
		cmocka_unit_test(cut_frames_are_read_no_further),
		cmocka_unit_test(many_flows_use_all_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
