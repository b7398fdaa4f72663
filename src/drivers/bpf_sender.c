/* bpf_sender.c - the program that sends a batch of frames, and filling the batch. */
#include "drivers/bpf_sender.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/bpf.h"
#include "drivers/bpf_insn.h"

enum {
	BATCH = 256, /* frames of one call */
	PACKETS = 1024,
	BYTES = 128 << 10, /* a power of two; a frame may begin anywhere in it */
	UNSENT = -1,	   /* the program did not come to it */
	TYPE_AT = 12,
	/* Of the packet that the program begins with; the kernel wants a whole IPv6 header in it.
	 */
	TEMPLATE_MIN = 60,
	TEMPLATE_MAX = 1024,
	/* What dev_queue_xmit() may say besides 0 and errors (include/linux/netdevice.h): */
	XMIT_DROP = 1,
	XMIT_CONGESTED = 2, /* this one was dropped, or another one for it */
};
_Static_assert(BPF_SENDER_FAMILIES *BATCH <= PACKETS, "each family has its part of the list");

struct bpf_packet {
	uint32_t at, len; /* in bytes[] */
	int32_t result;	  /* the program's: what sending said */
	uint32_t unused;
};
_Static_assert(sizeof(struct bpf_packet) == 16, "the program shifts by 4");

/* The value of a map with one entry. */
struct bpf_batch {
	uint32_t first, n; /* of packet[]: what the program is to send */
	uint32_t unused[14];
	struct bpf_packet packet[PACKETS];
	uint8_t bytes[BYTES + BPF_SENDER_FRAME_MAX];
};

enum { R0, R1, R2, R3, R4, R5, PACKET, COUNT, ITEM, ALL };

/*
 * Every load from the batch is of what anybody might have written: so says the verifier, which
 * also wants to see that the loop ends.
 */
static int load_program(int map, int index)
{
	const struct bpf_insn program[] = {
		MOVE(PACKET, R1),
		INSN(BPF_LD | BPF_DW | BPF_IMM, ALL, BPF_PSEUDO_MAP_VALUE, 0, map),
		{ .code = 0 }, /* the upper half: offset 0 in the value */
		SET(COUNT, 0),
		/* 4: for each, */
		LOAD32(R1, ALL, offsetof(struct bpf_batch, n)),
		IF(BPF_JGE, COUNT, R1, 40 - 6),
		LOAD32(ITEM, ALL, offsetof(struct bpf_batch, first)),
		DO(BPF_ADD, ITEM, COUNT),
		DO_VALUE(BPF_AND, ITEM, PACKETS - 1),
		DO_VALUE(BPF_LSH, ITEM, 4),
		DO(BPF_ADD, ITEM, ALL),
		/* 11: have a packet of its length, */
		LOAD32(R4, ITEM, offsetof(struct bpf_batch, packet[0].len)),
		IF_VALUE(BPF_JGT, R4, BPF_SENDER_FRAME_MAX, 40 - 13),
		IF_VALUE(BPF_JLT, R4, BPF_SENDER_FRAME_MIN, 40 - 14),
		LOAD32(R1, PACKET, offsetof(struct __sk_buff, len)),
		IF(BPF_JEQ, R1, R4, 21 - 16),
		MOVE(R1, PACKET),
		MOVE(R2, R4),
		SET(R3, 0),
		CALL(BPF_FUNC_skb_change_tail),
		IF_VALUE(BPF_JNE, R0, 0, 37 - 21),
		/* 21: copy its bytes, */
		MOVE(R1, PACKET),
		SET(R2, 0),
		LOAD32(R3, ITEM, offsetof(struct bpf_batch, packet[0].at)),
		DO_VALUE(BPF_AND, R3, BYTES - 1),
		DO(BPF_ADD, R3, ALL),
		DO_VALUE(BPF_ADD, R3, offsetof(struct bpf_batch, bytes)),
		LOAD32(R4, ITEM, offsetof(struct bpf_batch, packet[0].len)),
		IF_VALUE(BPF_JGT, R4, BPF_SENDER_FRAME_MAX, 40 - 29),
		IF_VALUE(BPF_JLT, R4, BPF_SENDER_FRAME_MIN, 40 - 30),
		SET(R5, 0),
		CALL(BPF_FUNC_skb_store_bytes),
		IF_VALUE(BPF_JNE, R0, 0, 37 - 33),
		/* 33: send a clone, */
		MOVE(R1, PACKET),
		SET(R2, index),
		SET(R3, 0),
		CALL(BPF_FUNC_clone_redirect),
		/* 37: and say what came of it. */
		STORE32(ITEM, offsetof(struct bpf_batch, packet[0].result), R0),
		DO_VALUE(BPF_ADD, COUNT, 1),
		IF_VALUE(BPF_JLT, COUNT, BATCH, 4 - 40),
		/* 40: */
		SET(R0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_load_packet_program(program, count_of(program));
}

static int map_batch(struct bpf_sender *s)
{
	void *at;

	s->map_fd = bpf_shared_value(sizeof(struct bpf_batch));
	if (s->map_fd < 0)
		return s->map_fd;
	at = mmap(NULL, sizeof(struct bpf_batch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		  s->map_fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	s->batch = at;
	return 0;
}

int bpf_sender_open(struct bpf_sender *s, int index)
{
	int err;

	*s = (struct bpf_sender){ .map_fd = -1, .program_fd = -1 };
	err = map_batch(s);
	if (err == 0) {
		s->program_fd = load_program(s->map_fd, index);
		err = s->program_fd < 0 ? s->program_fd : 0;
	}
	if (err < 0)
		bpf_sender_close(s);
	return err;
}

void bpf_sender_close(struct bpf_sender *s)
{
	if (s->batch)
		munmap(s->batch, sizeof(*s->batch));
	if (s->program_fd >= 0)
		close(s->program_fd);
	if (s->map_fd >= 0)
		close(s->map_fd);
	*s = (struct bpf_sender){ .map_fd = -1, .program_fd = -1 };
}

/* IPv4, IPv6, all else: their places in the batch. */
static inline unsigned family_of(uint16_t type)
{
	if (likely(type == __builtin_bswap16(0x0800)))
		return 0;
	return type == __builtin_bswap16(0x86dd) ? 1 : 2;
}

static uint16_t type_of(const struct buf *b)
{
	uint8_t bytes[2];
	uint16_t type;

	if (likely(b->len >= BPF_SENDER_FRAME_MIN)) {
		memcpy(&type, b->room + b->at + TYPE_AT, sizeof(type));
	} else {
		buf_copy_out(b, TYPE_AT, bytes, sizeof(bytes));
		memcpy(&type, bytes, sizeof(type));
	}
	return type;
}

bool bpf_sender_put(struct bpf_sender *s, const struct buf *b)
{
	uint16_t type = type_of(b);
	unsigned family = family_of(type);
	uint32_t at = s->used;
	struct bpf_packet *p;

	if (unlikely(at >= BYTES || s->n[family] == BATCH ||
		     (s->n[family] > 0 && s->type[family] != type)))
		return false;
	p = &s->batch->packet[family * BATCH + s->n[family]++];
	*p = (struct bpf_packet){ .at = at, .len = b->total_len, .result = UNSENT };
	if (likely(!b->next))
		memcpy(&s->batch->bytes[at], b->room + b->at, b->len);
	else
		buf_copy_out(b, 0, &s->batch->bytes[at], b->total_len);
	s->type[family] = type;
	s->used = (at + b->total_len + 63) & ~63u;
	return true;
}

static void count(const struct bpf_packet *p, int result, struct bpf_sent *sent)
{
	switch (result) {
	case 0:
		sent->n_sent++;
		sent->n_bytes += p->len;
		return;
	case XMIT_DROP:
	case XMIT_CONGESTED:
	case -ENOBUFS:
	case -ENOMEM:
		sent->n_full++;
		return;
	case -ENODEV:
	case -EINVAL: /* no device has this index */
		sent->n_gone++;
		return;
	default:
		sent->n_refused++;
	}
}

/*
 * How much of the first frame the program begins with, for its type and, mostly, its length. Behind
 * a shorter one stands what stood there before, which its own length cuts off again.
 */
static uint32_t template_bytes(uint32_t len)
{
	if (len > TEMPLATE_MAX)
		return TEMPLATE_MAX;
	return len < TEMPLATE_MIN ? TEMPLATE_MIN : len;
}

static void send_family(struct bpf_sender *s, unsigned family, struct bpf_sent *sent)
{
	struct bpf_batch *batch = s->batch;
	const struct bpf_packet *p = &batch->packet[family * BATCH];
	int err;

	batch->first = family * BATCH;
	batch->n = s->n[family];
	err = bpf_run_packet_program(s->program_fd, &batch->bytes[p->at], template_bytes(p->len));
	for (unsigned i = 0; i < s->n[family]; i++)
		count(&p[i], p[i].result == UNSENT && err < 0 ? err : p[i].result, sent);
	s->n[family] = 0;
}

void bpf_sender_flush(struct bpf_sender *s, struct bpf_sent *sent)
{
	for (unsigned family = 0; family < BPF_SENDER_FAMILIES; family++)
		if (s->n[family])
			send_family(s, family, sent);
	s->used = 0;
}
