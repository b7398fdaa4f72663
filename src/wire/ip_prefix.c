/* ip_prefix.c - read and print addresses of either family. */
#include "wire/ip_prefix.h"

int ip_addr_from_text(const char *text, struct ip6_addr *out)
{
	struct ip6_addr ip6;
	be32 ip4;

	if (ip4_from_text(text, &ip4) == 0) {
		*out = ip6_mapped(host32(ip4));
		return 0;
	}
	if (ip6_from_text(text, &ip6) != 0 || ip6_is_mapped(&ip6))
		return ERR_FORMAT;
	*out = ip6;
	return 0;
}

int ip_prefix_from_text(const char *text, struct ip_prefix *out)
{
	struct ip4_prefix ip4;
	struct ip6_prefix ip6;

	if (ip4_prefix_from_text(text, &ip4) == 0) {
		*out = (struct ip_prefix){ ip6_mapped(ip4.addr), ip4.len };
		return 0;
	}
	if (ip6_prefix_from_text(text, &ip6) != 0 || ip6_is_mapped(&ip6.addr))
		return ERR_FORMAT;
	*out = (struct ip_prefix){ ip6.addr, ip6.len };
	return 0;
}

void ip_print_addr(struct writer *w, const struct ip6_addr *addr)
{
	if (ip6_is_mapped(addr))
		ip4_print_addr(w, be32_of(ip6_mapped_ip4(addr)));
	else
		ip6_print_addr(w, addr);
}

void ip_print_prefix(struct writer *w, const struct ip_prefix *p)
{
	ip_print_addr(w, &p->addr);
	put_format(w, "/%u", p->len);
}
