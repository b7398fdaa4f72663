/* ip6.c - read, write and print IPv6 headers, addresses and prefixes. */
#include "wire/ip6.h"

#include <arpa/inet.h>

#include "base/reader.h"

enum { GROUPS = 8 };

struct ip6_addr ip6_masked(const struct ip6_addr *a, unsigned len)
{
	uint64_t high = ip6_high(a), low = ip6_low(a);

	if (len == 0)
		return ip6_of(0, 0);
	if (len <= 64)
		return ip6_of(high & ~(uint64_t)0 << (64 - len), 0);
	return ip6_of(high, len >= 128 ? low : low & ~(uint64_t)0 << (128 - len));
}

unsigned ip6_common_len(const struct ip6_addr *a, const struct ip6_addr *b)
{
	uint64_t high = ip6_high(a) ^ ip6_high(b), low = ip6_low(a) ^ ip6_low(b);

	if (high)
		return (unsigned)__builtin_clzll(high);
	return low ? 64 + (unsigned)__builtin_clzll(low) : 128;
}

int ip6_from_text(const char *text, struct ip6_addr *out)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, text, &a) != 1)
		return ERR_FORMAT;
	memcpy(out->b, &a, sizeof(out->b));
	return 0;
}

/* "0" to "128", without leading zeros. */
static int take_prefix_len(const char *text, uint8_t *out)
{
	unsigned n = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return ERR_FORMAT;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = n * 10 + (unsigned)(*text - '0');
		if (n > 128)
			return ERR_FORMAT;
	}
	*out = (uint8_t)n;
	return *text == '\0' ? 0 : ERR_FORMAT;
}

int ip6_prefix_from_text(const char *text, struct ip6_prefix *out)
{
	const char *slash = strchr(text, '/');
	size_t addr_len = slash ? (size_t)(slash - text) : strlen(text);
	char addr[IP6_ADDR_TEXT_MAX + 1];
	struct ip6_prefix p = { .len = 128 };

	if (addr_len > IP6_ADDR_TEXT_MAX)
		return ERR_FORMAT;
	memcpy(addr, text, addr_len);
	addr[addr_len] = '\0';
	if (ip6_from_text(addr, &p.addr) != 0)
		return ERR_FORMAT;
	if (slash && take_prefix_len(slash + 1, &p.len) != 0)
		return ERR_FORMAT;
	*out = p;
	return 0;
}

static unsigned group_at(const struct ip6_addr *a, unsigned i)
{
	return (unsigned)a->b[2 * i] << 8 | a->b[2 * i + 1];
}

/* The longest run of two or more zero groups, the first of several; GROUPS if there is none. */
static unsigned find_zeros(const struct ip6_addr *a, unsigned *n_zeros)
{
	unsigned best = GROUPS, run = 0;

	*n_zeros = 1;
	for (unsigned i = 0; i < GROUPS; i++) {
		run = group_at(a, i) == 0 ? run + 1 : 0;
		if (run > *n_zeros) {
			*n_zeros = run;
			best = i + 1 - run;
		}
	}
	return best;
}

void ip6_print_addr(struct writer *w, const struct ip6_addr *a)
{
	unsigned n_zeros;
	unsigned zeros_at = find_zeros(a, &n_zeros);

	if (ip6_is_mapped(a)) {
		put_format(w, "::ffff:%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
		return;
	}
	for (unsigned i = 0; i < GROUPS; i++) {
		if (i == zeros_at) {
			put_text(w, "::");
			i += n_zeros - 1;
			continue;
		}
		if (i > 0 && i != zeros_at + n_zeros)
			put_text(w, ":");
		put_format(w, "%x", group_at(a, i));
	}
}

void ip6_print_prefix(struct writer *w, const struct ip6_prefix *p)
{
	ip6_print_addr(w, &p->addr);
	put_format(w, "/%u", p->len);
}

static struct ip6_addr take_addr(struct reader *r)
{
	uint64_t high = take_u64(r);

	return ip6_of(high, take_u64(r));
}

int ip6_parse(struct slice in, struct ip6 *out)
{
	struct reader r = reader_of(in);
	uint32_t first = take_u32(&r);
	uint16_t len = take_u16(&r);
	struct ip6 p = { .traffic_class = (uint8_t)(first >> 20), .flow_label = first & 0xfffff };

	p.next_header = take_u8(&r);
	p.hop_limit = take_u8(&r);
	p.src = take_addr(&r);
	p.dst = take_addr(&r);
	if (!reader_ok(&r))
		return ERR_SHORT;
	if (first >> 28 != 6 || len > reader_left(&r))
		return ERR_FORMAT;
	p.payload = take_bytes(&r, len);
	*out = p;
	return 0;
}

void ip6_emit(struct writer *w, const struct ip6 *p)
{
	struct ip6_hdr h = { .ver_class_flow = ip6_first_word(p->traffic_class, p->flow_label),
			     .payload_len = be16_of((uint16_t)p->payload.len),
			     .next_header = p->next_header,
			     .hop_limit = p->hop_limit,
			     .src = p->src,
			     .dst = p->dst };

	invariant(p->payload.len <= 65535);
	put_bytes(w, &h, sizeof(h));
	put_bytes(w, p->payload.at, p->payload.len);
}

void ip6_print(struct writer *w, const struct ip6 *p)
{
	ip6_print_addr(w, &p->src);
	put_text(w, " > ");
	ip6_print_addr(w, &p->dst);
	put_format(w, " next %u hops %u len %zu", p->next_header, p->hop_limit,
		   IP6_HDR_LEN + p->payload.len);
	if (p->traffic_class)
		put_format(w, " class %u", p->traffic_class);
	if (p->flow_label)
		put_format(w, " flow 0x%05x", p->flow_label);
}
