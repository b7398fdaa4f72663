/* tcp.c - read, write and print TCP headers and options. */
#include "wire/tcp.h"

#include "base/reader.h"

/* Lengths as on the wire, kind and length bytes included. */
enum { MSS_LEN = 4, WINDOW_LEN = 3, SACK_PERMITTED_LEN = 2, TIMESTAMPS_LEN = 10, SACK_LEN = 8 };

static int parse_sacks(struct reader *r, unsigned len, struct tcp_options *out)
{
	unsigned n = (len - 2) / SACK_LEN;

	if (n == 0 || (len - 2) % SACK_LEN != 0 || n > TCP_MAX_SACKS)
		return ERR_FORMAT;
	for (unsigned i = 0; i < n; i++) {
		out->sacks[i].left = take_u32(r);
		out->sacks[i].right = take_u32(r);
	}
	out->n_sacks = n;
	return 0;
}

/* One option whose @len bytes are known to be there; @r stands behind its length byte. */
static int parse_option(struct reader *r, uint8_t kind, unsigned len, struct tcp_options *out)
{
	switch (kind) {
	case TCP_OPT_MSS:
		if (len != MSS_LEN)
			return ERR_FORMAT;
		out->mss = take_u16(r);
		out->has |= TCP_HAS_MSS;
		return 0;
	case TCP_OPT_WINDOW:
		if (len != WINDOW_LEN)
			return ERR_FORMAT;
		out->window_shift = take_u8(r);
		out->has |= TCP_HAS_WINDOW_SHIFT;
		return 0;
	case TCP_OPT_SACK_PERMITTED:
		if (len != SACK_PERMITTED_LEN)
			return ERR_FORMAT;
		out->has |= TCP_HAS_SACK_PERMITTED;
		return 0;
	case TCP_OPT_TIMESTAMPS:
		if (len != TIMESTAMPS_LEN)
			return ERR_FORMAT;
		out->ts_value = take_u32(r);
		out->ts_echo = take_u32(r);
		out->has |= TCP_HAS_TIMESTAMPS;
		return 0;
	case TCP_OPT_SACK:
		return parse_sacks(r, len, out);
	default:
		take_bytes(r, len - 2);
		return 0;
	}
}

int tcp_options_parse(struct slice in, struct tcp_options *out)
{
	struct reader r = reader_of(in);

	*out = (struct tcp_options){ 0 };
	while (reader_left(&r) > 0) {
		uint8_t kind = take_u8(&r);
		unsigned len;
		int err;

		if (kind == TCP_OPT_END)
			return 0;
		if (kind == TCP_OPT_NOP)
			continue;
		len = take_u8(&r);
		if (len < 2 || len - 2 > reader_left(&r))
			return ERR_FORMAT;
		err = parse_option(&r, kind, len, out);
		if (err)
			return err;
	}
	return 0;
}

static void put_option(struct writer *w, uint8_t kind, uint8_t len)
{
	put_u8(w, kind);
	put_u8(w, len);
}

static void put_two_nops(struct writer *w)
{
	put_u8(w, TCP_OPT_NOP);
	put_u8(w, TCP_OPT_NOP);
}

/* Padded length of everything but the SACK blocks. */
static unsigned base_len(const struct tcp_options *o)
{
	unsigned len = 0;

	if (o->has & TCP_HAS_MSS)
		len += MSS_LEN;
	if (o->has & TCP_HAS_WINDOW_SHIFT)
		len += WINDOW_LEN + 1;
	if (o->has & TCP_HAS_TIMESTAMPS)
		len += TIMESTAMPS_LEN + 2;
	else if (o->has & TCP_HAS_SACK_PERMITTED)
		len += SACK_PERMITTED_LEN + 2;
	return len;
}

static void put_sacks(struct writer *w, const struct tcp_options *o, unsigned n)
{
	put_two_nops(w);
	put_option(w, TCP_OPT_SACK, (uint8_t)(2 + n * SACK_LEN));
	for (unsigned i = 0; i < n; i++) {
		put_u32(w, o->sacks[i].left);
		put_u32(w, o->sacks[i].right);
	}
}

/* Each option is aligned to 4 bytes. SACK-permitted takes the place of the timestamps' NOPs. */
unsigned tcp_options_emit(struct writer *w, const struct tcp_options *o)
{
	bool timestamps = o->has & TCP_HAS_TIMESTAMPS;
	bool sack_permitted = o->has & TCP_HAS_SACK_PERMITTED;
	unsigned len = base_len(o);
	unsigned n_sacks = o->n_sacks;

	if (o->has & TCP_HAS_MSS) {
		put_option(w, TCP_OPT_MSS, MSS_LEN);
		put_u16(w, o->mss);
	}
	if (sack_permitted)
		put_option(w, TCP_OPT_SACK_PERMITTED, SACK_PERMITTED_LEN);
	else if (timestamps)
		put_two_nops(w);
	if (timestamps) {
		put_option(w, TCP_OPT_TIMESTAMPS, TIMESTAMPS_LEN);
		put_u32(w, o->ts_value);
		put_u32(w, o->ts_echo);
	} else if (sack_permitted) {
		put_two_nops(w);
	}
	if (o->has & TCP_HAS_WINDOW_SHIFT) {
		put_u8(w, TCP_OPT_NOP);
		put_option(w, TCP_OPT_WINDOW, WINDOW_LEN);
		put_u8(w, o->window_shift);
	}
	while (n_sacks > 0 && len + 4 + n_sacks * SACK_LEN > TCP_OPTIONS_MAX_LEN)
		n_sacks--;
	if (n_sacks > 0) {
		put_sacks(w, o, n_sacks);
		len += 4 + n_sacks * SACK_LEN;
	}
	return len;
}

int tcp_parse(struct slice in, struct tcp *out)
{
	struct reader r = reader_of(in);
	struct tcp t;
	unsigned offset_len;
	int err;

	t.sport = take_u16(&r);
	t.dport = take_u16(&r);
	t.seq = take_u32(&r);
	t.ack = take_u32(&r);
	offset_len = (unsigned)(take_u8(&r) >> 4) * 4;
	t.flags = take_u8(&r);
	t.window = take_u16(&r);
	t.checksum = take_u16(&r);
	t.urgent = take_u16(&r);
	if (!reader_ok(&r))
		return ERR_SHORT;
	if (offset_len < TCP_HDR_LEN)
		return ERR_FORMAT;
	err = tcp_options_parse(take_bytes(&r, offset_len - TCP_HDR_LEN), &t.options);
	if (!reader_ok(&r))
		return ERR_SHORT;
	if (err)
		return err;
	t.payload = take_bytes(&r, reader_left(&r));
	*out = t;
	return 0;
}

void tcp_emit(struct writer *w, const struct tcp *t)
{
	uint8_t options[TCP_OPTIONS_MAX_LEN];
	struct writer o = writer_of(options, sizeof(options));
	unsigned options_len = tcp_options_emit(&o, &t->options);

	put_u16(w, t->sport);
	put_u16(w, t->dport);
	put_u32(w, t->seq);
	put_u32(w, t->ack);
	put_u8(w, tcp_offset_of(TCP_HDR_LEN + options_len));
	put_u8(w, t->flags);
	put_u16(w, t->window);
	put_u16(w, t->checksum);
	put_u16(w, t->urgent);
	put_bytes(w, options, options_len);
	put_bytes(w, t->payload.at, t->payload.len);
}

static void print_options(struct writer *w, const struct tcp_options *o)
{
	if (o->has & TCP_HAS_MSS)
		put_format(w, " mss %u", o->mss);
	if (o->has & TCP_HAS_WINDOW_SHIFT)
		put_format(w, " wscale %u", o->window_shift);
	if (o->has & TCP_HAS_SACK_PERMITTED)
		put_text(w, " sackOK");
	if (o->has & TCP_HAS_TIMESTAMPS)
		put_format(w, " ts %u %u", o->ts_value, o->ts_echo);
	for (unsigned i = 0; i < o->n_sacks; i++)
		put_format(w, " sack %u:%u", o->sacks[i].left, o->sacks[i].right);
}

void tcp_print(struct writer *w, const struct tcp *t)
{
	static const char letters[] = "FSRPAUEC";

	put_format(w, "%u > %u ", t->sport, t->dport);
	for (unsigned i = 0; i < 8; i++)
		if (t->flags & 1u << i)
			put_u8(w, (uint8_t)letters[i]);
	put_format(w, " seq %u ack %u win %u len %zu", t->seq, t->ack, t->window, t->payload.len);
	print_options(w, &t->options);
}
