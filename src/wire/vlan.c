/* vlan.c - read, write and print VLAN tags. */
#include "wire/vlan.h"

#include "base/reader.h"

int vlan_parse(struct slice in, struct vlan_tags *out)
{
	struct reader r = reader_of(in);
	struct vlan_tags t = { 0 };

	take_bytes(&r, VLAN_TAGS_AT);
	t.type = take_u16(&r);
	t.l3_at = ETHERNET_HDR_LEN;
	while (t.n == 0 ? vlan_is_tpid(t.type) : t.type == ETHERNET_VLAN && t.n < VLAN_TAGS_MAX) {
		if (t.n == 0)
			t.tpid = t.type;
		t.tci[t.n++] = take_u16(&r);
		t.type = take_u16(&r);
		t.l3_at = (uint16_t)(t.l3_at + VLAN_TAG_LEN);
	}
	if (!reader_ok(&r))
		return ERR_SHORT;
	*out = t;
	return 0;
}

void vlan_emit(struct writer *w, const struct vlan_tags *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		put_u16(w, i == 0 ? t->tpid : ETHERNET_VLAN);
		put_u16(w, t->tci[i]);
	}
	put_u16(w, t->type);
}

void vlan_print(struct writer *w, const struct vlan_tags *t)
{
	if (t->n == 0)
		return;
	put_format(w, "vlan %s%u", t->tpid == ETHERNET_QINQ ? "802.1ad " : "", vlan_id(t->tci[0]));
	if (t->n > 1)
		put_format(w, ".%u", vlan_id(t->tci[1]));
	if (t->tci[0] >> 13)
		put_format(w, " prio %u", t->tci[0] >> 13);
}
