/* vlan_cli.c - subinterfaces from the command line. */
#include "control/table.h"
#include "l2/l2_cli.h"
#include "l2/vlan/vlan_private.h"

enum { TAGS_TEXT_MAX = 32, WHY_MAX = 160 };

static json_t *match_json(const struct vlan_match *m)
{
	char text[TAGS_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	vlan_print_match(&w, m);
	return json_stringn(text, writer_len(&w));
}

static json_t *inside_json(const struct vlan_inside *inside)
{
	char text[TAGS_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	vlan_print_inside(&w, inside);
	return json_stringn(text, writer_len(&w));
}

static json_t *vlan_json(const struct engine *e, const struct vlan *v)
{
	const struct interface *i = v->interface;

	return json_pack("{s:s, s:o, s:o, s:o, s:i, s:s}", "name", i->name, "parent",
			 l2_interface_json(e, v->parent), "tags", match_json(&v->match), "inside",
			 inside_json(&v->inside), "mtu_bytes", (int)i->mtu_bytes, "state",
			 !i->up	    ? "down"
			 : !i->link ? "no link"
				    : "up");
}

static int show_vlans(struct command_call *call)
{
	const struct engine *e = call->context;
	struct interface *parent = NULL;
	json_t *list;
	int err = 0;

	if (command_arg_text(call, "parent"))
		err = l2_take_interface(call, "parent", &parent);
	if (err != 0)
		return err;
	list = json_array();
	for (uint32_t index = 1; index < INTERFACES_MAX; index++) {
		if (parent && parent->index != index)
			continue;
		list_for_each(link, &vlans_of(e)->children[index])
			json_array_append_new(list,
					      vlan_json(e, container_of(link, struct vlan, link)));
	}
	return command_reply(call, list);
}

static void render_vlans(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "name", "interface", TABLE_TEXT },  { "parent", "parent", TABLE_TEXT },
		{ "tags", "tags", TABLE_TEXT },	      { "inside", "inside", TABLE_TEXT },
		{ "mtu_bytes", "mtu", TABLE_NUMBER }, { "state", "state", TABLE_TEXT },
	};

	table_render(out, list, columns, count_of(columns));
}

static int take_config(struct command_call *call, struct vlan_config *c)
{
	const char *tags = command_arg_text(call, "tags");
	const char *inside = command_arg_text(call, "inside");

	c->name = command_arg_text(call, "name");
	c->parent = command_arg_text(call, "parent");
	c->mtu_bytes = (uint32_t)command_arg_number(call, "mtu", 0);
	if (vlan_match_from_text(tags, &c->match) != 0)
		return command_fail(call, ERR_INVAL,
				    "\"%.40s\" are no tags; expected 100, 100.200, 100.any, "
				    "\"802.1ad 100.200\", untagged or rest",
				    tags);
	if (inside && vlan_inside_from_text(inside, &c->inside) != 0)
		return command_fail(call, ERR_INVAL,
				    "\"%.40s\" are no tags for frames inside; expected 100, "
				    "100.200, \"802.1ad 100\" or none",
				    inside);
	return 0;
}

static int vlan_add(struct command_call *call)
{
	struct vlan_config config = { 0 };
	struct interface *i;
	char why[WHY_MAX] = "";
	int err = take_config(call, &config);

	if (err != 0)
		return err;
	err = vlan_create(call->context, &config, &i, why, sizeof(why));
	if (err != 0)
		return command_fail(call, err, "%s", why);
	if (!command_arg_flag(call, "down"))
		err = interface_set_up(i, true);
	return err ? err : command_reply(call, json_object());
}

static int vlan_delete(struct command_call *call)
{
	struct interface *i;
	int err = l2_take_interface(call, "name", &i);

	if (err != 0)
		return err;
	if (!vlan_of_or_null(i))
		return command_fail(call, ERR_INVAL, "\"%s\" is no VLAN; see: convoy show vlans",
				    i->name);
	interface_remove(i);
	return command_reply(call, json_object());
}

static const struct command commands[] = {
	{ .name = "show vlans",
	  .help = "subinterfaces: their tags on the wire and inside",
	  .args = { { "parent", COMMAND_TEXT, "only those of this interface",
		      .positional = true } },
	  .run = show_vlans,
	  .render = render_vlans },
	{ .name = "vlan add",
	  .help = "make an interface of the frames with certain VLAN tags",
	  .more = "  convoy vlan add lan.100 lan 100\n"
		  "  convoy vlan add lan.q lan '802.1ad 100.200'\n",
	  .args = { { "name", COMMAND_TEXT, "of the new interface", .required = true,
		      .positional = true },
		    { "parent", COMMAND_TEXT, "interface that the frames come by", .required = true,
		      .positional = true },
		    { "tags", COMMAND_TEXT,
		      "100, 100.200, 100.any, \"802.1ad 100.200\", untagged, rest",
		      .required = true, .positional = true },
		    { "inside", COMMAND_TEXT, "tags of the frames inside, none by default" },
		    { "mtu", COMMAND_NUMBER, "bytes, the parent's by default", .min = 68,
		      .max = 65521 },
		    { "down", COMMAND_FLAG, "leave it administratively down" } },
	  .run = vlan_add,
	  .render = l2_render_nothing },
	{ .name = "vlan delete",
	  .help = "remove a subinterface with all that depends on it",
	  .args = { { "name", COMMAND_TEXT, "which one", .required = true, .positional = true } },
	  .run = vlan_delete,
	  .render = l2_render_nothing },
};

int vlan_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
