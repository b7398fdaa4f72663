/*
 * vlan_rewrite.h - the change of tags that all frames of a run need, worked out once for the run.
 *
 *   destination 6 │ source 6 │ w: 8 bytes            a tag each 4, what follows: a type
 *
 * The eight bytes behind the addresses say whether a frame has the tags of the run: one masked
 * comparison. vlan_rewrite() then moves the addresses over the tags that go and lays those that
 * come between, their priorities taken from w. Rare frames (short ones, no headroom) do not fit;
 * the node deals with them one by one.
 */
#ifndef CONVOY_L2_VLAN_REWRITE_H
#define CONVOY_L2_VLAN_REWRITE_H

#include "engine/buf.h"
#include "l2/vlan/vlan.h"

/* Types as they stand in w. */
#define VLAN_REWRITE_CUSTOMER __builtin_bswap16(ETHERNET_VLAN)
#define VLAN_REWRITE_SERVICE  __builtin_bswap16(ETHERNET_QINQ)

struct vlan_rewrite {
	uint64_t mask, match;	    /* of w: TPIDs and VIDs */
	uint64_t on;		    /* tags that come, without priorities */
	uint64_t priority, spread;  /* of w: priority bits, and the factor that copies them */
	uint16_t behind, behind_at; /* mask of the type behind the tags compared, its bit in w */
	uint16_t min_len, min_at;   /* frames that fit: bytes in the first buffer, headroom */
	int16_t longer;		    /* bytes that a frame grows */
	uint8_t n_on;
};

/* vlan_rewrite_none - no frame fits. */
static inline struct vlan_rewrite vlan_rewrite_none(void)
{
	return (struct vlan_rewrite){ .min_len = UINT16_MAX };
}

/*
 * vlan_rewrite_of - frames that have the tags @was, and no more unless these are two, lose the
 * first @n_off of them and get @on.
 */
struct vlan_rewrite vlan_rewrite_of(const struct vlan_inside *was, unsigned n_off,
				    const struct vlan_inside *on);

/* vlan_rewrite_word - w of the frame in @b; readable, if without meaning, for short ones. */
static force_inline uint64_t vlan_rewrite_word(struct buf *b)
{
	uint64_t w;

	memcpy(&w, buf_data(b) + VLAN_TAGS_AT, sizeof(w));
	return w;
}

/* vlan_rewrite_fits - true if vlan_rewrite() is what @b needs. */
static force_inline bool vlan_rewrite_fits(const struct vlan_rewrite *r, const struct buf *b,
					   uint64_t w)
{
	uint16_t behind = (uint16_t)(w >> r->behind_at) & r->behind;

	return !((((w ^ r->match) & r->mask) != 0) | (b->len < r->min_len) | (b->at < r->min_at) |
		 (behind == VLAN_REWRITE_CUSTOMER) | (behind == VLAN_REWRITE_SERVICE));
}

/* vlan_rewrite - change the tags of @b, which fits; what stands behind them stays where it is. */
static force_inline void vlan_rewrite(const struct vlan_rewrite *r, struct buf *b, uint64_t w)
{
	uint64_t tags = r->on | (w & r->priority) * r->spread;
	uint8_t *data = buf_data(b);
	uint64_t first;
	uint32_t second;

	memcpy(&first, data, sizeof(first));
	memcpy(&second, data + sizeof(first), sizeof(second));
	data -= r->longer;
	memcpy(data, &first, sizeof(first));
	memcpy(data + sizeof(first), &second, sizeof(second));
	if (r->n_on == 1)
		memcpy(data + VLAN_TAGS_AT, &tags, VLAN_TAG_LEN);
	else if (r->n_on == 2)
		memcpy(data + VLAN_TAGS_AT, &tags, sizeof(tags));
	buf_shift(b, r->longer);
	b->l2_at = b->at;
}

#endif
