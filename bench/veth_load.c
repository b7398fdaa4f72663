/*
 * veth_load.c - packets into one network namespace, counted as they arrive in another.
 *
 *   veth-load NETNS DEVICE MAC SINK-NETNS SINK-DEVICE SECONDS [WINDOW]
 *
 * Sends UDP packets of 64 bytes (10.1.0.2 to 10.2.0.2, 256 flows) to MAC by DEVICE, and takes them
 * off SINK-DEVICE by a tcx program that counts and drops. At most WINDOW packets are on their way:
 * whoever forwards them sets the pace, and nothing is spent on packets that are lost for want of
 * room. Prints "packets SENT ARRIVED SECONDS".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	FRAME = 60, /* without the frame check sequence */
	BATCH = 64,
	FLOWS = 256,
	WINDOW = 4096,
	WAIT_NS = 50000,
	LOST_AFTER_NS = 100000000, /* nothing arrives any more: what is on its way was lost */
	TCX_INGRESS = 46,
	TCX_DROP = 2,
	SEND_BUFFER = 16 << 20,
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "veth-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

static int bpf(enum bpf_cmd command, union bpf_attr *attr, const char *what)
{
	int fd = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (fd < 0)
		die(what);
	return fd;
}

/* Count and drop whatever @device receives; returns where the count stands. */
static const volatile uint64_t *open_sink(const char *device)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
				.key_size = 4,
				.value_size = 8,
				.max_entries = 1,
				.map_flags = BPF_F_MMAPABLE };
	int map = bpf(BPF_MAP_CREATE, &attr, "count: BPF_MAP_CREATE");
	const struct bpf_insn program[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1 },
		{ .code = BPF_STX | BPF_DW | BPF_ATOMIC,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	void *count;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.license = (uintptr_t) "Apache-2.0";
	fd = bpf(BPF_PROG_LOAD, &attr, "sink: BPF_PROG_LOAD");
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)fd;
	attr.link_create.target_ifindex = if_nametoindex(device);
	attr.link_create.attach_type = TCX_INGRESS;
	bpf(BPF_LINK_CREATE, &attr, device);
	count = mmap(NULL, 4096, PROT_READ, MAP_SHARED, map, 0);
	if (count == MAP_FAILED)
		die("mmap of the count");
	return count;
}

static int open_source(const char *device)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex(device) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1, bytes = SEND_BUFFER;

	if (fd < 0 || address.sll_ifindex == 0)
		die(device);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(device);
	return fd;
}

static uint16_t checksum(const uint8_t *at, unsigned n)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < n; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void make_frame(uint8_t *frame, const uint8_t mac[6], unsigned flow)
{
	static const uint8_t ip[20] = { 0x45, 0, 0,  FRAME - 14, 0, 0, 0x40, 0, 64, 17,
					0,    0, 10, 1,		 0, 2, 10,   2, 0,  2 };
	uint16_t sum;

	memset(frame, 0, FRAME);
	memcpy(frame, mac, 6);
	frame[6] = 2;
	frame[11] = 1;
	frame[12] = ETH_P_IP >> 8;
	memcpy(frame + 14, ip, sizeof(ip));
	sum = checksum(frame + 14, sizeof(ip));
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	frame[34] = 0x20; /* ports 8192 and up to 9; no checksum */
	frame[35] = (uint8_t)flow;
	frame[37] = 9;
	frame[39] = FRAME - 34;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint8_t frames[FLOWS][64];
static struct mmsghdr messages[FLOWS];
static struct iovec pieces[FLOWS];

static void prepare(const char *mac_text)
{
	uint8_t mac[6];

	if (sscanf(mac_text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5]) != 6) {
		errno = EINVAL;
		die(mac_text);
	}
	for (unsigned i = 0; i < FLOWS; i++) {
		make_frame(frames[i], mac, i);
		pieces[i] = (struct iovec){ frames[i], FRAME };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Wait until fewer than @window of @sent packets are on their way; what is lost is forgotten. */
static uint64_t wait_for_room(const volatile uint64_t *count, uint64_t sent, uint64_t forgotten,
			      uint64_t window)
{
	const struct timespec pause = { 0, WAIT_NS };
	uint64_t last = *count, since = now_ns();

	while (sent - forgotten - *count + BATCH > window) {
		nanosleep(&pause, NULL);
		if (*count != last) {
			last = *count;
			since = now_ns();
		} else if (now_ns() - since > LOST_AFTER_NS) {
			return sent - *count;
		}
	}
	return forgotten;
}

int main(int argc, char **argv)
{
	const volatile uint64_t *count;
	uint64_t sent = 0, forgotten = 0, begin, end, window = WINDOW;
	unsigned at = 0;
	int fd;

	if (argc < 7) {
		fprintf(stderr, "usage: veth-load NETNS DEVICE MAC SINK-NETNS SINK-DEVICE SECONDS "
				"[WINDOW]\n");
		return 2;
	}
	if (argc > 7)
		window = strtoull(argv[7], NULL, 10);
	prepare(argv[3]);
	enter(argv[4]);
	count = open_sink(argv[5]);
	enter(argv[1]);
	fd = open_source(argv[2]);
	begin = now_ns();
	end = begin + (uint64_t)(atof(argv[6]) * 1e9);
	while (now_ns() < end) {
		int n = sendmmsg(fd, &messages[at], BATCH, 0);

		if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
			die("sendmmsg");
		at = (at + BATCH) % FLOWS;
		sent += n > 0 ? (unsigned)n : 0;
		forgotten = wait_for_room(count, sent, forgotten, window);
	}
	end = now_ns();
	forgotten = wait_for_room(count, sent, forgotten, BATCH);
	printf("packets %lu %lu %.6f\n", sent, *count, (double)(end - begin) / 1e9);
	return 0;
}
