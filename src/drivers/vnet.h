/*
 * vnet.h - the virtio-net header that Linux puts before each packet of a tap device: checksum and
 * segmentation offload, to and from our buffers. Virtio 1.2 §5.1.6; native byte order as tun has
 * it.
 */
#ifndef CONVOY_DRIVERS_VNET_H
#define CONVOY_DRIVERS_VNET_H

#include <linux/virtio_net.h>

#include "engine/buf.h"

/*
 * vnet_to_buf - take what @h says over into @b's lanes: flags, l4_at, csum_off, gso_type, gso_size.
 * @b holds the frame; `at` is its first byte.
 * False if the header contradicts the packet or asks for an offload that was never agreed on.
 */
must_check
bool vnet_to_buf(const struct virtio_net_hdr *h, struct buf *b);

/*
 * vnet_of_buf - what to tell the kernel about @b, a frame that starts at `at` with l4_at valid
 * where offload is asked for. False if its lanes contradict it.
 */
must_check
bool vnet_of_buf(struct virtio_net_hdr *h, const struct buf *b);

#endif
