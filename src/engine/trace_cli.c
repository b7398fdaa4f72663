/* trace_cli.c - `trace`, `trace add`, `trace clear`: the way of single packets through the graph.
 */
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "control/command.h"
#include "engine/engine.h"
#include "engine/engine_cli.h"
#include "engine/trace.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/ip_protocol.h"
#include "wire/tcp.h"
#include "wire/udp.h"
#include "wire/vlan.h"

enum { LINE_MAX_BYTES = 512 };

/* --- a packet as a line of text --- */

static void print_l4(struct writer *out, uint8_t protocol, struct slice payload)
{
	struct tcp tcp;
	struct udp udp;
	struct icmp4 icmp;

	if (protocol == IP_TCP && tcp_parse(payload, &tcp) == 0) {
		put_text(out, " | ");
		tcp_print(out, &tcp);
	} else if (protocol == IP_UDP && udp_parse(payload, &udp) == 0) {
		put_text(out, " | ");
		udp_print(out, &udp);
	} else if (protocol == IP_ICMP4 && icmp4_parse(payload, &icmp) == 0) {
		put_text(out, " | ");
		icmp4_print(out, &icmp);
	}
}

static void print_l3(struct writer *out, uint16_t type, struct slice bytes)
{
	struct arp_hdr arp;
	struct ip4 ip;
	struct ip6 ip6;

	if (type == ETHERNET_ARP && arp_parse(bytes, &arp) == 0) {
		arp_print(out, &arp);
	} else if (type == ETHERNET_IP4 && ip4_parse(bytes, &ip) == 0) {
		ip4_print(out, &ip);
		if (!(ip.frag & IP4_OFFSET_MASK))
			print_l4(out, ip.protocol, ip.payload);
	} else if (type == ETHERNET_IP6 && ip6_parse(bytes, &ip6) == 0) {
		ip6_print(out, &ip6);
		print_l4(out, ip6.next_header, ip6.payload);
	} else {
		put_format(out, "%zu bytes", bytes.len);
	}
}

/* The tags before what a frame carries: tag control, type of what follows. IEEE 802.1Q §9. */
static void print_tagged(struct writer *out, uint16_t type, struct slice bytes)
{
	while (vlan_is_tpid(type) && bytes.len >= VLAN_TAG_LEN) {
		struct reader r = reader_of(bytes);

		put_format(out, "vlan %u ", vlan_id(take_u16(&r)));
		type = take_u16(&r);
		bytes = slice_from(bytes, VLAN_TAG_LEN);
	}
	print_l3(out, type, bytes);
}

/* What the packet's positions say about where its bytes start. */
static void print_bytes(struct writer *out, const struct buf *b, struct slice bytes)
{
	bool is_ip6 = bytes.len > 0 && bytes.at[0] >> 4 == 6;
	struct ethernet e;

	if (b->at == b->l3_at)
		print_l3(out, is_ip6 ? ETHERNET_IP6 : ETHERNET_IP4, bytes);
	else if ((b->at == b->l2_at || b->at + ETHERNET_HDR_LEN == b->l3_at) &&
		 ethernet_parse(bytes, &e) == 0)
		print_tagged(out, e.type, e.payload);
	else
		put_format(out, "%zu bytes", bytes.len);
}

/* Only the first bytes were kept; zeros stand for the rest, so that lengths come out right. */
static void print_packet(struct writer *out, const struct trace_hop *hop)
{
	const struct buf *b = trace_buf(hop);
	size_t len = b->total_len < BUF_CHAIN_BYTES ? b->total_len : BUF_CHAIN_BYTES;
	uint8_t *bytes = calloc(1, BUF_CHAIN_BYTES);

	if (!bytes)
		return;
	memcpy(bytes, hop->bytes, hop->n_bytes);
	print_bytes(out, b, slice_of(bytes, len));
	free(bytes);
}

/* --- trace --- */

static const char *node_name(const struct engine *e, uint16_t id)
{
	return id < e->graph.n_nodes ? e->graph.entry[id].name : NULL;
}

static const char *reason_name(const struct engine *e, const struct trace_hop *hop)
{
	const struct node_type *type = e->graph.entry[hop->node].type;

	if (hop->next != e->graph.drop || hop->reason >= type->n_reasons)
		return NULL;
	return type->reasons[hop->reason].name;
}

static json_t *hop_json(const struct engine *e, const struct trace_hop *hop,
			const struct trace_hop *first)
{
	const struct node_type *type = e->graph.entry[hop->node].type;
	uint16_t next = __atomic_load_n(&hop->next, __ATOMIC_ACQUIRE);
	char line[LINE_MAX_BYTES];
	struct writer out = writer_of(line, sizeof(line));

	if (type->trace_print) {
		type->trace_print(&out, e, hop);
		put_text(&out, " | ");
	}
	print_packet(&out, hop);
	return json_pack("{s:s, s:s?, s:s?, s:I, s:I, s:o}", "node", node_name(e, hop->node),
			 "next", node_name(e, next), "reason", reason_name(e, hop), "after_ns",
			 (json_int_t)(hop->at_ns - first->at_ns), "after_clocks",
			 (json_int_t)(hop->cycles - first->cycles), "packet",
			 json_stringn_nocheck(line, writer_len(&out)));
}

static json_t *packet_json(const struct engine *e, uint32_t worker, const struct trace_packet *p)
{
	uint32_t n = __atomic_load_n(&p->n_hops, __ATOMIC_ACQUIRE);
	json_t *hops = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(hops, hop_json(e, &p->hop[i], &p->hop[0]));
	return json_pack("{s:i, s:o}", "worker", (int)worker, "hops", hops);
}

static int show_trace(struct command_call *call)
{
	const struct engine *e = call->context;
	json_t *packets = json_array();

	for (uint32_t w = 0; w < e->n_workers; w++) {
		const struct trace *t = trace_store_or_null(e, w);
		uint32_t n = t ? __atomic_load_n(&t->n_packets, __ATOMIC_ACQUIRE) : 0;

		for (uint32_t i = 0; i < n; i++)
			json_array_append_new(packets, packet_json(e, w, &t->packet[i]));
	}
	return command_reply(call, packets);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void render_hop(struct text *out, const json_t *hop)
{
	const char *next = text_of(hop, "next"), *reason = text_of(hop, "reason");

	text_add(out, "  %-22s", text_of(hop, "node"));
	text_add(out, " +%lld clocks",
		 (long long)json_integer_value(json_object_get(hop, "after_clocks")));
	if (next)
		text_add(out, ", to %s", next);
	if (reason)
		text_add(out, " (%s)", reason);
	text_add(out, "\n    %s\n", text_of(hop, "packet"));
}

static void render_trace(struct text *out, const json_t *packets)
{
	const json_t *packet, *hop;
	size_t i, k;

	if (json_array_size(packets) == 0)
		text_add(out, "no packets; start with: convoy trace add NODE\n");
	json_array_foreach(packets, i, packet)
	{
		text_add(out, "%spacket %zu, worker %lld\n", i ? "\n" : "", i + 1,
			 (long long)json_integer_value(json_object_get(packet, "worker")));
		json_array_foreach(json_object_get(packet, "hops"), k, hop) render_hop(out, hop);
	}
}

/* --- trace add, trace clear --- */

static void changed(void *arg)
{
	command_finish(arg, 0);
}

static void forget(struct command_call *call)
{
	trace_when_changed(call->context, NULL, NULL);
}

/* Answers @call with @result once every worker has heard of the change. */
static int finish_when_changed(struct command_call *call, json_t *result)
{
	int err = command_reply(call, result);

	if (err < 0)
		return err;
	call->on_cancel = forget;
	trace_when_changed(call->context, changed, call);
	return COMMAND_PENDING;
}

/* What the arguments ask for, in tcpdump's language; "" for every packet. */
static void put_expression(const struct command_call *call, struct writer *out)
{
	const char *text = command_arg_text(call, "filter");
	const char *address = command_arg_text(call, "address");
	const char *protocol = command_arg_text(call, "protocol");
	int64_t port = command_arg_number(call, "port", -1);
	const char *join = "";

	bool alone = !address && !protocol && port < 0;

	if (text)
		put_format(out, alone ? "%s" : "(%s)", text);
	join = text ? " and " : "";
	if (address)
		put_format(out, "%shost %s", join, address);
	join = text || address ? " and " : "";
	if (protocol)
		put_format(out, "%s%s", join, protocol);
	join = text || address || protocol ? " and " : "";
	if (port >= 0)
		put_format(out, "%sport %lld", join, (long long)port);
}

static int take_filter(struct command_call *call, struct packet_filter **out)
{
	char expression[LINE_MAX_BYTES] = "", why[LINE_MAX_BYTES] = "";
	struct writer w = writer_of(expression, sizeof(expression) - 1);
	int err;

	*out = NULL;
	put_expression(call, &w);
	if (!writer_ok(&w))
		return command_fail(call, ERR_RANGE, "the filter is longer than %d bytes",
				    LINE_MAX_BYTES);
	if (!expression[0])
		return 0;
	err = packet_filter_new(expression, out, why, sizeof(why));
	if (err == ERR_FORMAT)
		return command_fail(call, ERR_INVAL, "%s", why);
	return err < 0 ? command_fail(call, err, "%s", err_text(err)) : 0;
}

static int add_trace(struct command_call *call)
{
	struct engine *e = call->context;
	const char *name = command_arg_text(call, "node");
	uint32_t n = (uint32_t)command_arg_number(call, "count", 10);
	uint16_t node = graph_node_id(&e->graph, name);
	struct packet_filter *filter;
	int err;

	if (node == NODE_NONE)
		return command_fail(call, ERR_NOENT,
				    "no node \"%.48s\"; see: convoy show runtime --all", name);
	err = take_filter(call, &filter);
	if (err < 0)
		return err;
	err = trace_add(e, node, n, filter);
	if (err < 0)
		return command_fail(call, err, "cannot trace now: %s", err_text(err));
	return finish_when_changed(call, json_pack("{s:s, s:i}", "node", name, "count", (int)n));
}

static void render_added(struct text *out, const json_t *result)
{
	text_add(out, "the next %lld packets at %s are traced; see them with: convoy trace\n",
		 (long long)json_integer_value(json_object_get(result, "count")),
		 text_of(result, "node"));
}

static int clear_trace(struct command_call *call)
{
	int err = trace_clear(call->context);

	if (err < 0)
		return command_fail(call, err, "cannot clear now: %s", err_text(err));
	return finish_when_changed(call, json_object());
}

static void render_cleared(struct text *out, const json_t *result unused_arg)
{
	text_add(out, "traces cleared\n");
}

static const struct command commands[] = {
	{ .name = "trace",
	  .help = "the packets traced since `trace add`, node by node",
	  .run = show_trace,
	  .render = render_trace },
	{ .name = "trace add",
	  .help = "trace the next packets that pass a node",
	  .more = "  convoy trace add tap-input 5 --filter 'icmp and host 10.0.0.2'\n"
		  "  convoy trace\n",
	  .args = { { "node", COMMAND_TEXT, "name of a node", .required = true,
		      .positional = true },
		    { "count", COMMAND_NUMBER, "packets, on each worker (default 10)",
		      .positional = true, .min = 1, .max = TRACE_PACKETS_MAX },
		    { "filter", COMMAND_TEXT, "only such packets, in tcpdump's language" },
		    { "address", COMMAND_TEXT, "only packets from or to this address" },
		    { "port", COMMAND_NUMBER, "only packets from or to this port", .max = 65535 },
		    { "protocol", COMMAND_TEXT, "only tcp, udp, icmp, icmp6 …",
		      .choices = "tcp|udp|icmp|icmp6" } },
	  .run = add_trace,
	  .render = render_added },
	{ .name = "trace clear",
	  .help = "stop tracing and forget what was traced",
	  .run = clear_trace,
	  .render = render_cleared },
};

int trace_cli_register(struct command_table *table, struct engine *e)
{
	return command_table_add(table, commands, count_of(commands), e);
}
