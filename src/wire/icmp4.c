/* icmp4.c - read, write and print ICMP messages. */
#include "wire/icmp4.h"

#include "base/reader.h"
#include "wire/checksum.h"

int icmp4_parse(struct slice in, struct icmp4 *out)
{
	struct reader r = reader_of(in);
	struct icmp4 m;

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

void icmp4_emit(struct writer *w, const struct icmp4 *m)
{
	struct icmp4_hdr h = { .type = m->type, .code = m->code, .rest = be32_of(m->rest) };

	h.checksum = checksum_field(checksum_sum(&h, sizeof(h)) +
				    checksum_sum(m->payload.at, m->payload.len));
	put_bytes(w, &h, sizeof(h));
	put_bytes(w, m->payload.at, m->payload.len);
}

static const char *type_name_or_null(uint8_t type)
{
	switch (type) {
	case ICMP4_ECHO_REPLY:
		return "echo-reply";
	case ICMP4_UNREACHABLE:
		return "unreachable";
	case ICMP4_REDIRECT:
		return "redirect";
	case ICMP4_ECHO_REQUEST:
		return "echo-request";
	case ICMP4_TIME_EXCEEDED:
		return "time-exceeded";
	case ICMP4_PARAMETER_PROBLEM:
		return "parameter-problem";
	case ICMP4_TIMESTAMP_REQUEST:
		return "timestamp-request";
	case ICMP4_TIMESTAMP_REPLY:
		return "timestamp-reply";
	default:
		return NULL;
	}
}

void icmp4_print(struct writer *w, const struct icmp4 *m)
{
	const char *name = type_name_or_null(m->type);

	put_text(w, "icmp ");
	if (name)
		put_text(w, name);
	else
		put_format(w, "type %u", m->type);
	if (m->type == ICMP4_ECHO_REQUEST || m->type == ICMP4_ECHO_REPLY)
		put_format(w, " id %u seq %u", m->rest >> 16, m->rest & 0xffff);
	else
		put_format(w, " code %u", m->code);
	if (m->type == ICMP4_UNREACHABLE && m->code == ICMP4_FRAG_NEEDED)
		put_format(w, " mtu %u", m->rest & 0xffff);
	put_format(w, " len %zu", m->payload.len);
}
