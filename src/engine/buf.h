/*
 * buf.h - packet buffers: named by 32-bit indices, chained for large packets.
 *
 *   ┌─ head (192 B)    a driver's own: DPDK's mbuf lies there; untouched where nobody uses it
 *   │
 *   buf_at(base, index)
 *   │
 *   ├─ line 0 (64 B)   what nearly every node reads: place, lengths, flags, interfaces, next hop
 *   ├─ line 1 (64 B)   lanes of the transports and of flow-keyed functions
 *   ├─ room            128 B of headroom, where headers are pushed
 *   └─                 2048 B of data
 *
 * An index counts cache lines from the base of the pool, so that an index becomes a pointer by one
 * shift and one addition. Index 0 is never a buffer. Positions (`at`, `l2_at`, `l3_at`, `l4_at`)
 * count bytes from the start of `room` and therefore survive buf_push() and buf_pull().
 *
 * Lanes are typed and owned: the comment at each field names its writer. Nobody overlays them.
 * Only the first buffer of a chain carries lanes; in the others `next`, `at` and `len` count.
 *
 * A buffer has one owner: the node that holds its index. Sending it on, freeing it or handing it
 * to another worker gives it away.
 *
 * Floods make an exception: the tail of a chain may be shared. Each chain has its own first buffer,
 * with lanes, headroom and headers; the buffers behind it nobody changes while they are shared. The
 * first shared buffer counts the chains that hold it, the last one to go frees it.
 *
 *   first of chain 1 ─┐
 *   first of chain 2 ─┼──> BUF_SHARED, n_holders 3 ──> more of the packet
 *   first of chain 3 ─┘
 *
 * Only interfaces whose driver says so get such chains: `takes_shared`. buf_unshare() makes one
 * like any other.
 */
#ifndef CONVOY_ENGINE_BUF_H
#define CONVOY_ENGINE_BUF_H

#include <string.h>

#include "base/compiler.h"
#include "base/err.h"

enum {
	BUF_HEADROOM = 128,
	BUF_DATA = 2048,
	BUF_ROOM = BUF_HEADROOM + BUF_DATA,
	BUF_LINE = 64,		       /* bytes that an index counts */
	BUF_HEAD = 192,		       /* before each buffer, for the driver that wants it */
	BUF_NO_REASON = 0xffff,	       /* `reason` of a packet that nobody has condemned */
	BUF_CACHE = 512,	       /* free indices that a worker keeps for itself, at most */
	BUF_BATCH = 256,	       /* indices that move between a cache and the pool at once */
	BUF_CHAIN_BYTES = 65536 + 256, /* the longest chain that a driver makes: a GSO frame */
};

enum buf_flag {
	BUF_L4_CSUM_OK = 1 << 0,     /* the TCP or UDP checksum was verified; need not be again */
	BUF_IP_CSUM_OK = 1 << 1,     /* the same for the IPv4 header */
	BUF_NEED_L4_CSUM = 1 << 2,   /* to be filled before the wire, see below */
	BUF_LINK_BROADCAST = 1 << 3, /* came to the link's broadcast address */
	BUF_LINK_MULTICAST = 1 << 4, /* came to a link multicast address */
	BUF_LOCAL = 1 << 5,	     /* made by this stack, not received */
	BUF_REASSEMBLED = 1 << 6,    /* was put together from fragments here */
	BUF_SHARED = 1 << 7,	     /* never the first of a chain: several chains hold it */
};

/*
 * Checksum offload has the meaning that virtio and Linux give it. With BUF_NEED_L4_CSUM the
 * checksum field, `csum_off` bytes into the header at `l4_at`, holds the one's complement sum of
 * the pseudo-header, folded and not inverted; who sends the packet adds the bytes from l4_at to the
 * end and inverts. A driver without CAP_CSUM never sees such a packet: the `offload` feature
 * fills it in before. The same goes for gso_type and CAP_TSO.
 *
 * The IPv4 header checksum is never offloaded: who writes the header writes it. In a super-segment
 * the IP header's length is that of the whole, 65535 at most; the segments get their own.
 */
enum gso_type { GSO_NONE, GSO_TCP4, GSO_TCP6 };

/* Where TCP's and UDP's checksum stands in their headers (`csum_off`). */
enum { CSUM_OFF_TCP = 16, CSUM_OFF_UDP = 6 };

/* What tcp-input learns from a header, so that later nodes need not parse again. */
struct buf_transport {
	uint64_t connection; /* handle of the connection or session; 0 before lookup */
	uint32_t seq;
	uint32_t ack;
	uint32_t payload_len; /* bytes of the whole chain from payload_at on */
	uint16_t payload_at;  /* position in the first buffer's room */
	uint16_t window;      /* as on the wire, unscaled */
	uint8_t tcp_flags;
	uint8_t header_len; /* bytes of the transport header, options included */
	uint8_t spare[6];   /* for the transports */
};
_Static_assert(sizeof(struct buf_transport) == 32, "half a cache line");

struct buf {
	/* line 0 */
	uint32_t self; /* own index; pool */
	uint32_t next; /* index of the next buffer of the chain, 0 at the end */
	uint16_t at;   /* position of the first byte in this buffer; one word with the next two */
	uint16_t len;  /* bytes in this buffer */
	uint32_t total_len;  /* bytes in the chain that starts here */
	uint32_t flags;	     /* enum buf_flag */
	uint16_t l2_at;	     /* drivers: the Ethernet header */
	uint16_t l3_at;	     /* ethernet-input, or who builds the packet */
	uint16_t l4_at;	     /* ip4-input, or who builds the packet */
	uint16_t gso_size;   /* payload bytes of one segment when gso_type is set */
	uint8_t gso_type;    /* enum gso_type: the chain is a super-segment to be cut */
	uint8_t csum_off;    /* CSUM_OFF_TCP or CSUM_OFF_UDP with BUF_NEED_L4_CSUM */
	uint16_t reason;     /* why it goes to drop: an index in the condemning node's reasons[] */
	uint32_t rx_if;	     /* interface that it came in by, 0 when made here */
	uint32_t tx_if;	     /* interface that it leaves by */
	uint32_t flow_hash;  /* symmetric hash of the five-tuple, 0 when not computed */
	uint32_t fib;	     /* index of the VRF's table for the lookup */
	uint32_t adjacency;  /* lookup's result: whom to rewrite for */
	uint8_t feature_arc; /* feature cursor: the arc that the packet travels … */
	uint8_t feature_pos; /* … and the position in it; engine/feature.h */
	uint16_t drop_node;  /* node that condemned it; node_send() */
	uint32_t trace;	     /* mark of a traced packet, 0 for all others; engine/trace.h */
	uint32_t icmp_error; /* who sends it to icmp4-error: type, code, rest; l3/icmp/icmp.h */
	/* line 1: undefined after buf_alloc(); each lane's writer sets all of it */
	struct buf_transport transport; /* transports */
	uint64_t rx_ns;			/* drivers: time of the turn that received it */
	uint8_t ip_proto;		/* ip input: protocol of the L4 header */
	uint8_t spare1[7];
	uint64_t flow;	    /* flow table lookup: handle shared by acl, nat, policers */
	uint32_t n_holders; /* with BUF_SHARED; atomic */
	uint32_t note;	    /* of a traced packet: what the node it is in tells its printer */
	uint8_t room[BUF_ROOM];
};
_Static_assert(offsetof(struct buf, transport) == 64, "line 0 is one cache line");
_Static_assert(offsetof(struct buf, room) == 128, "line 1 is one cache line");
_Static_assert(offsetof(struct buf, len) == offsetof(struct buf, at) + 2 &&
		       offsetof(struct buf, total_len) == offsetof(struct buf, at) + 4 &&
		       __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "buf_shift() takes them for one number");

/*
 * From one buffer to the next. An odd number of lines: the first lines of 256 buffers then fall
 * into all sets of a cache. At 36 lines they fall into a quarter of them, and into the same as the
 * headers of the packets, and push each other out.
 */
enum { BUF_STRIDE = sizeof(struct buf) + BUF_HEAD, BUF_STRIDE_LINES = BUF_STRIDE / BUF_LINE };
_Static_assert(BUF_STRIDE % BUF_LINE == 0, "buffers start at cache lines");
_Static_assert(BUF_STRIDE_LINES % 2 == 1, "and spread over all sets of a cache");

/* Where the indices live; one for all workers of an engine. */
struct buf_pool {
	uint8_t *base;	    /* index 0; the first buffer follows one stride later */
	uint32_t n_buffers; /* capacity */
	bool huge;	    /* memory is huge pages */
	int fd;		    /* the memfd that it is of; -1: it is private */
	size_t map_bytes;
	uint64_t free_batches cacheline_aligned; /* atomic stack: {tag:32, index of a batch:32} */
	uint32_t n_in_batches;			 /* atomic: buffers on that stack */
	uint32_t n_carved;			 /* atomic: buffers that were ever handed out */
};

/* A worker's private stock of free buffers. Counters are for `show buffers`. */
struct buf_cache {
	struct buf_pool *pool;
	uint32_t n;
	uint64_t n_taken, n_given, n_failed; /* buffers allocated, freed, asked for in vain */
	uint32_t idx[BUF_CACHE];
};

/*
 * buf_pool_init - reserve room for @n_buffers, in huge pages when the system has some.
 * Pages are touched only as buffers are first used. ERR_NOMEM, ERR_INVAL for 0 or more than
 * 2^32 lines hold.
 */
must_check
int buf_pool_init(struct buf_pool *p, uint32_t n_buffers);
/*
 * buf_pool_init_shared - the same of ordinary pages in a sealed memfd, which other programs can
 * map: whoever gets it can write over every buffer and what it says of itself. ERR_* of the system
 * too.
 */
must_check
int buf_pool_init_shared(struct buf_pool *p, uint32_t n_buffers);
/* buf_pool_deinit - unmap; every buffer and cache is gone with it. */
void buf_pool_deinit(struct buf_pool *p);

void buf_cache_init(struct buf_cache *c, struct buf_pool *p);
/* buf_cache_deinit - return the stock to the pool. */
void buf_cache_deinit(struct buf_cache *c);

/*
 * buf_alloc - take up to @n buffers; returns how many, fewer only when the pool is empty.
 * Line 0 is reset: empty, `at` after the headroom, no flags, no reason, not chained.
 */
must_check
unsigned buf_alloc(struct buf_cache *c, uint32_t *idx, unsigned n);

/* buf_alloc_one_or_zero - one buffer's index; 0 when the pool is empty. */
must_check
uint32_t buf_alloc_one_or_zero(struct buf_cache *c);

/* buf_free - give back @n chains, every buffer of each. */
void buf_free(struct buf_cache *c, const uint32_t *idx, unsigned n);
/* buf_free_one - give back the chain that starts at @idx. */
void buf_free_one(struct buf_cache *c, uint32_t idx);

/* buf_pool_free_count - buffers not in use, give or take what workers' caches hold. */
uint32_t buf_pool_free_count(const struct buf_pool *p);

static inline struct buf *buf_at(void *base, uint32_t idx)
{
	return (struct buf *)((uint8_t *)base + (size_t)idx * BUF_LINE);
}

/* buf_base - the pool's base, found from any of its buffers. */
static inline void *buf_base(const struct buf *b)
{
	return (uint8_t *)b - (size_t)b->self * BUF_LINE;
}

/* buf_next_or_null - the buffer that follows in the chain. */
static inline struct buf *buf_next_or_null(const struct buf *b)
{
	return b->next ? buf_at(buf_base(b), b->next) : NULL;
}

static inline uint8_t *buf_data(struct buf *b)
{
	return b->room + b->at;
}

static inline uint8_t *buf_end(struct buf *b)
{
	return b->room + b->at + b->len;
}

static inline void *buf_l2(struct buf *b)
{
	return b->room + b->l2_at;
}

static inline void *buf_l3(struct buf *b)
{
	return b->room + b->l3_at;
}

static inline void *buf_l4(struct buf *b)
{
	return b->room + b->l4_at;
}

static inline void buf_prefetch(const struct buf *b)
{
	prefetch_write(b);
}

static inline void buf_prefetch_data(const struct buf *b)
{
	prefetch_write(b->room + BUF_HEADROOM);
}

/* buf_headroom - bytes that buf_push() may still take. */
static inline unsigned buf_headroom(const struct buf *b)
{
	return b->at;
}

/* buf_tailroom - bytes that buf_append() may still take in this buffer. */
static inline unsigned buf_tailroom(const struct buf *b)
{
	return (unsigned)BUF_ROOM - b->at - b->len;
}

/*
 * buf_shift - move the beginning @n bytes back, or forward if it is negative: place and both
 * lengths at once, as one number. It stays within headroom and data, so that no field borrows from
 * the next.
 */
static force_inline void buf_shift(struct buf *b, int n)
{
	uint64_t place;

	memcpy(&place, &b->at, sizeof(place));
	place += (uint64_t)(int64_t)n *
		 (0u - (uint64_t)1 + ((uint64_t)1 << 16) + ((uint64_t)1 << 32));
	memcpy(&b->at, &place, sizeof(place));
}

/* buf_push - open @n bytes before the data; asserts that the headroom holds them. */
static inline void *buf_push(struct buf *b, unsigned n)
{
	invariant(n <= b->at);
	buf_shift(b, (int)n);
	return buf_data(b);
}

/* buf_pull - take @n bytes off the front, which are still readable; asserts that they are there. */
static inline void *buf_pull(struct buf *b, unsigned n)
{
	void *old = buf_data(b);

	invariant(n <= b->len);
	buf_shift(b, -(int)n);
	return old;
}

/* buf_pull_or_null - the same; NULL and no change when this buffer holds fewer than @n bytes. */
static inline void *buf_pull_or_null(struct buf *b, unsigned n)
{
	return n <= b->len ? buf_pull(b, n) : NULL;
}

/* buf_append - open @n bytes after the data of an unchained buffer; asserts that they fit. */
static inline void *buf_append(struct buf *b, unsigned n)
{
	void *end = buf_end(b);

	invariant(n <= buf_tailroom(b) && b->next == 0);
	b->len = (uint16_t)(b->len + n);
	b->total_len += n;
	return end;
}

/*
 * buf_trim - cut the chain to its first @n bytes (padding); asserts that it has as many, and that
 * it does not end inside of a shared buffer.
 */
void buf_trim(struct buf_cache *c, struct buf *b, uint32_t n);

/*
 * buf_append_bytes - copy @n bytes to the end of the chain, growing it as needed.
 * Nothing of it is shared. Returns 0, or ERR_NOMEM with the chain as it was.
 */
must_check
int buf_append_bytes(struct buf_cache *c, struct buf *b, const void *from, uint32_t n);

/*
 * buf_copy_out - copy @n bytes, starting @skip bytes after the chain's first, to @to.
 * Returns the number copied, less than @n where the chain ends.
 */
uint32_t buf_copy_out(const struct buf *b, uint32_t skip, void *to, uint32_t n);

/*
 * buf_clone_or_zero - a deep copy of the chain with its lanes, for floods and mirrors.
 * Returns its index, 0 when the pool is empty. The copy carries no trace mark.
 */
must_check
uint32_t buf_clone_or_zero(struct buf_cache *c, const struct buf *b);

/*
 * buf_share_or_zero - a new first buffer with the lanes and the first @n_head bytes of @b, which
 * has more in its first buffer; the rest of @b, under its old index, becomes its shared tail.
 * Returns the index of the new first buffer, or 0 with nothing changed when the pool is empty.
 */
must_check
uint32_t buf_share_or_zero(struct buf_cache *c, struct buf *b, unsigned n_head);

/*
 * buf_clone_head_or_zero - one more chain with the tail of @b, which buf_share_or_zero() returned:
 * lanes and bytes of the first buffer are copied, but not the trace mark. No chain with that tail
 * has left the worker yet. Returns its index, 0 when the pool is empty.
 */
must_check
uint32_t buf_clone_head_or_zero(struct buf_cache *c, const struct buf *b);

/* buf_unshare - copy what @b shares with others. Returns 0, or ERR_NOMEM with nothing changed. */
must_check
int buf_unshare(struct buf_cache *c, struct buf *b);

/* buf_chain_count - buffers in the chain. */
unsigned buf_chain_count(const struct buf *b);

/*
 * buf_linear - make the first @n bytes contiguous in the first buffer, moving bytes forward.
 * Nothing of the chain is shared.
 * Returns 0, ERR_SHORT if the chain has fewer, ERR_RANGE if one buffer cannot hold them.
 */
must_check
int buf_linear(struct buf_cache *c, struct buf *b, uint32_t n);

#endif
