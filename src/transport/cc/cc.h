/*
 * cc.h - the congestion-control seam. RFC 5681, RFC 9438.
 *
 * TCP decides what is lost and what may be sent; an algorithm says how much may be in flight. It
 * keeps its state in `struct cc`, which lies in the connection, and never sees the connection
 * itself. All windows are octets. Time is given; an algorithm reads no clock.
 *
 *   open ──> init ──> acked … acked ──┬──> lost       once per loss event: sets ssthresh
 *                         ^           ├──> timed_out  retransmission timeout
 *                         └───────────┴──< recovered, undone
 */
#ifndef CONVOY_TRANSPORT_CC_CC_H
#define CONVOY_TRANSPORT_CC_CC_H

#include "transport/cc/hystart.h"

enum {
	CC_PRIVATE_WORDS = 12,
	CC_SSTHRESH_NONE = 0x7fffffff,
	CC_HYSTART_SEGMENTS = 16, /* smaller windows do not fill a queue */
};

struct cc_ops;

struct cc {
	const struct cc_ops *ops;
	uint32_t cwnd;	       /* octets that may be in flight */
	uint32_t ssthresh;     /* below it slow start, above it congestion avoidance */
	uint32_t mss;	       /* octets of a full segment */
	uint32_t pacing_per_s; /* octets a second to send at most; 0: in one burst */
	uint32_t private[CC_PRIVATE_WORDS];
	struct hystart hystart; /* of the first slow start */
};

/* News of one acknowledgement. */
struct cc_ack {
	uint64_t now_us;
	uint32_t acked;	    /* octets newly known to have arrived */
	uint32_t in_flight; /* octets in the network before this acknowledgement */
	uint32_t srtt_us;   /* 0 before the first measurement */
	uint32_t rtt_us;    /* measured by this acknowledgement; 0 if it could not tell */
	bool was_limited;   /* the window was what held the sender back (RFC 7661) */
};

struct cc_ops {
	const char *name; /* as in configuration and `show sessions` */
	/* init - @cc->mss is set; choose the initial window. */
	void (*init)(struct cc *cc);
	/* acked - new data has arrived and no recovery is under way, or after a timeout. */
	void (*acked)(struct cc *cc, const struct cc_ack *ack);
	/* lost - a loss was detected by acknowledgements; set ssthresh, and cwnd to it. */
	void (*lost)(struct cc *cc, uint32_t in_flight, uint64_t now_us);
	/* timed_out - set ssthresh and start again from one segment. RFC 5681 (4) */
	void (*timed_out)(struct cc *cc, uint32_t in_flight, uint64_t now_us);
	/* undone - the last lost() or timed_out() was a mistake: nothing had been lost. */
	void (*undone)(struct cc *cc);
	/* idle - nothing was sent for @idle_us, more than a retransmission timeout. RFC 5681 §4.1
	 */
	void (*idle)(struct cc *cc, uint64_t idle_us);
};

extern const struct cc_ops cc_newreno;
extern const struct cc_ops cc_cubic;

/* cc_find_or_null - the algorithm called @name. */
const struct cc_ops *cc_find_or_null(const char *name);

/* cc_init - start @ops for a connection whose segments carry @mss octets. */
void cc_init(struct cc *cc, const struct cc_ops *ops, uint32_t mss);

/* cc_initial_window - ten segments, RFC 6928 §2. */
uint32_t cc_initial_window(uint32_t mss);

/*
 * cc_slow_start - grow by what was acknowledged, up to ssthresh; returns what is left of it. The
 * first time, before ssthresh is known, HyStart++ finds it.
 */
uint32_t cc_slow_start(struct cc *cc, const struct cc_ack *ack);

/* cc_set_mss - the path takes segments of another size. */
void cc_set_mss(struct cc *cc, uint32_t mss);

#endif
