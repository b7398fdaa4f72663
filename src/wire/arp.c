/* arp.c - read and print ARP messages. */
#include "wire/arp.h"

#include "wire/ip4.h"

int arp_parse(struct slice in, struct arp_hdr *out)
{
	struct arp_hdr a;

	if (in.len < ARP_LEN)
		return ERR_SHORT;
	memcpy(&a, in.at, ARP_LEN);
	if (!arp_is_ip4_on_ethernet(&a))
		return ERR_UNSUPPORTED;
	*out = a;
	return 0;
}

void arp_print(struct writer *w, const struct arp_hdr *a)
{
	switch (host16(a->op)) {
	case ARP_REQUEST:
		put_text(w, "who-has ");
		ip4_print_addr(w, a->target_ip);
		put_text(w, " tell ");
		ip4_print_addr(w, a->sender_ip);
		break;
	case ARP_REPLY:
		ip4_print_addr(w, a->sender_ip);
		put_text(w, " is-at ");
		mac_print(w, &a->sender_mac);
		break;
	default:
		put_format(w, "arp op %u", host16(a->op));
	}
}
