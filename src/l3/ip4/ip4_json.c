/* ip4_json.c - addresses and interfaces between commands and code. */
#include "l3/ip4/ip4_json.h"

#include "base/err.h"

enum { ADDR_TEXT_MAX = 32 };

json_t *ip4_addr_json(uint32_t addr)
{
	char text[ADDR_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	ip4_print_addr(&w, be32_of(addr));
	return json_stringn(text, writer_len(&w));
}

json_t *ip4_prefix_json(struct ip4_prefix prefix)
{
	char text[ADDR_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	ip4_print_prefix(&w, &prefix);
	return json_stringn(text, writer_len(&w));
}

json_t *ip4_mac_json(const struct mac *mac)
{
	char text[ADDR_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	mac_print(&w, mac);
	return json_stringn(text, writer_len(&w));
}

json_t *ip4_interface_json(const struct engine *e, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(e, if_index);

	return i ? json_string(i->name) : json_null();
}

int ip4_take_prefix(struct command_call *call, const char *name, struct ip4_prefix *out)
{
	const char *text = command_arg_text(call, name);

	if (ip4_prefix_from_text(text, out) == 0)
		return 0;
	return command_fail(call, ERR_INVAL,
			    "\"%.40s\" is no IPv4 prefix; expected one like 10.0.0.0/8", text);
}

int ip4_take_addr(struct command_call *call, const char *name, uint32_t *out)
{
	const char *text = command_arg_text(call, name);
	be32 addr;

	if (ip4_from_text(text, &addr) != 0)
		return command_fail(call, ERR_INVAL,
				    "\"%.40s\" is no IPv4 address; expected one like 10.0.0.1",
				    text);
	*out = host32(addr);
	return 0;
}

int ip4_take_interface(struct command_call *call, const char *name, uint32_t *out)
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
