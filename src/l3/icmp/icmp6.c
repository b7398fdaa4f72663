/* icmp6.c - ICMPv6's state: who takes errors, how many may be sent. */
#include "l3/icmp/icmp6.h"

#include <stdlib.h>

#include "base/err.h"
#include "l3/icmp/rate.h"
#include "l3/ip6/ip6.h"

int icmp6_register_errors(struct engine *e, uint8_t protocol, const char *node_name)
{
	uint16_t id = graph_node_id(&e->graph, node_name);

	if (id == NODE_NONE)
		return ERR_NOENT;
	ip6_stack_of(e)->error_next[protocol] = next_node(id);
	return 0;
}

int icmp6_register_replies(struct engine *e, const char *node_name)
{
	uint16_t id = graph_node_id(&e->graph, node_name);

	if (id == NODE_NONE)
		return ERR_NOENT;
	ip6_stack_of(e)->reply_next = next_node(id);
	return 0;
}

int icmp6_init(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++) {
		struct icmp_rates *rates = calloc(1, sizeof(*rates));

		if (!rates) {
			icmp6_deinit(e);
			return ERR_NOMEM;
		}
		icmp_rates_init(rates, random_u64(&e->worker[i]->random));
		e->worker[i]->module[MODULE_ICMP6] = rates;
	}
	return ip6_register_protocol(e, IP_ICMP6, "icmp6-input");
}

void icmp6_deinit(struct engine *e)
{
	for (unsigned i = 0; i < e->n_workers; i++) {
		free(e->worker[i]->module[MODULE_ICMP6]);
		e->worker[i]->module[MODULE_ICMP6] = NULL;
	}
}
