/* pcap_read.c - the packets of a pcap or pcapng file, and when each is due. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/pcap/pcap_private.h"

enum { ETHERNET_BYTES = 14, PACKETS_AT_FIRST = 1024, BYTES_AT_FIRST = 1 << 20 };

/* What is being read: capacities double. */
struct reading {
	struct pcap_recording *r;
	uint32_t n_room;
	uint64_t n_bytes, bytes_room;
	uint64_t first_ns;
};

void pcap_recording_free(struct pcap_recording *r)
{
	free(r->packet);
	free(r->bytes);
	memset(r, 0, sizeof(*r));
}

static int make_room(struct reading *reading, uint32_t n)
{
	struct pcap_recording *r = reading->r;
	void *more;

	if (r->n == reading->n_room) {
		reading->n_room = reading->n_room ? reading->n_room * 2 : PACKETS_AT_FIRST;
		more = realloc(r->packet, reading->n_room * sizeof(*r->packet));
		if (!more)
			return ERR_NOMEM;
		r->packet = more;
	}
	while (reading->n_bytes + n > reading->bytes_room) {
		reading->bytes_room =
			reading->bytes_room ? reading->bytes_room * 2 : BYTES_AT_FIRST;
		more = realloc(r->bytes, reading->bytes_room);
		if (!more)
			return ERR_NOMEM;
		r->bytes = more;
	}
	return 0;
}

static int take_packet(struct reading *reading, const struct pcap_pkthdr *h, const uint8_t *bytes)
{
	struct pcap_recording *r = reading->r;
	/* With nanosecond precision tv_usec counts nanoseconds. */
	uint64_t at_ns = (uint64_t)h->ts.tv_sec * NS_PER_S + (uint64_t)h->ts.tv_usec;

	if (h->caplen < ETHERNET_BYTES || h->caplen > BUF_CHAIN_BYTES)
		return 0;
	if (reading->n_bytes + h->caplen > PCAP_READ_BYTES_MAX)
		return ERR_FULL;
	if (make_room(reading, h->caplen) < 0)
		return ERR_NOMEM;
	if (r->n == 0)
		reading->first_ns = at_ns;
	/* Time that runs backwards stands still. */
	at_ns = at_ns > reading->first_ns ? at_ns - reading->first_ns : 0;
	if (at_ns > r->length_ns)
		r->length_ns = at_ns;
	r->packet[r->n++] = (struct pcap_packet){ .offset_ns = r->length_ns,
						  .at = (uint32_t)reading->n_bytes,
						  .len = h->caplen };
	memcpy(r->bytes + reading->n_bytes, bytes, h->caplen);
	reading->n_bytes += h->caplen;
	return 0;
}

static int read_all(pcap_t *pcap, const char *path, struct pcap_recording *r, char *why,
		    size_t why_bytes)
{
	struct reading reading = { .r = r };
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result, err = 0;

	while (err == 0 && (result = pcap_next_ex(pcap, &header, &bytes)) == 1)
		err = take_packet(&reading, header, bytes);
	if (err == ERR_FULL)
		snprintf(why, why_bytes, "%s holds more than %d MB of packets", path,
			 PCAP_READ_BYTES_MAX >> 20);
	if (err)
		return err;
	if (result == PCAP_ERROR || r->n == 0) {
		snprintf(why, why_bytes, "%s: %s", path,
			 result == PCAP_ERROR ? pcap_geterr(pcap) : "it holds no Ethernet frame");
		return ERR_FORMAT;
	}
	return 0;
}

int pcap_read(const char *path, struct pcap_recording *out, char *why, size_t why_bytes)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	int err;

	memset(out, 0, sizeof(*out));
	if (!pcap) {
		snprintf(why, why_bytes, "%s", error);
		return ERR_FORMAT;
	}
	if (pcap_datalink(pcap) != DLT_EN10MB) {
		snprintf(why, why_bytes, "%s: its packets are not Ethernet frames", path);
		err = ERR_FORMAT;
	} else {
		err = read_all(pcap, path, out, why, why_bytes);
	}
	pcap_close(pcap);
	if (err)
		pcap_recording_free(out);
	return err;
}

uint64_t pcap_player_due(const struct pcap_player *p, const struct pcap_recording *r,
			 const struct pcap_config *c)
{
	if (r->n == 0 || (c->loops && p->n_loops == c->loops))
		return UINT64_MAX;
	if (c->as_recorded)
		return p->start_ns + r->packet[p->next].offset_ns;
	if (c->rate_pps == 0)
		return 0;
	return p->start_ns + p->n_made / c->rate_pps * NS_PER_S +
	       p->n_made % c->rate_pps * NS_PER_S / c->rate_pps;
}

void pcap_player_advance(struct pcap_player *p, const struct pcap_recording *r,
			 const struct pcap_config *c)
{
	p->n_made++;
	if (++p->next < r->n)
		return;
	p->next = 0;
	p->n_loops++;
	if (c->as_recorded) /* the next play follows like one more packet */
		p->start_ns += r->length_ns + (r->n > 1 ? r->length_ns / (r->n - 1) : NS_PER_MS);
}
