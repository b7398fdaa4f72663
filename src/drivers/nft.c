/*
 * nft.c - a table of family netdev with a chain at a device's ingress hook whose policy is to drop:
 *
 *   table netdev convoy-SOCKET { flags owner;
 *           chain all { type filter hook ingress device "DEVICE" priority 0; policy drop; } }
 *
 * Three messages in one transaction (linux/netfilter/nf_tables.h); the kernel acknowledges each.
 */
#include "drivers/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BATCH_BYTES = 1024, ANSWER_BYTES = 4096, ANSWER_S = 5, N_ANSWERS = 2 };

/* A transaction under way; it is short enough to fit. */
struct batch {
	_Alignas(struct nlmsghdr) uint8_t bytes[BATCH_BYTES];
	uint32_t used;
	uint32_t sequence;
};

static void *add(struct batch *b, uint32_t n)
{
	void *at = &b->bytes[b->used];

	memset(at, 0, NLMSG_ALIGN(n));
	b->used += NLMSG_ALIGN(n);
	return at;
}

static struct nlmsghdr *start(struct batch *b, unsigned type, unsigned flags, uint8_t family,
			      uint16_t resource)
{
	struct nlmsghdr *h = add(b, sizeof(*h));
	struct nfgenmsg *message = add(b, sizeof(*message));

	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = b->sequence++;
	message->nfgen_family = family;
	message->version = NFNETLINK_V0;
	message->res_id = htons(resource);
	return h;
}

static void finish(const struct batch *b, struct nlmsghdr *h)
{
	h->nlmsg_len = (uint32_t)(&b->bytes[b->used] - (const uint8_t *)h);
}

static struct nlattr *put(struct batch *b, unsigned type, const void *value, uint32_t n)
{
	struct nlattr *a = add(b, NLA_HDRLEN + n);

	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	if (n)
		memcpy((uint8_t *)a + NLA_HDRLEN, value, n);
	return a;
}

static void put_text(struct batch *b, unsigned type, const char *text)
{
	put(b, type, text, (uint32_t)strlen(text) + 1);
}

static void put_u32(struct batch *b, unsigned type, uint32_t value)
{
	value = htonl(value);
	put(b, type, &value, sizeof(value));
}

static void write_batch(struct batch *b, const char *table, const char *device)
{
	struct nlmsghdr *h = start(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	struct nlattr *hook;

	finish(b, h);
	h = start(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE,
		  NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, NFPROTO_NETDEV, 0);
	put_text(b, NFTA_TABLE_NAME, table);
	put_u32(b, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	finish(b, h);
	h = start(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK,
		  NFPROTO_NETDEV, 0);
	put_text(b, NFTA_CHAIN_TABLE, table);
	put_text(b, NFTA_CHAIN_NAME, "all");
	hook = put(b, NLA_F_NESTED | NFTA_CHAIN_HOOK, NULL, 0);
	put_u32(b, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
	put_u32(b, NFTA_HOOK_PRIORITY, 0);
	put_text(b, NFTA_HOOK_DEV, device);
	hook->nla_len = (uint16_t)(&b->bytes[b->used] - (const uint8_t *)hook);
	put_u32(b, NFTA_CHAIN_POLICY, NF_DROP);
	put_text(b, NFTA_CHAIN_TYPE, "filter");
	finish(b, h);
	finish(b, start(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

/* What the messages of one datagram from the kernel say: 0 and *@n_done more of them, or -errno. */
static int read_answers(const uint8_t *bytes, size_t n, unsigned *n_done)
{
	const struct nlmsghdr *h = (const void *)bytes;
	int left = (int)n;

	for (; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
		const struct nlmsgerr *answer = NLMSG_DATA(h);

		if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)))
			continue;
		if (answer->error)
			return answer->error;
		++*n_done;
	}
	return 0;
}

static int carry_out(int fd, const struct batch *b)
{
	_Alignas(struct nlmsghdr) uint8_t answer[ANSWER_BYTES];
	const struct timeval patience = { .tv_sec = ANSWER_S };
	unsigned n_done = 0;
	int err = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    send(fd, b->bytes, b->used, 0) < 0)
		return -errno;
	while (n_done < N_ANSWERS && !err) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		err = n < 0 ? -errno : read_answers(answer, (size_t)n, &n_done);
	}
	return err;
}

/* The kernel's number of the socket @fd, which no other in the namespace has. */
static int number_of(int fd, uint32_t *out)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(address);

	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	*out = address.nl_pid;
	return 0;
}

int nft_hide_from_kernel(const char *device)
{
	struct batch b = { .used = 0 };
	char table[32];
	uint32_t number = 0;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int err;

	if (fd < 0)
		return -errno;
	err = number_of(fd, &number);
	if (!err) {
		snprintf(table, sizeof(table), "convoy-%u", number);
		write_batch(&b, table, device);
		err = carry_out(fd, &b);
	}
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}
