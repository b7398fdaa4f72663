/* l2_cli.c - arguments and JSON of the commands of l2. */
#include "l2/l2_cli.h"

int l2_take_interface(struct command_call *call, const char *name, struct interface **out)
{
	const char *text = command_arg_text(call, name);

	*out = interface_by_name_or_null(call->context, text);
	if (*out)
		return 0;
	return command_fail(call, ERR_NOENT, "no interface \"%.32s\"; see: convoy show interfaces",
			    text);
}

int l2_take_mac(struct command_call *call, const char *name, struct mac *out)
{
	const char *text = command_arg_text(call, name);

	if (mac_from_text(text, out) == 0)
		return 0;
	return command_fail(call, ERR_INVAL,
			    "\"%.40s\" is no MAC address; expected one like 02:00:00:00:00:01",
			    text);
}

json_t *l2_mac_json(const struct mac *mac)
{
	char text[MAC_TEXT_LEN];
	struct writer w = writer_of(text, sizeof(text));

	mac_print(&w, mac);
	return json_stringn(text, writer_len(&w));
}

json_t *l2_interface_json(const struct engine *e, uint32_t if_index)
{
	const struct interface *i = interface_get_or_null(e, if_index);

	return i ? json_string(i->name) : json_null();
}

void l2_render_nothing(struct text *out unused_arg, const json_t *result unused_arg)
{
}
