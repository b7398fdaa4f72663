/* l2_output.c - frames that are not plain: long ones, tagged ones, super-segments. */
#include "l2/l2_output.h"

#include "wire/tcp.h"
#include "wire/vlan.h"

/* The IP packets that will be cut out of the super-segment: the length of the longest. */
static uint32_t segment_len(struct buf *b)
{
	const struct tcp_hdr *tcp = buf_l4(b);

	return (uint32_t)(b->l4_at - b->l3_at) + tcp_hdr_len(tcp) + b->gso_size;
}

bool l2_fits_odd(const struct interface *out, struct buf *b)
{
	struct vlan_tags tags;

	if (vlan_parse(slice_of(buf_data(b), b->len), &tags) != 0)
		return false;
	if (b->gso_type == GSO_NONE)
		return b->total_len - tags.l3_at <= out->mtu_bytes;
	b->l2_at = b->at;
	b->l3_at = (uint16_t)(b->at + tags.l3_at);
	if (b->l4_at <= b->l3_at || b->l4_at + sizeof(struct tcp_hdr) > (size_t)b->at + b->len)
		return false;
	return segment_len(b) <= out->mtu_bytes;
}
