/*
 * shortcut_program.c - the program, put together from pieces that jump to each other's names.
 *
 * A test that fails leads to GRAPH: whatever is not known to be plain is the graph's business,
 * which has the words and the counters for it. RFC 1812 §5.2.2 (header), §5.3.1 (TTL), §5.3.7
 * (sources), RFC 1624 (checksum), RFC 8200 §3, RFC 4291 §2.5.
 */
#include "drivers/shortcut/shortcut_program.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <string.h>

#include "drivers/bpf.h"
#include "drivers/bpf_insn.h"
#include "engine/shortcut.h"

enum {
	CODE_MAX = 512,
	JUMPS_MAX = 128,
	/* What the program tells the kernel (enum tcx_action_base). */
	VERDICT_NEXT = -1,
	VERDICT_DROP = 2,
	OTHER_HOST = 3, /* PACKET_OTHERHOST */
	/* Bytes of the frame. */
	IP_AT = 14,
	IP4_END = IP_AT + 20,
	IP6_END = IP_AT + 40,
	TCP_LEN_AT = 12, /* in the TCP header */
	TCP = 6,
	VLAN_ID = 0xfff,
};

/* PLACE is the slot that may be the destination's. */
enum { R0, R1, R2, R3, R4, R5, PACKET, DATA, PLACE, TABLE };

enum {
	GRAPH,
	DROP,
	SEND,
	IP4,
	FOUND4,
	FITS4,
	MISS4, /* one for each way */
	IP6 = MISS4 + SHORTCUT_WAYS,
	FOUND6,
	FITS6,
	MISS6,
	N_LABELS = MISS6 + SHORTCUT_WAYS,
};

struct code {
	struct bpf_insn insn[CODE_MAX];
	unsigned n, n_jumps;
	struct {
		unsigned from, to;
	} jump[JUMPS_MAX];
	unsigned label[N_LABELS];
	int map;
	const uint8_t *mac;
};

/* What the two families differ in; bytes of the frame. */
struct family {
	unsigned start, found, fits, miss; /* labels */
	int16_t end;			   /* of the header */
	int16_t dst_at, ttl_at, protocol_at;
	int16_t checksum_at; /* 0: none */
	unsigned n_words;    /* of an address */
	uint32_t ingress;    /* as in a slot */
	void (*put_tests)(struct code *c);
};

static void put(struct code *c, struct bpf_insn insn)
{
	invariant(c->n < CODE_MAX);
	c->insn[c->n++] = insn;
}

/* As PUT(MOVE(…)), since initialisers are no expressions. */
#define PUT(...) put(c, (struct bpf_insn)__VA_ARGS__)

static void put_jump(struct code *c, struct bpf_insn insn, unsigned to)
{
	invariant(c->n_jumps < JUMPS_MAX);
	c->jump[c->n_jumps].from = c->n;
	c->jump[c->n_jumps++].to = to;
	put(c, insn);
}
#define JUMP(to, ...) put_jump(c, (struct bpf_insn)__VA_ARGS__, to)

static void put_label(struct code *c, unsigned l)
{
	c->label[l] = c->n;
}

/* R2 = value */
static void put_r2(struct code *c, uint64_t value)
{
	PUT(INSN(BPF_LD | BPF_DW | BPF_IMM, R2, 0, 0, (int32_t)(uint32_t)value));
	PUT(INSN(0, 0, 0, 0, (int32_t)(uint32_t)(value >> 32)));
}

static void resolve(struct code *c)
{
	for (unsigned i = 0; i < c->n_jumps; i++) {
		unsigned from = c->jump[i].from;

		c->insn[from].off = (int16_t)(c->label[c->jump[i].to] - from - 1);
	}
}

/* Tags are the graph's, and it does not get them here: frames of VLANs are dropped. */
static void put_start(struct code *c)
{
	PUT(MOVE(PACKET, R1));
	PUT(INSN(BPF_LD | BPF_DW | BPF_IMM, TABLE, BPF_PSEUDO_MAP_VALUE, 0, c->map));
	PUT(INSN(0, 0, 0, 0, 0)); /* the upper half: offset 0 in the value */
	PUT(LOAD32(R2, PACKET, offsetof(struct __sk_buff, vlan_present)));
	PUT(LOAD32(R1, PACKET, offsetof(struct __sk_buff, protocol)));
	PUT(IF_VALUE(BPF_JEQ, R2, 0, 3));
	PUT(LOAD32(R2, PACKET, offsetof(struct __sk_buff, vlan_tci)));
	PUT(DO_VALUE(BPF_AND, R2, VLAN_ID));
	JUMP(DROP, IF_VALUE(BPF_JNE, R2, 0, 0));
	PUT(TO_BE16(R1));
	JUMP(IP4, IF_VALUE(BPF_JEQ, R1, ETH_P_IP, 0));
	JUMP(IP6, IF_VALUE(BPF_JEQ, R1, ETH_P_IPV6, 0));
	JUMP(GRAPH, IF_VALUE(BPF_JEQ, R1, ETH_P_ARP, 0));
	put_label(c, DROP);
	PUT(SET(R0, VERDICT_DROP));
	PUT(EXIT);
	put_label(c, GRAPH);
	PUT(MOVE(R1, PACKET));
	PUT(SET(R2, OTHER_HOST));
	PUT(CALL(BPF_FUNC_skb_change_type));
	PUT(SET(R0, VERDICT_NEXT));
	PUT(EXIT);
}

/*
 * The frame up to @end lies in one piece, is without a tag, from one station to ours. R4 is the
 * length behind the link header.
 */
static void put_frame_tests(struct code *c, int32_t end)
{
	uint8_t start[8] = { 0 }, mask[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0 };
	uint64_t words[2];

	memcpy(start, c->mac, MAC_LEN);
	memcpy(&words[0], start, sizeof(start));
	memcpy(&words[1], mask, sizeof(mask));
	PUT(LOAD32(R2, PACKET, offsetof(struct __sk_buff, vlan_present)));
	JUMP(GRAPH, IF_VALUE(BPF_JNE, R2, 0, 0)); /* a tag for its priority */
	PUT(LOAD32(DATA, PACKET, offsetof(struct __sk_buff, data)));
	PUT(LOAD32(R2, PACKET, offsetof(struct __sk_buff, data_end)));
	PUT(MOVE(R3, DATA));
	PUT(DO_VALUE(BPF_ADD, R3, end));
	JUMP(GRAPH, IF(BPF_JGT, R3, R2, 0));
	PUT(LOAD(BPF_DW, R1, DATA, 0));
	put_r2(c, words[1]);
	PUT(DO(BPF_AND, R1, R2));
	put_r2(c, words[0]);
	JUMP(GRAPH, IF(BPF_JNE, R1, R2, 0));
	PUT(LOAD32(R4, PACKET, offsetof(struct __sk_buff, len)));
	PUT(DO_VALUE(BPF_SUB, R4, IP_AT));
}

/* R3, the sum of 16-bit words of a good header, is 0xffff when folded. */
static void put_checksum_test(struct code *c)
{
	PUT(LOAD32(R3, DATA, IP_AT));
	for (int16_t at = IP_AT + 4; at < IP4_END; at = (int16_t)(at + 4)) {
		PUT(LOAD32(R1, DATA, at));
		PUT(DO(BPF_ADD, R3, R1));
	}
	for (unsigned fold = 0; fold < 4; fold++) { /* 35 bits, 20, 17, 16, and no carry is left */
		PUT(MOVE(R1, R3));
		PUT(DO_VALUE(BPF_RSH, R1, 16));
		PUT(DO_VALUE(BPF_AND, R3, 0xffff));
		PUT(DO(BPF_ADD, R3, R1));
	}
	JUMP(GRAPH, IF_VALUE(BPF_JNE, R3, 0xffff, 0));
}

static void put_ip4_tests(struct code *c)
{
	PUT(LOAD(BPF_B, R1, DATA, IP_AT));
	JUMP(GRAPH, IF_VALUE(BPF_JNE, R1, 0x45, 0));
	PUT(LOAD(BPF_H, R1, DATA, IP_AT + 2));
	PUT(TO_BE16(R1));
	JUMP(GRAPH, IF_VALUE(BPF_JLT, R1, IP4_END - IP_AT, 0));
	JUMP(GRAPH, IF(BPF_JGT, R1, R4, 0));
	PUT(LOAD(BPF_B, R1, DATA, IP_AT + 8));
	JUMP(GRAPH, IF_VALUE(BPF_JLE, R1, 1, 0)); /* TTL */
	PUT(LOAD(BPF_B, R1, DATA, IP_AT + 12));	  /* source: 0/8, 127/8, 224/3 */
	JUMP(GRAPH, IF_VALUE(BPF_JEQ, R1, 0, 0));
	JUMP(GRAPH, IF_VALUE(BPF_JEQ, R1, 127, 0));
	JUMP(GRAPH, IF_VALUE(BPF_JGE, R1, 224, 0));
	put_checksum_test(c);
}

static void put_ip6_tests(struct code *c)
{
	PUT(LOAD(BPF_B, R1, DATA, IP_AT));
	PUT(DO_VALUE(BPF_RSH, R1, 4));
	JUMP(GRAPH, IF_VALUE(BPF_JNE, R1, 6, 0));
	PUT(LOAD(BPF_H, R1, DATA, IP_AT + 4));
	PUT(TO_BE16(R1));
	PUT(DO_VALUE(BPF_ADD, R1, IP6_END - IP_AT));
	JUMP(GRAPH, IF(BPF_JGT, R1, R4, 0));
	PUT(LOAD(BPF_B, R1, DATA, IP_AT + 6));
	JUMP(GRAPH, IF_VALUE(BPF_JEQ, R1, 0, 0)); /* hop-by-hop options */
	PUT(LOAD(BPF_B, R1, DATA, IP_AT + 7));
	JUMP(GRAPH, IF_VALUE(BPF_JLE, R1, 1, 0)); /* hop limit */
	PUT(LOAD(BPF_B, R1, DATA, IP_AT + 8));	  /* source: ::/8, fe00::/7 with multicast */
	JUMP(GRAPH, IF_VALUE(BPF_JEQ, R1, 0, 0));
	JUMP(GRAPH, IF_VALUE(BPF_JGE, R1, 0xfe, 0));
}

/* R1: the first slot's offset, by the hash of shortcut_bucket(). */
static void put_bucket(struct code *c, const struct family *f)
{
	PUT(LOAD32(R1, DATA, f->dst_at));
	PUT(DO_VALUE(BPF_LSH, R1, 32));
	put_r2(c, f->ingress);
	PUT(DO(BPF_OR, R1, R2));
	if (f->n_words > 1) {
		PUT(LOAD32(R2, DATA, (int16_t)(f->dst_at + 12)));
		PUT(DO_VALUE(BPF_LSH, R2, 32));
		PUT(LOAD32(R3, DATA, (int16_t)(f->dst_at + 8)));
		PUT(DO(BPF_OR, R2, R3));
		PUT(DO(BPF_XOR, R1, R2));
	}
	put_r2(c, SHORTCUT_HASH_1);
	PUT(DO(BPF_MUL, R1, R2));
	PUT(MOVE(R2, R1));
	PUT(DO_VALUE(BPF_RSH, R2, 32));
	PUT(DO(BPF_XOR, R1, R2));
	if (f->n_words > 1) {
		PUT(LOAD32(R2, DATA, (int16_t)(f->dst_at + 4)));
		PUT(DO(BPF_XOR, R1, R2));
	}
	put_r2(c, SHORTCUT_HASH_2);
	PUT(DO(BPF_MUL, R1, R2));
	PUT(DO_VALUE(BPF_RSH, R1, 64 - SHORTCUT_BUCKET_BITS));
	PUT(DO_VALUE(BPF_MUL, R1, SHORTCUT_WAYS * sizeof(struct shortcut_slot)));
}

/* PLACE: the slot of the destination; it holds in the table's epoch. */
static void put_search(struct code *c, const struct family *f)
{
	put_bucket(c, f);
	PUT(MOVE(PLACE, TABLE));
	PUT(DO(BPF_ADD, PLACE, R1));
	PUT(DO_VALUE(BPF_ADD, PLACE, offsetof(struct shortcut_table, slot)));
	for (unsigned way = 0; way < SHORTCUT_WAYS; way++) {
		bool is_last = way == SHORTCUT_WAYS - 1;
		unsigned miss = is_last ? GRAPH : f->miss + way;

		PUT(LOAD32(R1, PLACE, offsetof(struct shortcut_slot, ingress)));
		JUMP(miss, INSN(BPF_JMP32 | BPF_JNE | BPF_K, R1, 0, 0, (int32_t)f->ingress));
		for (unsigned word = 0; word < f->n_words; word++) {
			PUT(LOAD32(R1, PLACE,
				   (int16_t)(offsetof(struct shortcut_slot, address) + 4 * word)));
			PUT(LOAD32(R2, DATA, (int16_t)(f->dst_at + 4 * word)));
			JUMP(miss, IF(BPF_JNE, R1, R2, 0));
		}
		if (is_last)
			break;
		JUMP(f->found, INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0));
		put_label(c, miss);
		PUT(DO_VALUE(BPF_ADD, PLACE, sizeof(struct shortcut_slot)));
	}
	put_label(c, f->found);
	PUT(LOAD(BPF_DW, R1, TABLE, offsetof(struct shortcut_table, epoch)));
	PUT(LOAD(BPF_DW, R2, PLACE, offsetof(struct shortcut_slot, epoch)));
	JUMP(GRAPH, IF(BPF_JNE, R1, R2, 0));
}

/* As it is, or each segment that the device or the kernel will cut from it. */
static void put_mtu_test(struct code *c, const struct family *f)
{
	PUT(LOAD32(R2, PLACE, offsetof(struct shortcut_slot, mtu_bytes)));
	JUMP(f->fits, IF(BPF_JLE, R4, R2, 0));
	PUT(LOAD32(R1, PACKET, offsetof(struct __sk_buff, gso_size)));
	JUMP(GRAPH, IF_VALUE(BPF_JEQ, R1, 0, 0));
	PUT(LOAD(BPF_B, R3, DATA, f->protocol_at));
	JUMP(GRAPH, IF_VALUE(BPF_JNE, R3, TCP, 0));
	PUT(LOAD32(R3, PACKET, offsetof(struct __sk_buff, data_end)));
	PUT(MOVE(R5, DATA));
	PUT(DO_VALUE(BPF_ADD, R5, f->end + TCP_LEN_AT + 1));
	JUMP(GRAPH, IF(BPF_JGT, R5, R3, 0));
	PUT(LOAD(BPF_B, R3, DATA, (int16_t)(f->end + TCP_LEN_AT)));
	PUT(DO_VALUE(BPF_RSH, R3, 4));
	PUT(DO_VALUE(BPF_LSH, R3, 2));
	PUT(DO(BPF_ADD, R1, R3));
	PUT(DO_VALUE(BPF_ADD, R1, f->end - IP_AT));
	JUMP(GRAPH, IF(BPF_JGT, R1, R2, 0));
	put_label(c, f->fits);
}

/* One less; of the checksum's words the one with the TTL in its upper byte: RFC 1624, equation 3.
 */
static void put_ttl(struct code *c, const struct family *f)
{
	PUT(LOAD(BPF_B, R1, DATA, f->ttl_at));
	PUT(DO_VALUE(BPF_SUB, R1, 1));
	PUT(STORE(BPF_B, DATA, f->ttl_at, R1));
	if (f->checksum_at == 0)
		return;
	PUT(LOAD(BPF_H, R1, DATA, f->checksum_at));
	PUT(TO_BE16(R1));
	PUT(DO_VALUE(BPF_ADD, R1, 0x100));
	PUT(IF_VALUE(BPF_JLT, R1, 0xffff, 1));
	PUT(DO_VALUE(BPF_ADD, R1, 1));
	PUT(TO_BE16(R1));
	PUT(STORE(BPF_H, DATA, f->checksum_at, R1));
}

static void put_end(struct code *c)
{
	put_label(c, SEND);
	for (int16_t at = 0; at < 2 * MAC_LEN; at = (int16_t)(at + 4)) {
		PUT(LOAD32(R1, PLACE, (int16_t)(offsetof(struct shortcut_slot, macs) + at)));
		PUT(STORE32(DATA, at, R1));
	}
	PUT(SET(R1, 1));
	PUT(INSN(BPF_STX | BPF_DW | BPF_ATOMIC, PLACE, R1,
		 offsetof(struct shortcut_slot, n_packets), BPF_ADD));
	PUT(LOAD32(R1, PACKET, offsetof(struct __sk_buff, len)));
	PUT(INSN(BPF_STX | BPF_DW | BPF_ATOMIC, PLACE, R1, offsetof(struct shortcut_slot, n_bytes),
		 BPF_ADD));
	PUT(LOAD32(R1, PLACE, offsetof(struct shortcut_slot, egress)));
	PUT(SET(R2, 0));
	PUT(CALL(BPF_FUNC_redirect));
	PUT(EXIT);
}

static void put_family(struct code *c, const struct family *f)
{
	put_label(c, f->start);
	put_frame_tests(c, f->end);
	f->put_tests(c);
	put_search(c, f);
	put_mtu_test(c, f);
	put_ttl(c, f);
	JUMP(SEND, INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0));
}

int shortcut_program_load(int map, int index, const uint8_t *mac)
{
	const struct family ip4 = {
		.start = IP4,
		.found = FOUND4,
		.fits = FITS4,
		.miss = MISS4,
		.end = IP4_END,
		.dst_at = IP_AT + 16,
		.ttl_at = IP_AT + 8,
		.checksum_at = IP_AT + 10,
		.protocol_at = IP_AT + 9,
		.n_words = 1,
		.ingress = (uint32_t)index,
		.put_tests = put_ip4_tests,
	};
	const struct family ip6 = {
		.start = IP6,
		.found = FOUND6,
		.fits = FITS6,
		.miss = MISS6,
		.end = IP6_END,
		.dst_at = IP_AT + 24,
		.ttl_at = IP_AT + 7,
		.protocol_at = IP_AT + 6,
		.n_words = 4,
		.ingress = (uint32_t)index | SHORTCUT_IP6,
		.put_tests = put_ip6_tests,
	};
	struct code c = { .map = map, .mac = mac };

	put_start(&c);
	put_family(&c, &ip4);
	put_family(&c, &ip6);
	put_end(&c);
	resolve(&c);
	return bpf_load_packet_program(c.insn, c.n);
}
