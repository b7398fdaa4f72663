/* net_config_generator.c - the table of net.yaml's packet generators and their streams. */
#include <stdlib.h>

#include "daemon/net_config.h"
#include "daemon/net_config_tables.h"

enum { VLAN_ID_MIN = 1, MACS_MAX = 1 << 24 };

static const struct config_enum_value order_values[] = {
	{ "random", false, NULL },
	{ "sequential", true, NULL },
};
static const struct config_enum orders = { order_values, count_of(order_values) };

static const struct config_enum_value protocol_values[] = {
	{ "udp", STREAM_UDP, NULL },
	{ "tcp", STREAM_TCP, NULL },
};
static const struct config_enum protocols = { protocol_values, count_of(protocol_values) };

/* "64" or "64-1518", each within @min and @max. */
static int take_range(struct config_decoder *d, const struct config_node *n, uint32_t min,
		      uint32_t max, uint32_t *first, uint32_t *last)
{
	const char *text;
	char *end;
	int err = config_take_string(d, n, &text);
	unsigned long from, to;

	if (err < 0)
		return err;
	from = to = strtoul(text, &end, 10);
	if (end != text && *end == '-')
		to = strtoul(text = end + 1, &end, 10);
	if (end == text || *end || from < min || to < from || to > max)
		return config_fail(d->error, n,
				   "expected a number or a range like %u-%u, within these limits",
				   min, max);
	*first = (uint32_t)from;
	*last = (uint32_t)to;
	return 0;
}

static int take_size(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct stream_config *s = holder;

	return take_range(d, n, ETHERNET_HDR_LEN, STREAM_SIZE_MAX, &s->size_min, &s->size_max);
}

static int take_ports(struct config_decoder *d, const struct config_node *n,
		      struct stream_ports *out)
{
	uint32_t first, last;
	int err = take_range(d, n, 0, 0xffff, &first, &last);

	if (err == 0)
		*out = (struct stream_ports){ (uint16_t)first, (uint16_t)last };
	return err;
}

static int take_source_port(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_ports(d, n, &((struct stream_config *)holder)->source_port);
}

static int take_destination_port(struct config_decoder *d, const struct config_node *n,
				 void *holder)
{
	return take_ports(d, n, &((struct stream_config *)holder)->destination_port);
}

static int take_addresses(struct config_decoder *d, const struct config_node *n,
			  struct stream_addresses *out)
{
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	if (stream_addresses_from_text(text, out) == 0)
		return 0;
	return config_fail(d->error, n,
			   "\"%.60s\" are no addresses; expected some like 10.0.0.1, 10.0.0.0/8, "
			   "10.0.0.1-10.0.0.9 or 2001:db8::/32 (an IPv6 range within one /64)",
			   text);
}

static int take_source(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_addresses(d, n, &((struct stream_config *)holder)->source);
}

static int take_destination(struct config_decoder *d, const struct config_node *n, void *holder)
{
	return take_addresses(d, n, &((struct stream_config *)holder)->destination);
}

static int take_mac(struct config_decoder *d, const struct config_node *n, struct mac *out,
		    bool *has)
{
	const char *text;
	int err = config_take_string(d, n, &text);

	if (err < 0)
		return err;
	*has = true;
	if (mac_from_text(text, out) == 0)
		return 0;
	return config_fail(d->error, n, "\"%.40s\" is no MAC address", text);
}

static int take_source_mac(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct stream_config *s = holder;

	return take_mac(d, n, &s->source_mac, &s->has_source_mac);
}

static int take_destination_mac(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct stream_config *s = holder;

	return take_mac(d, n, &s->destination_mac, &s->has_destination_mac);
}

static int take_vlans(struct config_decoder *d, const struct config_node *n, void *holder)
{
	struct stream_config *s = holder;
	uint32_t count = n->kind == CONFIG_LIST ? n->n_items : 1;
	const struct config_node *item = n->kind == CONFIG_LIST ? n->first : n;

	if (count > STREAM_VLANS_MAX)
		return config_fail(d->error, n, "more than %d VLAN tags", STREAM_VLANS_MAX);
	for (uint32_t i = 0; i < count; i++, item = item->next) {
		uint64_t id;
		int err = config_take_u64(d, item, VLAN_ID_MIN, VLAN_ID_MAX, &id);

		if (err < 0)
			return err;
		s->vlans[i] = (uint16_t)id;
	}
	s->n_vlans = (uint8_t)count;
	return 0;
}

static int take_ttl(struct config_decoder *d, const struct config_node *n, void *holder)
{
	uint64_t ttl;
	int err = config_take_u64(d, n, 0, 255, &ttl);

	if (err == 0)
		((struct stream_config *)holder)->ttl = (uint8_t)ttl;
	return err;
}

#define AT(member) offsetof(struct stream_config, member)

static const struct config_field stream_fields[] = {
	{ .name = "name", .type = CONFIG_STRING, .offset = AT(name) },
	{ .name = "size", .type = CONFIG_CUSTOM, .decode = take_size },
	{ .name = "rate", .type = CONFIG_U64, .offset = AT(rate_pps), .max = 1000000000 },
	{ .name = "count", .type = CONFIG_U64, .offset = AT(count) },
	{ .name = "burst",
	  .type = CONFIG_U32,
	  .offset = AT(burst),
	  .min = 1,
	  .max = STREAM_BURST_MAX },
	{ .name = "order", .type = CONFIG_ENUM, .offset = AT(sequential), .values = &orders },
	{ .name = "source_mac", .type = CONFIG_CUSTOM, .decode = take_source_mac },
	{ .name = "source_macs",
	  .type = CONFIG_U32,
	  .offset = AT(n_source_macs),
	  .min = 1,
	  .max = MACS_MAX },
	{ .name = "destination_mac", .type = CONFIG_CUSTOM, .decode = take_destination_mac },
	{ .name = "destination_macs",
	  .type = CONFIG_U32,
	  .offset = AT(n_destination_macs),
	  .min = 1,
	  .max = MACS_MAX },
	{ .name = "vlans", .type = CONFIG_CUSTOM, .decode = take_vlans },
	{ .name = "source", .type = CONFIG_CUSTOM, .decode = take_source },
	{ .name = "destination", .type = CONFIG_CUSTOM, .decode = take_destination },
	{ .name = "protocol", .type = CONFIG_ENUM, .offset = AT(protocol), .values = &protocols },
	{ .name = "source_port", .type = CONFIG_CUSTOM, .decode = take_source_port },
	{ .name = "destination_port", .type = CONFIG_CUSTOM, .decode = take_destination_port },
	{ .name = "ttl", .type = CONFIG_CUSTOM, .decode = take_ttl },
	{ .name = "destinations",
	  .type = CONFIG_STRING,
	  .offset = AT(destinations),
	  .flags = CONFIG_NOT_EMPTY },
	{ .name = "pcap", .type = CONFIG_STRING, .offset = AT(pcap), .flags = CONFIG_NOT_EMPTY },
};
_Static_assert(sizeof(((struct stream_config *)0)->sequential) == 1, "an enum's value fits");

static int finish_stream(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct stream_config *s = holder;

	unsigned n_destinations = (s->destination.family != 0) + (s->destinations != NULL);

	if (s->pcap && (s->source.family || n_destinations))
		return config_fail(d->error, n, "a stream is made from pcap or from addresses");
	if (!s->pcap && (!s->source.family || n_destinations != 1))
		return config_fail(
			d->error, n,
			"a stream needs source and destination or destinations, or pcap");
	return 0;
}

static const struct config_message stream_message = {
	.name = "stream",
	.size = sizeof(struct stream_config),
	.defaults = &stream_defaults,
	.fields = stream_fields,
	.n_fields = count_of(stream_fields),
	.finish = finish_stream,
};

static const struct config_field fields[] = {
	{ .name = "queues",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct generator_config, n_queues),
	  .min = 1,
	  .max = GENERATOR_QUEUES_MAX },
	{ .name = "seed", .type = CONFIG_U64, .offset = offsetof(struct generator_config, seed) },
	{ .name = "start",
	  .type = CONFIG_BOOL,
	  .offset = offsetof(struct generator_config, start) },
	{ .name = "streams",
	  .type = CONFIG_MESSAGE_LIST,
	  .offset = offsetof(struct generator_config, streams),
	  .n_offset = offsetof(struct generator_config, n_streams),
	  .message = &stream_message,
	  .flags = CONFIG_REQUIRED },
};

static int finish_generator(struct config_decoder *d, const struct config_node *n, void *holder)
{
	const struct generator_config *g = holder;

	if (g->n_streams > GENERATOR_STREAMS_MAX)
		return config_fail(d->error, config_member_or_null(n, "streams"),
				   "more than %d streams", GENERATOR_STREAMS_MAX);
	return 0;
}

const struct config_message net_generator_message = {
	.name = "generator",
	.size = sizeof(struct generator_config),
	.fields = fields,
	.n_fields = count_of(fields),
	.finish = finish_generator,
};
