/* redirect.c - when a redirect is due, and what it says. */
#include "l3/icmp/redirect.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/icmp/icmp.h"
#include "l3/icmp/rate.h"
#include "l3/ip4/ip4.h"
#include "l3/ip6/address.h"
#include "l3/neighbor/proxy.h"
#include "wire/icmp4.h"
#include "wire/nd.h"

enum { QUOTE4_MAX_LEN = 576 - IP4_HDR_LEN - ICMP4_HDR_LEN };

/* Shared; workers read. */
struct redirects {
	uint8_t off[INTERFACES_MAX]; /* atomic */
	struct interface_listener listener;
};

struct redirect_worker {
	uint64_t seed;
	struct icmp_rate all;
	uint64_t next_ns[REDIRECT_BUCKETS];
};

static struct redirects *state_of(const struct engine *e)
{
	return e->module[MODULE_REDIRECT];
}

bool redirect_is_on(const struct engine *e, uint32_t if_index)
{
	return !__atomic_load_n(&state_of(e)->off[if_index], __ATOMIC_RELAXED);
}

int redirect_set(struct engine *e, uint32_t if_index, bool on)
{
	if (!interface_get_or_null(e, if_index))
		return ERR_NOENT;
	__atomic_store_n(&state_of(e)->off[if_index], !on, __ATOMIC_RELAXED);
	return 0;
}

/* Takes a token if one is there. */
static bool may_send(struct worker *w, uint64_t src, uint64_t dst)
{
	struct redirect_worker *r = w->module[MODULE_REDIRECT];
	uint64_t h = (src ^ r->seed) * 0x9e3779b97f4a7c15u;
	uint64_t *next = &r->next_ns[((h ^ h >> 32 ^ dst) * 0x9e3779b97f4a7c15u) >> 56];

	if (w->now_ns < *next || !icmp_rate_has(&r->all, REDIRECT_RATE, w->now_ns))
		return false;
	*next = w->now_ns + NS_PER_S;
	icmp_rate_take(&r->all, REDIRECT_RATE, w->now_ns);
	return true;
}

/* The lookup of a source: is it a neighbour on the link that the packet came by? */
static bool is_neighbor(const struct adjacency *a, const struct buf *b)
{
	return a->if_index == b->rx_if &&
	       (a->kind == ADJACENCY_GLEAN || a->kind == ADJACENCY_REWRITE ||
		a->kind == ADJACENCY_INCOMPLETE);
}

/* A buffer with the lanes of what is made here, and its data. */
static struct buf *new_or_null(struct worker *w, const struct buf *about, struct slice data)
{
	uint32_t idx = buf_alloc_one_or_zero(&w->bufs);
	struct buf *b;

	if (!idx)
		return NULL;
	b = buf_at(w->bufs.pool->base, idx);
	memcpy(buf_append(b, (unsigned)data.len), data.at, data.len);
	b->l3_at = b->at;
	b->flags = BUF_LOCAL;
	b->fib = about->fib;
	b->tx_if = about->rx_if;
	return b;
}

/* --- IPv4 --- */

/* RFC 1812 §5.2.7.2, §4.3.2.7 (source routes are refused before); our address on the network that
 * both are in, 0 if none is due. */
static be32 speaker4_or_zero(struct worker *w, const struct adjacency *a, struct buf *b,
			     const struct ip4_hdr *ip)
{
	const struct fib *f = ip4_of(w)->fib;
	const struct vrf *v = fib_vrf_or_null(f, b->fib);
	struct ip6_addr dst = ip6_mapped(host32(ip->dst));
	uint32_t src = host32(ip->src);
	const struct adjacency *back;

	if (!v || !redirect_is_on(w->engine, b->rx_if) || a->next_hop == src ||
	    ip4_fragment_offset(ip) != 0 || icmp4_is_about_error(b, ip) ||
	    neighbor_is_proxy(w->engine, b->rx_if, &dst))
		return be32_of(0);
	back = fib_lookup(f, v, src, 0);
	if (!is_neighbor(back, b) || (back->next_hop != 0 && back->next_hop != src) ||
	    host32(back->source) != host32(a->source))
		return be32_of(0);
	return back->source;
}

uint32_t redirect4_or_zero(struct worker *w, const struct adjacency *a, struct buf *b)
{
	const struct ip4_hdr *about = buf_l3(b);
	be32 src = speaker4_or_zero(w, a, b, about);
	struct ip4_hdr ip = { .ver_ihl = IP4_VER_IHL,
			      .ttl = IP4_DEFAULT_TTL,
			      .protocol = IP_ICMP4,
			      .src = src,
			      .dst = about->src };
	uint8_t packet[576];
	struct writer out = writer_of(packet, sizeof(packet));
	struct icmp4 icmp = { .type = ICMP4_REDIRECT,
			      .code = ICMP4_REDIRECT_HOST,
			      .rest = a->next_hop,
			      .payload = slice_first(slice_of(about, b->len), QUOTE4_MAX_LEN) };
	struct buf *made;

	if (host32(src) == 0 || !may_send(w, host32(about->src), host32(about->dst)))
		return 0;
	ip.len = be16_of((uint16_t)(IP4_HDR_LEN + ICMP4_HDR_LEN + icmp.payload.len));
	ip.id = ip4_next_id(w);
	ip.checksum = checksum_field(checksum_ip4_header(&ip));
	put_bytes(&out, &ip, sizeof(ip));
	icmp4_emit(&out, &icmp);
	made = new_or_null(w, b, slice_of(packet, writer_len(&out)));
	return made ? made->self : 0;
}

/* --- IPv6 --- */

/* RFC 4861 §8.2: a target that is a router is named by its link-local address. */
static bool is_due6(struct worker *w, const struct adjacency *a, struct buf *b,
		    const struct ip6_hdr *ip)
{
	const struct fib *f = ip6_worker_of(w)->fib;
	const struct vrf *v = fib_vrf_or_null(f, b->fib);
	const struct adjacency *back;

	if (!v || !redirect_is_on(w->engine, b->rx_if) || ip6_equal(&a->next_hop6, &ip->src) ||
	    neighbor_is_proxy(w->engine, b->rx_if, &ip->dst))
		return false;
	if (!ip6_equal(&a->next_hop6, &ip->dst) && !ip6_is_link_local(&a->next_hop6))
		return false;
	back = fib6_lookup_on(f, v, &ip->src, b->rx_if, 0);
	return is_neighbor(back, b) &&
	       (ip6_is_unspecified(&back->next_hop6) || ip6_equal(&back->next_hop6, &ip->src));
}

uint32_t redirect6_or_zero(struct worker *w, const struct adjacency *a, struct buf *b)
{
	const struct ip6_hdr *about = buf_l3(b);
	struct nd m = { .type = ICMP6_REDIRECT,
			.target = a->next_hop6,
			.redirect = about->dst,
			.has_target_mac = true,
			.redirected = slice_of(about, b->len) };
	uint8_t message[ND_MESSAGE_MAX], packet[IP6_MIN_MTU];
	struct writer mw = writer_of(message, sizeof(message));
	struct writer out = writer_of(packet, sizeof(packet));
	struct ip6 ip = { .next_header = IP_ICMP6, .hop_limit = ND_HOP_LIMIT, .dst = about->src };
	struct buf *made;

	if (!is_due6(w, a, b, about) || !may_send(w, ip6_high(&about->src) ^ ip6_low(&about->src),
						  ip6_high(&about->dst) ^ ip6_low(&about->dst)))
		return 0;
	ip.src = ip6_link_local_of(ip6_worker_of(w)->stack, b->rx_if);
	if (ip6_is_unspecified(&ip.src))
		return 0;
	memcpy(m.target_mac.b, a->rewrite, MAC_BYTES);
	nd_emit(&mw, &m, &ip.src, &ip.dst);
	ip.payload = slice_of(message, writer_len(&mw));
	ip6_emit(&out, &ip);
	made = new_or_null(w, b, slice_of(packet, writer_len(&out)));
	return made ? made->self : 0;
}

/* --- life --- */

/* An index may be used again. */
static void follow(struct interface_listener *l, struct interface *i, enum interface_event event)
{
	struct redirects *r = container_of(l, struct redirects, listener);

	if (event == INTERFACE_REMOVED)
		__atomic_store_n(&r->off[i->index], 0, __ATOMIC_RELAXED);
}

int redirect_init(struct engine *e)
{
	struct redirects *r = calloc(1, sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	e->module[MODULE_REDIRECT] = r;
	r->listener.changed = follow;
	interface_listen(e, &r->listener);
	for (unsigned i = 0; i < e->n_workers; i++) {
		struct redirect_worker *rw = calloc(1, sizeof(*rw));

		if (!rw) {
			redirect_deinit(e);
			return ERR_NOMEM;
		}
		rw->seed = random_u64(&e->worker[i]->random);
		e->worker[i]->module[MODULE_REDIRECT] = rw;
	}
	return 0;
}

void redirect_deinit(struct engine *e)
{
	struct redirects *r = state_of(e);

	if (!r)
		return;
	interface_unlisten(&r->listener);
	for (unsigned i = 0; i < e->n_workers; i++) {
		free(e->worker[i]->module[MODULE_REDIRECT]);
		e->worker[i]->module[MODULE_REDIRECT] = NULL;
	}
	free(r);
	e->module[MODULE_REDIRECT] = NULL;
}
