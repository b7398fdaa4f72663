/* ip6_ext.c - walk the chain of extension headers and the options in them. */
#include "wire/ip6_ext.h"

#include "base/reader.h"

enum { NEXT_HEADER_AT = 6, EXT_UNIT = 8, ROUTING_SEGMENTS_LEFT_AT = 3 };

static bool is_extension(uint8_t next)
{
	return next == IP_HOP_BY_HOP || next == IP_DESTINATION_OPTIONS || next == IP_ROUTING ||
	       next == IP_FRAGMENT;
}

/* Note the header at out->l4_at, of which @h has the first 8 bytes. False: it is misplaced. */
static bool note(struct ip6_chain *out, const uint8_t *h)
{
	switch (out->protocol) {
	case IP_HOP_BY_HOP:
		out->has |= IP6_HAS_HOP_BY_HOP;
		return out->l4_at == IP6_HDR_LEN;
	case IP_ROUTING:
		out->has |= IP6_HAS_ROUTING;
		out->has |= h[ROUTING_SEGMENTS_LEFT_AT] ? IP6_HAS_ROUTE_TO_GO : 0;
		out->routing_at = out->l4_at;
		return true;
	case IP_FRAGMENT:
		if (out->fragment_at)
			return false;
		out->has |= IP6_HAS_FRAGMENT;
		out->fragment_at = out->l4_at;
		out->before_fragment_at = out->next_at;
		return true;
	default:
		out->has |= IP6_HAS_DESTINATION;
		return true;
	}
}

static unsigned length_of(uint8_t kind, const uint8_t *h)
{
	return kind == IP_FRAGMENT ? IP6_FRAGMENT_LEN : EXT_UNIT + EXT_UNIT * (unsigned)h[1];
}

int ip6_walk(struct slice in, struct ip6_chain *out)
{
	*out = (struct ip6_chain){ .protocol = in.at[NEXT_HEADER_AT],
				   .l4_at = IP6_HDR_LEN,
				   .next_at = NEXT_HEADER_AT };
	for (unsigned n = 0; is_extension(out->protocol); n++) {
		const uint8_t *h = in.at + out->l4_at;
		bool is_later_fragment;

		if (n == IP6_EXT_MAX)
			return ERR_FULL;
		if (out->l4_at + (size_t)EXT_UNIT > in.len ||
		    out->l4_at + (size_t)length_of(out->protocol, h) > in.len)
			return ERR_SHORT;
		if (!note(out, h)) {
			out->fault_at = out->next_at;
			return ERR_FORMAT;
		}
		is_later_fragment = out->protocol == IP_FRAGMENT &&
				    ip6_fragment_offset((const struct ip6_fragment_hdr *)h) != 0;
		out->next_at = out->l4_at;
		out->l4_at = (uint16_t)(out->l4_at + length_of(out->protocol, h));
		out->protocol = h[0];
		if (is_later_fragment)
			return 0;
	}
	return 0;
}

/* One option behind its kind. False: nothing more needs to be looked at. */
static bool take_option(uint8_t kind, uint16_t at, struct ip6_options *out)
{
	if (kind == IP6_OPT_ROUTER_ALERT)
		out->has_router_alert = true;
	if (kind == IP6_OPT_PADN || kind == IP6_OPT_ROUTER_ALERT || kind >> 6 == IP6_OPTION_SKIP)
		return true;
	out->action = (enum ip6_option_action)(kind >> 6);
	out->fault_at = at;
	return false;
}

int ip6_options_scan(struct slice header, struct ip6_options *out)
{
	struct reader r = reader_of(slice_from(header, 2));
	unsigned n = 0;

	*out = (struct ip6_options){ 0 };
	while (reader_left(&r) > 0) {
		uint16_t at = (uint16_t)(r.at - header.at);
		uint8_t kind = take_u8(&r);

		if (kind == IP6_OPT_PAD1)
			continue;
		take_bytes(&r, take_u8(&r));
		out->fault_at = at;
		if (!reader_ok(&r))
			return ERR_FORMAT;
		if (kind != IP6_OPT_PADN && ++n > IP6_OPTIONS_MAX)
			return ERR_FULL;
		if (!take_option(kind, at, out))
			return 0;
	}
	out->fault_at = 0;
	return 0;
}
