/*
 * burst.c - packets in and out of a port: the data path of the module. An mbuf lies in the head of
 * its buffer (dpdk_module.h), so that nothing is copied but lengths and flags.
 */
#include "drivers/dpdk/module/module.h"

#include <rte_lcore.h>

#include "base/log.h"

enum {
	AHEAD = 4,
	ETHERNET_BYTES = 14,
	TAG_BYTES = 4,
	TAGS_MAX = 2,
	TYPE_AT = 12,
	TCP_OFFSET_AT = 12,
	TCP_MIN_BYTES = 20,
};

/* --- threads --- */

/*
 * DPDK knows a worker by a number that it gives it (rte_thread_register), for per-thread caches of
 * its drivers; the number comes back when the thread ends.
 */
static __thread bool is_known;
static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget_thread(void *unused unused_arg)
{
	rte_thread_unregister();
}

static void make_key(void)
{
	if (pthread_key_create(&ending, forget_thread) != 0)
		module_host->log(LOG_LEVEL_WARN, "threads of workers are not given back to DPDK");
}

static no_inline void know_thread(void)
{
	is_known = true;
	if (rte_lcore_id() != LCORE_ID_ANY)
		return;
	pthread_once(&once, make_key);
	if (rte_thread_register() == 0)
		pthread_setspecific(ending, &is_known);
	else
		module_host->log(LOG_LEVEL_INFO, "DPDK has no number left for a worker");
}

/* --- receive --- */

/* The mbufs behind the first become the chain of @b; all are left as free mbufs are. */
static no_inline void take_chain(const struct dpdk_mbufs *mbufs, struct rte_mbuf *first)
{
	struct buf *last = buf_of(first);

	for (struct rte_mbuf *m = first->next, *next; m; m = next) {
		struct buf *b = buf_of(m);

		next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		b->at = m->data_off;
		b->len = m->data_len;
		last->next = index_of(mbufs->pool, b);
		last = b;
	}
	first->next = NULL;
	first->nb_segs = 1;
}

static inline bool is_ours(const struct dpdk_mbufs *mbufs, const struct rte_mbuf *m)
{
	return (uintptr_t)m - (uintptr_t)mbufs->pool->base < mbufs->pool->map_bytes &&
	       !(m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL));
}

static bool chain_is_ours(const struct dpdk_mbufs *mbufs, const struct rte_mbuf *m)
{
	for (; m; m = m->next)
		if (!is_ours(mbufs, m))
			return false;
	return true;
}

static inline uint32_t checked(uint64_t ol_flags)
{
	uint32_t flags = 0;

	if ((ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		flags |= BUF_L4_CSUM_OK;
	if ((ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		flags |= BUF_IP_CSUM_OK;
	return flags;
}

/* As buf_alloc() left it: what comes through net_ring has been sent before. */
static inline void reset(struct buf *b)
{
	uint32_t self = b->self;

	memset(b, 0, offsetof(struct buf, transport));
	b->self = self;
	b->reason = BUF_NO_REASON;
}

/* The buffer of the packet @m; 0 if it is not ours. */
static inline uint32_t take(const struct dpdk_port *p, struct rte_mbuf *m)
{
	struct buf *b = buf_of(m);

	if (unlikely(m->nb_segs > 1 ? !chain_is_ours(p->mbufs, m) : !is_ours(p->mbufs, m))) {
		rte_pktmbuf_free(m);
		return 0;
	}
	reset(b);
	b->at = b->l2_at = m->data_off;
	b->len = m->data_len;
	b->total_len = m->pkt_len;
	b->flags = checked(m->ol_flags);
	if (unlikely(m->nb_segs > 1))
		take_chain(p->mbufs, m);
	if (unlikely(p->partial ||
		     (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE))
		module_host->mark_partial(b);
	return index_of(p->mbufs->pool, b);
}

unsigned burst_receive(struct dpdk_port *p, unsigned q, struct buf_cache *c, uint32_t *idx,
		       unsigned n, uint64_t *n_foreign)
{
	struct rte_mbuf *m[DPDK_BURST];
	unsigned got, n_out = 0;

	if (unlikely(!is_known))
		know_thread();
	mbufs_cache = c;
	got = rte_eth_rx_burst(p->id, (uint16_t)q, m, (uint16_t)n);
	for (unsigned i = 0; i < got; i++) {
		uint32_t index;

		if (likely(i + AHEAD < got)) {
			rte_prefetch0(m[i + AHEAD]);
			buf_prefetch(buf_of(m[i + AHEAD]));
		}
		index = take(p, m[i]);
		if (likely(index))
			idx[n_out++] = index;
		else
			(*n_foreign)++;
	}
	mbufs_cache = NULL;
	return n_out;
}

/* --- send --- */

/*
 * What the device has to know to fill in a checksum or to cut a super-segment. The checksum field
 * holds the pseudo-header's sum (engine/buf.h); rte_eth_tx_prepare() changes it where a device
 * wants another.
 */
static no_inline bool ask_offload(const struct buf *b, struct rte_mbuf *m)
{
	const uint8_t *frame = b->room + b->at;
	unsigned l2 = TYPE_AT, l4 = (unsigned)b->l4_at - b->at;
	uint16_t type;

	if (!(b->flags & BUF_NEED_L4_CSUM) || b->l4_at < b->at || l4 + b->csum_off + 2u > b->len)
		return false;
	type = (uint16_t)(frame[l2] << 8 | frame[l2 + 1]);
	for (unsigned n = 0; n < TAGS_MAX && (type == 0x8100 || type == 0x88a8); n++) {
		l2 += TAG_BYTES;
		type = (uint16_t)(frame[l2] << 8 | frame[l2 + 1]);
	}
	l2 += 2;
	if (l4 < l2 + 20 || (type != 0x0800 && type != 0x86dd))
		return false;
	m->l2_len = l2 & 0x7f;
	m->l3_len = (l4 - l2) & 0x1ff;
	m->ol_flags = type == 0x0800 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	if (b->gso_type == GSO_NONE) {
		m->ol_flags |= b->csum_off == CSUM_OFF_TCP ? RTE_MBUF_F_TX_TCP_CKSUM
							   : RTE_MBUF_F_TX_UDP_CKSUM;
		return true;
	}
	if (b->csum_off != CSUM_OFF_TCP || b->gso_size == 0 || l4 + TCP_MIN_BYTES > b->len)
		return false;
	m->l4_len = (frame[l4 + TCP_OFFSET_AT] >> 4) * 4u;
	m->tso_segsz = b->gso_size;
	/* What fits one segment is no super-segment. */
	if (b->total_len - l4 - m->l4_len <= b->gso_size) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
		return true;
	}
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
	if (type == 0x0800)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	return true;
}

static inline void place(struct rte_mbuf *m, const struct buf *b)
{
	m->data_off = b->at;
	m->data_len = b->len;
}

/* Each buffer comes back by itself when it is sent, so its chain ends here. */
static no_inline void put_chain(struct rte_mbuf *first, struct buf *b)
{
	struct rte_mbuf *last = first;
	uint16_t n = 1;

	for (struct buf *next = buf_next_or_null(b); next; n++) {
		struct rte_mbuf *m = mbuf_of(next);

		b->next = 0;
		b = next;
		next = buf_next_or_null(b);
		place(m, b);
		last->next = m;
		last = m;
	}
	b->next = 0;
	first->nb_segs = n;
}

/* @b as an mbuf, NULL if its lanes contradict it. */
static inline struct rte_mbuf *put_or_null(struct buf *b)
{
	struct rte_mbuf *m = mbuf_of(b);

	m->ol_flags = 0;
	m->tx_offload = 0;
	if (unlikely((b->flags & BUF_NEED_L4_CSUM) || b->gso_type != GSO_NONE) &&
	    !ask_offload(b, m))
		return NULL;
	place(m, b);
	m->pkt_len = b->total_len;
	if (unlikely(b->next))
		put_chain(m, b);
	return m;
}

static void drop(struct rte_mbuf **m, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rte_pktmbuf_free(m[i]);
}

/* Hand over @n; those that the device does not take are counted and freed. */
static void hand_over(struct dpdk_port *p, uint16_t q, struct rte_mbuf **m, unsigned n,
		      bool prepare, struct dpdk_sent *out)
{
	unsigned at = 0;

	while (at < n) {
		unsigned ready = n - at, sent;

		if (unlikely(prepare))
			ready = rte_eth_tx_prepare(p->id, q, m + at, (uint16_t)ready);
		sent = ready ? rte_eth_tx_burst(p->id, q, m + at, (uint16_t)ready) : 0;
		out->n_sent += sent;
		at += sent;
		if (sent < ready) { /* no room */
			out->n_full += n - at;
			for (unsigned i = at; i < n; i++)
				out->n_bytes -= m[i]->pkt_len;
			drop(m + at, n - at);
			return;
		}
		if (at < n) { /* the next one is malformed, says the device */
			out->n_refused++;
			out->n_bytes -= m[at]->pkt_len;
			drop(m + at, 1);
			at++;
		}
	}
}

struct dpdk_sent burst_send(struct dpdk_port *p, unsigned q, struct buf_cache *c,
			    const uint32_t *idx, unsigned n)
{
	uint8_t *base = p->mbufs->pool->base;
	struct dpdk_sent out = { 0 };
	struct rte_mbuf *m[DPDK_BURST];
	unsigned n_put = 0;
	uint64_t asked = 0;

	if (unlikely(!is_known))
		know_thread();
	mbufs_cache = c;
	for (unsigned i = 0; i < n; i++) {
		struct buf *b = buf_at(base, idx[i]);

		if (likely(i + AHEAD < n)) {
			struct buf *ahead = buf_at(base, idx[i + AHEAD]);

			buf_prefetch(ahead);
			rte_prefetch0(mbuf_of(ahead));
		}
		m[n_put] = put_or_null(b);
		if (unlikely(!m[n_put])) {
			module_host->free(c, &idx[i], 1);
			out.n_offload++;
			continue;
		}
		asked |= m[n_put]->ol_flags;
		out.n_bytes += m[n_put]->pkt_len;
		n_put++;
	}
	hand_over(p, (uint16_t)q, m, n_put, asked != 0, &out);
	mbufs_cache = NULL;
	return out;
}
