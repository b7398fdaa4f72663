/* http_worker.c - what the connection managers of one worker share. */
#include <stdlib.h>
#include <time.h>

#include "proxy/filter/hcm_internal.h"

struct http_worker *http_worker_of(const struct dispatcher *d)
{
	return dispatcher_slot(d, DISPATCHER_SLOT_HTTP);
}

static void refresh_date(struct http_worker *w, uint64_t now_ns)
{
	uint64_t wall_ns = clock_wall_ns();
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm utc;

	w->wall_offset_ns = wall_ns - now_ns;
	w->date_until_ns = now_ns + (NS_PER_S - wall_ns % NS_PER_S);
	gmtime_r(&seconds, &utc);
	strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

int http_worker_start(struct dispatcher *d, unsigned worker_idx)
{
	struct http_worker *w = calloc(1, sizeof(*w));
	uint64_t seed;

	if (!w)
		return ERR_NOMEM;
	random_secret(&seed, sizeof(seed));
	random_seed(&w->random, seed);
	w->dispatcher = d;
	w->index = worker_idx;
	refresh_date(w, dispatcher_now_ns(d));
	dispatcher_set_slot(d, DISPATCHER_SLOT_HTTP, w);
	return 0;
}

void http_worker_stop(struct dispatcher *d)
{
	struct http_worker *w = http_worker_of(d);

	if (!w)
		return;
	while (w->free_streams) {
		struct hcm_stream *s = w->free_streams;

		w->free_streams = s->next_free;
		arena_deinit(&s->arena);
		free(s);
	}
	dispatcher_set_slot(d, DISPATCHER_SLOT_HTTP, NULL);
	free(w);
}

struct slice http_worker_date(struct http_worker *w)
{
	uint64_t now_ns = dispatcher_now_ns(w->dispatcher);

	if (unlikely(now_ns >= w->date_until_ns))
		refresh_date(w, now_ns);
	return slice_of(w->date, DATE_LEN);
}

void http_worker_request_id(struct http_worker *w, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t bits[2] = { random_u64(&w->random), random_u64(&w->random) };

	for (unsigned i = 0, at = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			out[at++] = '-';
		out[at++] = (uint8_t)digits[bits[i / 16] >> (i % 16 * 4) & 15];
	}
	out[14] = '4';				      /* version, RFC 9562 §5.4 */
	out[19] = (uint8_t)digits[8 | (bits[1] & 3)]; /* variant */
}
