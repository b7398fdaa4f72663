/* table.c - linear probing; removal moves later entries up, so there are no tombstones. */
#include "transport/tcp/table.h"

#include <sys/mman.h>

int tcp_table_init(struct tcp_table *t, uint32_t n)
{
	uint32_t n_slots = 16;
	void *memory;

	while (n_slots < 2 * n)
		n_slots *= 2;
	memory = mmap(NULL, n_slots * sizeof(struct tcp_slot), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return ERR_NOMEM;
	*t = (struct tcp_table){ .slots = memory, .mask = n_slots - 1 };
	return 0;
}

void tcp_table_deinit(struct tcp_table *t)
{
	if (t->slots)
		munmap(t->slots, (t->mask + 1ull) * sizeof(struct tcp_slot));
	t->slots = NULL;
}

int tcp_table_add(struct tcp_table *t, uint32_t hash, tcp_ref ref)
{
	uint32_t at = hash & t->mask;

	if (t->n_used > t->mask / 2)
		return ERR_FULL;
	while (t->slots[at].ref)
		at = (at + 1) & t->mask;
	t->slots[at] = (struct tcp_slot){ hash, ref };
	t->n_used++;
	return 0;
}

static uint32_t position_of(const struct tcp_table *t, uint32_t hash, tcp_ref ref)
{
	uint32_t at = hash & t->mask;

	while (t->slots[at].ref != ref) {
		invariant(t->slots[at].ref != 0);
		at = (at + 1) & t->mask;
	}
	return at;
}

void tcp_table_replace(struct tcp_table *t, uint32_t hash, tcp_ref ref, tcp_ref with)
{
	t->slots[position_of(t, hash, ref)].ref = with;
}

void tcp_table_remove(struct tcp_table *t, uint32_t hash, tcp_ref ref)
{
	uint32_t hole = position_of(t, hash, ref);

	for (uint32_t at = (hole + 1) & t->mask; t->slots[at].ref; at = (at + 1) & t->mask) {
		uint32_t home = t->slots[at].hash & t->mask;

		/* It may move into the hole if its home is not between the hole and itself. */
		if (((at - home) & t->mask) >= ((at - hole) & t->mask)) {
			t->slots[hole] = t->slots[at];
			hole = at;
		}
	}
	t->slots[hole].ref = 0;
	t->n_used--;
}
