/* ip_protocol.h - numbers of the protocols above IPv4 and IPv6 that somebody here speaks (IANA). */
#ifndef CONVOY_WIRE_IP_PROTOCOL_H
#define CONVOY_WIRE_IP_PROTOCOL_H

enum ip_protocol {
	IP_HOP_BY_HOP = 0, /* IPv6 only, as are the others of RFC 8200 §4 */
	IP_ICMP4 = 1,
	IP_IPIP = 4,
	IP_TCP = 6,
	IP_UDP = 17,
	IP_IP6 = 41,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_GRE = 47,
	IP_ESP = 50,
	IP_AH = 51,
	IP_ICMP6 = 58,
	IP_NO_NEXT = 59,
	IP_DESTINATION_OPTIONS = 60,
};

#endif
