/* ports.c - simple hash-based port selection. */
#include "transport/tcp/ports.h"

void tcp_ports_init(struct tcp_ports *p, struct siphash_key secret, uint16_t first, uint16_t last)
{
	invariant(first > 0 && first <= last);
	*p = (struct tcp_ports){ .secret = secret,
				 .first = first,
				 .n = (uint16_t)(last - first + 1) };
}

uint16_t tcp_ports_pick(struct tcp_ports *p, const struct tcp_key *key,
			bool (*taken)(void *context, uint16_t port), void *context)
{
	struct tcp_key without_port = *key;
	uint32_t offset;

	without_port.local_port = be16_of(0);
	offset = (uint32_t)siphash(&p->secret, &without_port, sizeof(without_port));
	for (uint32_t tried = 0; tried < p->n; tried++) {
		uint16_t port = (uint16_t)(p->first + (offset + p->next++) % p->n);

		if (!taken(context, port))
			return port;
	}
	return 0;
}
