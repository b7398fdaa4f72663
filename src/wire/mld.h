/*
 * mld.h - the messages of Multicast Listener Discovery, which ICMPv6 carries. Version 2: RFC 3810
 * §5; version 1: RFC 2710 §3.
 */
#ifndef CONVOY_WIRE_MLD_H
#define CONVOY_WIRE_MLD_H

#include "wire/icmp6.h"

enum {
	MLD_V1_LEN = 24,     /* of every message of version 1 */
	MLD_QUERY_LEN = 28,  /* of a query of version 2 without sources */
	MLD_REPORT_LEN = 8,  /* of a report without records */
	MLD_RECORD_LEN = 20, /* of a record without sources */
	MLD_HOP_LIMIT = 1,   /* of all of them */
	MLD_SOURCES_MAX = 8, /* that are read of one query; with more it is as if it named none */
	MLD_ROBUSTNESS = 2,  /* §9.1: how often a thing is said */
	MLD_QUERY_INTERVAL_S = 125, /* §9.2 */
};

/* What a record says of its group. §5.2.12 */
enum mld_record_type {
	MLD_IS_INCLUDE = 1,
	MLD_IS_EXCLUDE = 2,
	MLD_TO_INCLUDE = 3, /* of no source: the group was left */
	MLD_TO_EXCLUDE = 4, /* no source: it was joined */
};

struct mld_query {
	uint8_t version;       /* 1 or 2 */
	uint8_t robustness;    /* of the querier; 0 says nothing */
	uint32_t max_delay_ms; /* answers come within that time */
	uint32_t interval_s;   /* between its general queries */
	struct ip6_addr group; /* unspecified: a general query */
	unsigned n_sources;    /* 0 also for more than MLD_SOURCES_MAX */
	struct ip6_addr source[MLD_SOURCES_MAX];
};

struct mld_record {
	enum mld_record_type type;
	struct ip6_addr group;
	unsigned n_sources;
	const struct ip6_addr *source; /* borrowed */
};

static inline bool mld_is_type(uint8_t type)
{
	return (type >= ICMP6_MLD_QUERY && type <= ICMP6_MLD_DONE) || type == ICMP6_MLD2_REPORT;
}

/*
 * mld_parse_query - read the ICMPv6 message @in from its type on, whose checksum is good.
 * Returns 0; ERR_UNSUPPORTED for another type; ERR_SHORT if it is cut, also among its sources;
 * ERR_FORMAT for a length of neither version (§8.1), a group that is no multicast address, or
 * sources of a general query (§5.1.10).
 */
must_check
int mld_parse_query(struct slice in, struct mld_query *out);

/*
 * mld_parse_v1 - the group of a report or a "done" of version 1. ERR_UNSUPPORTED, ERR_SHORT,
 * ERR_FORMAT as above.
 */
must_check
int mld_parse_v1(struct slice in, struct ip6_addr *group);

/* mld_emit_report - append a report of version 2 with its checksum. */
void mld_emit_report(struct writer *w, const struct mld_record *records, unsigned n,
		     const struct ip6_addr *src, const struct ip6_addr *dst);

/* mld_emit_v1 - append a report (ICMP6_MLD_REPORT) or a "done" (ICMP6_MLD_DONE) of version 1. */
void mld_emit_v1(struct writer *w, enum icmp6_type type, const struct ip6_addr *group,
		 const struct ip6_addr *src, const struct ip6_addr *dst);

/* mld_record_len - bytes that a record takes. */
static inline unsigned mld_record_len(const struct mld_record *r)
{
	return (unsigned)MLD_RECORD_LEN + r->n_sources * (unsigned)IP6_ADDR_BYTES;
}

/* ff02::16, all routers that speak version 2. §5.2.14 */
static inline struct ip6_addr mld_all_routers(void)
{
	return ip6_of(0xff02000000000000, 0x16);
}

#endif
