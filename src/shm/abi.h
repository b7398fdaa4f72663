/*
 * abi.h - the shared-memory ABI between two workers: a stack worker and an application worker, or
 * two application workers (cut-through). Version 4.
 *
 * Two workers meet over a *channel*: two segments (memfds), each written by one side only and
 * mapped read-only by the other. Both segments have the same shape, so stack-to-app and app-to-app
 * run the same code:
 *
 *      offset 0  +--------------------------------+
 *                | struct shm_side       4 KiB    |  geometry, ring cursors, nap word
 *                +--------------------------------+
 *                | struct shm_event[RING] 64 KiB  |  events for the peer, in order
 *                +--------------------------------+
 *                | struct shm_half[n_slots]       |  my half of each session, 128 B
 *                +--------------------------------+
 *                | pages 0 .. n_pages-1, 4 KiB    |  bytes that I send, in chunks
 *                +--------------------------------+
 *
 * A session occupies the same slot number in both segments. Its *fifo* toward the peer is the run
 * of bytes [peer.head, mine.tail) of a free-running 32-bit byte space, cut into chunks of
 * 2^shift bytes; byte b lies in chunk mine.chunk[(b >> shift) & 15] at offset b & (2^shift - 1).
 * At most 15 chunks are in use, so a chunk never holds both old and new bytes of one position.
 * The writer allocates chunks in its own segment with the first byte and takes them back when the
 * reader has passed them: nothing is lent, so nothing needs to be believed.
 *
 * Nothing that the peer writes is trusted: each word is loaded once, then checked or masked
 * (end.h does it for both sides). Every field below has one writer, the owner of the segment.
 */
#ifndef CONVOY_SHM_ABI_H
#define CONVOY_SHM_ABI_H

#include <stdatomic.h>

#include "base/compiler.h"

enum {
	SHM_VERSION = 4,
	SHM_MAGIC = 0x59564e43, /* "CNVY" */
	SHM_PAGE_BYTES = 4096,
	SHM_RING_EVENTS = 1024,
	SHM_FIFO_CHUNKS = 16,
	SHM_SHIFT_SMALL = 12,  /* chunks of 4 KiB, fifo of 60 KiB */
	SHM_SHIFT_MEDIUM = 14, /* chunks of 16 KiB, fifo of 240 KiB; aligned to 4 pages */
	SHM_SHIFT_LARGE = 16,  /* chunks of 64 KiB, fifo of 960 KiB; aligned to 16 pages */
	SHM_SHIFT_STEP = 2,
	SHM_MAX_SLOTS = 1 << 20,
	SHM_MAX_PAGES = 1 << 22, /* 16 GiB */
};

enum { SHM_NO_SLOT = UINT32_MAX };

/* Features that one side may offer and the other may lack; none yet. */
enum { SHM_FEATURES = 0 };

/* Head of a segment. The first line is written once, before the segment is shared, but for splits.
 */
struct shm_side {
	uint32_t magic;
	uint32_t version;
	uint32_t n_slots;
	uint32_t n_pages;
	/*
	 * By the stack, to an application worker: cut-through sessions of that worker that it has
	 * begun to split, ever. Before its turn ends it posts MOVED or RELAYED for each. What the
	 * worker published before it could see the number grow goes along; what it publishes
	 * afterwards does not, and until it has been told it takes no news from that peer (fifo.c).
	 */
	_Atomic uint32_t splits;
	uint8_t unused0[44];
	/* events that I have posted, ever */
	_Atomic uint32_t ring_tail cacheline_aligned;
	/* events of the peer that I have taken, ever */
	_Atomic uint32_t ring_head cacheline_aligned;
	/* odd while I sleep or am about to; grows by one at each change (wake.h) */
	_Atomic uint32_t nap;
};

/*
 * What a transport measures of a session, in shm_half.info of the stack's half: published when
 * SHM_OPT_INFO asks for it, and from then on with each acknowledgement.
 */
enum shm_info {
	SHM_INFO_RTT_US, /* smoothed */
	SHM_INFO_RTTVAR_US,
	SHM_INFO_RTO_US,
	SHM_INFO_CWND_BYTES,
	SHM_INFO_SSTHRESH_BYTES,
	SHM_INFO_FLIGHT_BYTES,
	SHM_INFO_RETRANSMITS, /* segments, since the connection began */
	SHM_INFO_KIND,	      /* shm_info_kind(); 0: nothing has been published */
	SHM_INFO_WORDS,
};

/* By the numbers of Linux, which programs know: TCP_ESTABLISHED, TCPI_OPT_SACK … */
static inline uint32_t shm_info_kind(uint32_t mss, uint8_t tcp_state, uint8_t tcpi_options,
				     uint8_t congestion)
{
	return (mss & 0xffff) | (uint32_t)(tcp_state & 15) << 16 |
	       (uint32_t)(tcpi_options & 15) << 20 | (uint32_t)(congestion & 15) << 24 | 1u << 31;
}

enum shm_congestion { SHM_CC_OTHER, SHM_CC_NEWRENO, SHM_CC_CUBIC, SHM_CC_BBR };

/* What the owner of a half says about its direction of the session. Only ever grows. */
enum shm_state {
	SHM_OPEN = 0,
	SHM_FIN = 1,	/* tail is final; I go on reading */
	SHM_CLOSED = 2, /* tail is final, and I read no more */
	/*
	 * Aborted: bytes on their way are void; see error. ERR_AGAIN on a cut-through session that
	 * was not taken: it is given back, and the other side asks for another acceptor.
	 */
	SHM_RESET = 3,
	SHM_MOVED = 4, /* by the stack: another process has it now; SHM_EV_MOVED follows */
};

/* An error that is none of enum err: reset after FIN, which may have gone by unseen. */
enum { SHM_AFTER_FIN = 1 };

struct shm_half {
	/* Equal to the session's generation once the words below belong to that session. */
	_Atomic uint32_t generation;
	_Atomic uint32_t tail;	 /* bytes that I have put into my fifo */
	_Atomic uint32_t head;	 /* bytes that I have taken from the peer's fifo */
	_Atomic uint32_t posted; /* data events that I have posted for this session */
	_Atomic uint32_t heard;	 /* value of the peer's posted when I last looked */
	_Atomic uint32_t want;	 /* odd while I wait for room in my fifo */
	_Atomic uint8_t state;	 /* enum shm_state */
	_Atomic uint8_t shift;	 /* log2 of the chunk size; changes only when the fifo is empty */
	_Atomic uint8_t taken;	 /* 1: the application has accepted this session */
	uint8_t unused0;
	_Atomic int32_t error; /* with SHM_RESET: enum err, or SHM_AFTER_FIN */
	_Atomic uint32_t info[SHM_INFO_WORDS];
	_Atomic uint32_t chunk[SHM_FIFO_CHUNKS]; /* first page of each chunk, plus 1; 0 is none */
};

enum shm_event_type {
	SHM_EV_NONE = 0,
	/* both ways, on every channel */
	SHM_EV_DATA, /* tail or state of this session's half has moved */
	SHM_EV_ROOM, /* head of this session's half has moved, as you wanted */
	/* application to stack */
	SHM_EV_CONNECT,	 /* cookie, local (port 0: any), remote; `flags` is enum shm_connect */
	SHM_EV_INTEREST, /* cookie, listener in `channel`; `flags` bit 0: wanted or no longer */
	SHM_EV_RETURN,	 /* slot: an offered session that was not accepted */
	SHM_EV_DETACHED, /* channel, slot, generation of a cut-through session that I have closed */
	SHM_EV_OPTION,	 /* slot: `flags` is enum shm_option, `value` its new value */
	SHM_EV_ADOPT,	 /* cookie, and channel, slot, generation: a session by its shared name */
	SHM_EV_RELEASE,	 /* channel (0: this one), slot: I close it, others may go on; `flags` bit
			    0: abort if I am the last */
	/* stack to application */
	SHM_EV_CONNECTED, /* cookie, channel (0: this one), slot, generation, local, remote */
	SHM_EV_FAILED,	  /* cookie, value is an enum err; of an ADOPT also its name */
	SHM_EV_INCOMING,  /* cookie of the interest, channel, slot, generation, local, remote */
	SHM_EV_CHANNEL,	  /* channel: ask for it over the socket (rpc.h) */
	SHM_EV_GONE,	  /* channel: the peer at its other end is dead */
	SHM_EV_ADOPTED,	  /* as CONNECTED; `flags`: enum shm_adopted */
	SHM_EV_MOVED,	  /* channel, slot: another process has adopted it; `flags` as its ADOPT,
			     `value`: bytes that I had read then; `relayed` if cut-through */
	SHM_EV_FREED,	  /* shared name: who had adopted it has closed it */
	SHM_EV_RELAYED,	  /* channel, slot, `relayed`: a cut-through session goes on through the
			     stack, since the other end is with another process now */
	SHM_EV_QUEUED, /* cookie, slot, generation, local, remote: a connect to this stack waits for
			 an acceptor; write on in this slot until CONNECTED, which may name
			 the same slot again, or FAILED comes */
	SHM_EV_WANTED, /* slot: another process waits to read it; YIELD after the next read */
	/* application to stack */
	SHM_EV_YIELD, /* slot: I have read; whoever waits for that may have it */
	SHM_EV_LAST = SHM_EV_YIELD,
};

/*
 * Sessions and forks. A forked child shares the sessions of its parent; the shared name of one is
 * where it lay when the process forked that the child descends from: the application worker (or,
 * cut-through, the channel) in `channel`, slot and generation. Who adopts a session gets it in a
 * slot of its own, with the bytes that nobody has read; who had it keeps its slot as a name.
 */
enum shm_adopt {
	SHM_ADOPT_AT_ONCE = 0,
	SHM_ADOPT_TO_WRITE = 1, /* in ADOPT, and in MOVED to the one who loses it */
	SHM_ADOPT_IN_TURN = 2,	/* in ADOPT: when who has it now has read or is done with it */
};

enum shm_adopted {
	SHM_ADOPTED_FIN = 1,	/* writing was shut down before */
	SHM_ADOPTED_ONLY = 2,	/* nobody else shares it any more */
	SHM_ADOPTED_WANTED = 4, /* as by SHM_EV_WANTED */
};

/* Flags of SHM_EV_CONNECT. */
enum shm_connect {
	/* a cut-through session whose server has not taken it: only a listener inside this stack
	   will do */
	SHM_CONNECT_AGAIN = 1,
};

/* Per-session settings that reach the transport. Durations in milliseconds. */
enum shm_option {
	SHM_OPT_NODELAY = 1,
	SHM_OPT_CORK,
	SHM_OPT_KEEPALIVE,
	SHM_OPT_KEEPALIVE_IDLE_MS,
	SHM_OPT_KEEPALIVE_INTERVAL_MS,
	SHM_OPT_KEEPALIVE_PROBES,
	SHM_OPT_LINGER_RESET, /* closing aborts */
	SHM_OPT_USER_TIMEOUT_MS,
	SHM_OPT_INFO, /* publish shm_half.info */
};

/* An IPv4 address lies in the first four bytes, network order. */
struct shm_address {
	uint8_t ip[16];
	uint16_t port;	 /* host order */
	uint16_t family; /* 4 or 6; 0 when unset */
};

/* Where a cut-through session goes on, and from which byte of the stream each way. */
struct shm_relayed {
	uint32_t slot, generation; /* RELAYED: on this channel; SHM_NO_SLOT: it is over */
	uint32_t taken;		   /* the stack has what I wrote before this byte */
	uint32_t start;		   /* RELAYED: the first byte there is this one of the stream */
};

struct shm_event {
	uint16_t type; /* enum shm_event_type */
	uint16_t flags;
	uint32_t cookie;
	uint32_t channel;
	uint32_t slot;
	uint32_t generation;
	int32_t value;
	union {
		struct {
			struct shm_address local;
			struct shm_address remote;
		};
		struct shm_relayed relayed;
	};
};

_Static_assert(sizeof(struct shm_side) == 192, "part of the ABI");
_Static_assert(sizeof(struct shm_half) == 128, "part of the ABI");
_Static_assert(sizeof(struct shm_event) == 64, "part of the ABI");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "words are shared between processes");

#endif
