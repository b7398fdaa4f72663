/* vlan_rewrite.c - from the tags of a run to masks and words. */
#include "l2/vlan/vlan_rewrite.h"

enum { TYPE_LEN = 2, BITS_PER_BYTE = 8 };

static uint64_t word_of(const struct vlan_tag *tag, unsigned n)
{
	uint64_t word = 0;

	memcpy(&word, tag, n * sizeof(*tag));
	return word;
}

/* The same bits of each of @n tags. */
static uint64_t in_each(uint16_t tpid, uint16_t tci, unsigned n)
{
	const struct vlan_tag one = { be16_of(tpid), be16_of(tci) };
	const struct vlan_tag tags[VLAN_TAGS_MAX] = { one, one };

	return word_of(tags, n);
}

struct vlan_rewrite vlan_rewrite_of(const struct vlan_inside *was, unsigned n_off,
				    const struct vlan_inside *on)
{
	int longer = ((int)on->n - (int)n_off) * VLAN_TAG_LEN;

	return (struct vlan_rewrite){
		.mask = in_each(UINT16_MAX, VLAN_ID_MASK, was->n),
		.match = word_of(was->tag, was->n),
		.on = word_of(on->tag, on->n),
		.priority = in_each(0, VLAN_PRIORITY_MASK, was->n),
		/* One priority is that of all new tags; two are one each. */
		.spread = was->n == 1 ? 1 + ((uint64_t)1 << VLAN_TAG_LEN * BITS_PER_BYTE) : 1,
		.behind = was->n < VLAN_TAGS_MAX ? UINT16_MAX : 0,
		.behind_at = (uint16_t)(was->n % VLAN_TAGS_MAX * VLAN_TAG_LEN * BITS_PER_BYTE),
		.min_len = VLAN_TAGS_AT + VLAN_TAGS_MAX * VLAN_TAG_LEN,
		.min_at = (uint16_t)(longer > 0 ? longer : 0),
		.longer = (int16_t)longer,
		.n_on = on->n,
	};
}
