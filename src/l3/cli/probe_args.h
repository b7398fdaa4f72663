/* probe_args.h - what ping and traceroute have in common: whom to ask, and from where. */
#ifndef CONVOY_L3_CLI_PROBE_ARGS_H
#define CONVOY_L3_CLI_PROBE_ARGS_H

#include "control/command.h"
#include "l3/probe/probe.h"

/* Of each command that probes. */
#define PROBE_ADDRESS_ARG                                                                          \
	{                                                                                          \
		"address", COMMAND_TEXT, "IPv4 or IPv6, such as 10.0.0.1 or 2001:db8::1",          \
			.required = true, .positional = true                                       \
	}
#define PROBE_INTERFACE_ARG                                                                        \
	{                                                                                          \
		"interface", COMMAND_TEXT, "link of a link-local address"                          \
	}
#define PROBE_VRF_ARG                                                                              \
	{                                                                                          \
		"vrf", COMMAND_TEXT, "in this VRF; that of --interface if not given"               \
	}
#define PROBE_SOURCE_ARG                                                                           \
	{                                                                                          \
		"source", COMMAND_TEXT, "address to send from; chosen if not given"                \
	}

/* probe_take_options - read those arguments. 0, or what command_fail() returned. */
int probe_take_options(struct command_call *call, struct probe_options *out);

/* probe_fail_open - why probe_open() failed, as command_fail(). */
int probe_fail_open(struct command_call *call, int err);

/* probe_ms_json - @ns in milliseconds, with three decimals. A new reference. */
json_t *probe_ms_json(uint64_t ns);

#endif
