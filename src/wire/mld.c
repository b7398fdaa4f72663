/* mld.c - read queries of Multicast Listener Discovery, write reports. */
#include "wire/mld.h"

#include "base/reader.h"

enum { REPORT_MAX_LEN = IP6_MIN_MTU, ROBUSTNESS_BITS = 7 };

static struct ip6_addr take_addr(struct reader *r)
{
	uint64_t high = take_u64(r);

	return ip6_of(high, take_u64(r));
}

/* §5.1.3, §5.1.9: a number with an exponent, above @plain. */
static uint32_t expanded(uint32_t code, uint32_t plain, unsigned mantissa_bits)
{
	uint32_t mantissa = code & ((1u << mantissa_bits) - 1);
	uint32_t exponent = code >> mantissa_bits & 7;

	return code < plain ? code : (mantissa | 1u << mantissa_bits) << (exponent + 3);
}

static void take_sources(struct reader *r, unsigned n, struct mld_query *out)
{
	for (unsigned i = 0; i < n; i++) {
		struct ip6_addr source = take_addr(r);

		if (n <= MLD_SOURCES_MAX)
			out->source[out->n_sources++] = source;
	}
}

/* What version 2 has behind the group. */
static int take_rest(struct reader *r, struct mld_query *out)
{
	uint8_t flags = take_u8(r);
	uint8_t interval = take_u8(r);
	unsigned n = take_u16(r);

	if (n > 0 && ip6_is_unspecified(&out->group))
		return ERR_FORMAT;
	out->version = 2;
	out->robustness = flags & ROBUSTNESS_BITS;
	out->interval_s = expanded(interval, 128, 4);
	take_sources(r, n, out);
	return reader_ok(r) ? 0 : ERR_SHORT;
}

/* What all messages of version 1 and all queries begin with. Returns the code of the delay. */
static int take_head(struct reader *r, uint16_t *delay, struct ip6_addr *group)
{
	take_u16(r); /* the code is ignored: §5.1.1 */
	take_u8(r);
	take_u8(r);
	*delay = take_u16(r);
	take_u16(r);
	*group = take_addr(r);
	if (!reader_ok(r))
		return ERR_SHORT;
	return ip6_is_multicast(group) || ip6_is_unspecified(group) ? 0 : ERR_FORMAT;
}

int mld_parse_query(struct slice in, struct mld_query *out)
{
	struct reader r = reader_of(in);
	uint16_t delay;
	int err;

	*out = (struct mld_query){ .version = 1, .interval_s = MLD_QUERY_INTERVAL_S };
	if (in.len > 0 && in.at[0] != ICMP6_MLD_QUERY)
		return ERR_UNSUPPORTED;
	err = take_head(&r, &delay, &out->group);
	out->max_delay_ms = delay;
	if (err != 0 || in.len == MLD_V1_LEN)
		return err;
	if (in.len < MLD_QUERY_LEN)
		return ERR_FORMAT;
	out->max_delay_ms = expanded(delay, 32768, 12);
	return take_rest(&r, out);
}

int mld_parse_v1(struct slice in, struct ip6_addr *group)
{
	struct reader r = reader_of(in);
	uint16_t delay;
	int err;

	if (in.len > 0 && in.at[0] != ICMP6_MLD_REPORT && in.at[0] != ICMP6_MLD_DONE)
		return ERR_UNSUPPORTED;
	err = take_head(&r, &delay, group);
	if (err != 0)
		return err;
	return ip6_is_multicast(group) ? 0 : ERR_FORMAT;
}

static void put_record(struct writer *w, const struct mld_record *r)
{
	put_u8(w, (uint8_t)r->type);
	put_u8(w, 0);
	put_u16(w, (uint16_t)r->n_sources);
	put_bytes(w, r->group.b, IP6_ADDR_BYTES);
	for (unsigned i = 0; i < r->n_sources; i++)
		put_bytes(w, r->source[i].b, IP6_ADDR_BYTES);
}

void mld_emit_report(struct writer *w, const struct mld_record *records, unsigned n,
		     const struct ip6_addr *src, const struct ip6_addr *dst)
{
	uint8_t body[REPORT_MAX_LEN];
	struct writer b = writer_of(body, sizeof(body));
	struct icmp6 icmp = { .type = ICMP6_MLD2_REPORT, .rest = n };

	for (unsigned i = 0; i < n; i++)
		put_record(&b, &records[i]);
	invariant(writer_ok(&b));
	icmp.payload = slice_of(body, writer_len(&b));
	icmp6_emit(w, &icmp, src, dst);
}

void mld_emit_v1(struct writer *w, enum icmp6_type type, const struct ip6_addr *group,
		 const struct ip6_addr *src, const struct ip6_addr *dst)
{
	struct icmp6 icmp = { .type = (uint8_t)type,
			      .payload = slice_of(group->b, IP6_ADDR_BYTES) };

	icmp6_emit(w, &icmp, src, dst);
}
