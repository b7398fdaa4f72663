/*
 * packet_filter.h - which packets are meant: tcpdump's language, at any node of the graph.
 *
 * Compiled once on main by libpcap, run on workers only while somebody looks. In some nodes a
 * packet's data begin with the Ethernet header, in others with that of IP: there are two programs,
 * and packet_view() knows which one fits. What can only be said of frames ("vlan 10", "arp")
 * matches no packet where its frame is gone.
 */
#ifndef CONVOY_ENGINE_PACKET_FILTER_H
#define CONVOY_ENGINE_PACKET_FILTER_H

#include "engine/buf.h"

struct packet_filter;

/* A packet's first bytes as its node sees them. */
struct packet_view {
	const uint8_t *at;
	uint32_t len;	/* bytes there in one piece */
	uint32_t total; /* bytes of the whole packet */
	bool is_ip;	/* begins with an IP header; else with that of Ethernet */
};

struct packet_view packet_view(const struct buf *b);

/* packet_filter_new - compile @text. ERR_FORMAT with @why in words, ERR_NOMEM. */
must_check
int packet_filter_new(const char *text, struct packet_filter **out, char *why, size_t why_bytes);
void packet_filter_free(struct packet_filter *f);

/* packet_filter_match - is @b meant? Looks at what is in its first buffer. */
bool packet_filter_match(const struct packet_filter *f, const struct buf *b);

#endif
