/* part_tcp.c - start and stop TCP. */
#include "daemon/convoyd.h"
#include "daemon/parts.h"
#include "engine/engine.h"
#include "l3/icmp/icmp.h"
#include "l3/ip4/ip4.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/tcp_cli.h"

int part_tcp_init(struct convoyd *d)
{
	int err = tcp_init(d->engine, &(struct tcp_settings){ 0 });

	if (err < 0)
		return err;
	err = ip4_register_protocol(d->engine, IP_TCP, tcp4_input_node.name);
	if (err == 0)
		err = icmp4_register_errors(d->engine, IP_TCP, tcp4_error_node.name);
	if (err == 0)
		err = tcp_cli_register(d->commands, d->engine);
	if (err < 0)
		part_tcp_deinit(d);
	return err;
}

void part_tcp_deinit(struct convoyd *d)
{
	tcp_deinit(d->engine);
}
