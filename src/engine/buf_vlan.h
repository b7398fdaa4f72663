/*
 * buf_vlan.h - VLAN tags of a frame in a buffer: take off, put on.
 *
 * Everywhere in the graph a frame has its tags where the wire has them. A driver whose device takes
 * tags off (a stripped tag in a descriptor or in tpacket_auxdata) puts them back with
 * buf_insert_tag() before interface_receive().
 */
#ifndef CONVOY_ENGINE_BUF_VLAN_H
#define CONVOY_ENGINE_BUF_VLAN_H

#include "engine/buf.h"
#include "wire/vlan.h"

/*
 * buf_swap_tags - replace the first @n_off tags of the frame by @n_on new ones, outer first.
 * The addresses move; what stands behind the tags stays where it is, and with it l3_at and l4_at.
 * The frame starts at the buffer's data and has as many tags; a headroom too small is asserted.
 */
static inline void buf_swap_tags(struct buf *b, unsigned n_off, const struct vlan_tag *on,
				 unsigned n_on)
{
	uint8_t addresses[VLAN_TAGS_AT];

	memcpy(addresses, buf_data(b), VLAN_TAGS_AT);
	if (n_off > n_on)
		buf_pull(b, (n_off - n_on) * VLAN_TAG_LEN);
	else
		buf_push(b, (n_on - n_off) * VLAN_TAG_LEN);
	memcpy(buf_data(b), addresses, VLAN_TAGS_AT);
	for (unsigned i = 0; i < n_on; i++)
		memcpy(buf_data(b) + VLAN_TAGS_AT + i * VLAN_TAG_LEN, &on[i], VLAN_TAG_LEN);
	b->l2_at = b->at;
}

/* buf_insert_tag - put back the outer tag that a device took off. */
static inline void buf_insert_tag(struct buf *b, uint16_t tpid, uint16_t tci)
{
	const struct vlan_tag tag = { be16_of(tpid), be16_of(tci) };

	buf_swap_tags(b, 0, &tag, 1);
}

#endif
