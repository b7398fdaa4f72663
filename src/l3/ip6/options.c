/* options.c - the verdict on a header of options. */
#include "l3/ip6/options.h"

#include "l3/icmp/icmp6.h"
#include "wire/ip6_ext.h"

static enum ip6_options_verdict condemn(struct buf *b, uint8_t code, unsigned at,
					enum ip6_options_verdict verdict)
{
	icmp6_condemn(b, ICMP6_PARAMETER_PROBLEM, code, (uint16_t)at);
	return verdict;
}

enum ip6_options_verdict ip6_check_options(struct buf *b, unsigned at)
{
	const struct ip6_hdr *ip = buf_l3(b);
	const uint8_t *header = (const uint8_t *)ip + at;
	size_t readable = (size_t)(b->at + b->len - b->l3_at);
	struct ip6_options options;
	int err;

	if (at + 8 > readable || at + 8 + 8u * header[1] > readable)
		return IP6_OPTIONS_SHORT;
	err = ip6_options_scan(slice_of(header, 8 + 8u * header[1]), &options);
	if (err == ERR_FULL)
		return IP6_OPTIONS_TOO_MANY;
	at += options.fault_at;
	if (err != 0)
		return condemn(b, ICMP6_BAD_FIELD, at, IP6_OPTIONS_MALFORMED);
	switch (options.action) {
	case IP6_OPTION_SKIP:
		return IP6_OPTIONS_FINE;
	case IP6_OPTION_REPORT_UNICAST:
		if (ip6_is_multicast(&ip->dst))
			return IP6_OPTIONS_DISCARD;
		return condemn(b, ICMP6_UNKNOWN_OPTION, at, IP6_OPTIONS_REPORTED);
	case IP6_OPTION_REPORT:
		return condemn(b, ICMP6_UNKNOWN_OPTION, at, IP6_OPTIONS_REPORTED);
	default:
		return IP6_OPTIONS_DISCARD;
	}
}
