/* udp.c - read, write and print UDP datagrams. */
#include "wire/udp.h"

#include "base/reader.h"

int udp_parse(struct slice in, struct udp *out)
{
	struct reader r = reader_of(in);
	struct udp u;
	unsigned len;

	u.sport = take_u16(&r);
	u.dport = take_u16(&r);
	len = take_u16(&r);
	u.checksum = take_u16(&r);
	if (!reader_ok(&r))
		return ERR_SHORT;
	if (len < UDP_HDR_LEN || len > in.len)
		return ERR_FORMAT;
	u.payload = take_bytes(&r, len - UDP_HDR_LEN);
	*out = u;
	return 0;
}

void udp_emit(struct writer *w, const struct udp *u)
{
	put_u16(w, u->sport);
	put_u16(w, u->dport);
	put_u16(w, (uint16_t)(UDP_HDR_LEN + u->payload.len));
	put_u16(w, u->checksum);
	put_bytes(w, u->payload.at, u->payload.len);
}

void udp_print(struct writer *w, const struct udp *u)
{
	put_format(w, "udp %u > %u len %zu", u->sport, u->dport, u->payload.len);
}
