/* ip_json.c - addresses and interfaces between commands and code. */
#include "l3/cli/ip_json.h"

#include "base/err.h"
#include "l3/fib/fib.h"

enum { TEXT_MAX = IP6_PREFIX_TEXT_MAX + 1 };

json_t *ip4_addr_json(uint32_t addr)
{
	char text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	ip4_print_addr(&w, be32_of(addr));
	return json_stringn(text, writer_len(&w));
}

json_t *ip4_prefix_json(struct ip4_prefix prefix)
{
	char text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	ip4_print_prefix(&w, &prefix);
	return json_stringn(text, writer_len(&w));
}

json_t *ip6_prefix_json(const struct ip6_prefix *prefix)
{
	char text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	ip6_print_prefix(&w, prefix);
	return json_stringn(text, writer_len(&w));
}

json_t *ip_addr_json(const struct ip6_addr *addr)
{
	char text[TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	ip_print_addr(&w, addr);
	return json_stringn(text, writer_len(&w));
}

int ip_take_prefix(struct command_call *call, const char *name, struct ip_prefix *out)
{
	const char *text = command_arg_text(call, name);

	if (ip_prefix_from_text(text, out) == 0)
		return 0;
	return command_fail(call, ERR_INVAL,
			    "\"%.60s\" is no prefix; expected one like 10.0.0.0/8 or 2001:db8::/32",
			    text);
}

int ip_take_addr(struct command_call *call, const char *name, struct ip6_addr *out)
{
	const char *text = command_arg_text(call, name);

	if (ip_addr_from_text(text, out) == 0)
		return 0;
	return command_fail(call, ERR_INVAL,
			    "\"%.60s\" is no address; expected one like 10.0.0.1 or 2001:db8::1",
			    text);
}

int ip_take_interface(struct command_call *call, const char *name, uint32_t *out)
{
	const struct engine *e = call->context;
	const char *text = command_arg_text(call, name);
	const struct interface *i = interface_by_name_or_null(e, text);

	if (!i)
		return command_fail(call, ERR_NOENT,
				    "no interface \"%.32s\"; see: convoy show interfaces", text);
	*out = i->index;
	return 0;
}

int ip_take_vrf(struct command_call *call, const char *name, uint32_t *out)
{
	const struct engine *e = call->context;
	const char *text = command_arg_text(call, name);
	const struct vrf *v;

	*out = VRF_DEFAULT;
	if (!text)
		return 0;
	v = fib_vrf_by_name_or_null(e->module[MODULE_FIB], text);
	if (!v)
		return command_fail(call, ERR_NOENT, "no VRF \"%.32s\"; see: convoy show vrfs",
				    text);
	*out = v->index;
	return 0;
}

json_t *ip_left_json(const struct engine *e, uint64_t until_ns)
{
	uint64_t now = clock_now_ns(e->clock);

	if (until_ns == UINT64_MAX)
		return json_null();
	return json_integer(until_ns > now ? (json_int_t)((until_ns - now) / NS_PER_S) : 0);
}
