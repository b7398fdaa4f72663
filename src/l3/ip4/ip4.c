/* ip4.c - the state of IPv4 and of its workers. */
#include "l3/ip4/ip4.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"
#include "l3/ip4/address.h"

static uint64_t *counters_or_null(void)
{
	void *p = mmap(NULL, ADJACENCIES_MAX * sizeof(uint64_t), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void free_counters(uint64_t *counters)
{
	if (counters)
		munmap(counters, ADJACENCIES_MAX * sizeof(uint64_t));
}

static int init_worker(struct ip4_stack *s, struct worker *w)
{
	struct ip4_worker *iw = calloc(1, sizeof(*iw));

	if (!iw)
		return ERR_NOMEM;
	w->module[MODULE_IP4] = iw;
	iw->stack = s;
	iw->fib = s->fib;
	iw->id_step = (uint16_t)w->engine->n_workers;
	iw->next_id = (uint16_t)(random_u64(&w->random) % (UINT16_MAX / iw->id_step) * iw->id_step +
				 w->index);
	iw->sent = counters_or_null();
	return iw->sent ? 0 : ERR_NOMEM;
}

static void deinit_worker(struct worker *w)
{
	struct ip4_worker *iw = ip4_of(w);

	if (iw)
		free_counters(iw->sent);
	free(iw);
	w->module[MODULE_IP4] = NULL;
}

int ip4_init(struct engine *e)
{
	struct ip4_stack *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ERR_NOMEM;
	s->engine = e;
	e->module[MODULE_IP4] = s;
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		list_init(&s->addresses[i]);
	list_init(&s->listener.link);
	err = fib_new(&e->main, &s->fib);
	if (err != 0)
		goto fail;
	e->module[MODULE_FIB] = s->fib;
	s->fib->engine = e;
	s->sent_by_shortcut = counters_or_null();
	if (!s->sent_by_shortcut) {
		err = ERR_NOMEM;
		goto fail;
	}
	for (unsigned i = 0; i < e->n_workers && err == 0; i++)
		err = init_worker(s, e->worker[i]);
	if (err != 0)
		goto fail;
	ip4_addresses_init(s);
	return 0;
fail:
	ip4_deinit(e);
	return err;
}

/* With the workers gone, a drained RCU means that everything retired is in main's mailbox. */
static void settle(struct engine *e, struct fib *f)
{
	while (f->yard.n_waiting > 0) {
		rcu_drain();
		engine_run_main(e);
	}
}

void ip4_deinit(struct engine *e)
{
	struct ip4_stack *s = ip4_stack_of(e);

	if (!s)
		return;
	ip4_addresses_deinit(s);
	for (unsigned i = 0; i < e->n_workers; i++)
		deinit_worker(e->worker[i]);
	if (s->fib) {
		settle(e, s->fib);
		fib_free(s->fib);
	}
	free_counters(s->sent_by_shortcut);
	free(s);
	e->module[MODULE_FIB] = NULL;
	e->module[MODULE_IP4] = NULL;
}

int ip4_register_protocol(struct engine *e, uint8_t protocol, const char *node_name)
{
	struct ip4_stack *s = ip4_stack_of(e);
	uint16_t id = graph_node_id(&e->graph, node_name);

	if (id == NODE_NONE)
		return ERR_NOENT;
	if (s->local_next[protocol])
		return ERR_EXIST;
	s->local_next[protocol] = next_node(id);
	return 0;
}
