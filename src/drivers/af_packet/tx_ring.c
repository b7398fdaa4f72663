/* tx_ring.c - filling slots of a TPACKET_V2 ring. */
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "drivers/af_packet/tx_ring.h"

enum { RING_BYTES = TX_RING_BLOCKS * TX_RING_BLOCK };
/* Where the kernel expects what is to be sent: behind the header, without its address. */
enum { DATA_AT = TPACKET2_HDRLEN - sizeof(struct sockaddr_ll) };
_Static_assert(DATA_AT + sizeof(struct virtio_net_hdr) + TX_RING_FRAME_MAX <= TX_RING_SLOT,
	       "a frame fits its slot");

int tx_ring_open(struct tx_ring *r, int fd)
{
	int version = TPACKET_V2, on = 1;
	const struct tpacket_req request = {
		.tp_block_size = TX_RING_BLOCK,
		.tp_block_nr = TX_RING_BLOCKS,
		.tp_frame_size = TX_RING_SLOT,
		.tp_frame_nr = TX_RING_SLOTS,
	};
	void *map;

	/* PACKET_LOSS: a frame that cannot be sent is left out, and does not stop those behind. */
	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_LOSS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)) < 0)
		return errno;
	map = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno;
	*r = (struct tx_ring){ .map = map };
	return 0;
}

void tx_ring_close(struct tx_ring *r)
{
	if (r->map)
		munmap(r->map, RING_BYTES);
	r->map = NULL;
}

bool tx_ring_put(struct tx_ring *r, const struct virtio_net_hdr *header, const struct buf *b)
{
	uint8_t *slot = r->map + (size_t)r->block * TX_RING_BLOCK + r->in_block * TX_RING_SLOT;
	struct tpacket2_hdr *h = (void *)slot;
	struct virtio_net_hdr all = *header;

	/* Pairs with the kernel's barrier before it gives the slot back. */
	if (__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE)
		return false;
	all.hdr_len = (uint16_t)b->total_len;
	memcpy(slot + DATA_AT, &all, sizeof(all));
	if (likely(!b->next))
		memcpy(slot + DATA_AT + sizeof(all), b->room + b->at, b->len);
	else
		buf_copy_out(b, 0, slot + DATA_AT + sizeof(all), b->total_len);
	h->tp_len = (uint32_t)sizeof(all) + b->total_len;
	__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	if (++r->in_block == TX_RING_IN_BLOCK) {
		r->in_block = 0;
		r->block = r->block + 1 < TX_RING_BLOCKS ? r->block + 1 : 0;
	}
	r->n_pending++;
	return true;
}

void tx_ring_kick(struct tx_ring *r, int fd)
{
	if (r->n_pending == 0)
		return;
	/* What it cannot send now stays in its slots for the next call. */
	if (sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno != EINTR)
		r->n_pending = 0;
}
