/* nd.c - read, write and print Neighbor Discovery messages. */
#include "wire/nd.h"

#include "base/reader.h"

enum { UNIT = 8, NONCE_BYTES = 6, PREFIX_UNITS = 4, ADDR_UNITS = 2 };

static struct ip6_addr take_addr(struct reader *r)
{
	uint64_t high = take_u64(r);

	return ip6_of(high, take_u64(r));
}

static void put_addr(struct writer *w, const struct ip6_addr *a)
{
	put_bytes(w, a->b, sizeof(a->b));
}

static bool take_mac(struct slice body, struct mac *out)
{
	if (body.len < MAC_BYTES)
		return false;
	memcpy(out->b, body.at, MAC_BYTES);
	return !mac_is_group(out) && !mac_is_zero(out);
}

static void take_prefix(struct slice body, struct nd *out)
{
	struct reader r = reader_of(body);
	struct nd_prefix p = { 0 };

	p.prefix.len = take_u8(&r);
	p.flags = take_u8(&r);
	p.valid_s = take_u32(&r);
	p.preferred_s = take_u32(&r);
	take_u32(&r);
	p.prefix.addr = take_addr(&r);
	if (reader_ok(&r) && p.prefix.len <= 128 && out->n_prefixes < ND_PREFIXES_MAX)
		out->prefix[out->n_prefixes++] = p;
}

/* RFC 4191 §2.1. False for the value that is reserved. */
static bool preference_of(uint8_t flags, enum nd_preference *out)
{
	static const enum nd_preference known[] = { ND_MEDIUM, ND_HIGH, ND_MEDIUM, ND_LOW };
	unsigned bits = flags >> ND_PREFERENCE_SHIFT & ND_PREFERENCE_MASK;

	*out = known[bits];
	return bits != 2;
}

static uint8_t preference_bits(enum nd_preference p)
{
	return (uint8_t)(((unsigned)p & ND_PREFERENCE_MASK) << ND_PREFERENCE_SHIFT);
}

/* RFC 4191 §2.3: 0, 8 or 16 bytes of the prefix, as far as it is long. */
static void take_route(struct slice body, struct nd *out)
{
	struct reader r = reader_of(body);
	struct nd_route route = { 0 };
	size_t n;

	route.prefix.len = take_u8(&r);
	if (!preference_of(take_u8(&r), &route.preference))
		return;
	route.lifetime_s = take_u32(&r);
	n = reader_left(&r);
	if (!reader_ok(&r) || n > IP6_ADDR_BYTES || route.prefix.len > 8 * n ||
	    out->n_routes == ND_ROUTES_MAX)
		return;
	memcpy(route.prefix.addr.b, take_bytes(&r, n).at, n);
	out->route[out->n_routes++] = route;
}

static void take_servers(struct slice body, struct nd *out)
{
	struct reader r = reader_of(body);

	take_u16(&r);
	out->servers_s = take_u32(&r);
	while (reader_left(&r) >= IP6_ADDR_BYTES && out->n_servers < ND_SERVERS_MAX)
		out->server[out->n_servers++] = take_addr(&r);
}

static uint64_t nonce_of(struct slice body)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < NONCE_BYTES && i < body.len; i++)
		n = n << 8 | body.at[i];
	return n;
}

/* One option without its type and length. False if it is malformed. */
static bool take_option(uint8_t kind, struct slice body, struct nd *out)
{
	struct reader r = reader_of(body);

	switch (kind) {
	case ND_OPT_SOURCE_MAC:
		out->has_source_mac = true;
		return take_mac(body, &out->source_mac);
	case ND_OPT_TARGET_MAC:
		out->has_target_mac = true;
		return take_mac(body, &out->target_mac);
	case ND_OPT_PREFIX:
		take_prefix(body, out);
		return true;
	case ND_OPT_MTU:
		take_u16(&r);
		out->mtu_bytes = take_u32(&r);
		return true;
	case ND_OPT_NONCE:
		out->nonce = nonce_of(body);
		return true;
	case ND_OPT_ROUTE:
		take_route(body, out);
		return true;
	case ND_OPT_SERVERS:
		take_servers(body, out);
		return true;
	default:
		return true;
	}
}

static int take_options(struct reader *r, struct nd *out)
{
	for (unsigned n = 0; reader_left(r) > 0; n++) {
		uint8_t kind = take_u8(r);
		unsigned len = take_u8(r) * UNIT;
		struct slice body;

		if (n == ND_OPTIONS_MAX)
			return ERR_FULL;
		if (len == 0)
			return ERR_FORMAT;
		body = take_bytes(r, len - 2);
		if (!reader_ok(r) || !take_option(kind, body, out))
			return ERR_FORMAT;
	}
	return 0;
}

static void take_router_fields(struct reader *r, struct nd *out)
{
	uint8_t flags;

	out->hop_limit = take_u8(r);
	flags = take_u8(r);
	out->lifetime_s = take_u16(r);
	out->flags = flags & (uint8_t) ~(ND_PREFERENCE_MASK << ND_PREFERENCE_SHIFT);
	if (out->lifetime_s == 0 || !preference_of(flags, &out->preference))
		out->preference = ND_MEDIUM;
	out->reachable_ms = take_u32(r);
	out->retransmit_ms = take_u32(r);
}

static void take_fields(struct reader *r, struct nd *out)
{
	switch (out->type) {
	case ICMP6_ROUTER_SOLICIT:
		take_u32(r);
		break;
	case ICMP6_ROUTER_ADVERT:
		take_router_fields(r, out);
		break;
	case ICMP6_REDIRECT:
		take_u32(r);
		out->target = take_addr(r);
		out->redirect = take_addr(r);
		break;
	default:
		out->flags = (uint8_t)(take_u32(r) >> 24);
		out->target = take_addr(r);
	}
}

int nd_parse(struct slice in, struct nd *out)
{
	struct reader r = reader_of(in);
	uint8_t code;

	*out = (struct nd){ .type = take_u8(&r) };
	code = take_u8(&r);
	take_u16(&r);
	if (reader_ok(&r) && !nd_is_type(out->type))
		return ERR_UNSUPPORTED;
	take_fields(&r, out);
	if (!reader_ok(&r))
		return ERR_SHORT;
	if (code != 0 || ip6_is_multicast(&out->target))
		return ERR_FORMAT;
	return take_options(&r, out);
}

static void put_mac_option(struct writer *w, uint8_t kind, const struct mac *m)
{
	put_u8(w, kind);
	put_u8(w, 1);
	put_bytes(w, m->b, MAC_BYTES);
}

static void put_prefix(struct writer *w, const struct nd_prefix *p)
{
	put_u8(w, ND_OPT_PREFIX);
	put_u8(w, PREFIX_UNITS);
	put_u8(w, p->prefix.len);
	put_u8(w, p->flags);
	put_u32(w, p->valid_s);
	put_u32(w, p->preferred_s);
	put_u32(w, 0);
	put_addr(w, &p->prefix.addr);
}

/* Only as much of the prefix as is needed. */
static void put_route(struct writer *w, const struct nd_route *route)
{
	unsigned n_units = route->prefix.len == 0 ? 0 : route->prefix.len <= 64 ? 1 : 2;

	put_u8(w, ND_OPT_ROUTE);
	put_u8(w, (uint8_t)(1 + n_units));
	put_u8(w, route->prefix.len);
	put_u8(w, preference_bits(route->preference));
	put_u32(w, route->lifetime_s);
	put_bytes(w, route->prefix.addr.b, n_units * UNIT);
}

static void put_servers(struct writer *w, const struct nd *m)
{
	put_u8(w, ND_OPT_SERVERS);
	put_u8(w, (uint8_t)(1 + ADDR_UNITS * m->n_servers));
	put_u16(w, 0);
	put_u32(w, m->servers_s);
	for (unsigned i = 0; i < m->n_servers; i++)
		put_addr(w, &m->server[i]);
}

static void put_options(struct writer *w, const struct nd *m)
{
	if (m->has_source_mac)
		put_mac_option(w, ND_OPT_SOURCE_MAC, &m->source_mac);
	if (m->has_target_mac)
		put_mac_option(w, ND_OPT_TARGET_MAC, &m->target_mac);
	if (m->mtu_bytes) {
		put_u8(w, ND_OPT_MTU);
		put_u8(w, 1);
		put_u16(w, 0);
		put_u32(w, m->mtu_bytes);
	}
	if (m->nonce) {
		put_u8(w, ND_OPT_NONCE);
		put_u8(w, 1);
		put_u16(w, (uint16_t)(m->nonce >> 32));
		put_u32(w, (uint32_t)m->nonce);
	}
	for (unsigned i = 0; i < m->n_prefixes; i++)
		put_prefix(w, &m->prefix[i]);
	for (unsigned i = 0; i < m->n_routes; i++)
		put_route(w, &m->route[i]);
	if (m->n_servers)
		put_servers(w, m);
}

/* Whole units; behind a header of 8 bytes and the addresses a link address may stand. */
static void put_redirected(struct writer *w, struct slice about)
{
	enum { ROOM = ND_MESSAGE_MAX - ICMP6_HDR_LEN - 2 * IP6_ADDR_BYTES - 2 * UNIT };
	size_t len = about.len < ROOM ? about.len / UNIT * UNIT : ROOM;

	if (len == 0)
		return;
	put_u8(w, ND_OPT_REDIRECTED);
	put_u8(w, (uint8_t)(1 + len / UNIT));
	put_u16(w, 0);
	put_u32(w, 0);
	put_bytes(w, about.at, len);
}

/* The 32 bits behind the checksum. */
static uint32_t rest_of(const struct nd *m)
{
	if (m->type == ICMP6_ROUTER_ADVERT)
		return (uint32_t)m->hop_limit << 24 |
		       (uint32_t)(m->flags | preference_bits(m->preference)) << 16 | m->lifetime_s;
	return (uint32_t)m->flags << 24;
}

void nd_emit(struct writer *w, const struct nd *m, const struct ip6_addr *src,
	     const struct ip6_addr *dst)
{
	uint8_t body[ND_MESSAGE_MAX];
	struct writer b = writer_of(body, sizeof(body));
	struct icmp6 icmp = { .type = m->type, .rest = rest_of(m) };

	invariant(nd_is_type(m->type));
	if (m->type == ICMP6_ROUTER_ADVERT) {
		put_u32(&b, m->reachable_ms);
		put_u32(&b, m->retransmit_ms);
	} else if (m->type != ICMP6_ROUTER_SOLICIT) {
		put_addr(&b, &m->target);
	}
	if (m->type == ICMP6_REDIRECT)
		put_addr(&b, &m->redirect);
	put_options(&b, m);
	if (m->type == ICMP6_REDIRECT)
		put_redirected(&b, m->redirected);
	invariant(writer_ok(&b));
	icmp.payload = slice_of(body, writer_len(&b));
	icmp6_emit(w, &icmp, src, dst);
}

static void print_macs(struct writer *w, const struct nd *m)
{
	if (m->has_source_mac) {
		put_text(w, " from ");
		mac_print(w, &m->source_mac);
	}
	if (m->has_target_mac) {
		put_text(w, " is-at ");
		mac_print(w, &m->target_mac);
	}
}

static void print_router(struct writer *w, const struct nd *m)
{
	static const char *const preferences[] = { " low", "", " high" };

	put_format(w, "router lifetime %u%s", m->lifetime_s, preferences[m->preference + 1]);
	print_macs(w, m);
	for (unsigned i = 0; i < m->n_prefixes; i++) {
		put_text(w, " prefix ");
		ip6_print_prefix(w, &m->prefix[i].prefix);
	}
	for (unsigned i = 0; i < m->n_routes; i++) {
		put_text(w, " route ");
		ip6_print_prefix(w, &m->route[i].prefix);
	}
}

void nd_print(struct writer *w, const struct nd *m)
{
	switch (m->type) {
	case ICMP6_ROUTER_SOLICIT:
		put_text(w, "routers?");
		print_macs(w, m);
		break;
	case ICMP6_ROUTER_ADVERT:
		print_router(w, m);
		break;
	case ICMP6_NEIGHBOR_SOLICIT:
		put_text(w, "who-has ");
		ip6_print_addr(w, &m->target);
		print_macs(w, m);
		break;
	case ICMP6_NEIGHBOR_ADVERT:
		ip6_print_addr(w, &m->target);
		print_macs(w, m);
		put_format(w, "%s%s%s", m->flags & ND_ROUTER ? " router" : "",
			   m->flags & ND_SOLICITED ? " solicited" : "",
			   m->flags & ND_OVERRIDE ? " override" : "");
		break;
	default:
		put_text(w, "redirect ");
		ip6_print_addr(w, &m->redirect);
		put_text(w, " to ");
		ip6_print_addr(w, &m->target);
	}
}
