/* vlan.c - write and print VLAN tags. */
#include "wire/vlan.h"

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
