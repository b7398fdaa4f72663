/* icmp6.c - read, write and print ICMPv6 messages. */
#include "wire/icmp6.h"

#include "base/reader.h"

int icmp6_parse(struct slice in, struct icmp6 *out)
{
	struct reader r = reader_of(in);
	struct icmp6 m;

	m.type = take_u8(&r);
	m.code = take_u8(&r);
	m.checksum = take_u16(&r);
	m.rest = take_u32(&r);
	if (!reader_ok(&r))
		return ERR_SHORT;
	m.payload = take_bytes(&r, reader_left(&r));
	*out = m;
	return 0;
}

void icmp6_emit(struct writer *w, const struct icmp6 *m, const struct ip6_addr *src,
		const struct ip6_addr *dst)
{
	struct icmp6_hdr h = { .type = m->type, .code = m->code, .rest = be32_of(m->rest) };
	uint32_t len = ICMP6_HDR_LEN + (uint32_t)m->payload.len;

	h.checksum = checksum_field(ip6_pseudo_sum(src, dst, IP_ICMP6, len) +
				    checksum_sum(&h, sizeof(h)) +
				    checksum_sum(m->payload.at, m->payload.len));
	put_bytes(w, &h, sizeof(h));
	put_bytes(w, m->payload.at, m->payload.len);
}

static const char *type_name_or_null(uint8_t type)
{
	switch (type) {
	case ICMP6_UNREACHABLE:
		return "unreachable";
	case ICMP6_TOO_BIG:
		return "too-big";
	case ICMP6_TIME_EXCEEDED:
		return "time-exceeded";
	case ICMP6_PARAMETER_PROBLEM:
		return "parameter-problem";
	case ICMP6_ECHO_REQUEST:
		return "echo-request";
	case ICMP6_ECHO_REPLY:
		return "echo-reply";
	case ICMP6_MLD_QUERY:
		return "mld-query";
	case ICMP6_MLD_REPORT:
	case ICMP6_MLD2_REPORT:
		return "mld-report";
	case ICMP6_MLD_DONE:
		return "mld-done";
	case ICMP6_ROUTER_SOLICIT:
		return "router-solicitation";
	case ICMP6_ROUTER_ADVERT:
		return "router-advertisement";
	case ICMP6_NEIGHBOR_SOLICIT:
		return "neighbor-solicitation";
	case ICMP6_NEIGHBOR_ADVERT:
		return "neighbor-advertisement";
	case ICMP6_REDIRECT:
		return "redirect";
	default:
		return NULL;
	}
}

void icmp6_print(struct writer *w, const struct icmp6 *m)
{
	const char *name = type_name_or_null(m->type);

	put_text(w, "icmp6 ");
	if (name)
		put_text(w, name);
	else
		put_format(w, "type %u", m->type);
	if (m->type == ICMP6_ECHO_REQUEST || m->type == ICMP6_ECHO_REPLY)
		put_format(w, " id %u seq %u", m->rest >> 16, m->rest & 0xffff);
	else if (m->type == ICMP6_TOO_BIG)
		put_format(w, " mtu %u", m->rest);
	else if (m->type == ICMP6_PARAMETER_PROBLEM)
		put_format(w, " code %u at %u", m->code, m->rest);
	else if (icmp6_is_error(m->type))
		put_format(w, " code %u", m->code);
	put_format(w, " len %zu", m->payload.len);
}
