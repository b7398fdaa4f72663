/* icmp.c - ICMP's state: who takes errors, how many may be sent. */
#include "l3/icmp/icmp.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/icmp/rate.h"
#include "l3/ip4/ip4.h"

int icmp4_register_errors(struct engine *e, uint8_t protocol, const char *node_name)
{
	uint16_t id = graph_node_id(&e->graph, node_name);

	if (id == NODE_NONE)
		return ERR_NOENT;
	ip4_stack_of(e)->error_next[protocol] = next_node(id);
	return 0;
}

int icmp4_register_replies(struct engine *e, const char *node_name)
{
	uint16_t id = graph_node_id(&e->graph, node_name);

	if (id == NODE_NONE)
		return ERR_NOENT;
	ip4_stack_of(e)->reply_next = next_node(id);
	return 0;
}

int icmp4_init(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++) {
		struct icmp_rates *rates = calloc(1, sizeof(*rates));

		if (!rates) {
			icmp4_deinit(e);
			return ERR_NOMEM;
		}
		icmp_rates_init(rates, random_u64(&e->worker[i]->random));
		e->worker[i]->module[MODULE_ICMP4] = rates;
	}
	return ip4_register_protocol(e, IP_ICMP4, "icmp4-input");
}

void icmp4_deinit(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++) {
		free(e->worker[i]->module[MODULE_ICMP4]);
		e->worker[i]->module[MODULE_ICMP4] = NULL;
	}
}
