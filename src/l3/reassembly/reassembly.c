/* reassembly.c - the tables of every worker. */
#include "l3/reassembly/reassembly.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/engine.h"

static int init_worker(struct worker *w, uint64_t seed)
{
	struct reassembly *r = calloc(1, sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	w->module[MODULE_REASSEMBLY] = r;
	r->ip4 = reassembly_table_new_or_null(w, &reassembly_ip4, seed);
	r->ip6 = reassembly_table_new_or_null(w, &reassembly_ip6, seed);
	return r->ip4 && r->ip6 ? 0 : ERR_NOMEM;
}

static void deinit_worker(struct worker *w)
{
	struct reassembly *r = reassembly_of(w);

	if (r) {
		reassembly_table_free(r->ip4);
		reassembly_table_free(r->ip6);
	}
	free(r);
	w->module[MODULE_REASSEMBLY] = NULL;
}

int reassembly_init(struct engine *e)
{
	uint64_t seed = random_u64(&e->worker[0]->random);
	int err = 0;

	for (unsigned i = 0; i < e->n_workers && err == 0; i++)
		err = init_worker(e->worker[i], seed);
	if (err != 0)
		reassembly_deinit(e);
	return err;
}

void reassembly_deinit(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++)
		deinit_worker(e->worker[i]);
}
