/*
 * redirect.h - telling a neighbour of a better first hop on its own link: RFC 1812 §5.2.7.2, RFC
 * 4861 §8.2. Redirects of others are not followed: routes are the operator's, or of advertisements.
 *
 * Asked for by ip4-rewrite and ip6-rewrite about packets that leave by the interface that they came
 * by; the packet itself goes on. At most one a second for each pair of source and destination, and
 * REDIRECT_RATE in all from one worker. On unless an interface is told otherwise.
 */
#ifndef CONVOY_L3_ICMP_REDIRECT_H
#define CONVOY_L3_ICMP_REDIRECT_H

#include "engine/engine.h"
#include "l3/fib/adjacency.h"

enum { REDIRECT_RATE = 100, REDIRECT_BUCKETS = 256 };

/* redirect_init - state of every worker; before they start, after ip6_init(). ERR_NOMEM. */
must_check
int redirect_init(struct engine *e);
void redirect_deinit(struct engine *e);

/* redirect_set - main: whether @if_index sends redirects, of both families. ERR_NOENT. */
must_check
int redirect_set(struct engine *e, uint32_t if_index, bool on);
bool redirect_is_on(const struct engine *e, uint32_t if_index);

/*
 * redirect4_or_zero, redirect6_or_zero - the redirect that is due about @b, which goes to @a; its
 * data starts at its IP header. Returns the index of a packet for ip4-lookup or ip6-lookup, 0 if
 * none is due: the source is no neighbour, or not of the network of the next hop; the interface is
 * silent, or has spoken enough; there is no buffer.
 */
uint32_t redirect4_or_zero(struct worker *w, const struct adjacency *a, struct buf *b);
uint32_t redirect6_or_zero(struct worker *w, const struct adjacency *a, struct buf *b);

#endif
