/*
 * l2_output.h - the last step of a frame that l2 passes on: may it leave by this port, and where
 * to.
 *
 *   xconnect, bridge-input, … ──> [arc l2-output] ──> [arc interface-output] ──> the port's
 * transmit
 */
#ifndef CONVOY_L2_L2_OUTPUT_H
#define CONVOY_L2_L2_OUTPUT_H

#include "engine/engine.h"
#include "wire/ethernet.h"

/*
 * l2_fits_odd - the rare part of l2_fits(): tags count beyond the MTU, a super-segment as the
 * packets that it will be cut into; where the IP header of one is, is found out here (l3_at).
 */
bool l2_fits_odd(const struct interface *out, struct buf *b);

/* l2_fits - true if the frame is not longer than the port's MTU allows. */
static inline bool l2_fits(const struct interface *out, struct buf *b)
{
	if (likely(b->gso_type == GSO_NONE && b->total_len <= out->mtu_bytes + ETHERNET_HDR_LEN))
		return true;
	return l2_fits_odd(out, b);
}

/* l2_output - the frame leaves by @out, which is up: sets tx_if, returns a next index. */
static inline uint16_t l2_output(const struct worker *w, struct buf *b, const struct interface *out)
{
	b->tx_if = out->index;
	if (unlikely(feature_any(w, ARC_L2_OUTPUT, out->index)))
		return feature_from(w, b, ARC_L2_OUTPUT, 0);
	return feature_start(w, b, ARC_INTERFACE_OUTPUT, next_node(out->tx_node));
}

/* l2_is_plain - true if l2_output() would send every frame straight to the transmit node. */
static inline bool l2_is_plain(const struct worker *w, const struct interface *out)
{
	return !feature_any(w, ARC_L2_OUTPUT, out->index) &&
	       !feature_any(w, ARC_INTERFACE_OUTPUT, out->index);
}

#endif
