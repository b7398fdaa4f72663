/*
 * vlan.h - VLAN tags between the addresses of a frame and its type. IEEE 802.1Q §9.
 *
 *   destination 6 │ source 6 │ tag 4 … │ type 2 │ payload
 *                            └ TPID 2, TCI 2: priority 3, drop eligible 1, VID 12
 *
 * Outer tags are customer tags (0x8100) or service tags (0x88a8, "QinQ"); behind either one more
 * customer tag counts as the inner. More tags are payload.
 */
#ifndef CONVOY_WIRE_VLAN_H
#define CONVOY_WIRE_VLAN_H

#include "wire/ethernet.h"

enum {
	VLAN_TAG_LEN = 4,
	VLAN_TAGS_MAX = 2,
	VLAN_ID_MASK = 0x0fff,
	VLAN_PRIORITY_MASK = 0xf000, /* with the drop eligible bit */
	VLAN_ID_PRIORITY = 0,	     /* no VLAN: the tag carries a priority only */
	VLAN_ID_MAX = 4094,	     /* 4095 is reserved */
	VLAN_TAGS_AT = 2 * MAC_BYTES,
};

struct vlan_tag {
	be16 tpid;
	be16 tci;
};
_Static_assert(sizeof(struct vlan_tag) == VLAN_TAG_LEN, "as on the wire");

/* What stands before the payload. */
struct vlan_tags {
	uint8_t n;		     /* 0 to VLAN_TAGS_MAX */
	uint16_t tpid;		     /* of the outer one */
	uint16_t tci[VLAN_TAGS_MAX]; /* outer first */
	uint16_t type;	/* what follows the tags counted: a third tag's, if there is one */
	uint16_t l3_at; /* bytes from the first of the frame to the payload */
};

static inline bool vlan_is_tpid(uint16_t type)
{
	return type == ETHERNET_VLAN || type == ETHERNET_QINQ;
}

static inline uint16_t vlan_id(uint16_t tci)
{
	return tci & VLAN_ID_MASK;
}

static inline uint16_t vlan_word(const uint8_t *at)
{
	be16 v;

	memcpy(v.b, at, sizeof(v.b));
	return host16(v);
}

/*
 * vlan_parse - read the tags of the frame @in; a frame without is fine, with n = 0.
 * @out: written only on success
 * ERR_SHORT if @in ends before the type.
 */
must_check
static inline int vlan_parse(struct slice in, struct vlan_tags *out)
{
	struct vlan_tags t = { .l3_at = ETHERNET_HDR_LEN };

	if (in.len < t.l3_at)
		return ERR_SHORT;
	t.type = vlan_word(in.at + VLAN_TAGS_AT);
	while (t.n == 0 ? vlan_is_tpid(t.type) : t.type == ETHERNET_VLAN && t.n < VLAN_TAGS_MAX) {
		if (in.len < t.l3_at + (size_t)VLAN_TAG_LEN)
			return ERR_SHORT;
		if (t.n == 0)
			t.tpid = t.type;
		t.tci[t.n++] = vlan_word(in.at + t.l3_at);
		t.type = vlan_word(in.at + t.l3_at + 2);
		t.l3_at = (uint16_t)(t.l3_at + VLAN_TAG_LEN);
	}
	*out = t;
	return 0;
}

/* vlan_emit - append the tags and the type, which follow the addresses of a frame. */
void vlan_emit(struct writer *w, const struct vlan_tags *t);

/* vlan_print - "vlan 100", "vlan 802.1ad 100.200 prio 3"; nothing without tags. */
void vlan_print(struct writer *w, const struct vlan_tags *t);

#endif
