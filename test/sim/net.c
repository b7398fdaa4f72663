/* net.c - a heap of packets under way, and the clock that jumps to what comes next. */
#include "net.h"

#include <stdlib.h>

static bool before(const struct sim_packet *a, const struct sim_packet *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void push(struct sim_net *n, struct sim_packet *p)
{
	uint32_t at = n->n_packets++;

	if (n->n_packets > n->size) {
		n->size = n->size ? 2 * n->size : 1024;
		n->heap = realloc(n->heap, n->size * sizeof(n->heap[0]));
		invariant(n->heap);
	}
	for (; at > 0 && before(p, n->heap[(at - 1) / 2]); at = (at - 1) / 2)
		n->heap[at] = n->heap[(at - 1) / 2];
	n->heap[at] = p;
}

static struct sim_packet *pop(struct sim_net *n)
{
	struct sim_packet *top = n->heap[0], *last = n->heap[--n->n_packets];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < n->n_packets) {
		if (child + 1 < n->n_packets && before(n->heap[child + 1], n->heap[child]))
			child++;
		if (!before(n->heap[child], last))
			break;
		n->heap[at] = n->heap[child];
		at = child;
	}
	n->heap[at] = last;
	return top;
}

static bool happens(struct sim_net *n, uint32_t ppm)
{
	return ppm && random_below(&n->random, 1000000) < ppm;
}

static void put_on_way(struct sim_net *n, uint32_t to, uint64_t due_ns, const uint8_t *bytes,
		       uint32_t len)
{
	struct sim_packet *p = malloc(sizeof(*p) + len);

	invariant(p);
	*p = (struct sim_packet){ .due_ns = due_ns, .number = n->n_sent++, .to = to, .len = len };
	memcpy(p->bytes, bytes, len);
	push(n, p);
}

static void transmit(struct sim_host *h, const uint8_t *packet, uint32_t len)
{
	struct sim_net *n = h->context;
	uint32_t from = h == n->host[1];
	struct sim_link *l = &n->link[from];
	uint64_t wire_ns = l->rate_bps ? len * 8ull * NS_PER_S / l->rate_bps : 0, due_ns;
	uint64_t start_ns = l->busy_until_ns > n->now_ns ? l->busy_until_ns : n->now_ns;

	l->n_packets++;
	if (happens(n, l->loss_ppm)) {
		l->n_lost++;
		return;
	}
	if (l->queue_bytes && wire_ns && (start_ns - n->now_ns) / wire_ns * len > l->queue_bytes) {
		l->n_overflowed++;
		return;
	}
	l->busy_until_ns = start_ns + wire_ns;
	due_ns = l->busy_until_ns + l->delay_us * 1000ull;
	if (happens(n, l->reorder_ppm))
		due_ns += random_below(&n->random, l->reorder_us) * 1000ull;
	put_on_way(n, !from, due_ns, packet, len);
	if (happens(n, l->duplicate_ppm))
		put_on_way(n, !from, due_ns + NS_PER_US, packet, len);
}

static uint64_t now(void *context)
{
	return ((struct sim_net *)context)->now_ns;
}

struct sim_net *sim_net_new(uint64_t seed, const struct sim_link *link,
			    const struct tcp_settings *settings)
{
	struct tcp_settings seeded = *settings;
	struct sim_net *n = calloc(1, sizeof(*n));

	invariant(n);
	n->now_ns = NS_PER_S;
	n->clock = (struct clock){ now, n };
	random_seed(&n->random, seed);
	for (unsigned i = 0; i < 2; i++) {
		seeded.seed = seed + i;
		n->host[i] = sim_host_new(&n->clock, i ? "10.0.0.2" : "10.0.0.1", &seeded);
		n->host[i]->transmit = transmit;
		n->host[i]->context = n;
		n->link[i] = *link;
	}
	return n;
}

void sim_net_free(struct sim_net *n)
{
	for (unsigned i = 0; i < 2; i++)
		sim_host_free(n->host[i]);
	while (n->n_packets)
		free(pop(n));
	free(n->heap);
	free(n);
}

static uint64_t next_event_ns(const struct sim_net *n)
{
	uint64_t next_ns = n->n_packets ? n->heap[0]->due_ns : UINT64_MAX;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t wants_ns = sim_host_next_ns(n->host[i]);

		next_ns = wants_ns < next_ns ? wants_ns : next_ns;
	}
	return next_ns;
}

bool sim_net_run(struct sim_net *n, uint64_t until_ns, bool (*enough)(void *context), void *context)
{
	for (unsigned i = 0; i < 2; i++)
		sim_host_turn(n->host[i]);
	for (;;) {
		uint64_t next_ns = next_event_ns(n);

		if (enough && enough(context))
			return true;
		if (next_ns > until_ns) {
			n->now_ns = until_ns;
			return false;
		}
		if (next_ns > n->now_ns)
			n->now_ns = next_ns;
		while (n->n_packets && n->heap[0]->due_ns <= n->now_ns) {
			struct sim_packet *p = pop(n);

			sim_host_receive(n->host[p->to], p->bytes, p->len);
			free(p);
		}
		for (unsigned i = 0; i < 2; i++)
			sim_host_turn(n->host[i]);
	}
}
