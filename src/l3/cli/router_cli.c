/* router_cli.c - router advertisements, heard and sent, from the command line. */
#include "control/table.h"
#include "l3/cli/ip_json.h"
#include "l3/cli/l3_cli.h"
#include "l3/ip6/advertise.h"
#include "l3/ip6/autoconf.h"

/* Null for what was not said, or has no end. */
static json_t *unless(uint64_t none, uint64_t value)
{
	return value == none ? json_null() : json_integer((json_int_t)value);
}

static const char *preference_name(enum nd_preference p)
{
	return p == ND_HIGH ? "high" : p == ND_LOW ? "low" : "medium";
}

/* --- show routers: what a host has heard --- */

static json_t *router_json(const struct ip6_host *h, const struct ip6_router *r)
{
	const struct engine *e = h->on->stack->engine;

	return json_pack("{s:o, s:o, s:s, s:b, s:o}", "router", ip_addr_json(&r->addr), "to",
			 ip6_prefix_json(&r->prefix), "preference", preference_name(r->preference),
			 "answers", !r->is_silent, "seconds", ip_left_json(e, r->until_ns));
}

static json_t *routers_json(const struct ip6_host *h)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < h->n_routers; i++)
		json_array_append_new(list, router_json(h, &h->router[i]));
	return list;
}

static json_t *on_link_json(const struct ip6_host *h)
{
	const struct engine *e = h->on->stack->engine;
	json_t *list = json_array();

	for (unsigned i = 0; i < h->n_on_link; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:o}", "prefix",
						ip6_prefix_json(&h->on_link[i].prefix), "seconds",
						ip_left_json(e, h->on_link[i].until_ns)));
	return list;
}

static json_t *host_json(const struct ip6_host *h)
{
	const struct ip6_heard *heard = &h->on->heard;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "interface",
			 l2_interface_json(h->on->stack->engine, h->on->if_index), "mtu",
			 unless(0, heard->mtu_bytes), "hop_limit", unless(0, heard->hop_limit),
			 "reachable_ms", unless(0, heard->reachable_ns / NS_PER_MS),
			 "retransmit_ms", unless(0, heard->retransmit_ns / NS_PER_MS), "heard",
			 (json_int_t)h->n_heard, "ignored", (json_int_t)h->n_ignored, "routers",
			 routers_json(h), "on_link", on_link_json(h));
}

static int show_routers(struct command_call *call)
{
	const struct ip6_stack *s = ip6_stack_of(call->context);
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (s->link[i] && s->link[i]->host)
			json_array_append_new(list, host_json(s->link[i]->host));
	return command_reply(call, list);
}

/* Each router of each link as a row. */
static json_t *rows_of(const json_t *links)
{
	json_t *rows = json_array(), *link, *one;
	size_t i, k;

	json_array_foreach(links, i, link)
	{
		json_array_foreach(json_object_get(link, "routers"), k, one)
		{
			json_t *row = json_copy(one);

			json_object_set(row, "interface", json_object_get(link, "interface"));
			json_array_append_new(rows, row);
		}
	}
	return rows;
}

static void render_routers(struct text *out, const json_t *links)
{
	static const struct table_column link_columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "mtu", "mtu", TABLE_NUMBER },
		{ "hop_limit", "hop limit", TABLE_NUMBER },
		{ "reachable_ms", "reachable ms", TABLE_NUMBER },
		{ "retransmit_ms", "retransmit ms", TABLE_NUMBER },
		{ "heard", "heard", TABLE_NUMBER },
		{ "ignored", "ignored", TABLE_NUMBER },
	};
	static const struct table_column router_columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "router", "router", TABLE_TEXT },
		{ "to", "to", TABLE_TEXT },
		{ "preference", "preference", TABLE_TEXT },
		{ "answers", "answers", TABLE_TEXT },
		{ "seconds", "seconds", TABLE_NUMBER },
	};
	json_t *rows = rows_of(links);

	table_render(out, links, link_columns, count_of(link_columns));
	if (json_array_size(rows) > 0) {
		text_add(out, "\n");
		table_render(out, rows, router_columns, count_of(router_columns));
	}
	json_decref(rows);
}

/* --- show advertisements: what a router sends --- */

static json_t *prefixes_json(const struct nd *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->n_prefixes; i++) {
		const struct nd_prefix *p = &m->prefix[i];

		json_array_append_new(list, json_pack("{s:o, s:b, s:b, s:o, s:o}", "prefix",
						      ip6_prefix_json(&p->prefix), "on_link",
						      p->flags & ND_ON_LINK, "autonomous",
						      p->flags & ND_AUTONOMOUS, "valid_seconds",
						      unless(ND_INFINITE, p->valid_s),
						      "preferred_seconds",
						      unless(ND_INFINITE, p->preferred_s)));
	}
	return list;
}

static json_t *servers_json(const struct nd *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->n_servers; i++)
		json_array_append_new(list, ip_addr_json(&m->server[i]));
	return list;
}

static json_t *advertiser_json(const struct ip6_advertiser *ad)
{
	const struct engine *e = ad->on->stack->engine;
	const struct nd m = ip6_advertisement_of(ad);

	return json_pack(
		"{s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:I, s:I}",
		"interface", l2_interface_json(e, ad->on->if_index), "lifetime_seconds",
		(int)m.lifetime_s, "interval_seconds", (int)ad->options.interval_s, "hop_limit",
		unless(0, m.hop_limit), "mtu", unless(0, m.mtu_bytes), "reachable_ms",
		unless(0, m.reachable_ms), "retransmit_ms", unless(0, m.retransmit_ms), "managed",
		m.flags & ND_MANAGED, "other", m.flags & ND_OTHER, "prefixes", prefixes_json(&m),
		"dns", servers_json(&m), "next_seconds",
		timer_is_set(&ad->timer) ? ip_left_json(e, ad->timer.deadline_tick * WHEEL_TICK_NS)
					 : json_null(),
		"sent", (json_int_t)ad->n_total, "solicited", (json_int_t)ad->n_solicited);
}

static int show_advertisements(struct command_call *call)
{
	const struct ip6_stack *s = ip6_stack_of(call->context);
	json_t *list = json_array();

	for (uint32_t i = 1; i < INTERFACES_MAX; i++)
		if (s->link[i] && s->link[i]->advertiser)
			json_array_append_new(list, advertiser_json(s->link[i]->advertiser));
	return command_reply(call, list);
}

/* The prefixes as one word of the table. */
static json_t *with_text(const json_t *advertisers)
{
	json_t *rows = json_array(), *one, *prefix;
	size_t i, k;

	json_array_foreach(advertisers, i, one)
	{
		char line[ND_PREFIXES_MAX * (IP6_ADDR_TEXT_MAX + 6) + 1] = "";
		struct writer w = writer_of(line, sizeof(line) - 1);
		json_t *row = json_copy(one);

		json_array_foreach(json_object_get(one, "prefixes"), k, prefix)
			put_format(&w, "%s%s", k ? ", " : "",
				   json_string_value(json_object_get(prefix, "prefix")));
		json_object_set_new(row, "prefixes", json_string(line));
		json_array_append_new(rows, row);
	}
	return rows;
}

static void render_advertisements(struct text *out, const json_t *list)
{
	static const struct table_column columns[] = {
		{ "interface", "interface", TABLE_TEXT },
		{ "lifetime_seconds", "lifetime", TABLE_NUMBER },
		{ "interval_seconds", "interval", TABLE_NUMBER },
		{ "next_seconds", "next", TABLE_NUMBER },
		{ "sent", "sent", TABLE_NUMBER },
		{ "solicited", "solicited", TABLE_NUMBER },
		{ "prefixes", "prefixes", TABLE_TEXT },
	};
	json_t *rows = with_text(list);

	table_render(out, rows, columns, count_of(columns));
	json_decref(rows);
}

static const struct command commands[] = {
	{ .name = "show routers",
	  .help = "what hosts (autoconf) have heard of routers",
	  .run = show_routers,
	  .render = render_routers },
	{ .name = "show advertisements",
	  .help = "what routers (advertise) tell their links; times in s",
	  .run = show_advertisements,
	  .render = render_advertisements },
};

int router_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
