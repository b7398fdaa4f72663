/* options.h - what to do about a packet's hop-by-hop or destination options. RFC 8200 §4.2. */
#ifndef CONVOY_L3_IP6_OPTIONS_H
#define CONVOY_L3_IP6_OPTIONS_H

#include "engine/buf.h"

enum ip6_options_verdict {
	IP6_OPTIONS_FINE,
	IP6_OPTIONS_SHORT,     /* not all there: drop */
	IP6_OPTIONS_DISCARD,   /* drop in silence */
	IP6_OPTIONS_TOO_MANY,  /* drop in silence */
	IP6_OPTIONS_REPORTED,  /* condemned: to icmp6-error */
	IP6_OPTIONS_MALFORMED, /* condemned: to icmp6-error */
};

/*
 * ip6_check_options - look at the options header that begins @at bytes after the IPv6 header's
 * first, and condemn @b (icmp6_condemn) where the verdict says so.
 */
enum ip6_options_verdict ip6_check_options(struct buf *b, unsigned at);

#endif
