/* shortcut.c - the table that main shares with the programs of devices, and who counts in it. */
#include "engine/shortcut.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void free_memory(struct shortcuts *s)
{
	if (s->table)
		munmap(s->table, sizeof(*s->table));
	free(s->samples);
	free(s->of);
	free(s);
}

int shortcuts_open(struct engine *e, int map_fd)
{
	size_t bytes = e->n_workers * sizeof(struct shortcut_samples);
	struct shortcuts *s = calloc(1, sizeof(*s));
	void *at;

	if (!s)
		return ERR_NOMEM;
	s->of = calloc(SHORTCUT_SLOTS, sizeof(*s->of));
	s->samples = aligned_alloc(BUF_LINE, bytes);
	at = mmap(NULL, sizeof(struct shortcut_table), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd,
		  0);
	s->table = at == MAP_FAILED ? NULL : at;
	if (!s->of || !s->samples || !s->table) {
		free_memory(s);
		return ERR_NOMEM;
	}
	memset(s->samples, 0, bytes);
	s->table->epoch = 1;
	s->map_fd = map_fd;
	__atomic_store_n(&e->shortcuts, s, __ATOMIC_RELEASE);
	return 0;
}

void shortcuts_free(struct engine *e)
{
	struct shortcuts *s = e->shortcuts;

	if (!s)
		return;
	e->shortcuts = NULL;
	close(s->map_fd);
	free_memory(s);
}

/* Of what a program can do. */
uint32_t shortcut_bucket(uint32_t ingress, const uint32_t address[4])
{
	uint64_t h = (uint64_t)address[0] << 32 | ingress;

	h = (h ^ ((uint64_t)address[3] << 32 | address[2])) * SHORTCUT_HASH_1;
	h = (h ^ h >> 32 ^ address[1]) * SHORTCUT_HASH_2;
	return (uint32_t)(h >> (64 - SHORTCUT_BUCKET_BITS)) * SHORTCUT_WAYS;
}

static bool has_key(const struct shortcut_slot *a, const struct shortcut_slot *b)
{
	return a->ingress == b->ingress && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

uint32_t shortcut_find_or_none(const struct shortcuts *s, const struct shortcut_slot *key)
{
	uint32_t first = shortcut_bucket(key->ingress, key->address);

	for (uint32_t at = first; at < first + SHORTCUT_WAYS; at++)
		if (s->of[at].state == SHORTCUT_USED && has_key(&s->table->slot[at], key))
			return at;
	return SHORTCUT_SLOTS;
}

int shortcut_put(struct shortcuts *s, const struct shortcut_slot *value,
		 const struct shortcut *record)
{
	uint32_t first = shortcut_bucket(value->ingress, value->address);

	for (uint32_t at = first; at < first + SHORTCUT_WAYS; at++) {
		struct shortcut_slot *slot = &s->table->slot[at];

		if (s->of[at].state != SHORTCUT_FREE)
			continue;
		*slot = *value;
		slot->epoch = slot->n_packets = slot->n_bytes = 0;
		s->of[at] = *record;
		s->of[at].state = SHORTCUT_USED;
		s->of[at].used_at = s->n_used;
		s->used[s->n_used++] = at;
		s->n_learnt++;
		return 0;
	}
	s->n_no_room++;
	return ERR_FULL;
}

void shortcut_drop(struct shortcuts *s, uint32_t at)
{
	__atomic_store_n(&s->table->slot[at].epoch, 0, __ATOMIC_RELEASE);
	s->of[at].state = SHORTCUT_LEAVING;
}

static void set_free(struct shortcuts *s, uint32_t at)
{
	uint32_t last = s->used[--s->n_used];

	s->used[s->of[at].used_at] = last;
	s->of[last].used_at = s->of[at].used_at;
	s->of[at].state = SHORTCUT_FREE;
}

void shortcuts_sweep(struct shortcuts *s)
{
	for (uint32_t n = s->n_used; n-- > 0;) {
		uint32_t at = s->used[n];

		if (s->of[at].state != SHORTCUT_LEAVING)
			continue;
		shortcut_count(s, at);
		set_free(s, at);
	}
}

uint64_t shortcut_count(struct shortcuts *s, uint32_t at)
{
	const struct shortcut_slot *slot = &s->table->slot[at];
	struct shortcut *r = &s->of[at];
	uint64_t n_packets = __atomic_load_n(&slot->n_packets, __ATOMIC_RELAXED) - r->n_packets;
	uint64_t n_bytes = __atomic_load_n(&slot->n_bytes, __ATOMIC_RELAXED) - r->n_bytes;

	r->n_packets += n_packets;
	r->n_bytes += n_bytes;
	s->counted[r->in].rx_packets += n_packets;
	s->counted[r->in].rx_bytes += n_bytes;
	s->counted[r->out].tx_packets += n_packets;
	s->counted[r->out].tx_bytes += n_bytes;
	return n_packets;
}

static void count_interface(struct shortcuts *s, uint32_t if_index)
{
	for (uint32_t n = 0; n < s->n_used; n++) {
		const struct shortcut *r = &s->of[s->used[n]];

		if (r->in == if_index || r->out == if_index)
			shortcut_count(s, s->used[n]);
	}
}

void shortcuts_add_counters(const struct engine *e, uint32_t if_index, struct if_counters *sum)
{
	struct shortcuts *s = e->shortcuts;
	const struct if_counters *c;

	if (!s)
		return;
	count_interface(s, if_index);
	c = &s->counted[if_index];
	sum->rx_packets += c->rx_packets;
	sum->rx_bytes += c->rx_bytes;
	sum->tx_packets += c->tx_packets;
	sum->tx_bytes += c->tx_bytes;
}

void shortcuts_forget_interface(struct engine *e, uint32_t if_index)
{
	if (!e->shortcuts)
		return;
	count_interface(e->shortcuts, if_index);
	e->shortcuts->counted[if_index] = (struct if_counters){ 0 };
}

void shortcut_sample(struct shortcuts *s, const struct worker *w,
		     const struct shortcut_sample *sample)
{
	struct shortcut_samples *r = &s->samples[w->index];
	uint32_t head = r->head;

	/* Pairs with main's release in shortcut_next_sample(). */
	if (head - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) >= SHORTCUT_SAMPLES)
		return;
	r->at[head % SHORTCUT_SAMPLES] = *sample;
	__atomic_store_n(&r->head, head + 1, __ATOMIC_RELEASE);
}

bool shortcut_next_sample(struct shortcuts *s, uint32_t w, struct shortcut_sample *out)
{
	struct shortcut_samples *r = &s->samples[w];
	uint32_t tail = r->tail;

	if (__atomic_load_n(&r->head, __ATOMIC_ACQUIRE) == tail)
		return false;
	*out = r->at[tail % SHORTCUT_SAMPLES];
	__atomic_store_n(&r->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}
