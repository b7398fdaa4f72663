/* datagram.c - the ranges of one datagram, in order. */
#include "l3/reassembly/datagram.h"

#include <string.h>

/* Index of the first piece that ends behind @first. */
static uint32_t find_place(const struct datagram *d, uint32_t first)
{
	uint32_t i = d->n;

	while (i > 0 && d->piece[i - 1].end > first)
		i--;
	return i;
}

/* What is known of the end must agree: one length, and nothing behind it. */
static bool end_is_consistent(const struct datagram *d, uint32_t end, bool more)
{
	if (d->len)
		return more ? end <= d->len : end == d->len;
	return more || d->n == 0 || d->piece[d->n - 1].end <= end;
}

enum datagram_verdict datagram_add(struct datagram *d, uint32_t first, uint32_t len,
				   uint32_t header_len, bool more, uint32_t what)
{
	uint32_t end = first + len;
	uint32_t at;

	if (len == 0 || (more && len % 8 != 0) || end + header_len > DATAGRAM_MAX_LEN)
		return DATAGRAM_BAD;
	at = find_place(d, first);
	if (at < d->n && d->piece[at].first == first && d->piece[at].end == end &&
	    more == (d->len != end))
		return DATAGRAM_DUPLICATE;
	if (at < d->n && d->piece[at].first < end)
		return DATAGRAM_OVERLAP;
	if (!end_is_consistent(d, end, more))
		return DATAGRAM_OVERLAP;
	if (d->n == DATAGRAM_FRAGMENTS)
		return DATAGRAM_TOO_MANY;
	memmove(&d->piece[at + 1], &d->piece[at], (d->n - at) * sizeof(d->piece[0]));
	d->piece[at] = (struct datagram_piece){ first, end, what };
	d->n++;
	d->have += len;
	if (!more)
		d->len = end;
	return d->len && d->have == d->len ? DATAGRAM_COMPLETE : DATAGRAM_ADDED;
}
