/* packet_filter.c - filters by libpcap. */
#include "engine/packet_filter.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/ethernet.h"

enum { FRAME, PACKET, N_PROGRAMS, SNAP = 65535 };

struct packet_filter {
	struct bpf_program program[N_PROGRAMS];
	bool there[N_PROGRAMS];
};

struct packet_view packet_view(const struct buf *b)
{
	struct packet_view v = { b->room + b->at, b->len, b->total_len, false };
	unsigned version = b->len ? *v.at >> 4 : 0;

	if (b->at != b->l3_at)
		return v;
	v.is_ip = version == 4 || version == 6;
	/* ARP and the like: their frame is still there, before the data. */
	if (!v.is_ip && b->l2_at + ETHERNET_HDR_LEN == b->at) {
		v.at -= ETHERNET_HDR_LEN;
		v.len += ETHERNET_HDR_LEN;
		v.total += ETHERNET_HDR_LEN;
	}
	return v;
}

static int compile(struct packet_filter *f, unsigned which, const char *text, char *why,
		   size_t why_bytes)
{
	pcap_t *dead = pcap_open_dead(which == FRAME ? DLT_EN10MB : DLT_RAW, SNAP);
	int result;

	if (!dead)
		return ERR_NOMEM;
	result = pcap_compile(dead, &f->program[which], text, 1, PCAP_NETMASK_UNKNOWN);
	f->there[which] = result == 0;
	if (result < 0)
		snprintf(why, why_bytes, "filter \"%s\": %s", text, pcap_geterr(dead));
	pcap_close(dead);
	return result < 0 ? ERR_FORMAT : 0;
}

int packet_filter_new(const char *text, struct packet_filter **out, char *why, size_t why_bytes)
{
	struct packet_filter *f = calloc(1, sizeof(*f));
	char ignored[256];
	int err = f ? compile(f, FRAME, text, why, why_bytes) : ERR_NOMEM;

	if (err == 0 && compile(f, PACKET, text, ignored, sizeof(ignored)) == ERR_NOMEM)
		err = ERR_NOMEM;
	if (err < 0) {
		packet_filter_free(f);
		return err;
	}
	*out = f;
	return 0;
}

void packet_filter_free(struct packet_filter *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < N_PROGRAMS; i++)
		if (f->there[i])
			pcap_freecode(&f->program[i]);
	free(f);
}

bool packet_filter_match(const struct packet_filter *f, const struct buf *b)
{
	struct packet_view v = packet_view(b);
	unsigned which = v.is_ip ? PACKET : FRAME;

	return f->there[which] && bpf_filter(f->program[which].bf_insns, v.at, v.total, v.len) != 0;
}
