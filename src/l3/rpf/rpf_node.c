/*
 * ip4-rpf, ip6-rpf: drop packets whose source is not where they came from. rpf.h has the picture.
 */
#include "engine/feature.h"
#include "l3/ip4/ip4.h"
#include "l3/ip6/ip6.h"
#include "l3/rpf/rpf.h"

enum { NEXT_DROP };
static const char *const next_names[] = { [NEXT_DROP] = "drop" };

static const struct reason reasons[] = {
	[RPF_NOT_BACK] = { "source",
			   "no path to the source leads back where the packet came from" },
	[RPF_TOO_MANY] = { "paths",
			   "none of the first paths to the source does, and there are more" },
};
_Static_assert(count_of(reasons) == RPF_FINE, "every reason has a text");

static inline uint16_t judge(struct worker *w, const struct fib *f, struct buf *b, uint32_t leaf,
			     struct fib_key src, unsigned family)
{
	enum rpf_mode mode = rpf_of(w->engine, b->rx_if);

	enum rpf_verdict verdict = rpf_judge(f, mode, leaf, src, family, b->rx_if);

	if (likely(verdict == RPF_FINE))
		return feature_next(w, b);
	b->reason = (uint16_t)verdict;
	return NEXT_DROP;
}

static unsigned run4(struct worker *w, struct node *node, struct frame *f)
{
	const struct fib *fib = ip4_of(w)->fib;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct ip4_hdr *ip = buf_l3(b[i]);
		const struct vrf *v = fib_vrf_or_null(fib, b[i]->fib);
		uint32_t src = host32(ip->src);

		next[i] = judge(w, fib, b[i], v ? trie_lookup4(&v->ip4.trie, src) : 0,
				fib_key_of_ip4(src), 4);
	}
	node_send(w, node, f, next);
	return f->n;
}

/* The unspecified address speaks to groups of its link only: RFC 4862 §5.4.2. */
static bool is_duplicate_check(const struct ip6_hdr *ip)
{
	return ip6_is_unspecified(&ip->src) && ip6_is_multicast(&ip->dst);
}

static unsigned run6(struct worker *w, struct node *node, struct frame *f)
{
	const struct fib *fib = ip4_of(w)->fib;
	struct buf *b[FRAME_MAX + PREFETCH_AHEAD];
	uint16_t next[FRAME_MAX];

	frame_bufs(f, b);
	for (unsigned i = 0; i < f->n; i++) {
		const struct ip6_hdr *ip = buf_l3(b[i]);
		const struct vrf *v = fib_vrf_or_null(fib, b[i]->fib);
		struct fib_key src = fib6_key_on(&ip->src, b[i]->rx_if);

		if (is_duplicate_check(ip))
			next[i] = feature_next(w, b[i]);
		else
			next[i] = judge(w, fib, b[i], v ? trie_lookup6(&v->ip6.trie, src) : 0, src,
					6);
	}
	node_send(w, node, f, next);
	return f->n;
}

const struct node_type ip4_rpf_node = {
	.name = "ip4-rpf",
	.run = run4,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = count_of(reasons),
};

const struct node_type ip6_rpf_node = {
	.name = "ip6-rpf",
	.run = run6,
	.next_names = next_names,
	.n_next = count_of(next_names),
	.reasons = reasons,
	.n_reasons = count_of(reasons),
};
