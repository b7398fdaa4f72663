/* ring.c - walking the blocks of a TPACKET_V3 ring. */
#include "drivers/af_packet/ring.h"

void packet_ring_open(struct packet_ring *r, uint8_t *map, uint32_t n_blocks)
{
	*r = (struct packet_ring){ .map = map, .n_blocks = n_blocks };
}

static struct tpacket_hdr_v1 *block_at(const struct packet_ring *r)
{
	uint8_t *start = r->map + (size_t)r->block * PACKET_RING_BLOCK;

	return &((struct tpacket_block_desc *)(void *)start)->hdr.bh1;
}

static bool is_ours(const struct tpacket_hdr_v1 *block)
{
	/* Pairs with the kernel's barrier before it hands the block over. */
	return __atomic_load_n(&block->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static void give_back(struct packet_ring *r)
{
	/* All reads of the block come before the kernel may fill it again. */
	__atomic_store_n(&block_at(r)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->block = r->block + 1 < r->n_blocks ? r->block + 1 : 0;
}

bool packet_ring_ready(const struct packet_ring *r)
{
	return r->n_left > 0 || is_ours(block_at(r));
}

static const struct tpacket3_hdr *packet_at(const void *from, uint32_t offset)
{
	return (const void *)((const uint8_t *)from + offset);
}

const struct tpacket3_hdr *packet_ring_peek_or_null(struct packet_ring *r)
{
	while (r->n_left == 0) {
		const struct tpacket_hdr_v1 *block = block_at(r);

		if (!is_ours(block))
			return NULL;
		r->n_left = block->num_pkts;
		r->next = packet_at(r->map + (size_t)r->block * PACKET_RING_BLOCK,
				    block->offset_to_first_pkt);
		if (r->n_left == 0) /* one that timed out empty */
			give_back(r);
	}
	return r->next;
}

void packet_ring_advance(struct packet_ring *r)
{
	if (--r->n_left)
		r->next = packet_at(r->next, r->next->tp_next_offset);
	else
		give_back(r);
}
