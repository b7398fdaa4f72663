/* ethernet.c - read, write and print frames and addresses. */
#include "wire/ethernet.h"

#include "base/reader.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_from_text(const char *text, struct mac *out)
{
	struct mac m;

	if (strlen(text) != MAC_TEXT_LEN)
		return ERR_FORMAT;
	for (unsigned i = 0; i < MAC_BYTES; i++) {
		int high = hex_digit(text[3 * i]);
		int low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i < MAC_BYTES - 1 && text[3 * i + 2] != ':'))
			return ERR_FORMAT;
		m.b[i] = (uint8_t)(high << 4 | low);
	}
	*out = m;
	return 0;
}

void mac_print(struct writer *w, const struct mac *m)
{
	put_format(w, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2], m->b[3], m->b[4],
		   m->b[5]);
}

static struct mac take_mac(struct reader *r)
{
	struct slice s = take_bytes(r, MAC_BYTES);
	struct mac m = { { 0 } };

	if (s.len)
		memcpy(m.b, s.at, MAC_BYTES);
	return m;
}

int ethernet_parse(struct slice in, struct ethernet *out)
{
	struct reader r = reader_of(in);
	struct ethernet e;

	e.dst = take_mac(&r);
	e.src = take_mac(&r);
	e.type = take_u16(&r);
	if (!reader_ok(&r))
		return ERR_SHORT;
	e.payload = take_bytes(&r, reader_left(&r));
	*out = e;
	return 0;
}

void ethernet_emit(struct writer *w, const struct ethernet *e)
{
	put_bytes(w, e->dst.b, MAC_BYTES);
	put_bytes(w, e->src.b, MAC_BYTES);
	put_u16(w, e->type);
	put_bytes(w, e->payload.at, e->payload.len);
}

void ethernet_print(struct writer *w, const struct ethernet *e)
{
	mac_print(w, &e->src);
	put_text(w, " > ");
	mac_print(w, &e->dst);
	put_format(w, " type 0x%04x len %zu", e->type, e->payload.len);
}
