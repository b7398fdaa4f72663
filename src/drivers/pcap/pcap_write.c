/* pcap_write.c - the thread that writes what an interface sends. */
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "drivers/pcap/pcap_private.h"
#include "engine/mailbox.h"

enum { RING_BYTES = 4 << 20, SNAP_BYTES = BUF_CHAIN_BYTES };

struct pcap_writer {
	pcap_t *format;
	pcap_dumper_t *file;
	struct mailbox bell;
	pthread_t thread;
	uint32_t stop;	    /* atomic */
	uint32_t failed;    /* atomic: nothing is written any more */
	uint64_t n_written; /* atomic */
	uint64_t wall_offset_ns;
	uint32_t n_rings;
	struct record_ring ring[];
};

/* From the workers' clock to time since 1970. */
static uint64_t wall_offset(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec -
	       clock_now_ns(&clock_monotonic);
}

static bool write_one(struct pcap_writer *w, struct record_ring *ring)
{
	uint32_t len;
	const struct pcap_record *r = record_ring_peek_or_null(ring, &len);
	struct pcap_pkthdr h;
	uint64_t at_ns;

	if (!r)
		return false;
	at_ns = r->at_ns + w->wall_offset_ns;
	h.ts.tv_sec = (time_t)(at_ns / NS_PER_S);
	h.ts.tv_usec = (suseconds_t)(at_ns % NS_PER_S);
	h.caplen = len - (uint32_t)sizeof(*r);
	h.len = r->wire_len;
	pcap_dump((u_char *)w->file, &h, r->bytes);
	record_ring_drop(ring);
	__atomic_fetch_add(&w->n_written, 1, __ATOMIC_RELAXED);
	return true;
}

static bool write_rings(struct pcap_writer *w)
{
	bool any = false;

	for (uint32_t i = 0; i < w->n_rings; i++)
		while (write_one(w, &w->ring[i]))
			any = true;
	return any;
}

static void flush(struct pcap_writer *w)
{
	bool fine = pcap_dump_flush(w->file) == 0 && !ferror(pcap_dump_file(w->file));

	if (!fine && !__atomic_exchange_n(&w->failed, 1, __ATOMIC_RELAXED))
		log_error("pcap.write", "error=\"%s\"", strerror(errno));
}

static void *write_loop(void *arg)
{
	struct pcap_writer *w = arg;
	struct pollfd bell = { .fd = w->bell.wake_fd, .events = POLLIN };

	for (;;) {
		bool last = __atomic_load_n(&w->stop, __ATOMIC_ACQUIRE);

		if (write_rings(w))
			continue;
		flush(w);
		if (last)
			return NULL;
		mailbox_arm(&w->bell);
		if (!write_rings(w) && !__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE))
			poll(&bell, 1, -1);
		mailbox_clear_fd(&w->bell);
	}
}

static void free_writer(struct pcap_writer *w)
{
	if (w->file)
		pcap_dump_close(w->file);
	if (w->format)
		pcap_close(w->format);
	if (w->bell.wake_fd >= 0)
		mailbox_deinit(&w->bell);
	for (uint32_t i = 0; i < w->n_rings; i++)
		record_ring_deinit(&w->ring[i]);
	free(w);
}

static int open_file(struct pcap_writer *w, const char *path, char *why, size_t why_bytes)
{
	w->format = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAP_BYTES,
							 PCAP_TSTAMP_PRECISION_NANO);
	if (!w->format)
		return ERR_NOMEM;
	w->file = pcap_dump_open(w->format, path);
	if (w->file)
		return 0;
	snprintf(why, why_bytes, "%s", pcap_geterr(w->format));
	return ERR_IO;
}

int pcap_writer_open(const char *path, uint32_t n_workers, struct pcap_writer **out, char *why,
		     size_t why_bytes)
{
	struct pcap_writer *w = calloc(1, sizeof(*w) + n_workers * sizeof(w->ring[0]));
	int err = 0;

	if (!w)
		return ERR_NOMEM;
	w->bell.wake_fd = -1;
	w->wall_offset_ns = wall_offset();
	for (; w->n_rings < n_workers && !err; w->n_rings++)
		err = record_ring_init(&w->ring[w->n_rings], RING_BYTES);
	if (!err)
		err = mailbox_init(&w->bell);
	if (!err)
		err = open_file(w, path, why, why_bytes);
	if (!err && pthread_create(&w->thread, NULL, write_loop, w) != 0)
		err = ERR_NOMEM;
	if (err) {
		free_writer(w);
		return err;
	}
	*out = w;
	return 0;
}

void pcap_writer_close(struct pcap_writer *w)
{
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELEASE);
	mailbox_ring(&w->bell);
	pthread_join(w->thread, NULL);
	free_writer(w);
}

bool pcap_writer_put(struct pcap_writer *w, uint32_t index, const struct buf *b, uint64_t now_ns)
{
	struct pcap_record *r;
	uint32_t len = b->total_len;

	r = record_ring_reserve_or_null(&w->ring[index], (uint32_t)sizeof(*r) + len);
	if (!r)
		return false;
	len = buf_copy_out(b, 0, r->bytes, len);
	r->at_ns = now_ns;
	r->wire_len = b->total_len;
	r->spare = 0;
	record_ring_commit(&w->ring[index], (uint32_t)sizeof(*r) + len);
	return true;
}

void pcap_writer_wake(struct pcap_writer *w)
{
	mailbox_wake(&w->bell);
}

uint64_t pcap_writer_written(const struct pcap_writer *w, bool *failed)
{
	*failed = __atomic_load_n(&w->failed, __ATOMIC_RELAXED);
	return __atomic_load_n(&w->n_written, __ATOMIC_RELAXED);
}
