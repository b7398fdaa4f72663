/* vnet.c - virtio-net headers to and from buffer lanes. */
#include <string.h>

#include "drivers/vnet.h"

enum { TCP_MIN_BYTES = 20, TCP_OFFSET_AT = 12, GSO_SIZE_MIN = 8 };

/* Bytes of the TCP header at @b's l4_at, 0 if it is not all in the first buffer. */
static unsigned tcp_header_len(const struct buf *b)
{
	unsigned left = b->at + b->len - b->l4_at;
	unsigned len;

	if (b->l4_at < b->at || b->l4_at + TCP_MIN_BYTES > b->at + b->len)
		return 0;
	len = (b->room[b->l4_at + TCP_OFFSET_AT] >> 4) * 4u;
	return len >= TCP_MIN_BYTES && len <= left ? len : 0;
}

static bool take_gso(const struct virtio_net_hdr *h, struct buf *b)
{
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		b->gso_type = GSO_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		b->gso_type = GSO_TCP6;
		break;
	default:
		return false;
	}
	b->gso_size = h->gso_size;
	return h->gso_size >= GSO_SIZE_MIN && (b->flags & BUF_NEED_L4_CSUM) &&
	       b->csum_off == CSUM_OFF_TCP && tcp_header_len(b) != 0;
}

bool vnet_to_buf(const struct virtio_net_hdr *h, struct buf *b)
{
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		uint32_t field = (uint32_t)h->csum_start + h->csum_offset;

		if (field + 2 > b->len ||
		    (h->csum_offset != CSUM_OFF_TCP && h->csum_offset != CSUM_OFF_UDP))
			return false;
		b->flags |= BUF_NEED_L4_CSUM | BUF_L4_CSUM_OK;
		b->l4_at = (uint16_t)(b->at + h->csum_start);
		b->csum_off = (uint8_t)h->csum_offset;
	} else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		b->flags |= BUF_L4_CSUM_OK;
	}
	return h->gso_type == VIRTIO_NET_HDR_GSO_NONE || take_gso(h, b);
}

bool vnet_of_buf(struct virtio_net_hdr *h, const struct buf *b)
{
	unsigned tcp_len;

	memset(h, 0, sizeof(*h));
	if (!(b->flags & BUF_NEED_L4_CSUM)) {
		if (b->flags & BUF_L4_CSUM_OK)
			h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
		return b->gso_type == GSO_NONE;
	}
	if (b->l4_at < b->at || b->l4_at + b->csum_off + 2u > (unsigned)b->at + b->len)
		return false;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = (uint16_t)(b->l4_at - b->at);
	h->csum_offset = b->csum_off;
	if (b->gso_type == GSO_NONE)
		return true;
	tcp_len = tcp_header_len(b);
	if (b->gso_size == 0 || tcp_len == 0)
		return false;
	/* What fits one segment is no super-segment, and Linux refuses it as one. */
	if (b->total_len - h->csum_start - tcp_len <= b->gso_size)
		return true;
	h->gso_type = b->gso_type == GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	h->gso_size = b->gso_size;
	h->hdr_len = (uint16_t)(h->csum_start + tcp_len);
	return true;
}
