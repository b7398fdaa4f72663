/*
 * probe.h - echo requests of our own, in both families, and what comes back: for ping and
 * traceroute.
 *
 *   main: probe_send() ──> worker 0 ──> ip4-lookup, ip6-lookup ──> out
 *   main: on_answer()  <── probe-reply   echo replies              (icmp4-input, icmp6-input)
 *                      <── probe-error   errors about a request    (the same, by registration)
 *
 * Bounded: PROBES_MAX at a time, PROBE_ANSWERS messages on their way from one worker. While nobody
 * probes, both nodes drop. RFC 792, RFC 4443 §4, RFC 1393's idea of a trace by time to live.
 */
#ifndef CONVOY_L3_PROBE_H
#define CONVOY_L3_PROBE_H

#include "engine/engine.h"
#include "wire/ip6.h"

enum {
	PROBES_MAX = 16,
	PROBE_ANSWERS = 64,
	PROBE_SIZE_MAX = 65000, /* payload bytes of an echo request */
	PROBE_STAMP_BYTES = 8,	/* at the payload's start: when it was sent */
};

struct probe_options {
	struct ip6_addr dst;	/* IPv4 in the mapped form */
	struct ip6_addr source; /* unspecified: chosen */
	uint32_t if_index;	/* of a link-local @dst; else 0 */
	uint32_t vrf;
	bool dont_fragment; /* IPv4; IPv6 is never cut on the way */
};

enum probe_kind { PROBE_REPLY, PROBE_TOO_BIG, PROBE_EXPIRED, PROBE_UNREACHABLE, PROBE_ERROR };

struct probe_answer {
	enum probe_kind kind;
	uint8_t code;
	uint8_t ttl; /* of the answer when it came */
	uint16_t seq;
	uint32_t len;	      /* payload bytes of a reply */
	uint32_t mtu_bytes;   /* of PROBE_TOO_BIG */
	uint64_t sent_ns;     /* a reply's stamp, which the peer may have changed; 0 for none */
	uint64_t received_ns; /* by the engine's clock */
	struct ip6_addr from;
};

struct probe;

/* probe_init - after icmp4_init() and icmp6_init(), before the workers start. ERR_NOMEM. */
must_check
int probe_init(struct engine *e);
void probe_deinit(struct engine *e);

/* probe_tick - main, some times a second: fire the timers of probe_wheel(). */
void probe_tick(struct engine *e, uint64_t now_ns);
struct wheel *probe_wheel(struct engine *e);

/*
 * probe_open - main: be ready to send to @options->dst. @on_answer is called on main until
 * probe_close(). ERR_INVAL for a group, or a link-local address without its link;
 * ERR_UNREACHABLE if we have no address to send from; ERR_FULL for more than PROBES_MAX; ERR_NOMEM.
 */
must_check
int probe_open(struct engine *e, const struct probe_options *options,
	       void (*on_answer)(void *context, const struct probe_answer *a), void *context,
	       struct probe **out);
void probe_close(struct probe *p);

/* probe_source - the address that it sends from. */
const struct ip6_addr *probe_source(const struct probe *p);

/* probe_send - one echo request with @size bytes of payload. @ttl: 0 for the usual. ERR_NOMEM. */
must_check
int probe_send(struct probe *p, uint16_t seq, uint8_t ttl, uint32_t size);

/* probe_describe - what an answer means, for people: "hop limit exceeded". */
const char *probe_describe(const struct probe_answer *a, bool is_ip4);

extern const struct node_type probe_reply_node;
extern const struct node_type probe_error_node;

#endif
