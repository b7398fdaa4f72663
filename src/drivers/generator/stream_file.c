/* stream_file.c - the packets of a pcap or pcapng file, read by libpcap. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/generator/stream.h"

void stream_file_free(struct stream_file *file)
{
	if (!file)
		return;
	free(file->end);
	free(file->bytes);
	free(file);
}

/* Room for @n more bytes and one more packet; capacities are powers of two. */
static int grow(struct stream_file *file, uint32_t used, uint32_t n)
{
	uint32_t count = file->n_packets;
	void *more;

	if ((count & (count - 1)) == 0) {
		more = realloc(file->end, (count ? count * 2 : 1) * sizeof(*file->end));
		if (!more)
			return ERR_NOMEM;
		file->end = more;
	}
	if (used == 0 || used / 65536 != (used + n) / 65536) {
		more = realloc(file->bytes, ((used + n) / 65536 + 1) * (size_t)65536);
		if (!more)
			return ERR_NOMEM;
		file->bytes = more;
	}
	return 0;
}

static int take_packets(pcap_t *pcap, struct stream_file *file, char *why, size_t why_bytes)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	uint32_t used = 0;
	int result;

	while ((result = pcap_next_ex(pcap, &header, &bytes)) == 1) {
		if (header->caplen < ETHERNET_HDR_LEN || header->caplen > BUF_CHAIN_BYTES)
			continue;
		if (used + header->caplen > STREAM_PCAP_BYTES_MAX) {
			snprintf(why, why_bytes, "the file holds more than %d MB of packets",
				 STREAM_PCAP_BYTES_MAX >> 20);
			return ERR_FULL;
		}
		if (grow(file, used, header->caplen) < 0)
			return ERR_NOMEM;
		memcpy(file->bytes + used, bytes, header->caplen);
		used += header->caplen;
		file->end[file->n_packets++] = used;
	}
	if (result == PCAP_ERROR || file->n_packets == 0) {
		snprintf(why, why_bytes, "%s",
			 result == PCAP_ERROR ? pcap_geterr(pcap) : "the file has no packets");
		return ERR_FORMAT;
	}
	return 0;
}

int stream_read_file(const char *path, struct stream_file **out, char *why, size_t why_bytes)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_open_offline(path, error);
	struct stream_file *file = calloc(1, sizeof(*file));
	int err = ERR_NOMEM;

	if (!pcap) {
		snprintf(why, why_bytes, "%s", error);
		err = ERR_FORMAT;
	} else if (pcap_datalink(pcap) != DLT_EN10MB) {
		snprintf(why, why_bytes, "%s: its packets are not Ethernet frames", path);
		err = ERR_FORMAT;
	} else if (file) {
		err = take_packets(pcap, file, why, why_bytes);
	}
	if (pcap)
		pcap_close(pcap);
	if (err < 0) {
		stream_file_free(file);
		return err;
	}
	*out = file;
	return 0;
}
