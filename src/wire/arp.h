/* arp.h - the Address Resolution Protocol for IPv4 on Ethernet. RFC 826. */
#ifndef CONVOY_WIRE_ARP_H
#define CONVOY_WIRE_ARP_H

#include "wire/ethernet.h"

enum { ARP_LEN = 28, ARP_ETHERNET = 1 };
enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_hdr {
	be16 hardware; /* ARP_ETHERNET */
	be16 protocol; /* ETHERNET_IP4 */
	uint8_t hardware_len;
	uint8_t protocol_len;
	be16 op;
	struct mac sender_mac;
	be32 sender_ip;
	struct mac target_mac;
	be32 target_ip;
};
_Static_assert(sizeof(struct arp_hdr) == ARP_LEN, "as on the wire");

/* arp_is_ip4_on_ethernet - true if the four fields that say so do. */
static inline bool arp_is_ip4_on_ethernet(const struct arp_hdr *a)
{
	return host16(a->hardware) == ARP_ETHERNET && host16(a->protocol) == ETHERNET_IP4 &&
	       a->hardware_len == MAC_BYTES && a->protocol_len == 4;
}

/* arp_of - a complete message for Ethernet and IPv4. */
static inline struct arp_hdr arp_of(enum arp_op op, struct mac sender_mac, be32 sender_ip,
				    struct mac target_mac, be32 target_ip)
{
	return (struct arp_hdr){ be16_of(ARP_ETHERNET),
				 be16_of(ETHERNET_IP4),
				 MAC_BYTES,
				 4,
				 be16_of((uint16_t)op),
				 sender_mac,
				 sender_ip,
				 target_mac,
				 target_ip };
}

/*
 * arp_parse - read one message; bytes behind it are padding.
 * Returns 0, ERR_SHORT under 28 bytes, ERR_UNSUPPORTED if it is not for IPv4 on Ethernet.
 */
must_check
int arp_parse(struct slice in, struct arp_hdr *out);

/* arp_print - one line: "who-has 10.0.0.1 tell 10.0.0.2", "10.0.0.1 is-at 02:...". */
void arp_print(struct writer *w, const struct arp_hdr *a);

#endif
