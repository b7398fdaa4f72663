/*
 * ip_prefix.h - addresses and prefixes of either family in one type, for what people write: IPv4
 * addresses have the IPv4-mapped form (ip6_mapped()), which nobody may write out.
 */
#ifndef CONVOY_WIRE_IP_PREFIX_H
#define CONVOY_WIRE_IP_PREFIX_H

#include "wire/ip4.h"
#include "wire/ip6.h"

/* @len counts the bits of the family's own address: to 32 for IPv4. */
struct ip_prefix {
	struct ip6_addr addr;
	uint8_t len;
};

static inline bool ip_prefix_is_ip4(const struct ip_prefix *p)
{
	return ip6_is_mapped(&p->addr);
}

/* ip_prefix_ip4, ip_prefix_ip6 - in the family's own type. */
static inline struct ip4_prefix ip_prefix_ip4(const struct ip_prefix *p)
{
	return (struct ip4_prefix){ ip6_mapped_ip4(&p->addr), p->len };
}

static inline struct ip6_prefix ip_prefix_ip6(const struct ip_prefix *p)
{
	return (struct ip6_prefix){ p->addr, p->len };
}

/* ip_addr_from_text, ip_prefix_from_text - as those of the families. 0 or ERR_FORMAT. */
must_check
int ip_addr_from_text(const char *text, struct ip6_addr *out);
must_check
int ip_prefix_from_text(const char *text, struct ip_prefix *out);

void ip_print_addr(struct writer *w, const struct ip6_addr *addr);
void ip_print_prefix(struct writer *w, const struct ip_prefix *p);

#endif
