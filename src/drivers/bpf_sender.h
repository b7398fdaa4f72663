/*
 * bpf_sender.h - sending many packets through a device of the kernel by one call of a program.
 *
 *   frames ── copied ──> batch (a map, shared with the kernel) ── program ──> packets ──> device
 *
 * The program runs over a packet of its own (BPF_PROG_TEST_RUN): it writes a frame into it and has
 * a clone sent, for each frame of the batch. Compared with packet sockets and AF_XDP's copying
 * rings there is no socket to account each packet to, and softirqs run once for a batch instead of
 * once for a packet; that counts where the device is another stack's door, as a veth is. The
 * packets take the usual way, queueing discipline included. No offloads: frames are as they are to
 * be on the wire.
 *
 * Frames of one EtherType are sent in order; IPv4, IPv6 and all others are three calls.
 */
#ifndef CONVOY_DRIVERS_BPF_SENDER_H
#define CONVOY_DRIVERS_BPF_SENDER_H

#include "engine/buf.h"

enum {
	BPF_SENDER_FRAME_MIN = 15,   /* there is something in it */
	BPF_SENDER_FRAME_MAX = 9728, /* bytes: jumbo frames with tags */
	BPF_SENDER_FAMILIES = 3,
};

struct bpf_batch;

/* One worker's. */
struct bpf_sender {
	int map_fd, program_fd;	 /* -1: closed */
	struct bpf_batch *batch; /* NULL: closed */
	uint32_t used;		 /* bytes of the batch */
	uint32_t n[BPF_SENDER_FAMILIES];
	uint16_t type[BPF_SENDER_FAMILIES]; /* EtherType of those that wait, as on the wire */
};

/* What became of frames. */
struct bpf_sent {
	unsigned n_sent;
	unsigned n_full;    /* the device or its queue had no room */
	unsigned n_gone;    /* the device does not exist any more */
	unsigned n_refused; /* down, or the frame is larger than its MTU, … */
	uint64_t n_bytes;   /* of those that were sent */
};

/* How a driver sends: by what its socket has, or by a program. AUTO: what is known to be faster. */
enum bpf_sender_use { BPF_SENDER_AUTO, BPF_SENDER_NEVER, BPF_SENDER_ALWAYS };

/*
 * bpf_sender_open - for the device @index of the caller's network namespace, which is also that of
 * the thread that will send. 0 or a negative errno value; then @s is closed. Needs CAP_BPF and
 * CAP_NET_ADMIN, Linux 5.5.
 */
must_check
int bpf_sender_open(struct bpf_sender *s, int index);
void bpf_sender_close(struct bpf_sender *s);

/*
 * bpf_sender_put - copy the chain @b, of BPF_SENDER_FRAME_MIN to BPF_SENDER_FRAME_MAX bytes; it may
 * be freed then. False if there is no room before a flush; there is after it.
 */
must_check
bool bpf_sender_put(struct bpf_sender *s, const struct buf *b);

/* bpf_sender_flush - have everything sent, and add to @sent what became of it. */
void bpf_sender_flush(struct bpf_sender *s, struct bpf_sent *sent);

static inline bool bpf_sender_waits(const struct bpf_sender *s)
{
	return s->used > 0;
}

#endif
