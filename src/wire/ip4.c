/* ip4.c - read, write and print IPv4 headers, addresses and prefixes. */
#include "wire/ip4.h"

#include "base/reader.h"
#include "wire/checksum.h"

/* A decimal number without leading zeros up to @max; moves *@text behind it. */
static int take_decimal(const char **text, unsigned max, unsigned *out)
{
	const char *s = *text;
	unsigned n = 0;

	if (*s < '0' || *s > '9' || (s[0] == '0' && s[1] >= '0' && s[1] <= '9'))
		return ERR_FORMAT;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (unsigned)(*s - '0');
		if (n > max)
			return ERR_FORMAT;
	}
	*text = s;
	*out = n;
	return 0;
}

static int take_addr(const char **text, uint32_t *out)
{
	uint32_t addr = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned n;

		if (i > 0 && *(*text)++ != '.')
			return ERR_FORMAT;
		if (take_decimal(text, 255, &n) != 0)
			return ERR_FORMAT;
		addr = addr << 8 | n;
	}
	*out = addr;
	return 0;
}

int ip4_from_text(const char *text, be32 *out)
{
	uint32_t addr;

	if (take_addr(&text, &addr) != 0 || *text != '\0')
		return ERR_FORMAT;
	*out = be32_of(addr);
	return 0;
}

int ip4_prefix_from_text(const char *text, struct ip4_prefix *out)
{
	uint32_t addr;
	unsigned len = 32;

	if (take_addr(&text, &addr) != 0)
		return ERR_FORMAT;
	if (*text == '/') {
		text++;
		if (take_decimal(&text, 32, &len) != 0)
			return ERR_FORMAT;
	}
	if (*text != '\0')
		return ERR_FORMAT;
	*out = (struct ip4_prefix){ addr, (uint8_t)len };
	return 0;
}

void ip4_print_addr(struct writer *w, be32 addr)
{
	put_format(w, "%u.%u.%u.%u", addr.b[0], addr.b[1], addr.b[2], addr.b[3]);
}

void ip4_print_prefix(struct writer *w, const struct ip4_prefix *p)
{
	ip4_print_addr(w, be32_of(p->addr));
	put_format(w, "/%u", p->len);
}

static uint8_t option_bit(uint8_t kind)
{
	switch (kind) {
	case IP4_OPT_RECORD_ROUTE:
		return IP4_HAS_RECORD_ROUTE;
	case IP4_OPT_TIMESTAMP:
		return IP4_HAS_TIMESTAMP;
	case IP4_OPT_LOOSE_ROUTE:
	case IP4_OPT_STRICT_ROUTE:
		return IP4_HAS_SOURCE_ROUTE;
	case IP4_OPT_ROUTER_ALERT:
		return IP4_HAS_ROUTER_ALERT;
	default:
		return IP4_HAS_UNKNOWN;
	}
}

static unsigned option_min_len(uint8_t bit)
{
	return bit & (IP4_HAS_RECORD_ROUTE | IP4_HAS_TIMESTAMP | IP4_HAS_SOURCE_ROUTE) ? 3 : 2;
}

int ip4_options_scan(struct slice in, struct ip4_options *out)
{
	struct reader r = reader_of(in);

	*out = (struct ip4_options){ 0 };
	while (reader_left(&r) > 0) {
		uint8_t at = (uint8_t)(IP4_HDR_LEN + (r.at - in.at));
		uint8_t kind = take_u8(&r);
		unsigned len;

		if (kind == IP4_OPT_END)
			return 0;
		if (kind == IP4_OPT_NOP)
			continue;
		len = take_u8(&r);
		if (len < option_min_len(option_bit(kind)) || len - 2 > reader_left(&r)) {
			out->fault_at = (uint8_t)(at + 1);
			return ERR_FORMAT;
		}
		out->has |= option_bit(kind);
		take_bytes(&r, len - 2);
	}
	return 0;
}

int ip4_parse(struct slice in, struct ip4 *out)
{
	struct reader r = reader_of(in);
	struct ip4 p;
	uint8_t ver_ihl = take_u8(&r);
	unsigned hdr_len = (unsigned)(ver_ihl & 15) * 4;
	unsigned len;

	p.tos = take_u8(&r);
	len = take_u16(&r);
	p.id = take_u16(&r);
	p.frag = take_u16(&r);
	p.ttl = take_u8(&r);
	p.protocol = take_u8(&r);
	p.checksum = take_u16(&r);
	p.src = take_u32(&r);
	p.dst = take_u32(&r);
	if (!reader_ok(&r))
		return ERR_SHORT;
	if (ver_ihl >> 4 != 4 || hdr_len < IP4_HDR_LEN || len < hdr_len || len > in.len)
		return ERR_FORMAT;
	p.options = take_bytes(&r, hdr_len - IP4_HDR_LEN);
	p.payload = take_bytes(&r, len - hdr_len);
	*out = p;
	return 0;
}

void ip4_emit(struct writer *w, const struct ip4 *p)
{
	uint8_t header[IP4_HDR_MAX_LEN];
	unsigned hdr_len = IP4_HDR_LEN + (unsigned)p->options.len;
	struct ip4_hdr *h = (struct ip4_hdr *)header;

	invariant(p->options.len % 4 == 0 && hdr_len <= IP4_HDR_MAX_LEN);
	*h = (struct ip4_hdr){ .ver_ihl = (uint8_t)(0x40 | hdr_len / 4),
			       .tos = p->tos,
			       .len = be16_of((uint16_t)(hdr_len + p->payload.len)),
			       .id = be16_of(p->id),
			       .frag = be16_of(p->frag),
			       .ttl = p->ttl,
			       .protocol = p->protocol,
			       .src = be32_of(p->src),
			       .dst = be32_of(p->dst) };
	if (p->options.len)
		memcpy(header + IP4_HDR_LEN, p->options.at, p->options.len);
	h->checksum = checksum_field(checksum_sum(header, hdr_len));
	put_bytes(w, header, hdr_len);
	put_bytes(w, p->payload.at, p->payload.len);
}

void ip4_print(struct writer *w, const struct ip4 *p)
{
	ip4_print_addr(w, be32_of(p->src));
	put_text(w, " > ");
	ip4_print_addr(w, be32_of(p->dst));
	put_format(w, " proto %u ttl %u id %u len %zu", p->protocol, p->ttl, p->id,
		   IP4_HDR_LEN + p->options.len + p->payload.len);
	if (p->frag & IP4_DF)
		put_text(w, " [DF]");
	if (p->frag & (IP4_MF | IP4_OFFSET_MASK))
		put_format(w, " frag %u%s", (p->frag & IP4_OFFSET_MASK) * 8u,
			   p->frag & IP4_MF ? "+" : "");
}
