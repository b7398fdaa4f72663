/* place.c - which worker serves which queue of an interface. */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

static struct interface_place *place_or_null(const struct engine *e, const char *name)
{
	list_for_each(link, &e->interfaces.places) {
		struct interface_place *p = container_of(link, struct interface_place, link);

		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

static void forget(struct interface_place *p)
{
	list_remove(&p->link);
	free(p);
}

int interface_place(struct engine *e, const char *name, const uint32_t *worker, uint32_t n_workers)
{
	struct interface_place *p, *old = place_or_null(e, name);

	if (strlen(name) >= INTERFACE_NAME_MAX)
		return ERR_INVAL;
	if (n_workers > INTERFACE_QUEUES_MAX)
		return ERR_RANGE;
	for (uint32_t i = 0; i < n_workers; i++)
		if (worker[i] >= e->n_workers)
			return ERR_RANGE;
	p = n_workers ? calloc(1, sizeof(*p)) : NULL;
	if (n_workers && !p)
		return ERR_NOMEM;
	if (old)
		forget(old);
	if (!p)
		return 0;
	strcpy(p->name, name);
	p->n_workers = n_workers;
	for (uint32_t i = 0; i < n_workers; i++)
		p->worker[i] = (uint8_t)worker[i];
	list_push(&e->interfaces.places, &p->link);
	return 0;
}

void interface_settle_queues(struct interface *i)
{
	const struct interface_place *p = place_or_null(i->engine, i->name);
	uint32_t first = i->n_queues == 1 ? i->index : 0;

	for (uint32_t q = 0; q < INTERFACE_QUEUES_MAX; q++)
		i->queue_worker[q] = (uint8_t)(p ? p->worker[q % p->n_workers]
						 : (first + q) % i->engine->n_workers);
}

void interface_places_deinit(struct engine *e)
{
	while (!list_empty(&e->interfaces.places))
		forget(container_of(e->interfaces.places.next, struct interface_place, link));
}
