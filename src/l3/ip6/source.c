/* source.c - the rules of RFC 6724 §5, each with its number. */
#include "l3/ip6/source.h"

/* RFC 6724 §2.1, the longest prefix first; precedences are for choosing destinations. */
static const struct {
	struct ip6_prefix prefix;
	unsigned label;
} policies[] = {
	{ { { { [15] = 1 } }, 128 }, 0 },		 /* ::1, the loopback address */
	{ { { { [10] = 0xff, [11] = 0xff } }, 96 }, 4 }, /* ::ffff:0:0, mapped IPv4 */
	{ { { { 0 } }, 96 }, 3 },			 /* IPv4-compatible */
	{ { { { 0x20, 0x01 } }, 32 }, 5 },		 /* Teredo */
	{ { { { 0x20, 0x02 } }, 16 }, 2 },		 /* 6to4 */
	{ { { { 0x3f, 0xfe } }, 16 }, 12 },		 /* the 6bone */
	{ { { { 0xfe, 0xc0 } }, 10 }, 11 },		 /* site-local */
	{ { { { 0xfc } }, 7 }, 13 },			 /* unique local */
	{ { { { 0 } }, 0 }, 1 },			 /* everything else */
};

unsigned ip6_label_of(const struct ip6_addr *a)
{
	unsigned i = 0;

	while (!ip6_prefix_has(&policies[i].prefix, a))
		i++;
	return policies[i].label;
}

/* Rule 2: the smaller scope, unless it is too small. They differ. */
static bool has_better_scope(unsigned a, unsigned b, unsigned dst)
{
	return a < b ? a >= dst : b < dst;
}

/* Rule 8: bits in common with the destination, of the prefix of the source. */
static unsigned common_len(const struct ip6_view_address *a, const struct ip6_addr *dst)
{
	unsigned len = ip6_common_len(&a->prefix.addr, dst);

	return len < a->prefix.len ? len : a->prefix.len;
}

static bool is_of_next_hop(const struct ip6_view_address *a, const struct ip6_towards *to)
{
	for (unsigned i = 0; i < a->n_routers; i++)
		if (ip6_equal(&a->router[i], &to->next_hop))
			return true;
	return false;
}

bool ip6_is_better_source(const struct ip6_candidate *a, const struct ip6_candidate *b,
			  const struct ip6_towards *to)
{
	const struct ip6_view_address *x = a->address, *y = b->address;
	unsigned dst_label = ip6_label_of(&to->dst);
	unsigned x_scope = ip6_scope_of(&x->prefix.addr), y_scope = ip6_scope_of(&y->prefix.addr);
	bool x_has, y_has;

	x_has = ip6_equal(&x->prefix.addr, &to->dst); /* rule 1: the address itself */
	y_has = ip6_equal(&y->prefix.addr, &to->dst);
	if (x_has || y_has)
		return x_has;
	if (x_scope != y_scope) /* rule 2 */
		return has_better_scope(x_scope, y_scope, ip6_scope_of(&to->dst));
	if (x->state != y->state) /* rule 3: not one that is deprecated */
		return x->state == IP6_PREFERRED;
	x_has = a->if_index == to->if_index; /* rule 5: one of the interface that it leaves by */
	y_has = b->if_index == to->if_index;
	if (x_has != y_has)
		return x_has;
	x_has = is_of_next_hop(x, to); /* rule 5.5: one whose prefix the next hop advertised */
	y_has = is_of_next_hop(y, to);
	if (x_has != y_has)
		return x_has;
	x_has = ip6_label_of(&x->prefix.addr) == dst_label; /* rule 6: of the same kind */
	y_has = ip6_label_of(&y->prefix.addr) == dst_label;
	if (x_has != y_has)
		return x_has;
	return common_len(x, &to->dst) > common_len(y, &to->dst); /* rule 8 */
}
