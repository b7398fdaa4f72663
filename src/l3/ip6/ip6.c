/* ip6.c - the state of IPv6 and of its workers. */
#include "l3/ip6/ip6.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/ip6/address.h"

static int init_worker(struct ip6_stack *s, struct worker *w)
{
	struct ip6_worker *iw = calloc(1, sizeof(*iw));

	if (!iw)
		return ERR_NOMEM;
	iw->stack = s;
	iw->fib = s->fib;
	iw->sent = ip4_of(w)->sent;
	iw->next_fragment_id = (uint32_t)random_u64(&w->random);
	w->module[MODULE_IP6] = iw;
	return 0;
}

int ip6_init(struct engine *e)
{
	struct ip6_stack *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return ERR_NOMEM;
	s->engine = e;
	s->fib = e->module[MODULE_FIB];
	list_init(&s->listener.link);
	wheel_init(&s->wheel, clock_now_ns(e->clock));
	random_seed(&s->random, random_u64(&e->worker[0]->random));
	s->path_mtus.seed = random_u64(&s->random);
	random_secret(s->secret, sizeof(s->secret));
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		s->vrf_of[i] = IP6_OFF;
	e->module[MODULE_IP6] = s;
	for (unsigned i = 0; i < e->n_workers && err == 0; i++)
		err = init_worker(s, e->worker[i]);
	if (err != 0) {
		ip6_deinit(e);
		return err;
	}
	ip6_links_init(s);
	return 0;
}

void ip6_deinit(struct engine *e)
{
	struct ip6_stack *s = ip6_stack_of(e);

	if (!s)
		return;
	ip6_links_deinit(s);
	for (unsigned i = 0; i < e->n_workers; i++) {
		free(e->worker[i]->module[MODULE_IP6]);
		e->worker[i]->module[MODULE_IP6] = NULL;
	}
	rcu_drain(); /* views */
	free(s);
	e->module[MODULE_IP6] = NULL;
}

void ip6_tick(struct engine *e, uint64_t now_ns)
{
	wheel_advance(&ip6_stack_of(e)->wheel, now_ns);
}

int ip6_register_protocol(struct engine *e, uint8_t protocol, const char *node_name)
{
	struct ip6_stack *s = ip6_stack_of(e);
	uint16_t id = graph_node_id(&e->graph, node_name);

	if (id == NODE_NONE)
		return ERR_NOENT;
	if (s->local_next[protocol])
		return ERR_EXIST;
	s->local_next[protocol] = next_node(id);
	return 0;
}
