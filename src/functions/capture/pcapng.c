/* pcapng.c - writing capture files, in the byte order of this machine as the format has it. */
#include "functions/capture/pcapng.h"

enum {
	SECTION_BLOCK = 0x0a0d0d0a,
	INTERFACE_BLOCK = 1,
	PACKET_BLOCK = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	OPTION_END = 0,
	OPTION_IF_NAME = 2,
	OPTION_IF_TSRESOL = 9,
	OPTION_EPB_FLAGS = 2,
	TSRESOL_NS = 9,
	NAME_MAX_BYTES = 64,
};

static void put_native16(struct writer *w, uint16_t v)
{
	put_bytes(w, &v, sizeof(v));
}

static void put_native32(struct writer *w, uint32_t v)
{
	put_bytes(w, &v, sizeof(v));
}

static uint32_t padded(size_t len)
{
	return (uint32_t)((len + 3) & ~(size_t)3);
}

static void put_padded(struct writer *w, struct slice s)
{
	static const uint8_t zeros[3];

	put_bytes(w, s.at, s.len);
	put_bytes(w, zeros, padded(s.len) - s.len);
}

static void put_option(struct writer *w, uint16_t code, struct slice value)
{
	put_native16(w, code);
	put_native16(w, (uint16_t)value.len);
	put_padded(w, value);
}

static void emit_section(struct writer *w)
{
	enum { LEN = 28 };

	put_native32(w, SECTION_BLOCK);
	put_native32(w, LEN);
	put_native32(w, BYTE_ORDER_MAGIC);
	put_native16(w, 1); /* version 1.0 */
	put_native16(w, 0);
	put_native32(w, UINT32_MAX); /* section length: unknown, 64 bits */
	put_native32(w, UINT32_MAX);
	put_native32(w, LEN);
}

void pcapng_emit_header(struct writer *w, const char *name, uint32_t snap_len)
{
	struct slice if_name = slice_first(slice_of_text(name), NAME_MAX_BYTES);
	uint8_t resolution = TSRESOL_NS;
	uint32_t len = 20 + (4 + padded(if_name.len)) + (4 + 4) + 4;

	emit_section(w);
	put_native32(w, INTERFACE_BLOCK);
	put_native32(w, len);
	put_native16(w, LINKTYPE_ETHERNET);
	put_native16(w, 0);
	put_native32(w, snap_len);
	put_option(w, OPTION_IF_NAME, if_name);
	put_option(w, OPTION_IF_TSRESOL, slice_of(&resolution, 1));
	put_option(w, OPTION_END, slice_of(NULL, 0));
	put_native32(w, len);
}

void pcapng_emit_packet(struct writer *w, uint64_t at_ns, unsigned direction, struct slice bytes,
			uint32_t wire_len)
{
	uint32_t flags = direction;
	uint32_t len = PCAPNG_PACKET_OVERHEAD - 4 + padded(bytes.len);

	put_native32(w, PACKET_BLOCK);
	put_native32(w, len);
	put_native32(w, 0); /* the only interface */
	put_native32(w, (uint32_t)(at_ns >> 32));
	put_native32(w, (uint32_t)at_ns);
	put_native32(w, (uint32_t)bytes.len);
	put_native32(w, wire_len);
	put_padded(w, bytes);
	put_option(w, OPTION_EPB_FLAGS, slice_of(&flags, sizeof(flags)));
	put_option(w, OPTION_END, slice_of(NULL, 0));
	put_native32(w, len);
}
